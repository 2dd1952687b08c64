//! tinyproxy: a forward proxy as plants have it.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::daemon::free_port;

const START_LIMIT: Duration = Duration::from_mins(1);
/// Another process can take the port between our asking for a free one and the proxy's binding it.
const ATTEMPTS: u32 = 5;
const LOG: &str = "log";

/// A running `tinyproxy` on 127.0.0.1, which connects to everywhere. Killed on drop.
pub struct ForwardProxy {
    child: Child,
    address: SocketAddr,
    dir: TempDir,
}

impl ForwardProxy {
    /// Starts the proxy, open to all or for this user and password only, and waits until it accepts.
    pub fn start(user: Option<(&str, &str)>) -> Result<Self> {
        let mut complaints = String::new();
        for _ in 0..ATTEMPTS {
            let (port, dir) = (free_port()?, TempDir::new()?);
            let mut config = format!(
                "Port {port}\nListen 127.0.0.1\nTimeout 60\nLogLevel Connect\nMaxClients 50\nLogFile \"{}\"\n",
                dir.path().join(LOG).display()
            );
            if let Some((name, password)) = user {
                config += &format!("BasicAuth {name} {password}\n");
            }
            let path = dir.path().join("tinyproxy.conf");
            fs::write(&path, config)?;
            let child = Command::new("tinyproxy")
                .args(["-d", "-c"])
                .arg(path)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .context("the program `tinyproxy` does not start; install it (Debian: apt-get install tinyproxy, Fedora: dnf install tinyproxy)")?;
            let mut proxy = Self { child, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), dir };
            if proxy.is_up()? {
                return Ok(proxy);
            }
            complaints = proxy.log();
        }
        bail!("`tinyproxy` did not start: {}", complaints.trim());
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:port`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whether it was asked to connect to a server.
    pub fn was_asked_for(&self, target: &str) -> bool {
        self.log().lines().any(|line| line.contains(&format!("CONNECT {target} ")))
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        read(&self.dir.path().join(LOG))
    }

    fn is_up(&mut self) -> Result<bool> {
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            if self.child.try_wait()?.is_some() {
                return Ok(false);
            }
            if TcpStream::connect(self.address).is_ok() {
                return Ok(true);
            }
            thread::sleep(Duration::from_millis(10));
        }
        bail!("`tinyproxy` does not accept on {} after {START_LIMIT:?}: {}", self.address, self.log().trim());
    }
}

impl Drop for ForwardProxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(path: &Path) -> String {
    let mut text = Vec::new();
    // A log that cannot be read must not hide the error that made somebody look.
    let _ = File::open(path).and_then(|mut file| file.read_to_end(&mut text));
    String::from_utf8_lossy(&text).into_owned()
}
