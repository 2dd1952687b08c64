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
