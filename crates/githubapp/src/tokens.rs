//! Tokens, exchanged when they are needed and kept while they are good.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use ureq::http::header::HeaderMap;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

use crate::Error;
use crate::answer::{self, Answer};
use crate::jwt::Key;
use crate::place::{self, Repository};

/// Tokens last an hour; they are renewed so long before their end.
const RENEWED_BEFORE: i64 = 600;
/// A token that cannot be renewed is used up to so long before its end.
const USED_UNTIL: i64 = 30;
/// Clocks that differ by less are taken for equal.
const SAME_CLOCK: i64 = 30;
/// The largest answer that is read; GitHub's has some kilobytes.
const LARGEST: u64 = 256 << 10;
/// The largest file of certificates that is read.
const LARGEST_PEM: u64 = 1 << 20;

/// An installation of an app.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct App {
    /// Number of the app.
    pub app_id: i64,
    /// Number of its installation.
    pub installation_id: i64,
    /// Base URL of the API.
    pub base: String,
}

/// How the API is reached.
#[derive(Debug, Clone)]
pub struct Options {
    /// A file (PEM) with certificates of private authorities, trusted besides the public ones.
    pub ca_file: Option<PathBuf>,
    /// For a connection, and for each silence of an answer.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { ca_file: None, timeout: Duration::from_secs(30) }
    }
}

/// A token for one repository. It does not show itself in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    secret: String,
    /// Its end by this machine's clock, in seconds since 1970.
    pub expires_at: i64,
}

impl Token {
    /// The token itself.
    pub fn secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Tokens by app, installation, base URL and the repository that they are narrowed to.
#[derive(Debug, Default)]
pub struct Tokens {
    options: Options,
    kept: BTreeMap<(App, Repository), Token>,
    /// Seconds that a server's clock is ahead of ours, where it was seen to differ.
    ahead: BTreeMap<String, i64>,
}

impl Tokens {
    /// Without any token yet.
    pub fn new(options: Options) -> Self {
        Self { options, ..Self::default() }
    }

    /// A token that reads this repository: one that is kept, or a new one. `key` is the app's private key in PEM, and
    /// is only looked at when a new token is needed.
    ///
    /// Errors: whatever keeps the API from giving one, unless the token that is kept is still good for a while.
    pub fn token(
        &mut self,
        app: &App,
        repository: &Repository,
        key: impl FnOnce() -> Result<Vec<u8>, Error>,
    ) -> Result<Token, Error> {
        self.token_at(now(), app, repository, key)
    }

    /// As [`Self::token`], with the time given, in seconds since 1970.
    #[doc(hidden)]
    pub fn token_at(
        &mut self,
        now: i64,
        app: &App,
        repository: &Repository,
        key: impl FnOnce() -> Result<Vec<u8>, Error>,
    ) -> Result<Token, Error> {
        let place = (app.clone(), repository.clone());
        let kept = self.kept.get(&place).filter(|token| token.expires_at - now > USED_UNTIL).cloned();
        if let Some(token) = kept.as_ref().filter(|token| token.expires_at - now > RENEWED_BEFORE) {
            return Ok(token.clone());
        }
        let renewed = key().and_then(|key| self.exchange(now, app, repository, &key));
        match (renewed, kept) {
            (Ok(token), _) => {
                self.kept.retain(|_, token| token.expires_at > now);
                self.kept.insert(place, token.clone());
                Ok(token)
            }
            (Err(error), Some(token)) => {
                tracing::warn!(%error, "the token could not be renewed yet; the one at hand is used");
                Ok(token)
            }
            (Err(error), None) => {
                self.kept.remove(&place);
                Err(error)
            }
        }
    }

    /// Forgets a token that a server has refused: the next is a new one.
    pub fn forget(&mut self, app: &App, repository: &Repository) {
        self.kept.remove(&(app.clone(), repository.clone()));
    }

