use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::error::Error;

/// The number and the two files of a segment.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub number: u32,
    pub objects: PathBuf,
    pub index: PathBuf,
}

impl Names {
    pub fn new(directory: &Path, number: u32) -> Self {
        let name = |extension: &str| directory.join(format!("{number}.{extension}"));
        Self { number, objects: name("seg"), index: name("idx") }
    }

    /// Removes both files, whatever they are by now.
    pub fn remove(&self) {
        for path in [&self.index, &self.objects] {
            remove(path);
        }
    }
}

/// Opens an existing file for reading and writing; `None` if there is none, or if the name belongs
/// to something else. The directory lies where others can write: no link is followed, and no pipe
/// is waited for.
pub(super) fn open_regular(path: &Path) -> Result<Option<File>, Error> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    match OpenOptions::new().read(true).write(true).custom_flags(flags).open(path) {
        Ok(file) => {
            let regular = file.metadata().map_err(failed("look at", path))?.is_file();
            Ok(regular.then_some(file))
        }
        Err(error) if is_something_else(&error) => Ok(None),
        Err(error) => Err(failed("open", path)(error)),
    }
}

fn is_something_else(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let elsewhere = [Errno::NOENT, Errno::LOOP, Errno::ISDIR, Errno::NXIO, Errno::NOTDIR];
    error.raw_os_error().is_some_and(|code| elsewhere.iter().any(|errno| errno.raw_os_error() == code))
}

/// Makes a new file for reading and writing, in place of whatever had the name.
pub(super) fn create(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            remove(path);
            options.open(path).map_err(failed("make", path))
        }
        outcome => outcome.map_err(failed("make", path)),
    }
}

/// Removes a file, a link or an empty directory. What cannot be removed is left: it is never
/// trusted, only in the way.
pub(super) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
        && fs::remove_dir(path).is_err()
    {
        tracing::debug!(path = %path.display(), %error, "left a file in the tree store");
    }
}

pub(super) fn failed(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { what: format!("{verb} {}", path.display()), source }
}
