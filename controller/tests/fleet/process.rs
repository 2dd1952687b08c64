//! The program, and what the kernel says of it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};

/// The program, killed on drop.
pub struct Controller {
    child: Child,
}

impl Controller {
    /// Starts the program that `STOKER_CONTROLLER` names, else the one that was built with this test.
    pub fn start(kubeconfig: &Path) -> Result<Self> {
        let built = env!("CARGO_BIN_EXE_stoker-controller").into();
        let program = std::env::var_os("STOKER_CONTROLLER").unwrap_or(built);
        let mut command = Command::new(program);
        command.env_clear().arg("--kubeconfig").arg(kubeconfig);
        command.args(["--listen", "127.0.0.1:0", "--log-level", "warn", "--lease-namespace", "default"]);
        let child = command.stdin(Stdio::null()).spawn().context("failed to start the controller")?;
        Ok(Self { child })
    }

    fn status(&self, field: &str) -> Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix(field)).context("a field of the status")?;
        let kib = line.trim_matches([':', '\t', ' ']).trim_end_matches(" kB");
        Ok(kib.trim().parse()?)
    }

    /// Resident memory now, in KiB.
    pub fn resident(&self) -> Result<u64> {
        self.status("VmRSS")
    }

    /// The most resident memory so far, in KiB.
    pub fn peak(&self) -> Result<u64> {
        self.status("VmHWM")
    }

    /// Time on a processor so far.
    pub fn cpu(&self) -> Result<Duration> {
        let mut nanos = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
            nanos += text.split(' ').next().and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(Duration::from_nanos(nanos))
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
