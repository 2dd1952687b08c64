use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A file in `directory` without a name, open for reading and writing: it is gone when it is closed,
/// also by a kill. (`O_TMPFILE` would do without the name from the beginning, but not on every file
/// system that a volume can have.)
pub(crate) fn scratch_file(directory: &Path) -> Result<File, Error> {
    let failed =
        |source| Error::Io { what: format!("make a scratch file in {}", directory.display()), source };
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("scratch-{}-{number}", process::id()));
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => {
                fs::remove_file(&path).map_err(failed)?;
                return Ok(file);
            }
            // Left by a process that had this number before and was killed between the two calls.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
    }
}
