//! `gpg` with a home of its own, whose agent ends with it.

use std::path::Path;
use std::process::Command;

use stoker_object::ObjectId;
use tempfile::TempDir;

use crate::support::{Plant, run};

pub struct Gpg {
    /// Short: the agent's socket lies in it, and paths of sockets end at 107 bytes.
    pub home: TempDir,
}

impl Gpg {
    pub fn new() -> Self {
        let home = tempfile::Builder::new().prefix("g").tempdir_in("/tmp").unwrap();
        std::fs::write(
            home.path().join("gpg.conf"),
            "batch\nno-tty\npinentry-mode loopback\npassphrase \"\"\n",
        )
        .unwrap();
        Self { home }
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new("gpg");
        command.arg("--homedir").arg(self.home.path()).arg("--yes");
        command
    }

    /// Makes a key and gives its fingerprint.
    pub fn key(&self, user: &str, algorithm: &str, usage: &str, expires: &str) -> String {
        run(self.command().args(["--quick-gen-key", user, algorithm, usage, expires]));
        self.fingerprint(user)
    }

    pub fn fingerprint(&self, user: &str) -> String {
        let list = run(self.command().args(["--with-colons", "--list-keys", user]));
        let line = list.lines().find(|line| line.starts_with("fpr:")).unwrap();
        line.split(':').nth(9).unwrap().to_owned()
    }

    pub fn export(&self, user: &str) -> Vec<u8> {
        run(self.command().args(["--armor", "--export", user])).into_bytes()
    }

    pub fn commit(&self, plant: &Plant, key: &str) -> (ObjectId, Vec<u8>) {
        let settings = ["gpg.format=openpgp".to_owned(), format!("user.signingKey={key}")];
        plant.commit(&settings, &[("GNUPGHOME", self.home.path() as &Path)])
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        // The agent of this home and of no other.
        let _ = Command::new("gpgconf")
            .arg("--homedir")
            .arg(self.home.path())
            .args(["--kill", "gpg-agent"])
            .status();
    }
}
