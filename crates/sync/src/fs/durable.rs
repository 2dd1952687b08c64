use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::Error;

/// So many files wait for the disk at a time.
const SIDE_BY_SIDE: usize = 16;
/// A thread that only waits needs next to nothing.
const STACK: usize = 64 << 10;

/// Files and directories that are to be durable before anything else happens.
///
/// They wait side by side: the file system commits once for all that wait together, and the disk empties its cache once.
/// One after the other, each pays for both (measured on ext4, fourteen new files: 32 ms against 12).
#[derive(Debug, Default)]
pub(crate) struct Unsynced(Vec<(File, PathBuf)>);

impl Unsynced {
    /// A file or directory; `path` is for messages.
    pub(crate) fn push(&mut self, file: File, path: &Path) {
        self.0.push((file, path.to_owned()));
    }

    /// A file or directory by its path alone.
    pub(crate) fn push_path(&mut self, path: &Path) -> Result<(), Error> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        self.push(file, path);
        Ok(())
    }

    /// Returns when all are durable.
    pub(crate) fn sync(self) -> Result<(), Error> {
        let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
        let work = || {
            while let Some((file, path)) = self.0.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(error) = file.sync_all() {
                    let error = Error::io("sync", path)(error);
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..self.0.len().min(SIDE_BY_SIDE) {
                let spawned = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
                if spawned.is_err() {
                    // Without more threads it takes longer.
                    break;
                }
            }
            work();
        });
        failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_files_than_threads_are_all_synced_and_an_error_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut unsynced = Unsynced::default();
        for number in 0..3 * SIDE_BY_SIDE {
            let path = dir.path().join(number.to_string());
            unsynced.push(File::create(&path).unwrap(), &path);
        }
        unsynced.push_path(dir.path()).unwrap();
        unsynced.sync().unwrap();
        Unsynced::default().sync().unwrap();
        // What cannot be synced says so.
        let mut unsynced = Unsynced::default();
        unsynced.push(File::open("/proc/self/status").unwrap(), Path::new("status"));
        assert!(unsynced.sync().unwrap_err().to_string().contains("status"));
    }
}
