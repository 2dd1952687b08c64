//! OpenSSH's `sshd` with `git-shell`: repositories over SSH.

mod keys;

use std::fs::{self, File};
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

pub use keys::{KeyKind, SshKey};

use crate::daemon::free_port;
use crate::git::{configure, run};

const START_LIMIT: Duration = Duration::from_mins(1);
/// Another process can take the port between our asking for a free one and the server's binding it.
const ATTEMPTS: u32 = 5;
/// Where distributions put it; it wants to be started by its full path.
const PROGRAMS: [&str; 3] = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];
/// What `sshd` wants to find when it runs as root.
const RUN_DIRECTORY: &str = "/run/sshd";

/// How an [`SshServer`] behaves. The default is a current OpenSSH with one ed25519 host key and protocol v2.
#[derive(Debug, Clone)]
pub struct SshOptions {
    /// The host keys that it has.
    pub host_keys: Vec<KeyKind>,
    /// An authority certifies its host keys for this name; see [`SshServer::authority`].
    pub certificate_for: Option<String>,
    /// More arguments for `ssh-keygen` when it certifies, such as `-V` and a validity.
    pub certificate_arguments: Vec<String>,
    /// Passes `GIT_PROTOCOL` on (`AcceptEnv`). Without it, git answers in protocol v0.
    pub protocol_v2: bool,
    /// `uploadpack.allowFilter`.
    pub filter: bool,
    /// `uploadpack.allowAnySHA1InWant`.
    pub any_sha: bool,
    /// More lines for `sshd_config`. The first of two settings of one name counts: these come first.
    pub config: String,
    /// What is run instead of git's shell.
    pub command: Option<String>,
}

impl Default for SshOptions {
    fn default() -> Self {
        Self {
            host_keys: vec![KeyKind::Ed25519],
            certificate_for: None,
            certificate_arguments: Vec::new(),
            protocol_v2: true,
            filter: true,
            any_sha: false,
            config: String::new(),
            command: None,
        }
    }
}

/// A running `sshd` on 127.0.0.1 for the repositories below a directory. Its only user is the one who runs the test;
/// that works as root in a container and as anybody else. Killed on drop.
pub struct SshServer {
    child: Child,
    address: SocketAddr,
    root: PathBuf,
    user: String,
    host_keys: Vec<SshKey>,
    authority: Option<SshKey>,
    key: SshKey,
    dir: TempDir,
}

impl SshServer {
    /// Whether the machine has an `sshd`.
    pub fn is_installed() -> bool {
        program().is_some()
    }

