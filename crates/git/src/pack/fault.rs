use std::borrow::Cow;
use std::io;
use std::path::Path;

use crate::error::Error;

/// Why an object could not be read, before it is known to whom and about which place to say it.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The bytes break the format.
    Damaged(Cow<'static, str>),
    /// The packed bytes could not be read.
    Read(io::Error),
    /// Anything else, already complete.
    Error(Error),
}

impl Fault {
    /// The bytes break the format in this way.
    pub fn damaged(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Damaged(what.into())
    }

    /// Adapts an I/O error: `what` continues "failed to".
    pub fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Error(Error::Io { what: what.to_owned(), source })
    }

    /// Completes the fault as one of the pack's bytes from `offset` on.
    pub fn in_pack(self, offset: u64) -> Error {
        match self {
            Self::Damaged(what) => Error::Pack { offset, what: what.into_owned() },
            Self::Read(source) => Error::io("receive the pack", source),
            Self::Error(error) => error,
        }
    }

    /// Completes the fault as one of a file in a repository on disk.
    pub fn in_file(self, path: &Path, at: u64) -> Error {
        let path = path.display();
        match self {
            Self::Damaged(what) => Error::Corrupt(format!(
                "{path} is damaged at byte {at} ({what}): run `git fsck` in the repository"
            )),
            Self::Read(source) => Error::Io { what: format!("read {path}"), source },
            Self::Error(error) => error,
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}
