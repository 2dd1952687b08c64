//! The program as a child of the test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::{SOON, until};

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Runs to the end, which must come.
    pub fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let printed = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).map(|_| text).unwrap()
        });
        let (lines, reader) = collect(&mut child);
        let mut child = Running(child);
        let status = until("the end", SOON * 2, || lines.lock().unwrap().join("\n"), || child.ended());
        reader.join().unwrap();
        Self {
            code: status.code().unwrap_or(-1),
            stdout: printed.join().unwrap(),
            stderr: lines.lock().unwrap().join("\n"),
        }
    }

    /// The message for people: what follows the program's name.
    #[track_caller]
    pub fn message(&self) -> &str {
        let mut messages = self.stderr.split("stoker-agent: ").skip(1);
        match (messages.next(), messages.next()) {
            (Some(message), None) => message.trim_end(),
            _ => panic!("there is not one message: {}", self.stderr),
        }
    }
}

/// A child that is killed when the test ends.
struct Running(Child);

impl Running {
    fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

type Lines = Arc<Mutex<Vec<String>>>;

fn collect(child: &mut Child) -> (Lines, JoinHandle<()>) {
    let (lines, stderr) = (Lines::default(), child.stderr.take().unwrap());
    let collected = Arc::clone(&lines);
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines() {
            collected.lock().unwrap().push(line.unwrap());
        }
    });
    (lines, reader)
}

/// A running agent with its probes; killed on drop.
pub struct Agent {
    child: Running,
    lines: Lines,
    reader: Option<JoinHandle<()>>,
    address: Option<SocketAddr>,
}

impl Agent {
    pub fn start(command: &mut Command) -> Self {
        command.env("STOKER_LOG", "debug");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (lines, reader) = collect(&mut child);
        let mut agent = Self { child: Running(child), lines, reader: Some(reader), address: None };
        let bound = agent.wait("the probes' port", |agent| {
            let line = agent.logged().into_iter().find(|line| line["address"].is_string());
            line.map(|line| line["address"].as_str().unwrap().parse().unwrap())
        });
        agent.address = Some(bound);
        agent
    }

    pub fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// The lines of the log so far that are JSON.
    pub fn logged(&self) -> Vec<Value> {
        self.lines.lock().unwrap().iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Everything on standard error so far.
    pub fn log(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// Asks the agent; the status and the body.
    pub fn get(&self, path: &str) -> (u16, String) {
        self.try_get(path).unwrap_or_else(|error| panic!("{path}: {error}\n{}", self.log()))
    }

    fn try_get(&self, path: &str) -> std::io::Result<(u16, String)> {
        let mut stream = TcpStream::connect(self.address.unwrap())?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: agent\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        Ok((status.ok_or(std::io::ErrorKind::InvalidData)?, body.to_owned()))
    }

    /// What `/startupz` answers: whether the gateway may start, and the words.
    pub fn may_start(&self) -> (bool, String) {
        let (status, words) = self.get("/startupz");
        assert!(matches!(status, 200 | 503), "{status} {words}");
        (status == 200, words)
    }

    pub fn status(&self) -> Value {
        let (code, body) = self.get("/status");
        assert_eq!(code, 200);
        serde_json::from_str(&body).unwrap()
    }

    /// Waits until `look` finds what it looks for.
    pub fn wait<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        until(what, SOON, || self.log(), || look(self))
    }

    /// Waits until the gateway may start; the words.
    pub fn wait_for_start(&self) -> String {
        self.wait("200 on /startupz", |agent| {
            let (may, words) = agent.may_start();
            may.then_some(words)
        })
    }

    /// Waits until the status satisfies `look`; the status.
    pub fn wait_for_status(&self, what: &str, look: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let limit = Instant::now() + SOON;
        while Instant::now() < limit {
            last = self.status();
            if look(&last) {
                return last;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{what} did not come; the status is {last:#}\n{}", self.log());
    }

    /// Waits until this commit is on disk and reported.
    pub fn wait_for_commit(&self, commit: &str) -> Value {
        self.wait_for_status(&format!("commit {commit}"), |status| {
            status["syncedCommit"] == commit && status["syncStatus"] == "Synced"
        })
    }

    /// SIGKILL: no chance to tidy up.
    pub fn kill(mut self) -> String {
        self.child.0.kill().unwrap();
        self.end();
        self.log()
    }

    /// SIGTERM; the exit code and how long it took.
    pub fn terminate(mut self) -> (Option<i32>, Duration) {
        let started = Instant::now();
        kill(Pid::from_raw(i32::try_from(self.id()).unwrap()), Signal::SIGTERM).unwrap();
        let status = self.end();
        (status.code(), started.elapsed())
    }

    fn end(&mut self) -> ExitStatus {
        let lines = Arc::clone(&self.lines);
        let status = until("the end", SOON, || lines.lock().unwrap().join("\n"), || self.child.ended());
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        status
    }
}
