//! The agent as a program under measurement: started, watched by its log, its probes and `/proc`, and stopped.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::Signal;
use serde_json::Value;
use stoker_test_gateway::{self as gateway, Gateway};

use super::interrupt;
use super::proc::{self, Memory, Written};
use super::run::{Owned, SAMPLE, larger};

/// The gateway's API token, as the agent's secret and the simulated gateway have it.
const TOKEN: (&str, &str) = ("bench", "bench-secret");

/// An agent's surroundings: its manifest, its secret, its data directory and the port of its gateway.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    program: PathBuf,
    config: PathBuf,
    data: PathBuf,
    url: String,
    gateway_port: u16,
}

impl Setup {
    /// Makes the surroundings in `dir`, with an empty data directory, for a repository and a look at its ref every so
    /// often. No gateway runs yet.
    pub(super) fn create(program: &Path, dir: &Path, url: &str, interval: Duration) -> Result<Self> {
        let (data, secret) = (dir.join("data"), dir.join("secrets/gateway"));
        fs::create_dir_all(&data)?;
        fs::create_dir_all(&secret)?;
        fs::write(secret.join("apiKey"), format!("{}:{}", TOKEN.0, TOKEN.1))?;
        // Free now, and nobody else is given it until the gateway takes it.
        let gateway_port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let config = dir.join("gatewaysync.yaml");
        let setup = Self { program: program.to_owned(), config, data, url: url.to_owned(), gateway_port };
        setup.set_interval(interval)?;
        Ok(setup)
    }

    /// Writes the manifest; a running agent takes it over at its next look.
    pub(super) fn set_interval(&self, interval: Duration) -> Result<()> {
        let Self { config, url, gateway_port, .. } = self;
        let seconds = interval.as_secs();
        let manifest = format!(
            "apiVersion: stoker.io/v1alpha1
kind: GatewaySync
metadata: {{ name: bench, namespace: bench }}
spec:
  git: {{ repo: {url:?}, ref: main }}
  polling: {{ interval: {seconds}s }}
  gateway: {{ port: {gateway_port}, api: {{ secretName: gateway }} }}
  sync:
    profiles:
      default:
        mappings:
          - {{ source: config, destination: config, type: dir, required: true }}
          - {{ source: projects, destination: projects, type: dir, required: true }}
"
        );
        fs::write(config, manifest).with_context(|| format!("failed to write {}", config.display()))
    }

    /// Starts the gateway beside the agent. It reads the data directory as a real one does.
    pub(super) fn start_gateway(&self) -> Result<Gateway> {
        let settings = gateway::Settings {
            port: self.gateway_port,
            // Its own scans would fall into what is measured.
            scan_interval: None,
            // Not zero: it answers while it loads.
            starting_for: Duration::from_millis(1),
            ..gateway::Settings::new(&self.data)
        };
        Gateway::start(settings.with_token(TOKEN.0, TOKEN.1))
    }

    /// The agent for one sync, which ends by itself.
    pub(super) fn once(&self) -> Command {
        let mut command = self.command();
        command.arg("--once");
        command
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(&self.config).arg("--data").arg(&self.data);
        command.args(["--gateway-name", "bench", "--pod-name", "bench-0"]).env_remove("STOKER_LOG");
        command
    }
}

/// A running agent, killed when it is dropped.
pub(super) struct Agent {
    process: Owned,
    log: Receiver<Line>,
    /// The last lines that were not asked for, for an error's sake.
    said: VecDeque<String>,
    address: SocketAddr,
    started: Instant,
    most: Memory,
}

/// One line of the log.
struct Line {
    text: String,
    fields: Value,
}

/// Something that the agent said, and when.
#[derive(Debug, Clone)]
pub(super) struct Said {
    /// Of the day, by the agent's own clock.
    pub(super) time: Duration,
}

