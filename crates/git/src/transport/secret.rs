//! Files that hold credentials: mounted Secrets, read anew whenever they are needed, because they change by a rename.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::Error;

/// A file's content, of at most `longest` bytes. `what` names it in messages: "token file".
pub(super) fn read(what: &'static str, path: &Path, longest: u64) -> Result<Vec<u8>, Error> {
    let mut content = Vec::new();
    File::open(path)
        .and_then(|file| file.take(longest + 1).read_to_end(&mut content))
        .map_err(|error| problem(what, path, format!("cannot be read: {error}")))?;
    if content.len() as u64 > longest {
        return Err(problem(what, path, format!("is larger than {longest} bytes")));
    }
    Ok(content)
}

/// What changes with a file: inode, length, time of the last change. `None` while there is no such file.
pub(super) type Stamp = Option<(u64, u64, i64, i64)>;

/// A file as it is now, behind all links: an update of a mounted Secret renames the directory `..data`.
pub(super) fn stamp(path: &Path) -> Stamp {
    use std::os::unix::fs::MetadataExt as _;
    let now = std::fs::metadata(path).ok()?;
    Some((now.ino(), now.len(), now.mtime(), now.mtime_nsec()))
}

/// What is wrong with a file; `words` hold nothing of its content.
pub(super) fn problem(what: &'static str, path: &Path, words: impl Into<String>) -> Error {
    Error::Credential { what, path: path.display().to_string(), problem: words.into() }
}

/// Whether this is the first time in the life of the program that `about` is to be warned of.
pub(super) fn first_warning(about: &str) -> bool {
    static WARNED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    warned.len() < 1000 && warned.insert(about.to_owned())
}
