//! One look at one repository, on a thread of its own: it blocks.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use stoker_api::names::conditions::reasons;
use stoker_api::names::objects::{TLS_CERT_KEY, TLS_KEY_KEY};
use stoker_git::{Error, Options, ProxyOptions, Remote, RepoUrl};
use stoker_githubapp::{App, Repository, Tokens};

use super::access::{self, Access, Auth, Files, SecretValue};
use super::board::Token;
use super::host::{HostPolicy, Refusal};
use super::schedule::Outcome;
use crate::decide::Failure;
use crate::text::{cut, redacted};

const CONNECT: Duration = Duration::from_secs(5);
const FIRST_BYTE: Duration = Duration::from_secs(15);
const SILENCE: Duration = Duration::from_secs(10);

/// What looks are done with.
pub struct Looker {
    policy: HostPolicy,
    /// Where secrets may be files for a moment; best a tmpfs.
    run_directory: PathBuf,
    /// Installation tokens, each behind a lock of its own: an API that does not answer keeps nobody else waiting.
    tokens: Mutex<BTreeMap<Place, Arc<Mutex<Source>>>>,
}

/// What a token is for, and who vouches for the API there.
type Place = (App, Repository, Option<SecretValue>);

/// Tokens of one place, and the file that its API's authority is in.
struct Source {
    tokens: Tokens,
    _files: Option<Files>,
}

/// What a look has seen.
pub struct Seen {
    /// Each ref's commit, or what the server says about it.
    pub answers: BTreeMap<String, Result<String, Failure>>,
    /// Why nothing could be asked at all.
    pub failure: Option<Failure>,
    pub token: Option<Token>,
    pub outcome: Outcome,
}

impl Seen {
    /// Nothing was seen.
    pub fn failed(access: &Access, words: &str) -> Self {
        let message = format!("{}: {words}", redacted(&access.url));
        let failure = Failure { reason: reasons::REF_RESOLUTION_FAILED, message, transient: true };
        Self::nothing(failure, Outcome::Failed { pause: None })
    }

    fn nothing(failure: Failure, outcome: Outcome) -> Self {
        Self { answers: BTreeMap::new(), failure: Some(failure), token: None, outcome }
    }

    fn refused(refusal: &Refusal) -> Self {
        let failure = Failure {
            reason: reasons::REF_RESOLUTION_FAILED,
            message: refusal.to_string(),
            transient: refusal.is_transient(),
        };
        let outcome =
            if refusal.is_transient() { Outcome::Failed { pause: None } } else { Outcome::Hopeless };
        Self::nothing(failure, outcome)
    }

    fn without_token(error: &stoker_githubapp::Error) -> Self {
        let failure = Failure {
            reason: reasons::GITHUB_APP_EXCHANGE_FAILED,
            message: cut(&error.to_string(), 500),
            transient: error.is_transient(),
        };
        Self::nothing(failure, Outcome::Failed { pause: error.retry_after() })
    }

    fn unreadable(error: &Error) -> Self {
        let outcome = Outcome::Failed { pause: error.retry_after() };
        Self::nothing(failure_of(error), outcome)
    }
}

impl Looker {
    /// Looks only where the policy allows; secrets are files below `run_directory` for the length of a look.
    pub fn new(policy: HostPolicy, run_directory: PathBuf) -> Self {
        Self { policy, run_directory, tokens: Mutex::default() }
    }

    /// Looks refs up.
    pub fn look(&self, access: &Access, references: &[String]) -> Seen {
        match self.try_look(access, references) {
            Ok(seen) => seen,
            Err(Problem::Refused(refusal)) => Seen::refused(&refusal),
            Err(Problem::Git(error)) => Seen::unreadable(&error),
            Err(Problem::App(error)) => Seen::without_token(&error),
            Err(Problem::Disk(error)) => {
                let words = format!("cannot write below {}: {error}", self.run_directory.display());
                Seen::failed(access, &words)
            }
        }
    }

    fn try_look(&self, access: &Access, references: &[String]) -> Result<Seen, Problem> {
        let host = self.policy.check_url(&access.url)?;
        self.policy.check_addresses(&host)?;
        let token = match &access.auth {
            Auth::GitHubApp(app) => Some(self.token(access, app)?),
            _ => None,
        };
        let files = Files::new(&self.run_directory)?;
        let (options, _certificate) = self.options(access, token.as_ref(), &files)?;
        let url = RepoUrl::parse(&access.url)?;
        let mut remote = Remote::open(&url, &options)?;
        let mut seen = Seen { answers: BTreeMap::new(), failure: None, token, outcome: Outcome::Answered };
        for reference in references {
            let answer = match remote.resolve(reference) {
                Ok(resolved) => Ok(resolved.commit.to_string()),
                Err(error) if is_of_the_ref(&error) => {
                    seen.outcome = Outcome::RefMissing;
                    Err(failure_of(&error))
                }
                Err(error) => {
                    if matches!(error.cause(), Error::AuthFailed { .. }) {
                        self.forget_token(access);
                    }
                    return Err(error.into());
                }
            };
            seen.answers.insert(reference.clone(), answer);
        }
        Ok(seen)
    }

