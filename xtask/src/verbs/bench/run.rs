//! Runs a program to its end and measures it from outside.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

use super::cost::Cost;
use super::interrupt;
use super::proc::{self, Memory};
use crate::process::shown;

/// How often memory is looked at.
pub(super) const SAMPLE: Duration = Duration::from_millis(2);

/// A process in a group of its own. What of it still runs when its owner goes is killed and waited for.
pub(super) struct Owned(pub(super) Child);

impl Owned {
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let child = command.process_group(0).spawn();
        Ok(Self(child.with_context(|| format!("failed to start `{}`", shown(command)))?))
    }

    /// Sends a signal to the process alone.
    pub(super) fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(pid(self.0.id())?, signal)?)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(None)) {
            return;
        }
        if let Ok(group) = pid(self.0.id()) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

/// How a measured program ended.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) cost: Cost,
}

/// The program and all that it starts, or the program alone (with finer figures: see [`proc`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whom {
    Alone,
    Family,
}

/// Runs a program that must succeed.
pub(super) fn measured(command: &mut Command, whom: Whom, limit: Duration) -> Result<Cost> {
    let name = shown(command);
    let ended = ended(command, whom, limit)?.with_context(|| format!("`{name}` did not end in {limit:?}"))?;
    ensure!(ended.status.success(), "`{name}` failed ({})", ended.status);
    Ok(ended.cost)
}

/// Runs a program to its end; none when it did not end in time.
pub(super) fn ended(command: &mut Command, whom: Whom, limit: Duration) -> Result<Option<Ended>> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let mut child = Owned::start(command)?;
    let process = child.0.id();
    let mut most = Memory::default();
    while !has_ended(process)? {
        interrupt::check()?;
        if started.elapsed() > limit {
            return Ok(None);
        }
        let now = match whom {
            Whom::Alone => proc::memory(process).unwrap_or_default(),
            Whom::Family => proc::family_memory(process),
        };
        most = larger(most, now);
        thread::sleep(SAMPLE);
    }
    let took = started.elapsed();
    // It has ended, and `/proc` answers until it is waited for.
    let cpu = match whom {
        Whom::Alone => proc::processor_time(process),
        Whom::Family => proc::family_processor_time(process),
    };
    let written = proc::written(process);
    let status = child.0.wait()?;
    Ok(Some(Ended { status, cost: Cost::new(took, cpu, most, written) }))
}

/// Each figure's larger value.
pub(super) fn larger(one: Memory, other: Memory) -> Memory {
    Memory {
        resident: one.resident.max(other.resident),
        anonymous: one.anonymous.max(other.anonymous),
        peak: one.peak.max(other.peak),
    }
}

/// Whether a child has ended; it stays to be waited for.
fn has_ended(process: u32) -> Result<bool> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    Ok(waitid(WaitId::Pid(pid(process)?), options)?.is_some())
}

fn pid(process: u32) -> Result<Pid> {
    let raw = i32::try_from(process).ok().and_then(Pid::from_raw);
    raw.with_context(|| format!("{process} is no process id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    const LIMIT: Duration = Duration::from_secs(20);

    #[test]
    fn a_family_is_charged_for_its_children() {
        let busy = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        let cost = measured(&mut shell(&format!("sh -c '{busy}'; true")), Whom::Family, LIMIT).unwrap();
        assert!(cost.cpu_seconds > 0.0, "{cost:?}");
        assert!(cost.peak_resident_bytes > 0, "{cost:?}");
        assert!(cost.seconds >= cost.cpu_seconds / 2.0, "{cost:?}");
    }

    #[test]
    fn what_a_program_writes_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let script = format!("exec head -c 100000 /dev/zero > {}/file", dir.path().display());
        let cost = measured(&mut shell(&script), Whom::Alone, LIMIT).unwrap();
        assert!(cost.passed_bytes >= 100_000, "{cost:?}");
    }

    #[test]
    fn a_failure_and_a_program_without_end_are_told() {
        let error = measured(&mut shell("exit 3"), Whom::Alone, LIMIT).unwrap_err().to_string();
        assert!(error.contains("exit status: 3"), "{error}");
        let error = measured(&mut shell("exec sleep 60"), Whom::Alone, Duration::from_millis(50));
        assert!(error.unwrap_err().to_string().contains("did not end"));
    }
}
