//! The controller's process.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;

use crate::figures::Memory;

/// How long it may take to list, and to stop.
const PATIENCE: Duration = Duration::from_mins(2);
/// What it says when it has listed.
const LISTED: &str = "every watch has seen a whole list";

/// A running controller, killed on drop.
pub struct Program {
    child: Child,
    began: Instant,
    log: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    listed: Option<Instant>,
    lines: Vec<String>,
}

impl Program {
    /// Starts it as its chart does, with the lease and for all namespaces.
    pub fn start(path: &Path, kubeconfig: &Path, namespace: &str, run_directory: &Path) -> Result<Self> {
        let mut command = Command::new(path);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.arg("--kubeconfig").arg(kubeconfig).arg("--run-dir").arg(run_directory);
        command.args(["--lease-namespace", namespace, "--listen", "127.0.0.1:0"]);
        let began = Instant::now();
        let mut child = command.spawn().with_context(|| format!("failed to start {}", path.display()))?;
        let stderr = child.stderr.take().context("it has a pipe")?;
        let log = Arc::new(Mutex::new(Log::default()));
        let kept = Arc::clone(&log);
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = locked(&kept);
                if line.contains(LISTED) {
                    log.listed.get_or_insert_with(Instant::now);
                }
                log.lines.push(line);
            }
        });
        Ok(Self { child, began, log })
    }

    /// Waits until every watch has seen a whole list, and says how long that took.
    pub async fn listed(&mut self) -> Result<Duration> {
        loop {
            if let Some(at) = locked(&self.log).listed {
                return Ok(at - self.began);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the controller ended ({status}):\n{}", self.tail());
            }
            if self.began.elapsed() > PATIENCE {
                bail!("the controller has not listed everything after two minutes:\n{}", self.tail());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// When it was started.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Its warnings and errors so far, and the last lines.
    pub fn tail(&self) -> String {
        let log = locked(&self.log);
        let last = log.lines.iter().rev().take(20).rev();
        last.cloned().collect::<Vec<_>>().join("\n")
    }

    /// Lines that are warnings or errors.
    pub fn complaints(&self) -> Vec<String> {
        let bad = |line: &&String| line.contains("\"WARN\"") || line.contains("\"ERROR\"");
        locked(&self.log).lines.iter().filter(bad).cloned().collect()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX))
    }

    /// Processor time of all its threads, ended ones too, to the nanosecond.
    pub fn processor_time(&self) -> Result<Duration> {
        let clock = clock_getcpuclockid(self.pid()).context("the controller has ended")?;
        Ok(clock.now()?.into())
    }

    /// Its memory.
    pub fn memory(&self) -> Result<Memory> {
        let status = self.status()?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
            kilobytes.map(|kilobytes| kilobytes * 1024).with_context(|| format!("no {name} in its status"))
        };
        Ok(Memory { resident: field("VmRSS")?, anonymous: field("RssAnon")?, peak: field("VmHWM")? })
    }

    /// How many threads it has.
    pub fn threads(&self) -> Result<usize> {
        let status = self.status()?;
        let line = status.lines().find_map(|line| line.strip_prefix("Threads:"));
        line.and_then(|line| line.trim().parse().ok()).context("no Threads in its status")
    }

    fn status(&self) -> Result<String> {
        fs::read_to_string(format!("/proc/{}/status", self.child.id())).context("the controller has ended")
    }

    /// Asks it to stop and waits for that.
    pub async fn stop(mut self) -> Result<()> {
        kill(self.pid(), Signal::SIGTERM).context("the controller has ended")?;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("the controller does not stop:\n{}", self.tail())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