    /// Starts the server and waits until it accepts.
    pub fn start(root: &Path, options: &SshOptions) -> Result<Self> {
        let root =
            root.canonicalize().with_context(|| format!("there is no directory {}", root.display()))?;
        let program = program().context(
            "the program `sshd` is missing; install it (Debian: apt-get install openssh-server, Fedora: dnf install openssh-server)",
        )?;
        let dir = TempDir::new()?;
        let place = Place { dir: dir.path(), options };
        let authority = options.certificate_for.as_ref().map(|_| place.key("authority", KeyKind::Ed25519));
        let authority = authority.transpose()?;
        let host_keys = place.host_keys(authority.as_ref())?;
        let key = place.key("client", KeyKind::Ed25519)?;
        fs::write(dir.path().join(AUTHORIZED), format!("{}\n", key.public()))?;
        place.command()?;
        prepare_machine()?;
        let user = run(Command::new("id").arg("-un"))?;
        let mut complaints = String::new();
        for _ in 0..ATTEMPTS {
            let port = free_port()?;
            let config = place.config(port, &host_keys)?;
            let child = Command::new(program)
                .args(["-D", "-e", "-f"])
                .arg(config)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(File::options().create(true).append(true).open(dir.path().join(LOG))?)
                .spawn()
                .context("failed to start `sshd`")?;
            let mut waiting = Waiting(Some(child));
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            match waiting.is_up(dir.path(), address)? {
                Some(child) => {
                    return Ok(Self { child, address, root, user, host_keys, authority, key, dir });
                }
                None => complaints = log_of(dir.path()),
            }
        }
        bail!("`sshd` did not start: {}", complaints.trim());
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The user that it knows.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The URL of a repository, named by its path below the root.
    pub fn url(&self, repository: &str) -> String {
        format!("ssh://{}@{}{}/{repository}", self.user, self.address, self.root.display())
    }

    /// The private key that it accepts from the start.
    pub fn key(&self) -> &SshKey {
        &self.key
    }

    /// Makes one more key of a kind, which it accepts.
    pub fn authorize(&self, kind: KeyKind) -> Result<SshKey> {
        let key = SshKey::generate(self.dir.path(), &format!("client-{kind:?}"), kind, &[])?;
        let path = self.dir.path().join(AUTHORIZED);
        let text = fs::read_to_string(&path)?;
        fs::write(&path, format!("{text}{}\n", key.public()))?;
        Ok(key)
    }

    /// No longer accepts any key.
    pub fn forget_keys(&self) -> Result<()> {
        Ok(fs::write(self.dir.path().join(AUTHORIZED), "")?)
    }

    /// Its host keys, in the order of the options.
    pub fn host_keys(&self) -> &[SshKey] {
        &self.host_keys
    }

    /// What a `known_hosts` file calls it.
    pub fn host(&self) -> String {
        format!("[{}]:{}", self.address.ip(), self.address.port())
    }

    /// The lines of a `known_hosts` file for all its keys.
    pub fn known_hosts(&self) -> String {
        let lines = self.host_keys.iter().map(|key| format!("{} {}", self.host(), key.public()));
        lines.chain([String::new()]).collect::<Vec<_>>().join("\n")
    }

    /// The authority that certified its host keys.
    pub fn authority(&self) -> Option<&SshKey> {
        self.authority.as_ref()
    }

    /// What it has written to its standard error.
    pub fn log(&self) -> String {
        log_of(self.dir.path())
    }

    /// The connections so far.
    pub fn connections(&self) -> usize {
        self.log().lines().filter(|line| line.starts_with("Connection from")).count()
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const LOG: &str = "log";
const AUTHORIZED: &str = "authorized_keys";
const CONFIG: &str = "sshd_config";
const COMMAND: &str = "command";

/// The files of a server before it runs.
struct Place<'a> {
    dir: &'a Path,
    options: &'a SshOptions,
}

impl Place<'_> {
    fn key(&self, name: &str, kind: KeyKind) -> Result<SshKey> {
        SshKey::generate(self.dir, name, kind, &[])
    }

    fn host_keys(&self, authority: Option<&SshKey>) -> Result<Vec<SshKey>> {
        let mut keys = Vec::new();
        for kind in &self.options.host_keys {
            let key = self.key(&format!("host-{kind:?}"), *kind)?;
            if let (Some(authority), Some(name)) = (authority, &self.options.certificate_for) {
                key.certify(authority, name, &self.options.certificate_arguments)?;
            }
            keys.push(key);
        }
        Ok(keys)
    }

    /// What the server runs whatever the client asks for: git's own restricted shell.
    fn command(&self) -> Result<()> {
        let mut settings = Command::new("true");
        let flag = |on: bool| if on { "true" } else { "false" };
        configure(
            &mut settings,
            &[
                ("safe.directory", "*"),
                ("uploadpack.allowFilter", flag(self.options.filter)),
                ("uploadpack.allowAnySHA1InWant", flag(self.options.any_sha)),
            ],
        );
        let mut script = String::from("#!/bin/sh\n");
        for (name, value) in settings.get_envs() {
            let value = value.unwrap_or_default();
            script += &format!("export {}='{}'\n", name.to_string_lossy(), value.to_string_lossy());
        }
        // The user's own configuration is not to be read.
        script += "export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 LC_ALL=C\n";
        script += self.options.command.as_deref().unwrap_or("exec git-shell -c \"$SSH_ORIGINAL_COMMAND\"");
        let path = self.dir.join(COMMAND);
        fs::write(&path, script + "\n")?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(())
    }

    fn config(&self, port: u16, host_keys: &[SshKey]) -> Result<PathBuf> {
        let dir = self.dir.display();
        let mut text = format!("{}\n", self.options.config.trim());
        for key in host_keys {
            text += &format!("HostKey {}\n", key.path().display());
            if let Some(certificate) = key.certificate() {
                text += &format!("HostCertificate {}\n", certificate.display());
            }
        }
        if self.options.protocol_v2 {
            text += "AcceptEnv GIT_PROTOCOL\n";
        }
        text += &format!(
            "ListenAddress 127.0.0.1\nPort {port}\nPidFile none\nLogLevel VERBOSE\nStrictModes no\nUsePAM no\n\
             AuthorizedKeysFile {dir}/{AUTHORIZED}\nForceCommand {dir}/{COMMAND}\nPermitRootLogin prohibit-password\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 100\n"
        );
        let path = self.dir.join(CONFIG);
        fs::write(&path, text)?;
        Ok(path)
    }
}

/// Kills a server that did not come up.
struct Waiting(Option<Child>);

impl Waiting {
    /// Waits until it accepts; `None` when it has ended (the port was taken, usually).
    fn is_up(&mut self, dir: &Path, address: SocketAddr) -> Result<Option<Child>> {
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            let Some(child) = &mut self.0 else { return Ok(None) };
            if child.try_wait()?.is_some() {
                return Ok(None);
            }
            if log_of(dir).contains("Server listening on") && TcpStream::connect(address).is_ok() {
                // That connection of ours is not one of a client's.
                while !log_of(dir).contains("Connection from") && Instant::now() < deadline {
                    thread::sleep(Duration::from_millis(5));
                }
                // The server appends, so that what is cut off here leaves no hole.
                File::options().write(true).open(dir.join(LOG))?.set_len(0)?;
                return Ok(self.0.take());
            }
            thread::sleep(Duration::from_millis(10));
        }
        bail!("`sshd` does not accept on {address} after {START_LIMIT:?}: {}", log_of(dir).trim());
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn log_of(dir: &Path) -> String {
    let mut text = Vec::new();
    // A log that cannot be read must not hide the error that made somebody look.
    let _ = File::open(dir.join(LOG)).and_then(|mut file| file.read_to_end(&mut text));
    String::from_utf8_lossy(&text).into_owned()
}

fn program() -> Option<&'static str> {
    PROGRAMS.into_iter().find(|program| Path::new(program).is_file())
}

/// As root, `sshd` keeps its unprivileged half in a directory that the system makes at boot, which a container has not.
fn prepare_machine() -> Result<()> {
    let is_root = run(Command::new("id").arg("-u"))? == "0";
    if is_root && !Path::new(RUN_DIRECTORY).is_dir() {
        fs::create_dir_all(RUN_DIRECTORY).with_context(|| format!("failed to make {RUN_DIRECTORY}"))?;
    }
    Ok(())
}
