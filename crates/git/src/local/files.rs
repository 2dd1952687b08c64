use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

use crate::error::Error;

/// Opens a file for reading; `None` if there is none. Links are followed, as git does; a pipe that
/// lies where a file should is not waited for.
pub(super) fn open(path: &Path) -> Result<Option<File>, Error> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = match opened {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        outcome => outcome.map_err(failed("open", path))?,
    };
    let is_file = file.metadata().map_err(failed("look at", path))?.is_file();
    Ok(is_file.then_some(file))
}

/// The text of a small file; `None` if there is none. More than `limit` bytes are an error.
pub(super) fn read_text(path: &Path, limit: u64) -> Result<Option<String>, Error> {
    let Some(file) = open(path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed("read", path))?;
    if bytes.len() as u64 > limit {
        let path = path.display();
        return Err(Error::Corrupt(format!(
            "{path} is longer than {limit} bytes: it is not a file of git's"
        )));
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

pub(super) fn failed(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { what: format!("{verb} {}", path.display()), source }
}
