//! A repository whose commits are signed, and what of them reaches the judge.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use stoker_object::ObjectId;
use stoker_signature::{Fault, Keyring, Signer};
use stoker_test_gitserver::Repository;
use tempfile::TempDir;

/// Runs a command to its end; what it printed.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

/// The clock, in seconds since 1970.
pub fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// A repository, and a directory for keys.
pub struct Plant {
    pub dir: TempDir,
    pub repository: Repository,
}

impl Plant {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repository = Repository::init(dir.path().join("repository")).unwrap();
        repository.set_date(now());
        Self { dir, repository }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes an SSH key and gives its public line.
    pub fn ssh_key(&self, name: &str, kind: &[&str]) -> String {
        let path = self.path(name);
        run(Command::new("ssh-keygen")
            .args(["-q", "-N", "", "-C", name, "-t"])
            .args(kind)
            .arg("-f")
            .arg(&path));
        std::fs::read_to_string(path.with_extension("pub")).unwrap().trim().to_owned()
    }

    /// Commits, signed by an SSH key (a public or private file of it).
    pub fn commit_by_ssh(&self, key: &str) -> (ObjectId, Vec<u8>) {
        self.commit(
            &["gpg.format=ssh".to_owned(), format!("user.signingKey={}", self.path(key).display())],
            &[],
        )
    }

    /// Commits, signed as these settings say.
    pub fn commit(&self, settings: &[String], environment: &[(&str, &Path)]) -> (ObjectId, Vec<u8>) {
        self.repository.write("file", format!("{:?}", std::time::Instant::now())).unwrap();
        self.repository.git(&["add", "."]).unwrap();
        let mut command = self.repository.command();
        for setting in settings {
            command.args(["-c", setting]);
        }
        command.envs(environment.iter().copied());
        run(command.args(["commit", "-q", "-S", "-m", "Set the line speed", "-m", "gpgsig no\n body"]));
        let id = self.repository.head().unwrap();
        (id.parse().unwrap(), self.object("commit", &id))
    }

    /// The bytes of an object.
    pub fn object(&self, kind: &str, id: &str) -> Vec<u8> {
        let output = self.repository.command().args(["cat-file", kind, id]).output().unwrap();
        assert!(output.status.success());
        output.stdout
    }
}

/// Judges a commit by an `allowed_signers` file.
pub fn by_ssh(allowed: &str, commit: &(ObjectId, Vec<u8>), at: i64) -> Result<Signer, Fault> {
    let mut keys = Keyring::default();
    keys.add_allowed_signers(allowed.as_bytes(), "allowed_signers").unwrap();
    keys.commit(&commit.0, &commit.1, at)
}

pub fn words(result: Result<Signer, Fault>) -> String {
    result.unwrap_err().to_string()
}
