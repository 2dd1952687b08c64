//! User name and password of a repository: where they come from, and whom they may be shown.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Options;
use super::secret::{self, first_warning};
use crate::Error;
use crate::url::{HttpUrl, Origin};

/// The longest token that is read; the longest JSON web tokens have 8 kB.
const LONGEST: u64 = 64 * 1024;

/// Credentials for one origin. There is no `Debug`: nothing may print them.
pub(super) struct Credentials {
    origin: Origin,
    /// The value of the `Authorization` header.
    header: Option<String>,
    /// The token itself: a server may want it as `Bearer`.
    token: Option<String>,
    /// How a message calls them.
    name: String,
}

impl Credentials {
    /// Reads the credentials that belong to a URL; the token file is read anew each time.
    pub fn read(url: &HttpUrl, options: &Options) -> Result<Self, Error> {
        let user = url.user.as_ref();
        let mut secret = None;
        let (header, name) = match (&options.token_file, user) {
            (Some(path), user) => {
                let name = user.map_or(&options.username, |user| &user.name);
                let token = secret.insert(token(path)?);
                (Some(basic(name, token)), format!("the token of {}", path.display()))
            }
            (None, Some(user)) => {
                let password = user.password.as_deref().unwrap_or_default();
                (Some(basic(&user.name, password)), "the URL's user name and password".to_owned())
            }
            (None, None) => (None, "an anonymous reader".to_owned()),
        };
        if header.is_some() && !url.origin.tls {
            warn_once(url);
        }
        Ok(Self { origin: url.origin.clone(), header, token: secret, name })
    }

    /// From now on the token goes as `Bearer`. False if there is none, or if it went so already.
    pub fn use_bearer(&mut self) -> bool {
        let Some(token) = self.token.take() else { return false };
        self.header = Some(format!("Bearer {token}"));
        true
    }

    /// Whether the token goes as `Bearer`.
    pub fn is_bearer(&self) -> bool {
        self.header.as_ref().is_some_and(|header| header.starts_with("Bearer "))
    }

    /// The `Authorization` header for a server; `None` for any but the configured one: same scheme, host and port.
    pub fn header_for(&self, origin: &Origin) -> Option<&str> {
        self.header.as_deref().filter(|_| *origin == self.origin)
    }

    /// What was presented to a server, for a message.
    pub fn presented_to(&self, origin: &Origin) -> String {
        if self.header.is_some() && *origin != self.origin {
            return format!("an anonymous reader (credentials for {} are not sent to {origin})", self.origin);
        }
        self.name.clone()
    }
}

/// The value of a header for basic authentication.
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// The token in a file, without the white space around it.
fn token(path: &Path) -> Result<String, Error> {
    const WHAT: &str = "token file";
    let text = secret::read(WHAT, path, LONGEST)?;
    let token = text.trim_ascii();
    if token.is_empty() {
        return Err(secret::problem(WHAT, path, "is empty"));
    }
    match std::str::from_utf8(token) {
        Ok(token) if !token.chars().any(char::is_control) => Ok(token.to_owned()),
        _ => Err(secret::problem(
            WHAT,
            path,
            "holds more than one line, or binary data: one token is expected",
        )),
    }
}

/// Says, once per URL in the life of the program, that credentials go over the network unprotected.
fn warn_once(url: &HttpUrl) {
    let shown = url.to_string();
    if first_warning(&shown) {
        tracing::warn!(
            repository = shown,
            "credentials are sent unencrypted: the URL is http://, not https://"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::{Location, RepoUrl};

    fn url(text: &str) -> HttpUrl {
        match RepoUrl::parse(text).unwrap().location() {
            Location::Http(url) => url.clone(),
            _ => panic!("{text}"),
        }
    }

    fn header(text: &str, options: &Options) -> Option<String> {
        let url = url(text);
        let credentials = Credentials::read(&url, options).unwrap();
        let header = credentials.header_for(&url.origin)?.strip_prefix("Basic ")?.to_owned();
        Some(String::from_utf8(STANDARD.decode(header).unwrap()).unwrap())
    }

    #[test]
    fn a_token_file_is_trimmed_and_goes_with_the_user_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, " secret\n").unwrap();
        let options = Options { token_file: Some(path.clone()), ..Options::default() };
        assert_eq!(header("https://host/x", &options).as_deref(), Some("x-access-token:secret"));
        assert_eq!(header("https://oauth2@host/x", &options).as_deref(), Some("oauth2:secret"));
        std::fs::write(&path, "newer").unwrap();
        assert_eq!(header("https://host/x", &options).as_deref(), Some("x-access-token:newer"));
    }

    #[test]
    fn credentials_of_the_url_are_used() {
        let options = Options::default();
        assert_eq!(header("https://me:pass@host/x", &options).as_deref(), Some("me:pass"));
        assert_eq!(header("https://token@host/x", &options).as_deref(), Some("token:"));
        assert_eq!(header("https://host/x", &options), None);
    }

    #[test]
    fn no_other_server_sees_them() {
        let credentials = Credentials::read(&url("https://me:pass@host/x"), &Options::default()).unwrap();
        for other in ["https://host:444/x", "http://host/x", "https://host.evil/x", "https://sub.host/x"] {
            let other = url(other).origin;
            assert_eq!(credentials.header_for(&other), None, "{other}");
            assert!(credentials.presented_to(&other).contains("are not sent to"), "{other}");
        }
        assert!(credentials.header_for(&url("https://HOST:443/y").origin).is_some());
    }

    #[test]
    fn a_token_file_that_does_not_serve_is_named_without_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let options = Options { token_file: Some(path.clone()), ..Options::default() };
        let message = || Credentials::read(&url("https://host/x"), &options).err().unwrap().to_string();
        assert!(message().contains("token cannot be read"), "{}", message());
        std::fs::write(&path, " \n").unwrap();
        assert!(message().ends_with("token is empty"), "{}", message());
        std::fs::write(&path, "top\nsecret").unwrap();
        assert!(message().contains("more than one line") && !message().contains("secret"), "{}", message());
    }
}