impl Agent {
    /// Starts it; returns once it listens.
    pub(super) fn start(setup: &Setup) -> Result<Self> {
        let mut command = setup.command();
        command.args(["--listen", "127.0.0.1:0"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut process = Owned::start(&mut command)?;
        let stderr = process.0.stderr.take().context("the child has a pipe")?;
        let mut agent = Self {
            process,
            log: read_log(stderr),
            said: VecDeque::new(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            started,
            most: Memory::default(),
        };
        let address = agent.line("serving", None, Duration::from_secs(20))?;
        let address = address.fields.get("address").and_then(Value::as_str);
        agent.address = address.and_then(|text| text.parse().ok()).context("the agent names no address")?;
        Ok(agent)
    }

    /// Waits until a probe answers 200; the time since the start.
    pub(super) fn until_probe(&mut self, path: &str, limit: Duration) -> Result<Duration> {
        loop {
            if probe(self.address, path).unwrap_or(false) {
                return Ok(self.started.elapsed());
            }
            let elapsed = self.started.elapsed();
            ensure!(
                elapsed < limit,
                "{path} did not answer 200 in {limit:?}; the agent said:\n{}",
                self.words()
            );
            self.breathe()?;
            // Asking must not become the work that is measured.
            thread::sleep((elapsed / 100).clamp(Duration::from_micros(500), Duration::from_millis(20)));
        }
    }

    /// Waits until a message that begins so is said, about this commit where one is given.
    pub(super) fn until_said(
        &mut self,
        message: &str,
        commit: Option<&str>,
        limit: Duration,
    ) -> Result<Said> {
        said(&self.line(message, commit, limit)?)
    }

    /// Whether a message that begins so was said about this commit, without waiting.
    pub(super) fn said(&mut self, message: &str, commit: &str) -> Result<Option<Said>> {
        match self.next_line(message, Some(commit))? {
            Some(line) => said(&line).map(Some),
            None => Ok(None),
        }
    }

    /// Waits so long and looks at memory meanwhile.
    pub(super) fn rest(&mut self, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.breathe()?;
            thread::sleep(SAMPLE);
        }
        Ok(())
    }

    /// Processor time so far.
    pub(super) fn processor_time(&self) -> Duration {
        proc::processor_time(self.process.0.id())
    }

    /// Bytes written so far.
    pub(super) fn written(&self) -> Written {
        proc::written(self.process.0.id())
    }

    /// Its memory now.
    pub(super) fn memory(&self) -> Memory {
        proc::memory(self.process.0.id()).unwrap_or_default()
    }

    /// The most memory since [`Self::forget_peaks`] or the start.
    pub(super) fn peaks(&mut self) -> Memory {
        self.most = larger(self.most, self.memory());
        self.most
    }

    /// Peaks are counted from now on.
    pub(super) fn forget_peaks(&mut self) {
        proc::forget_peak(self.process.0.id());
        self.most = Memory::default();
    }

    /// Ends it as a cluster would.
    pub(super) fn stop(mut self) -> Result<()> {
        self.process.signal(Signal::TERM)?;
        let until = Instant::now() + Duration::from_secs(10);
        while self.process.0.try_wait()?.is_none() {
            ensure!(Instant::now() < until, "the agent did not end within 10 s of SIGTERM");
            thread::sleep(SAMPLE);
        }
        Ok(())
    }

    fn line(&mut self, message: &str, commit: Option<&str>, limit: Duration) -> Result<Line> {
        let until = Instant::now() + limit;
        loop {
            if let Some(line) = self.next_line(message, commit)? {
                return Ok(line);
            }
            ensure!(Instant::now() < until, "no {message:?} in {limit:?}; the agent said:\n{}", self.words());
            self.breathe()?;
            thread::sleep(SAMPLE);
        }
    }

    /// The next line of that kind among those that are here; what comes before it is only kept for errors.
    fn next_line(&mut self, message: &str, commit: Option<&str>) -> Result<Option<Line>> {
        loop {
            match self.log.try_recv() {
                Ok(line) if is_about(&line.fields, message, commit) => return Ok(Some(line)),
                Ok(line) => self.keep(line),
                Err(TryRecvError::Disconnected) => bail!("the agent ended; it said:\n{}", self.words()),
                Err(TryRecvError::Empty) => return Ok(None),
            }
        }
    }

    fn keep(&mut self, line: Line) {
        const KEPT: usize = 30;
        self.said.push_back(line.text);
        if self.said.len() > KEPT {
            self.said.pop_front();
        }
    }

    fn words(&mut self) -> String {
        while let Ok(line) = self.log.try_recv() {
            self.keep(line);
        }
        self.said.make_contiguous().join("\n")
    }

    fn breathe(&mut self) -> Result<()> {
        self.most = larger(self.most, self.memory());
        interrupt::check()
    }
}

/// The time of day in UTC, comparable with [`Said::time`].
pub(super) fn now_of_day() -> Duration {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Duration::new(since_1970.as_secs() % DAY.as_secs(), since_1970.subsec_nanos())
}

/// From one time of day to a later one, which may be tomorrow's.
pub(super) fn between(earlier: Duration, later: Duration) -> Duration {
    later.checked_sub(earlier).unwrap_or_else(|| (later + DAY).saturating_sub(earlier))
}

const DAY: Duration = Duration::from_hours(24);

fn read_log(stderr: ChildStderr) -> Receiver<Line> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for text in BufReader::new(stderr).lines().map_while(Result::ok) {
            let fields = serde_json::from_str(&text).unwrap_or(Value::Null);
            if sender.send(Line { text, fields }).is_err() {
                return;
            }
        }
    });
    receiver
}

