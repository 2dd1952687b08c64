//! `local/`: what people or the gateway had changed and a sync displaced, kept thirty days.

use std::fs;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use crate::fs::{DirCursor, Unsynced, link_or_copy};
use crate::{Error, clock, path};

const KEEP_MILLIS: u64 = 30 * 24 * 3600 * 1000;

/// Takes in the displaced files of one apply. Each is durable there before it goes from where it was.
pub(crate) struct Local {
    dir: PathBuf,
    label: String,
    cursor: Option<DirCursor>,
}

impl Local {
    /// Displaced files go to `<dir>/<time>/<their path>`.
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), label: clock::label(clock::now_millis()), cursor: None }
    }

    /// Keeps the live file; it stays where it is, too.
    pub(crate) fn keep(&mut self, live_dir: BorrowedFd<'_>, file: &str) -> Result<(), Error> {
        let (directory, name) = path::split(file);
        let kept = self.dir.join(file);
        let target = self.target(directory)?;
        link_or_copy(live_dir, name, target, name).map_err(Error::io("keep", &kept))?;
        self.sync(directory)
    }

    /// Moves a whole live directory here.
    pub(crate) fn take(&mut self, live_dir: BorrowedFd<'_>, live: &str) -> Result<(), Error> {
        let (directory, name) = path::split(live);
        let kept = self.dir.join(live);
        let target = self.target(directory)?;
        rustix::fs::renameat(live_dir, name, target, name)
            .map_err(|error| Error::io("keep", kept)(error.into()))?;
        self.sync(directory)
    }

    fn target(&mut self, directory: &str) -> Result<BorrowedFd<'_>, Error> {
        if self.cursor.is_none() {
            fs::create_dir_all(&self.dir).map_err(Error::io("create", &self.dir))?;
        }
        let cursor = match self.cursor.take() {
            Some(cursor) => cursor,
            None => DirCursor::new(&self.dir)?,
        };
        self.cursor.insert(cursor).make(&path::join(&self.label, directory), &mut |_| ())
    }

    /// The directory and those above it: they are new, or may be.
    fn sync(&self, directory: &str) -> Result<(), Error> {
        let mut unsynced = Unsynced::default();
        let kept = self.dir.join(&self.label);
        let root = self.dir.parent().unwrap_or(&self.dir);
        for dir in kept.join(directory).ancestors().take_while(|dir| dir.starts_with(root)) {
            unsynced.push_path(dir)?;
        }
        unsynced.sync()
    }
}

/// Removes what was displaced more than thirty days ago.
pub(crate) fn expire(dir: &Path) -> Result<(), Error> {
    let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
    let oldest = clock::label(clock::now_millis().saturating_sub(KEEP_MILLIS));
    for entry in entries {
        let entry = entry.map_err(Error::io("read", dir))?;
        if entry.file_name().to_string_lossy().as_ref() < oldest.as_str() {
            fs::remove_dir_all(entry.path()).map_err(Error::io("remove", entry.path()))?;
        }
    }
    Ok(())
}
