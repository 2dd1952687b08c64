use std::path::{Path, PathBuf};

use stoker_object::ObjectId;

use super::files;
use crate::error::Error;

const PREFIX: &str = "complete-";
/// Markers that are believed; we keep a handful, and the directory is not ours alone.
const MAX_MARKERS: usize = 64;

/// Which commits have all their trees here: a walk over thousands of trees that was made once is not
/// made again. A marker is an empty file and not synced: if it outlives the objects in a power cut,
/// reading them tells.
pub(super) struct Markers {
    directory: PathBuf,
    /// The newest last.
    commits: Vec<ObjectId>,
}

impl Markers {
    /// The commit that a file name stands for, if it is a marker.
    pub fn parse(name: &str) -> Option<ObjectId> {
        name.strip_prefix(PREFIX)?.parse().ok()
    }

    /// `commits` were found in `directory`, the oldest first.
    pub fn new(directory: &Path, mut commits: Vec<ObjectId>) -> Self {
        commits.drain(..commits.len().saturating_sub(MAX_MARKERS));
        Self { directory: directory.to_owned(), commits }
    }

    pub fn commits(&self) -> &[ObjectId] {
        &self.commits
    }

    pub fn add(&mut self, commit: ObjectId) -> Result<(), Error> {
        files::create(&self.path(&commit))?;
        self.commits.push(commit);
        Ok(())
    }

    /// Forgets all but those that `keep` says.
    pub fn retain(&mut self, keep: impl Fn(&ObjectId) -> bool) {
        for commit in self.commits.iter().filter(|commit| !keep(commit)) {
            files::remove(&self.path(commit));
        }
        self.commits.retain(keep);
    }

    fn path(&self, commit: &ObjectId) -> PathBuf {
        self.directory.join(format!("{PREFIX}{commit}"))
    }
}
