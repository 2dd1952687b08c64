use std::fmt;

use stoker_object::ObjectId;

/// What was to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A commit.
    Commit(ObjectId),
    /// An annotated tag, by its name.
    Tag(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit(id) => write!(f, "the commit {id}"),
            Self::Tag(name) => write!(f, "the tag {name:?}"),
        }
    }
}

impl Subject {
    fn how(&self) -> &'static str {
        match self {
            Self::Commit(_) => "git commit -S",
            Self::Tag(_) => "git tag -s",
        }
    }
}

/// Why a signature does not count. Keys are named by their fingerprints, as `ssh-keygen -l` and `gpg` print them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is none.
    #[error("{0} is not signed. Sign it with a trusted key ({how}), and push that", how = .0.how())]
    Unsigned(Subject),
    /// What stands there is no signature that is understood.
    #[error("the signature of {subject} cannot be read: {why}. Sign it again ({how})", how = .subject.how())]
    Unreadable {
        /// What bears it.
        subject: Subject,
        /// What is wrong with it.
        why: String,
    },
    /// It was made by a key that nobody vouches for.
    #[error(
        "{subject} is signed with {key}, which is not trusted. If it should be, add it to {place} of the Secret of git.verify; if not, ask who pushed it"
    )]
    Unknown {
        /// What bears it.
        subject: Subject,
        /// The key, by its kind and fingerprint.
        key: String,
        /// Where keys of this kind stand.
        place: &'static str,
    },
    /// The key is known, and does not count (any more, or yet).
    #[error("{subject} is signed with {key} of {signer}, which {why}. {next}")]
    Ended {
        /// What bears it.
        subject: Subject,
        /// The key.
        key: String,
        /// Whose it is.
        signer: String,
        /// Expired, revoked, not yet valid, not meant for this.
        why: String,
        /// What to do.
        next: &'static str,
    },
    /// The bytes are not those that were signed.
    #[error(
        "the signature of {subject} by {key} of {signer} does not match its content: it was changed after it was signed, or the signature was copied from elsewhere. Do not trust it; ask who pushed it"
    )]
    Bad {
        /// What bears it.
        subject: Subject,
        /// The key that it names.
        key: String,
        /// Whose it is.
        signer: String,
    },
}

impl Fault {
    /// The word for conditions, events and metrics, from the bounded list of the public contract.
    pub fn reason(&self) -> &'static str {
        "SignatureInvalid"
    }
}

/// Why a file of keys does not serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {why}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct KeyFault {
    /// The file's name.
    pub file: String,
    /// The line, counted from 1, where there is one to point at.
    pub line: Option<usize>,
    /// What is wrong and what would be right.
    pub why: String,
}

/// What is wrong with a signature, before it is known whose it is.
pub(crate) enum Verdict {
    Unreadable(String),
    Unknown { key: String },
    Ended { key: String, signer: String, why: String, next: &'static str },
    Bad { key: String, signer: String },
}

impl Verdict {
    pub(crate) fn of(self, subject: Subject, place: &'static str) -> Fault {
        match self {
            Self::Unreadable(why) => Fault::Unreadable { subject, why },
            Self::Unknown { key } => Fault::Unknown { subject, key, place },
            Self::Ended { key, signer, why, next } => Fault::Ended { subject, key, signer, why, next },
            Self::Bad { key, signer } => Fault::Bad { subject, key, signer },
        }
    }
}
