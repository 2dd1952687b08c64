//! Why something did not succeed: one word for programs, one message for people, one exit code.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use stoker_api::Reason;

/// Bad usage (`sysexits.h`).
pub const USAGE: u8 = 64;

/// A failure of a sync or of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The word of the contract's bounded list.
    pub reason: Reason,
    /// The thing, the place and the next step.
    pub message: String,
    /// The exit code of `--once` and of commands (design, section 3).
    pub code: Code,
    /// What a server asked to wait before the next try.
    pub retry_after: Option<Duration>,
}

/// Exit codes (`sysexits.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The repository, a template, a patch.
    Data = 65,
    /// Git or the gateway cannot be reached.
    Unavailable = 69,
    /// A fault of this program.
    Software = 70,
    /// Disk, rights.
    System = 71,
    /// Held, in use, Designers.
    NotNow = 75,
    /// Credentials.
    Refused = 77,
    /// The manifest.
    Config = 78,
}

impl Failure {
    pub fn new(reason: Reason, code: Code, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), code, retry_after: None }
    }

    pub fn config(message: impl Into<String>) -> Self {
        Self::new(Reason::Internal, Code::Config, message)
    }

    pub fn system(message: impl Into<String>) -> Self {
        Self::new(Reason::Internal, Code::System, message)
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<stoker_sync::Error> for Failure {
    fn from(error: stoker_sync::Error) -> Self {
        let code = match &error {
            _ if error.is_bad_data() => Code::Data,
            stoker_sync::Error::Busy { .. } | stoker_sync::Error::Stopped => Code::NotNow,
            stoker_sync::Error::NoGeneration { .. } => Code::Data,
            stoker_sync::Error::Io { .. } | stoker_sync::Error::DiskFull { .. } => Code::System,
            _ => Code::Software,
        };
        Self::new(word(error.reason()), code, error.to_string())
    }
}

impl From<stoker_git::Error> for Failure {
    fn from(error: stoker_git::Error) -> Self {
        let reason = word(error.reason());
        let code = match reason {
            Reason::AuthFailed => Code::Refused,
            Reason::GitUnreachable => Code::Unavailable,
            Reason::DiskFull => Code::System,
            Reason::RefGone => Code::Data,
            _ if error.is_transient() => Code::Unavailable,
            _ => Code::Data,
        };
        let message = format!("{error}{}", next_step(error.cause()));
        Self { retry_after: error.retry_after(), ..Self::new(reason, code, message) }
    }
}

/// What the manifest or the Secrets offer against a fault of the repository. Git's side knows neither.
fn next_step(error: &stoker_git::Error) -> &'static str {
    use stoker_git::Error;
    match error {
        Error::UnknownRef { abbreviated: false, .. } | Error::NotACommit { .. } => {
            ". Correct spec.git.ref, or push it"
        }
        Error::HostKeyUnknown { .. } | Error::HostKeyChanged { .. } => {
            ". The file is the one of spec.git.auth.sshKey.knownHosts"
        }
        Error::KeyRefused { .. } => {
            ". Give the repository's people the public half of the key of spec.git.auth.sshKey, or give another key"
        }
        Error::CertificateRefused { .. } => ". Check spec.git.tls.clientCertSecretRef",
        Error::ProxyRefused { status: Some(407), .. } => ". Give spec.git.proxy.secretRef a user:password",
        Error::ProxyRefused { .. } => ". Check spec.git.proxy, and what the proxy allows",
        Error::AuthFailed { .. } => ". Give spec.git.auth a token that may read the repository",
        Error::Credential { .. } => ". Put the Secret's key there; it is read anew at every attempt",
        Error::NotFound { .. } => {
            ". Check spec.git.repo, and what the token or key of spec.git.auth may read"
        }
        Error::Unreachable { .. } => ". Check spec.git.repo and the way to it",
        _ => "",
    }
}

impl From<stoker_ignition::Error> for Failure {
    fn from(error: stoker_ignition::Error) -> Self {
        let code = match error.reason() {
            "AuthFailed" => Code::Refused,
            _ => Code::Unavailable,
        };
        Self::new(Reason::ScanFailed, code, error.to_string())
    }
}

/// A crate's word as the contract's.
fn word(reason: &str) -> Reason {
    serde_json::from_value(reason.into()).unwrap_or(Reason::Internal)
}