    fn exchange(&mut self, now: i64, app: &App, repository: &Repository, key: &[u8]) -> Result<Token, Error> {
        let base = place::base(&app.base, repository)?;
        let key = Key::read(key, app.app_id)?;
        let agent = agent(&self.options)?;
        let mut ahead = self.ahead.get(&base).copied().unwrap_or(0);
        let mut answer = ask(&agent, &base, app, repository, &key.jwt(now + ahead)?)?;
        // Where the clocks differ a JWT is refused, and the end of a token means another time. The server says its own.
        if let Some(seen) =
            answer.date.map(|date| date - now).filter(|seen| (seen - ahead).abs() > SAME_CLOCK)
        {
            tracing::warn!(seconds = seen, %base, "this machine's clock differs from the server's; put it right");
            ahead = seen;
            if answer.status == 401 {
                answer = ask(&agent, &base, app, repository, &key.jwt(now + ahead)?)?;
            }
        }
        let granted = answer.read(app, repository.name(), &base)?;
        self.ahead.insert(base, ahead);
        Ok(Token { secret: granted.token, expires_at: granted.expires_at - ahead })
    }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}

fn ask(
    agent: &ureq::Agent,
    base: &str,
    app: &App,
    repository: &Repository,
    jwt: &str,
) -> Result<Answer, Error> {
    let url = format!("{base}/app/installations/{}/access_tokens", app.installation_id);
    let body = json!({"repositories": [repository.name()], "permissions": {"contents": "read"}}).to_string();
    let unreachable =
        |error: ureq::Error| Error::Unreachable { base: base.to_owned(), cause: error.to_string() };
    let response = agent
        .post(url)
        .header("Accept", "application/vnd.github+json")
        .header("X-GitHub-Api-Version", "2022-11-28")
        .header("Content-Type", "application/json")
        .header("Authorization", format!("Bearer {jwt}"))
        .send(body.as_bytes())
        .map_err(unreachable)?;
    let (parts, body) = response.into_parts();
    let mut bytes = Vec::new();
    let read = body.into_reader().take(LARGEST).read_to_end(&mut bytes);
    read.map_err(|error| Error::Unreachable { base: base.to_owned(), cause: error.to_string() })?;
    let header = |name: &str| text(&parts.headers, name);
    let retry_after = answer::retry_after(
        header("retry-after"),
        header("x-ratelimit-remaining"),
        header("x-ratelimit-reset"),
        now(),
    );
    let date = header("date").and_then(answer::date);
    Ok(Answer { status: parts.status.as_u16(), body: bytes, date, retry_after })
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn agent(options: &Options) -> Result<ureq::Agent, Error> {
    let public = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
    let mut trusted: Vec<_> = public.iter().map(|root| Certificate::from_der(root)).collect();
    if let Some(path) = &options.ca_file {
        trusted.extend(authorities(path)?);
    }
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::Specific(Arc::new(trusted)))
        .build();
    Ok(ureq::Agent::config_builder()
        .tls_config(tls)
        .https_only(true)
        .user_agent(concat!("stoker/", env!("CARGO_PKG_VERSION")))
        .http_status_as_error(false)
        // A JWT goes to the API that was named and to no other place.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_resolve(Some(options.timeout))
        .timeout_connect(Some(options.timeout))
        .timeout_recv_response(Some(options.timeout))
        .timeout_per_read(Some(options.timeout))
        .timeout_per_write(Some(options.timeout))
        .max_idle_connections(0)
        .build()
        .new_agent())
}

fn authorities(path: &Path) -> Result<Vec<Certificate<'static>>, Error> {
    let problem = |problem: String| Error::Authority { path: path.display().to_string(), problem };
    let mut pem = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST_PEM).read_to_end(&mut pem))
        .map_err(|error| problem(format!("cannot be read: {error}")))?;
    let items: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if items.is_empty() {
        Err(problem("holds no certificate (BEGIN CERTIFICATE)".to_owned()))
    } else {
        Ok(items)
    }
}
