//! `git daemon`: repositories over `git://`.

use std::fs::File;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::NamedTempFile;

use crate::git::{configure, plumbing};

const START_LIMIT: Duration = Duration::from_secs(10);
/// Another process can take the port between our asking for a free one and the daemon's binding it.
const ATTEMPTS: u32 = 5;

/// What a [`Daemon`] allows.
#[derive(Debug, Clone, Default)]
pub struct DaemonOptions {
    /// `uploadpack.allowFilter`: partial fetches, such as `blob:none`.
    pub filter: bool,
    /// `uploadpack.allowAnySHA1InWant`: needed for exact commits below protocol v2 only.
    pub any_sha: bool,
    /// Accepts pushes (from anybody: it listens on loopback only).
    pub push: bool,
}

/// A running `git daemon` on 127.0.0.1 that exports every repository below a directory. Killed on drop.
pub struct Daemon {
    child: Child,
    address: SocketAddr,
    log: NamedTempFile,
}

impl Daemon {
    /// Starts the daemon with filters allowed and waits until it accepts.
    pub fn start(root: &Path) -> Result<Self> {
        Self::start_with(root, &DaemonOptions { filter: true, ..DaemonOptions::default() })
    }

    /// Starts the daemon and waits until it accepts.
    pub fn start_with(root: &Path, options: &DaemonOptions) -> Result<Self> {
        let root =
            root.canonicalize().with_context(|| format!("there is no directory {}", root.display()))?;
        let mut complaints = String::new();
        for _ in 0..ATTEMPTS {
            let mut daemon = Self::spawn(&root, options, free_port()?)?;
            if daemon.is_up()? {
                return Ok(daemon);
            }
            complaints = daemon.log();
        }
        bail!("`git daemon` did not start: {}", complaints.trim());
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a repository, named by its path below the root.
    pub fn url(&self, repository: &str) -> String {
        format!("git://{}/{repository}", self.address)
    }

    /// What the daemon and its children have written to their standard error.
    pub fn log(&self) -> String {
        let mut text = Vec::new();
        // A log that cannot be read must not hide the error that made somebody look.
        let _ = File::open(self.log.path()).and_then(|mut file| file.read_to_end(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    }

    fn spawn(root: &Path, options: &DaemonOptions, port: u16) -> Result<Self> {
        let log = NamedTempFile::new()?;
        let mut command = command(root, options, port)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.reopen()?)
            .spawn()
            .context("failed to start `git daemon`")?;
        Ok(Self { child, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), log })
    }

    /// Waits until it accepts (true) or has ended (false: the port was taken, usually).
    fn is_up(&mut self) -> Result<bool> {
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            if self.child.try_wait()?.is_some() {
                return Ok(false);
            }
            // "Ready to rumble" comes after the bind: a stranger's server on the port cannot be taken for ours.
            if self.log().contains("Ready to rumble") && TcpStream::connect(self.address).is_ok() {
                return Ok(true);
            }
            thread::sleep(Duration::from_millis(10));
        }
        bail!(
            "`git daemon` does not accept on {} after {START_LIMIT:?}: {}",
            self.address,
            self.log().trim()
        );
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(root: &Path, options: &DaemonOptions, port: u16) -> Result<Command> {
    // The program itself, not `git daemon`, whose process is only the parent of the one that listens.
    let mut command = plumbing("git-daemon")?;
    command
        .args(["--listen=127.0.0.1", "--reuseaddr", "--export-all", "--verbose", "--log-destination=stderr"])
        .arg(format!("--port={port}"))
        .arg(format!("--base-path={}", root.display()))
        .args(["--informative-errors", "--enable=upload-pack"])
        .arg(if options.push { "--enable=receive-pack" } else { "--disable=receive-pack" })
        .arg(root);
    let flag = |on: bool| if on { "true" } else { "false" };
    configure(
        &mut command,
        &[
            ("safe.directory", "*"),
            ("uploadpack.allowFilter", flag(options.filter)),
            ("uploadpack.allowAnySHA1InWant", flag(options.any_sha)),
        ],
    );
    Ok(command)
}

pub(crate) fn free_port() -> Result<u16> {
    let socket =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("failed to find a free port on 127.0.0.1")?;
    Ok(socket.local_addr()?.port())
}
