//! What can go wrong between a repository and this program.

use std::io;
use std::time::Duration;

use stoker_object::ObjectId;

use crate::text;

/// Why something could not be resolved, fetched, read or kept. No variant holds a credential.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What went wrong at a repository; `source` is never `At` itself.
    #[error("{repository}: {source}")]
    At {
        /// The repository's URL, without credentials.
        repository: String,
        /// What happened there.
        source: Box<Error>,
    },

    /// The URL is none that this version can use.
    #[error("the repository URL {url:?} {problem}")]
    InvalidUrl {
        /// The URL, without credentials.
        url: String,
        /// What is wrong with it, and what would be right.
        problem: &'static str,
    },
    /// A file with a token or with certificates does not serve.
    #[error("the {what} {path} {problem}")]
    Credential {
        /// What the file is.
        what: &'static str,
        /// Where it is.
        path: String,
        /// What is wrong with it; never its content.
        problem: String,
    },

    /// No connection, or it broke.
    #[error("failed to {what}: {cause}")]
    Unreachable {
        /// What was tried: it continues "failed to".
        what: String,
        /// What the system or the TLS library said.
        cause: String,
    },
    /// The server accepted the connection and then said nothing.
    #[error("the server did not answer within {} s while {during}", limit.as_secs())]
    Silent {
        /// What was waited for.
        during: &'static str,
        /// How long.
        limit: Duration,
    },
    /// The server sends, but so little that it would never be done.
    #[error("the server sent {bytes} bytes in {} s, which is as good as none", during.as_secs())]
    TooSlow {
        /// What came.
        bytes: u64,
        /// In which time.
        during: Duration,
    },
    /// The connection ended where more had to come.
    #[error("the server ended the connection {0}")]
    CutOff(&'static str),
    /// The answer is not what the protocol allows.
    #[error("the server does not speak Git's protocol as expected: {0}")]
    Protocol(String),
    /// The server answered with an error of its own.
    #[error("the server refused: {0}")]
    Server(String),
    /// An HTTP status that leaves nothing to hope for but another attempt.
    #[error("the server answered with HTTP status {status}{}", text::said(said))]
    Status {
        /// The status code.
        status: u16,
        /// The server's own words, cut to 200 printable characters; may be empty.
        said: String,
        /// What it asked to wait (`Retry-After`).
        retry_after: Option<Duration>,
    },
    /// 401 or 403.
    #[error("the server refused {with} (HTTP status {status}){}", text::said(said))]
    AuthFailed {
        /// The status code.
        status: u16,
        /// What was presented: a token from a named file, a password, nothing.
        with: String,
        /// The server's own words, cut to 200 printable characters; may be empty.
        said: String,
    },
    /// The server has a host key that nothing vouches for.
    #[error(
        "the host key of {host} ({key}) is not in {known_hosts}: compare it with what the server's people say, then add it there"
    )]
    HostKeyUnknown {
        /// The host as the file would name it: with `[…]:port` where the port is not 22.
        host: String,
        /// Its type and fingerprint, such as `ssh-ed25519 SHA256:…`.
        key: String,
        /// The file that was looked at.
        known_hosts: String,
    },
    /// The server has another host key than the file says, or one that is revoked there.
    #[error(
        "the host key of {host} is {key}, but {known_hosts} has {expected}: either the server got a new key, or something else answers in its place; nothing was sent to it"
    )]
    HostKeyChanged {
        /// The host as the file would name it.
        host: String,
        /// Type and fingerprint of the key that the server has.
        key: String,
        /// Types, fingerprints and lines of the keys that the file has.
        expected: String,
        /// The file that was looked at.
        known_hosts: String,
    },
    /// The server does not let us in by ssh.
    #[error("{host} does not accept {with} for the user {user:?}{}", text::said(said))]
    KeyRefused {
        /// The server.
        host: String,
        /// The user.
        user: String,
        /// What was presented: a key's fingerprint and file.
        with: String,
        /// The server's own words or the ways that it would accept; may be empty.
        said: String,
    },
    /// A proxy does not let us through.
    #[error("the proxy {proxy} does not connect to {target}: {why}{}", status_of(*status))]
    ProxyRefused {
        /// The proxy, without credentials.
        proxy: String,
        /// Where to.
        target: String,
        /// Its HTTP status, if it gave one.
        status: Option<u16>,
        /// What that means.
        why: &'static str,
    },
    /// The server asks for a client certificate, or does not accept ours.
    #[error("the server does not accept {with}: {why}")]
    CertificateRefused {
        /// What was presented: a named certificate, or none.
        with: String,
        /// What the server or its TLS said.
        why: String,
    },
    /// The server does not know the repository, or hides it from these credentials.
    #[error("there is no such repository, or {with} may not read it{}", text::said(said))]
    NotFound {
        /// What was presented.
        with: String,
        /// The server's own words, cut to 200 printable characters; may be empty.
        said: String,
    },
    /// A redirect that is not followed.
    #[error("the server redirects to {to}, which is not followed: {why}")]
    Redirect {
        /// Where to, without credentials and query.
        to: String,
        /// Why not, and what to do.
        why: &'static str,
    },

    /// The server, or the repository, needs what this program does not do.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The repository has no commit at all.
    #[error("the repository is empty: push a commit first")]
    EmptyRepository,
    /// No branch or tag has that name.
    #[error("there is no branch or tag {reference:?}{}", hint(similar, *abbreviated))]
    UnknownRef {
        /// What was asked for.
        reference: String,
        /// Up to three names that look like it.
        similar: Vec<String>,
        /// Whether it looks like the beginning of a commit id.
        abbreviated: bool,
    },
    /// The ref exists and does not lead to a commit.
    #[error("{reference:?} does not lead to a commit: {why}")]
    NotACommit {
        /// What was asked for.
        reference: String,
        /// What it leads to.
        why: &'static str,
    },
    /// The server does not have the commit (any more), or does not give it out.
    #[error(
        "the server has no commit {commit} (any more): it was removed by a forced push, or never pushed{}",
        text::said(said)
    )]
    RefGone {
        /// The commit that was asked for.
        commit: ObjectId,
        /// The server's own words, cut to 200 printable characters; may be empty.
        said: String,
    },
    /// The server sent everything it had to, and this object was not there.
    #[error("the server did not send {what} {id}, which was asked for")]
    NotSent {
        /// What the object is.
        what: &'static str,
        /// Its id.
        id: ObjectId,
    },

    /// The bytes of a large file that lies beside the repository cannot be had, or are not what they should be.
    #[error("the LFS object {oid}: {why}")]
    Lfs {
        /// Its SHA-256.
        oid: String,
        /// Why not, and what to do.
        why: String,
    },
    /// The pack that was received breaks the format, or does not hold what it promises.
    #[error("the pack is damaged at byte {offset}: {what}")]
    Pack {
        /// Bytes from the pack's beginning to the object (or part) that is wrong.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// A repository or an object in it is damaged; nothing that came over a network.
    #[error("{0}")]
    Corrupt(String),
    /// A limit stopped the work before it used more of the machine.
    #[error("{what} is {value}, more than the limit of {limit}")]
    Limit {
        /// What was counted, with its unit.
        what: &'static str,
        /// What it came to (at least).
        value: u64,
        /// What is allowed.
        limit: u64,
    },
    /// Reading or writing failed.
    #[error("failed to {what}: {source}")]
    Io {
        /// What was tried, and where: it continues "failed to".
        what: String,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// The word for conditions, events and metrics, from the bounded list of the public contract.
    pub fn reason(&self) -> &'static str {
        match self.cause() {
            Self::At { .. } | Self::Corrupt(_) => "Internal",
            Self::InvalidUrl { .. } | Self::Unsupported(_) => "UnsupportedFeature",
            Self::Credential { .. }
            | Self::AuthFailed { .. }
            | Self::HostKeyUnknown { .. }
            | Self::HostKeyChanged { .. }
            | Self::KeyRefused { .. }
            | Self::ProxyRefused { status: Some(407), .. }
            | Self::CertificateRefused { .. } => "AuthFailed",
            Self::Unreachable { .. }
            | Self::Silent { .. }
            | Self::TooSlow { .. }
            | Self::CutOff(_)
            | Self::Protocol(_)
            | Self::Server(_)
            | Self::Status { .. }
            | Self::NotFound { .. }
            | Self::ProxyRefused { .. }
            | Self::Redirect { .. }
            | Self::NotSent { .. }
            | Self::Lfs { .. }
            | Self::Pack { .. } => "GitUnreachable",
            Self::EmptyRepository
            | Self::UnknownRef { .. }
            | Self::NotACommit { .. }
            | Self::RefGone { .. } => "RefGone",
            Self::Limit { .. } => "LimitExceeded",
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "DiskFull",
                _ => "Internal",
            },
        }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self.cause() {
            Self::Unreachable { .. }
            | Self::Silent { .. }
            | Self::TooSlow { .. }
            | Self::CutOff(_)
            | Self::Server(_)
            | Self::NotSent { .. }
            | Self::Lfs { .. }
            | Self::Pack { .. } => true,
            Self::ProxyRefused { status, .. } => !matches!(status, Some(403 | 407)),
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            _ => false,
        }
    }

    /// What the server asked to wait before the next attempt.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.cause() {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The error itself, without the name of the repository around it.
    pub fn cause(&self) -> &Self {
        match self {
            Self::At { source, .. } => source,
            other => other,
        }
    }

    /// Names the repository, unless the fault lies on this machine (disk, limits) or the text names it already.
    pub(crate) fn at(self, repository: &str) -> Self {
        match self {
            Self::At { .. }
            | Self::InvalidUrl { .. }
            | Self::Credential { .. }
            | Self::Corrupt(_)
            | Self::Limit { .. }
            | Self::Io { .. } => self,
            source => Self::At { repository: repository.to_owned(), source: Box::new(source) },
        }
    }

    /// An error of reading or writing. One that came through an `io::Read` of this crate is taken out again.
    pub(crate) fn io(what: impl Into<String>, source: io::Error) -> Self {
        match source.downcast::<Self>() {
            Ok(error) => error,
            Err(source) => Self::Io { what: what.into(), source },
        }
    }

    /// The way through an `io::Read`; [`Error::io`] is the way back.
    pub(crate) fn into_io(self) -> io::Error {
        io::Error::other(self)
    }
}

