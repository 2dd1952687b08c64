//! How a repository is opened: its URL and the values of the Secrets that the resource refers to. Two resources with
//! equal ones share every look.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A value of a Secret. It is never printed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretValue(pub Arc<[u8]>);

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Everything that opening a repository depends on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    pub url: String,
    pub auth: Auth,
    pub ca: Option<SecretValue>,
    pub client_certificate: Option<(SecretValue, SecretValue)>,
    pub proxy: Option<Proxy>,
}

/// Credentials for a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Auth {
    None,
    Token(SecretValue),
    Ssh { key: SecretValue, known_hosts: Option<SecretValue> },
    GitHubApp(App),
}

/// A GitHub App's installation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct App {
    /// Number of the app.
    pub number: i64,
    pub installation: i64,
    pub key: SecretValue,
    pub api: String,
}

/// A proxy on the way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Proxy {
    pub url: String,
    /// `user:password`.
    pub credentials: Option<SecretValue>,
    pub except: Option<String>,
}

/// Files with secrets for the length of one look: the Git library reads credentials from files, as the agent's are
/// mounted. The directory belongs on a tmpfs; it is this program's alone.
#[derive(Debug)]
pub struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    /// An empty place below `parent`.
    pub fn new(parent: &Path) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("look-").tempdir_in(parent)?;
        Ok(Self { directory })
    }

    /// Writes a value to a file that only this program can read.
    pub fn put(&self, name: &str, value: &SecretValue) -> io::Result<PathBuf> {
        let path = self.directory.path().join(name);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(&value.0)?;
        Ok(path)
    }

    /// A directory below, for what is looked up by names.
    pub fn below(&self, name: &str) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix(name).tempdir_in(self.directory.path())?;
        Ok(Self { directory })
    }

    /// Where temporary files of the look itself may be.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn secrets_are_files_of_this_program_alone_and_go_with_the_look() {
        let parent = tempfile::tempdir().unwrap();
        let files = Files::new(parent.path()).unwrap();
        let path = files.put("token", &SecretValue(b"hush".as_slice().into())).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(files);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_secret_is_never_printed() {
        let auth = Auth::Token(SecretValue(b"hush".as_slice().into()));
        assert!(!format!("{auth:?}").contains("hush"));
    }
}