fn said(line: &Line) -> Result<Said> {
    let stamp = line.fields.get("timestamp").and_then(Value::as_str);
    let time = stamp.and_then(time_of_day).context("a line of the agent's log has no time")?;
    Ok(Said { time })
}

fn is_about(fields: &Value, message: &str, commit: Option<&str>) -> bool {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    text("message").starts_with(message) && commit.is_none_or(|commit| text("commit") == commit)
}

/// `2026-11-23T19:55:06.123456Z` → the time since midnight.
fn time_of_day(stamp: &str) -> Option<Duration> {
    let (_, time) = stamp.strip_suffix('Z')?.split_once('T')?;
    let mut parts = time.splitn(3, ':');
    let (hours, minutes) = (parts.next()?.parse::<u64>().ok()?, parts.next()?.parse::<u64>().ok()?);
    let seconds: f64 = parts.next()?.parse().ok()?;
    Some(Duration::from_secs(hours * 3600 + minutes * 60) + Duration::try_from_secs_f64(seconds).ok()?)
}

fn probe(address: SocketAddr, path: &str) -> Result<bool> {
    const PATIENCE: Duration = Duration::from_secs(1);
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200 "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_log_are_compared_across_midnight() {
        let time = time_of_day("2026-11-23T01:02:03.5Z").unwrap();
        assert_eq!(time, Duration::from_millis(3_723_500));
        assert_eq!(time_of_day("yesterday"), None);
        let (late, early) = (time_of_day("2026-11-23T23:59:59Z").unwrap(), Duration::from_secs(1));
        assert_eq!(between(late, early), Duration::from_secs(2));
        assert_eq!(between(early, late), Duration::from_secs(86_398));
        assert!(now_of_day() < DAY);
    }

    #[test]
    fn a_line_is_known_by_its_message_and_commit() {
        let line = serde_json::json!({"message": "synced", "commit": "abc"});
        assert!(is_about(&line, "synced", Some("abc")));
        assert!(is_about(&line, "sync", None));
        assert!(!is_about(&line, "synced", Some("abd")));
        assert!(!is_about(&Value::Null, "synced", None));
    }

    #[test]
    fn an_answer_other_than_200_is_no() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            for answer in ["HTTP/1.1 503 No\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 512];
                let _ = stream.read(&mut request).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        assert!(!probe(address, "/startupz").unwrap());
        assert!(probe(address, "/startupz").unwrap());
        server.join().unwrap();
    }
}
