//! One look at one repository, on a thread of its own: it blocks.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use stoker_api::names::conditions::reasons;
use stoker_git::{Error, Options, Remote, RepoUrl};

use super::access::{Access, Auth, Files};
use super::board::Token;
use super::host::{HostPolicy, Refusal};
use super::schedule::Outcome;
use crate::decide::Failure;
use crate::text::{cut, redacted};

const CONNECT: Duration = Duration::from_secs(5);
const FIRST_BYTE: Duration = Duration::from_secs(15);
const SILENCE: Duration = Duration::from_secs(10);

/// What looks are done with.
#[derive(Clone, Debug)]
pub struct Looker {
    pub policy: HostPolicy,
    /// Where secrets may be files for a moment; best a tmpfs.
    pub run_directory: PathBuf,
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

    fn unreadable(error: &Error) -> Self {
        let outcome = Outcome::Failed { pause: error.retry_after() };
        Self::nothing(failure_of(error), outcome)
    }
}

impl Looker {
    /// Looks refs up.
    pub fn look(&self, access: &Access, references: &[String]) -> Seen {
        match self.try_look(access, references) {
            Ok(seen) => seen,
            Err(Problem::Refused(refusal)) => Seen::refused(&refusal),
            Err(Problem::Git(error)) => Seen::unreadable(&error),
            Err(Problem::Disk(error)) => {
                let words = format!("cannot write below {}: {error}", self.run_directory.display());
                Seen::failed(access, &words)
            }
        }
    }

    fn try_look(&self, access: &Access, references: &[String]) -> Result<Seen, Problem> {
        let host = self.policy.check_url(&access.url)?;
        self.policy.check_addresses(&host)?;
        let files = Files::new(&self.run_directory)?;
        let options = options(access, &files)?;
        let url = RepoUrl::parse(&access.url)?;
        let mut remote = Remote::open(&url, &options)?;
        let mut seen =
            Seen { answers: BTreeMap::new(), failure: None, token: None, outcome: Outcome::Answered };
        for reference in references {
            let answer = match remote.resolve(reference) {
                Ok(resolved) => Ok(resolved.commit.to_string()),
                Err(error) if is_of_the_ref(&error) => {
                    seen.outcome = Outcome::RefMissing;
                    Err(failure_of(&error))
                }
                Err(error) => return Err(error.into()),
            };
            seen.answers.insert(reference.clone(), answer);
        }
        Ok(seen)
    }
}

fn options(access: &Access, files: &Files) -> std::io::Result<Options> {
    let mut options = Options {
        connect_timeout: CONNECT,
        first_byte_timeout: FIRST_BYTE,
        silence_timeout: SILENCE,
        scratch: files.path().to_owned(),
        ..Options::default()
    };
    match &access.auth {
        Auth::None | Auth::GitHubApp(_) => {}
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
    Ok(options)
}

/// Whether the server answered, and the answer is about this one ref.
fn is_of_the_ref(error: &Error) -> bool {
    matches!(error.cause(), Error::UnknownRef { .. } | Error::NotACommit { .. } | Error::RefGone { .. })
}

fn failure_of(error: &Error) -> Failure {
    let transient = error.is_transient() || matches!(error.cause(), Error::EmptyRepository);
    // Paths of this program's own files mean nothing to whoever reads the status.
    let message = match error.cause() {
        Error::Credential { what, problem, .. } => format!("the {what} that the resource refers to {problem}"),
        _ => error.to_string(),
    };
    Failure { reason: reasons::REF_RESOLUTION_FAILED, message: cut(&message, 500), transient }
}

enum Problem {
    Refused(Refusal),
    Git(Error),
    Disk(std::io::Error),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
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