fn status_of(status: Option<u16>) -> String {
    status.map_or_else(String::new, |status| format!(" (HTTP status {status})"))
}

fn hint(similar: &[String], abbreviated: bool) -> String {
    if abbreviated {
        return "; if it is a commit, give all forty digits of its id".to_owned();
    }
    match similar {
        [] => String::new(),
        names => {
            let names: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
            format!("; similar: {}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_way_through_a_reader() {
        let error = Error::io("read", Error::CutOff("early").into_io());
        assert!(matches!(error, Error::CutOff("early")), "{error:?}");
        let error = Error::io("read x", io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!((error.reason(), error.is_transient()), ("DiskFull", false));
    }

    #[test]
    fn the_repository_is_named_once_and_seen_through() {
        let error = Error::CutOff("early").at("https://host/x").at("https://host/y");
        assert_eq!(error.to_string(), "https://host/x: the server ended the connection early");
        assert_eq!((error.reason(), error.is_transient()), ("GitUnreachable", true));
        let busy =
            Error::Status { status: 429, said: String::new(), retry_after: Some(Duration::from_secs(7)) };
        assert_eq!(busy.at("x").retry_after(), Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_message_gives_the_next_step() {
        let unknown = |similar: &[&str], abbreviated| Error::UnknownRef {
            reference: "mian".into(),
            similar: similar.iter().map(|name| (*name).to_owned()).collect(),
            abbreviated,
        };
        assert_eq!(
            unknown(&["main", "maint"], false).to_string(),
            "there is no branch or tag \"mian\"; similar: \"main\", \"maint\""
        );
        assert_eq!(unknown(&[], false).to_string(), "there is no branch or tag \"mian\"");
        assert!(unknown(&[], true).to_string().ends_with("give all forty digits of its id"));
    }
}
