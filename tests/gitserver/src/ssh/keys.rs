//! Keys made by `ssh-keygen`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::git::run;

/// A kind of key, and its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// ssh-ed25519.
    Ed25519,
    /// ecdsa-sha2-nistp256.
    Ecdsa256,
    /// ecdsa-sha2-nistp384.
    Ecdsa384,
    /// ecdsa-sha2-nistp521.
    Ecdsa521,
    /// ssh-rsa of 2048 bits.
    Rsa,
}

impl KeyKind {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Ed25519 => &["-t", "ed25519"],
            Self::Ecdsa256 => &["-t", "ecdsa", "-b", "256"],
            Self::Ecdsa384 => &["-t", "ecdsa", "-b", "384"],
            Self::Ecdsa521 => &["-t", "ecdsa", "-b", "521"],
            Self::Rsa => &["-t", "rsa", "-b", "2048"],
        }
    }
}

/// A key pair in files.
#[derive(Debug, Clone)]
pub struct SshKey {
    path: PathBuf,
    public: String,
}

impl SshKey {
    /// Makes a key without a passphrase. `arguments` are more of `ssh-keygen`'s, such as `-m PEM`.
    pub fn generate(dir: &Path, name: &str, kind: KeyKind, arguments: &[&str]) -> Result<Self> {
        let path = dir.join(name);
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-N", "", "-C", "stoker-test", "-f"]).arg(&path);
        run(command.args(kind.arguments()).args(arguments))?;
        let public = fs::read_to_string(path.with_extension("pub"))?;
        let words: Vec<&str> = public.split(' ').take(2).collect();
        Ok(Self { path, public: words.join(" ") })
    }

    /// The file with the private key.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The public key as `type base64`.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> Result<String> {
        let printed = run(Command::new("ssh-keygen").arg("-lf").arg(self.path.with_extension("pub")))?;
        printed.split(' ').nth(1).map(str::to_owned).context("ssh-keygen prints a fingerprint")
    }

    /// Has an authority certify it as a host key for a name.
    pub fn certify(&self, authority: &Self, name: &str, arguments: &[String]) -> Result<()> {
        let mut command = Command::new("ssh-keygen");
        command.arg("-q").arg("-s").arg(authority.path()).args(["-I", "stoker-test", "-h", "-n", name]);
        run(command.args(arguments).arg(self.path.with_extension("pub"))).map(drop)
    }

    /// The file with its certificate.
    pub fn certificate(&self) -> Option<PathBuf> {
        let mut name = self.path.clone().into_os_string();
        name.push("-cert.pub");
        Some(PathBuf::from(name)).filter(|path| path.is_file())
    }
}
