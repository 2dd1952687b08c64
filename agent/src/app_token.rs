//! The token of a GitHub App, for an agent without a cluster: in a cluster the controller exchanges the key, and no
//! gateway has it.

use std::fs::File;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use rustix::fs::MemfdFlags;
use stoker_api::Reason;
use stoker_githubapp::{App, Error, Options, Repository, Tokens};

use crate::failure::{Code, Failure};

/// A token that is renewed when it is asked for. It lies in memory only, in a file without a name.
pub struct AppToken {
    app: App,
    repository: Repository,
    key_file: PathBuf,
    tokens: Tokens,
    file: File,
    written: String,
}

impl AppToken {
    /// Prepares; nothing is asked yet. `url` is the repository's.
    pub fn new(app: App, url: &str, key_file: PathBuf, ca_file: Option<PathBuf>) -> Result<Self, Failure> {
        let file: OwnedFd = rustix::fs::memfd_create("token", MemfdFlags::CLOEXEC)
            .map_err(|error| Failure::system(format!("failed to make a file in memory: {error}")))?;
        let tokens = Tokens::new(Options { ca_file, ..Options::default() });
        let repository = Repository::of_url(url).map_err(|error| failure(&error))?;
        Ok(Self { app, repository, key_file, tokens, file: file.into(), written: String::new() })
    }

    /// Where the token is read from.
    pub fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.file.as_raw_fd()).into()
    }

    /// Makes sure that the token is good for a while.
    pub fn renew(&mut self) -> Result<(), Failure> {
        let (app, key_file) = (self.app.app_id, &self.key_file);
        let key = || {
            std::fs::read(key_file).map_err(|error| {
                tracing::debug!(path = %key_file.display(), %error, "the key cannot be read");
                Error::Key { app, problem: "cannot be read: put it into the Secret of privateKeySecretRef" }
            })
        };
        let token = self.tokens.token(&self.app, &self.repository, key).map_err(|error| failure(&error))?;
        if token.secret() != self.written {
            let write =
                self.file.set_len(0).and_then(|()| self.file.write_all_at(token.secret().as_bytes(), 0));
            write.map_err(|error| Failure::system(format!("failed to keep the token in memory: {error}")))?;
            token.secret().clone_into(&mut self.written);
        }
        Ok(())
    }

    /// The server has refused the token: the next is a new one.
    pub fn forget(&mut self) {
        self.tokens.forget(&self.app, &self.repository);
    }
}

fn failure(error: &Error) -> Failure {
    let (reason, code) = match error.reason() {
        "AuthFailed" => (Reason::AuthFailed, Code::Refused),
        "UnsupportedFeature" => (Reason::UnsupportedFeature, Code::Config),
        _ => (Reason::GitUnreachable, Code::Unavailable),
    };
    Failure { retry_after: error.retry_after(), ..Failure::new(reason, code, error.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_an_app_from_a_token_is_told_before_anything_is_asked() {
        let app = App { app_id: 1, installation_id: 2, base: "https://api.github.com".into() };
        let new = |url: &str| AppToken::new(app.clone(), url, "/nowhere/key".into(), None);
        let refused = new("git@github.com:o/p").err().unwrap();
        assert_eq!((refused.reason, refused.code), (Reason::UnsupportedFeature, Code::Config));
        let mut token = new("https://github.com/o/p").unwrap();
        let refused = token.renew().unwrap_err();
        assert_eq!(refused.reason, Reason::AuthFailed);
        assert!(
            refused.message.contains("GitHub App 1") && refused.message.contains("privateKeySecretRef"),
            "{refused}"
        );
        let mut elsewhere = new("https://elsewhere.example/o/p").unwrap();
        elsewhere.key_file = "/dev/null".into();
        assert!(elsewhere.renew().unwrap_err().message.contains("not shown there"));
    }

    #[test]
    fn the_token_is_read_from_memory() {
        let app = App { app_id: 1, installation_id: 2, base: "https://api.github.com".into() };
        let token = AppToken::new(app, "https://github.com/o/p", "/nowhere/key".into(), None).unwrap();
        token.file.write_all_at(b"ghs_1", 0).unwrap();
        assert_eq!(std::fs::read_to_string(token.path()).unwrap(), "ghs_1");
    }
}
