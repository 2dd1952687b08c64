//! `cargo xtask demo`, run as its viewer runs it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const STEPS: [&str; 6] = ["first-sync", "push", "dry-run", "drift", "outage", "rollback"];
const STOPPING: Duration = Duration::from_secs(20);

/// Everything that the demo makes comes to lie below `temporary`.
fn demo(temporary: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stoker-xtask"));
    command.arg("demo").args(arguments).env("TMPDIR", temporary).stdin(Stdio::null());
    command
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none())
}

/// Process ids with this text in their command line.
fn processes_with(text: &str) -> Vec<String> {
    let ids = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    let has = |path: &Path| {
        fs::read(path.join("cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(text))
    };
    ids.filter(|path| has(path)).map(|path| path.display().to_string()).collect()
}

#[test]
fn every_step_of_the_demo_holds_and_nothing_is_left_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let output = demo(temporary.path(), &["--once", "--json"]).stderr(Stdio::inherit()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let steps: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for step in &steps {
        assert_eq!(step["ok"], true, "{step}");
        assert_eq!(step["incidents"], 0, "{step}");
        assert!(step["files"].as_u64() > Some(30), "{step}");
    }
    assert_eq!(steps.iter().map(|step| &step["step"]).collect::<Vec<_>>(), STEPS);
    assert!(output.status.success(), "{}", output.status);
    assert!(is_empty(temporary.path()));
    assert_eq!(processes_with(temporary.path().to_str().unwrap()), [""; 0]);
}

#[test]
fn a_demo_that_is_stopped_half_way_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = demo(temporary.path(), &["--once", "--json"]);
    let mut child = Stopped(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((&first["step"], &first["ok"]), (&STEPS[0].into(), &true.into()));
    let marked = temporary.path().to_str().unwrap();
    assert!(!processes_with(marked).is_empty(), "the agent runs now");

    kill_process(Pid::from_child(&child.0), Signal::TERM).unwrap();
    let last: Value = serde_json::from_str(&lines.last().unwrap().unwrap()).unwrap();
    assert_eq!(last["ok"], false, "{last}");
    assert_eq!(child.wait(), Some(130));
    assert!(is_empty(temporary.path()));
    assert_eq!(processes_with(marked), [""; 0]);
}

#[test]
fn what_the_demo_does_not_know_it_refuses() {
    let temporary = tempfile::tempdir().unwrap();
    let output = demo(temporary.path(), &["--twice"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("--twice") && error.contains("[--once] [--json] [--keep]"), "{error}");
    assert!(is_empty(temporary.path()));
}

/// Does not outlive a test that fails.
struct Stopped(Child);

impl Stopped {
    /// The exit code, if it comes in time.
    fn wait(&mut self) -> Option<i32> {
        let deadline = Instant::now() + STOPPING;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.0.try_wait() {
                return status.code();
            }
            thread::sleep(Duration::from_millis(10));
        }
        None
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
