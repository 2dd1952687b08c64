//! Control groups, version 1 or 2: a program under a limit of memory or of processor time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// What a group may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// Bytes of memory, page cache included; no swap.
    Memory(u64),
    /// Thousandths of a core.
    Processor(u64),
}

impl Limit {
    fn controller(self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
            Self::Processor(_) => "cpu",
        }
    }

    /// The files of the group and what is written into them, in their order. The last field says whether the kernel
    /// must have the file: without an account of swap there is no limit on it.
    fn settings(self, version: Version) -> Vec<(&'static str, String, bool)> {
        /// The usual period of Kubernetes, in microseconds.
        const PERIOD: u64 = 100_000;
        match (self, version) {
            (Self::Memory(bytes), Version::One) => vec![
                ("memory.limit_in_bytes", bytes.to_string(), true),
                ("memory.memsw.limit_in_bytes", bytes.to_string(), false),
            ],
            (Self::Memory(bytes), Version::Two) => {
                vec![("memory.max", bytes.to_string(), true), ("memory.swap.max", "0".to_owned(), false)]
            }
            (Self::Processor(thousandths), Version::One) => vec![
                ("cpu.cfs_period_us", PERIOD.to_string(), true),
                ("cpu.cfs_quota_us", (PERIOD * thousandths / 1000).to_string(), true),
            ],
            (Self::Processor(thousandths), Version::Two) => {
                vec![("cpu.max", format!("{} {PERIOD}", PERIOD * thousandths / 1000), true)]
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// A group, removed when it is dropped.
pub(super) struct Group {
    dir: PathBuf,
}

impl Group {
    /// Makes a group with a limit. The error says why that is not possible here.
    pub(super) fn new(limit: Limit) -> Result<Self> {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        ensure!(rustix::process::geteuid().is_root(), "needs root");
        let mounts = fs::read_to_string("/proc/self/mounts")?;
        let (version, root) = hierarchy(&mounts, limit.controller())
            .with_context(|| format!("there is no control group with a limit on {}", limit.controller()))?;
        if version == Version::Two {
            // Refused where a container's own processes are in the root: then the files below are missing.
            let _ = fs::write(root.join("cgroup.subtree_control"), format!("+{}", limit.controller()));
        }
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let dir = root.join(format!("stoker-bench-{}-{serial}", std::process::id()));
        fs::create_dir(&dir).with_context(|| format!("failed to make the group {}", dir.display()))?;
        let group = Self { dir };
        for (file, value, required) in limit.settings(version) {
            let written = fs::write(group.dir.join(file), value);
            if required {
                written.with_context(|| format!("failed to set {file} of a control group"))?;
            }
        }
        Ok(group)
    }

    /// The command, entering the group before it does anything else.
    pub(super) fn enter(&self, command: &Command) -> Command {
        let mut inside = Command::new("sh");
        inside.args(["-c", r#"echo 0 > "$1" && shift && exec "$@""#, "sh"]);
        inside.arg(self.dir.join("cgroup.procs")).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        if let Some(dir) = command.get_current_dir() {
            inside.current_dir(dir);
        }
        inside
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let until = Instant::now() + Duration::from_secs(10);
        // A group with processes in it cannot be removed, and killed ones take a moment to go.
        while fs::remove_dir(&self.dir).is_err() && self.dir.exists() && Instant::now() < until {
            let left = fs::read_to_string(self.dir.join("cgroup.procs")).unwrap_or_default();
            for process in left.lines().filter_map(|line| line.parse().ok()).filter_map(Pid::from_raw) {
                let _ = kill_process(process, Signal::KILL);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Where groups with this controller are made.
fn hierarchy(mounts: &str, controller: &str) -> Option<(Version, PathBuf)> {
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>()).filter(|line| line.len() > 3);
    let mut second = None;
    for line in fields {
        let (at, kind, options) = (Path::new(line[1]), line[2], line[3]);
        if kind == "cgroup" && options.split(',').any(|option| option == controller) {
            return Some((Version::One, at.to_owned()));
        }
        if kind == "cgroup2" {
            let controllers = fs::read_to_string(at.join("cgroup.controllers")).unwrap_or_default();
            if controllers.split_whitespace().any(|name| name == controller) {
                second = Some((Version::Two, at.to_owned()));
            }
        }
    }
    second
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_controller_is_found_by_its_name() {
        let mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
            cgroup /sys/fs/cgroup/cpuset cgroup rw,relatime,cpuset 0 0\n\
            cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpuacct,cpu 0 0\n";
        let found = hierarchy(mounts, "cpu");
        assert_eq!(found, Some((Version::One, PathBuf::from("/sys/fs/cgroup/cpu,cpuacct"))));
        assert_eq!(hierarchy(mounts, "memory"), None);
    }

    #[test]
    fn limits_are_written_as_each_version_wants_them() {
        let values = |limit: Limit, version| {
            limit
                .settings(version)
                .into_iter()
                .map(|(file, value, _)| format!("{file}={value}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(values(Limit::Processor(200), Version::Two), ["cpu.max=20000 100000"]);
        let first = values(Limit::Processor(200), Version::One);
        assert_eq!(first, ["cpu.cfs_period_us=100000", "cpu.cfs_quota_us=20000"]);
        assert_eq!(values(Limit::Memory(4096), Version::Two), ["memory.max=4096", "memory.swap.max=0"]);
    }
}
