//! The real agent as a child process, asked as anybody would ask it: by probes, its status and its commands.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::patience::Patience;

/// The agent promises to stop within a second.
const STOPPING: Duration = Duration::from_secs(5);
const PROBE: Duration = Duration::from_secs(5);
const STARTING: Duration = Duration::from_secs(20);

/// Where the agent's things lie, all below one directory.
#[derive(Debug, Clone)]
pub(super) struct Places {
    pub(super) program: PathBuf,
    pub(super) dir: PathBuf,
    pub(super) data: PathBuf,
}

impl Places {
    pub(super) fn config(&self) -> PathBuf {
        self.dir.join("gatewaysync.yaml")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("agent.log")
    }

    /// How the agent is run, for this gateway and profile.
    fn run(&self, gateway: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(self.config()).arg("--data").arg(&self.data);
        command.args(["--profile", gateway, "--gateway-name", gateway]);
        command.arg("--secrets").arg(self.dir.join("secrets"));
        command.env_remove("STOKER_LOG").stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

/// An agent that runs or is stopped. Dropping it stops it.
pub(super) struct Agent {
    places: Places,
    gateway: &'static str,
    child: Option<Child>,
    /// Chosen by the first start, kept by later ones.
    address: Option<SocketAddr>,
}

impl Agent {
    pub(super) fn new(places: Places, gateway: &'static str) -> Self {
        Self { places, gateway, child: None, address: None }
    }

    /// Starts it and waits until it answers probes. Returns when it was started.
    pub(super) fn start(&mut self, patience: &Patience) -> Result<Instant> {
        ensure!(self.child.is_none(), "the agent runs already");
        let log = File::options().create(true).append(true).open(self.places.log())?;
        let mut command = self.places.run(self.gateway);
        let listen = self.address.map_or_else(|| "127.0.0.1:0".to_owned(), |address| address.to_string());
        command.arg("--status").arg(self.places.dir.join("status.json"));
        // A group of its own: Ctrl-C is for us, and we stop it in order.
        command.args(["--listen", &listen]).stderr(log).process_group(0);
        let started = Instant::now();
        self.child = Some(command.spawn().context("failed to start the agent")?);
        patience.until(STARTING, "the agent's probes", || {
            self.must_run()?;
            if self.address.is_none() {
                self.address = address_in(&fs::read_to_string(self.places.log())?);
            }
            Ok(self.probe("/healthz").ok())
        })?;
        Ok(started)
    }

    /// Stops it with SIGTERM, and demands that it obeys. Returns how long that took.
    pub(super) fn stop(&mut self) -> Result<Duration> {
        let Some(mut child) = self.child.take() else { return Ok(Duration::ZERO) };
        let started = Instant::now();
        if child.try_wait()?.is_none() {
            kill_process(Pid::from_child(&child), Signal::TERM).context("failed to signal the agent")?;
        }
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if started.elapsed() > STOPPING {
                child.kill()?;
                child.wait()?;
                bail!("the agent did not stop within {} s of SIGTERM", STOPPING.as_secs());
            }
            thread::sleep(Duration::from_millis(2));
        };
        ensure!(status.success(), "the agent ended with {status}:\n{}", self.last_words());
        Ok(started.elapsed())
    }

    /// Fails when the agent ended by itself.
    pub(super) fn must_run(&mut self) -> Result<()> {
        let child = self.child.as_mut().context("the agent was not started")?;
        if let Some(status) = child.try_wait()? {
            bail!("the agent ended with {status}:\n{}", self.last_words());
        }
        Ok(())
    }

    /// `http://127.0.0.1:port`, once it was started.
    pub(super) fn url(&self) -> String {
        self.address.map_or_else(String::new, |address| format!("http://{address}"))
    }

    /// The status code of a probe, such as `/startupz`, and its words.
    pub(super) fn probe(&self, path: &str) -> Result<(u16, String)> {
        let address = self.address.context("the agent does not listen yet")?;
        get(address, path).with_context(|| format!("GET {}{path}", self.url()))
    }

    /// What it says of itself.
    pub(super) fn status(&self) -> Result<Value> {
        let (code, body) = self.probe("/status")?;
        ensure!(code == 200, "/status answered {code}");
        serde_json::from_str(&body).context("/status is not JSON")
    }

    /// Runs one of its commands on the data directory: `diff`, `rollback` …
    pub(super) fn command(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.places.program);
        command.args(arguments).arg("--data").arg(&self.places.data).stdin(Stdio::null());
        command.output().context("failed to start the agent")
    }

    /// As [`Self::command`], for one that must exit with 0; its standard output.
    pub(super) fn succeed(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command(arguments)?;
        let name = arguments.first().copied().unwrap_or_default();
        ensure!(
            output.status.success(),
            "`stoker-agent {name}` ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs it once as a dry run. Returns the records of its log.
    pub(super) fn dry_run(&self) -> Result<Vec<Value>> {
        let output = self.places.run(self.gateway).args(["--once", "--dry-run"]).output()?;
        let log = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the dry run ended with {}: {}", output.status, log.trim());
        Ok(log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(self.places.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(2).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Whether it obeys was a matter of the steps; here it only has to be gone.
        let _ = self.stop();
    }
}

/// The address that the log says probes are served on.
fn address_in(log: &str) -> Option<SocketAddr> {
    let mut records = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    records.find_map(|record| record.get("address")?.as_str()?.parse().ok())
}

fn get(address: SocketAddr, path: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, PROBE)?;
    stream.set_read_timeout(Some(PROBE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    parse(&answer).with_context(|| format!("not an HTTP answer: {answer:?}"))
}

fn parse(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let code = head.split(' ').nth(1)?.parse().ok()?;
    Some((code, body.trim_end().to_owned()))
}

/// Where the release build of the agent lies.
pub(super) fn program(target: &Path) -> PathBuf {
    target.join("release").join("stoker-agent")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_the_log() {
        let log = "no JSON\n{\"message\":\"serving\",\"address\":\"127.0.0.1:4711\"}\n";
        assert_eq!(address_in(log), Some(SocketAddr::from(([127, 0, 0, 1], 4711))));
        assert_eq!(address_in("{\"address\": 1}\n{\"addr"), None);
    }

    #[test]
    fn an_answer_is_its_status_and_its_body() {
        let answer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\n\r\nwait\n";
        assert_eq!(parse(answer), Some((503, "wait".to_owned())));
        assert_eq!(parse("HTTP/1.1 "), None);
    }
}