    /// An installation token for one repository and `contents: read`, a kept one where it is good for a while.
    fn token(&self, access: &Access, app: &access::App) -> Result<Token, Problem> {
        let api = self.policy.check_api_url(&app.api)?;
        self.policy.check_addresses(&api)?;
        let place = place(access, app)?;
        let known = locked(&self.tokens).get(&place).cloned();
        let source = if let Some(source) = known {
            source
        } else {
            let source = Arc::new(Mutex::new(self.source(place.2.as_ref())?));
            Arc::clone(locked(&self.tokens).entry(place.clone()).or_insert(source))
        };
        let granted = locked(&source).tokens.token(&place.0, &place.1, || Ok(app.key.0.to_vec()))?;
        Ok(Token {
            value: granted.secret().into(),
            expires: Timestamp::from_second(granted.expires_at).unwrap_or(Timestamp::UNIX_EPOCH),
            app_id: app.number,
            installation_id: app.installation,
        })
    }

    fn source(&self, ca: Option<&SecretValue>) -> std::io::Result<Source> {
        let mut options = stoker_githubapp::Options { timeout: FIRST_BYTE, ..Default::default() };
        let files = ca.map(|_| Files::new(&self.run_directory)).transpose()?;
        if let (Some(files), Some(ca)) = (&files, ca) {
            options.ca_file = Some(files.put("ca.pem", ca)?);
        }
        Ok(Source { tokens: Tokens::new(options), _files: files })
    }

    /// A token that the server refused: the next look asks for another.
    fn forget_token(&self, access: &Access) {
        if let Auth::GitHubApp(app) = &access.auth
            && let Ok(place) = place(access, app)
        {
            locked(&self.tokens).remove(&place);
        }
    }

    /// What the Git library is told, and the directory of the client certificate, which must outlive the look.
    fn options(
        &self,
        access: &Access,
        token: Option<&Token>,
        files: &Files,
    ) -> std::io::Result<(Options, Option<Files>)> {
        let mut options = Options {
            connect_timeout: CONNECT,
            first_byte_timeout: FIRST_BYTE,
            silence_timeout: SILENCE,
            scratch: files.path().to_owned(),
            guard: Some(Arc::new(self.policy.clone())),
            ..Options::default()
        };
        match &access.auth {
            Auth::None => {}
            Auth::GitHubApp(_) => {
                if let Some(token) = token {
                    options.token_file =
                        Some(files.put("token", &SecretValue(token.value.as_bytes().into()))?);
                }
            }
            Auth::Token(token) => options.token_file = Some(files.put("token", token)?),
            Auth::Ssh { key, known_hosts } => {
                options.ssh_key_file = Some(files.put("key", key)?);
                if let Some(known_hosts) = known_hosts {
                    options.known_hosts_file = Some(files.put("known_hosts", known_hosts)?);
                }
            }
        }
        if let Some(ca) = &access.ca {
            options.ca_file = Some(files.put("ca.pem", ca)?);
        }
        if let Some(proxy) = &access.proxy {
            let auth_file = proxy.credentials.as_ref().map(|value| files.put("proxy", value)).transpose()?;
            let no_proxy = proxy.except.clone().unwrap_or_default();
            options.proxy = Some(ProxyOptions { url: proxy.url.clone(), auth_file, no_proxy });
        }
        let mut certificate = None;
        if let Some((chain, key)) = &access.client_certificate {
            let directory = files.below("client-")?;
            directory.put(TLS_CERT_KEY, chain)?;
            directory.put(TLS_KEY_KEY, key)?;
            options.client_cert_dir = Some(directory.path().to_owned());
            certificate = Some(directory);
        }
        Ok((options, certificate))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn place(access: &Access, app: &access::App) -> Result<Place, stoker_githubapp::Error> {
    let repository = Repository::of_url(&access.url)?;
    let base = app.api.clone();
    let app = App { app_id: app.number, installation_id: app.installation, base };
    Ok((app, repository, access.ca.clone()))
}

/// Whether the server answered, and the answer is about this one ref.
fn is_of_the_ref(error: &Error) -> bool {
    matches!(error.cause(), Error::UnknownRef { .. } | Error::NotACommit { .. } | Error::RefGone { .. })
}

fn failure_of(error: &Error) -> Failure {
    let transient = error.is_transient() || matches!(error.cause(), Error::EmptyRepository);
    // Paths of this program's own files mean nothing to whoever reads the status.
    let message = match error.cause() {
        Error::Credential { what, problem, .. } => {
            format!("the {what} that the resource refers to {problem}")
        }
        _ => error.to_string(),
    };
    Failure { reason: reasons::REF_RESOLUTION_FAILED, message: cut(&message, 500), transient }
}

enum Problem {
    Refused(Refusal),
    App(stoker_githubapp::Error),
    Git(Error),
    Disk(std::io::Error),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<stoker_githubapp::Error> for Problem {
    fn from(error: stoker_githubapp::Error) -> Self {
        Self::App(error)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Git(error)
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Self::Disk(error)
    }
}
