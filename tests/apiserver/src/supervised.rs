//! A program that cannot outlive the test process.
//!
//! Each runs below a shell that reads from a pipe whose other end only the test process holds. When that process ends,
//! by a panic, an exit or a SIGKILL, the pipe ends, and the shell kills the program and removes its files. (The death
//! signal of Linux would do without the shell, but fires when the *thread* that started the program ends, and a test's
//! thread does.)

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::Error;

/// `$1` the log, `$2` the directory to remove, then the program and its arguments. A word on the pipe keeps the files.
/// Signals of a terminal are for the test process; the shell outlives it by moments.
const SHELL: &str = r#"
trap '' INT TERM HUP
log=$1 directory=$2
shift 2
"$@" </dev/null >>"$log" 2>&1 &
echo $!
read -r word
kill -KILL $!
wait $!
if [ "$word" != keep ]; then
    rm -rf "$directory"
    rmdir "${directory%/*}"
fi
"#;

/// How many lines of a log an error shows.
const TAIL: usize = 20;

/// A running program; dropped, it is killed and its directory removed.
#[derive(Debug)]
pub(crate) struct Supervised {
    name: &'static str,
    pid: Pid,
    log: PathBuf,
    shell: Child,
    /// Closed by the drop, or with the process.
    pipe: Option<ChildStdin>,
}

impl Supervised {
    /// Starts `program`. Its output goes to `<directory>/log`; `directory` is removed at the end, and its parent when
    /// nothing else is in there.
    pub(crate) fn start(
        name: &'static str,
        program: &Path,
        arguments: &[String],
        directory: &Path,
    ) -> Result<Self, Error> {
        let log = directory.join("log");
        let mut shell = Command::new("sh")
            .args(["-c", SHELL, name])
            .args([log.as_path(), directory, program])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(Error::io(format!("cannot start sh for {name}")))?;
        let pipe = shell.stdin.take();
        let mut line = String::new();
        if let Some(said) = shell.stdout.take() {
            BufReader::new(said).read_line(&mut line).map_err(Error::io(format!("no word of {name}")))?;
        }
        let pid = line.trim().parse().ok().and_then(Pid::from_raw).ok_or_else(|| Error::Program {
            program: name,
            what: "was not started".to_owned(),
            log: log.clone(),
            tail: tail(&log),
        })?;
        Ok(Self { name, pid, log, shell, pipe })
    }

    /// Whether it has ended by itself. Where there is no `/proc` nobody can tell: never.
    pub(crate) fn has_ended(&self) -> bool {
        // Its shell has not waited for it, so the number cannot be another program's.
        fs::read_to_string(format!("/proc/{}/stat", self.pid.as_raw_nonzero()))
            .is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('Z')))
    }

    /// Sends a signal to the program itself.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Error> {
        kill_process(self.pid, signal)
            .map_err(|error| Error::io(format!("cannot signal {}", self.name))(error.into()))
    }

    /// Kills the program and leaves its files.
    pub(crate) fn kill_and_keep(mut self) {
        if let Some(pipe) = &mut self.pipe {
            // A shell that is gone has already done what this asks for.
            _ = pipe.write_all(b"keep\n");
        }
    }

    /// An error of this program, with the end of its log.
    pub(crate) fn failed(&self, what: impl Into<String>) -> Error {
        Error::Program { program: self.name, what: what.into(), log: self.log.clone(), tail: tail(&self.log) }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.pipe.take());
        _ = self.shell.wait();
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}
