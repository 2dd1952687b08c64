//! A real forge: Gitea, built once from its Go module into a cache outside the checkout.

mod api;
mod program;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

pub use program::{build, can_build, program};

/// For the start; on two busy cores it takes six seconds.
const START_LIMIT: Duration = Duration::from_mins(2);
/// The one user, who owns every repository.
const USER: &str = "engineer";

/// A running Gitea with one user and no repository. It ends with this value.
#[derive(Debug)]
pub struct Gitea {
    dir: TempDir,
    child: Child,
    http_port: u16,
    ssh_port: u16,
    token: String,
}

impl Gitea {
    /// Starts it; `None` where it is not built (`cargo xtask test` builds it where Go is).
    pub fn start() -> Result<Option<Self>> {
        let Some(program) = program() else {
            eprintln!("skipped: there is no Gitea; `cargo xtask test` builds it where Go is installed");
            return Ok(None);
        };
        let dir = TempDir::new()?;
        let (http_port, ssh_port) = (free_port()?, free_port()?);
        let assets = program.parent().context("the program lies in a directory")?.to_owned();
        configure(dir.path(), &assets, http_port, ssh_port)?;
        run(&mut command(&program, dir.path(), &["migrate"]))?;
        let user = ["--username", USER, "--password", "Pl4nt-password", "--email", "engineer@plant.example"];
        let created = run(command(&program, dir.path(), &["admin", "user", "create", "--admin"])
            .args(user)
            .args(["--must-change-password=false", "--access-token"]))?;
        let token = created.split_whitespace().rev().find(|word| word.len() == 40);
        let token = token.with_context(|| format!("there is no token in {created:?}"))?.to_owned();
        let log = fs::File::create(dir.path().join("log"))?;
        let child = command(&program, dir.path(), &["web"])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut gitea = Self { dir, child, http_port, ssh_port, token };
        gitea.wait()?;
        Ok(Some(gitea))
    }

    fn wait(&mut self) -> Result<()> {
        let began = Instant::now();
        while self.get("/api/v1/version").is_err() {
            let ended = self.child.try_wait()?;
            if ended.is_some() || began.elapsed() > START_LIMIT {
                let log = fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
                bail!(
                    "gitea does not start ({ended:?}): {}",
                    log.chars().rev().take(2000).collect::<String>().chars().rev().collect::<String>()
                );
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// The access token of the user, who may do everything.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Makes an empty private repository.
    pub fn create(&self, name: &str) -> Result<()> {
        self.post("/api/v1/user/repos", &format!("{{\"name\":\"{name}\",\"private\":true}}")).map(drop)
    }

    /// Lets the holder of an SSH key in, as the user.
    pub fn add_key(&self, public: &str) -> Result<()> {
        let public = public.trim();
        self.post("/api/v1/user/keys", &format!("{{\"title\":\"agent\",\"key\":\"{public}\"}}")).map(drop)
    }

    /// The repository's URL without credentials.
    pub fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{USER}/{name}.git", self.http_port)
    }

    /// The repository's URL with the user's token, for pushing.
    pub fn push_url(&self, name: &str) -> String {
        format!("http://{USER}:{}@127.0.0.1:{}/{USER}/{name}.git", self.token, self.http_port)
    }

    /// The repository's URL over SSH.
    pub fn ssh_url(&self, name: &str) -> String {
        format!("ssh://git@127.0.0.1:{}/{USER}/{name}.git", self.ssh_port)
    }

    /// Where it keeps the bytes of an LFS object.
    pub fn lfs_object(&self, oid: &str) -> PathBuf {
        self.dir.path().join("data/lfs").join(&oid[..2]).join(&oid[2..4]).join(&oid[4..])
    }
}

impl Drop for Gitea {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago: Gitea does not say which one it got.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn command(program: &Path, dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.arg("--config").arg(dir.join("app.ini")).arg("--work-path").arg(dir).args(arguments);
    command.env("HOME", dir).env("GITEA_WORK_DIR", dir).env("I_AM_BEING_UNSAFE_RUNNING_AS_ROOT", "true");
    command
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().context("gitea does not start")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("gitea failed: {text}{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(text)
}

fn configure(dir: &Path, assets: &Path, http_port: u16, ssh_port: u16) -> Result<()> {
    let user = String::from_utf8(Command::new("id").arg("-un").output()?.stdout)?;
    let (user, work, assets) = (user.trim(), dir.display(), assets.display());
    let text = format!(
        "RUN_USER = {user}
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
RUN_MODE = prod
WORK_PATH = {work}
[server]
PROTOCOL = http
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {http_port}
ROOT_URL = http://127.0.0.1:{http_port}/
DOMAIN = 127.0.0.1
START_SSH_SERVER = true
SSH_LISTEN_HOST = 127.0.0.1
SSH_LISTEN_PORT = {ssh_port}
SSH_PORT = {ssh_port}
SSH_DOMAIN = 127.0.0.1
BUILTIN_SSH_SERVER_USER = git
SSH_ROOT_PATH = {work}/ssh
LFS_START_SERVER = true
LFS_JWT_SECRET = c3Rva2VyLXN0b2tlci1zdG9rZXItc3Rva2VyLXN0b2s
STATIC_ROOT_PATH = {assets}
OFFLINE_MODE = true
[lfs]
PATH = {work}/data/lfs
[database]
DB_TYPE = sqlite3
PATH = {work}/gitea.db
[repository]
ROOT = {work}/repositories
[security]
INSTALL_LOCK = true
SECRET_KEY = stoker
INTERNAL_TOKEN = eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJuYmYiOjE3MDAwMDAwMDB9.c3Rva2Vy
[oauth2]
ENABLED = false
[webhook]
ALLOWED_HOST_LIST = loopback
[log]
MODE = console
LEVEL = Warn
"
    );
    fs::write(dir.join("app.ini"), text).context("failed to write app.ini")
}
