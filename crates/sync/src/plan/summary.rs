//! A plan in figures.

use super::decide::Decision;
use crate::path::shown;
use crate::state::journal::{Old, Op, Origin};
use crate::state::manifest::Entry;

/// So many paths are named; the counts are of all.
const NAMED: usize = 200;

/// What happens to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// Its content or its x bit changes.
    Modified,
    /// It is removed.
    Deleted,
}

/// One path of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What happens.
    pub kind: ChangeKind,
    /// Relative to the data directory.
    pub path: String,
    /// What is there was changed on the gateway and goes to `local/`.
    pub local: bool,
    /// Known only once it is rendered: it may turn out not to change.
    pub perhaps: bool,
}

/// A plan in figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files of the desired tree.
    pub files: u64,
    /// Managed files that stay although the resource no longer covers them.
    pub left: u64,
    /// Files to be written that were not there.
    pub added: u64,
    /// Files to be replaced.
    pub modified: u64,
    /// Manifests that are written anew because a sibling changes.
    pub rewritten: u64,
    /// Files to be removed.
    pub deleted: u64,
    /// Files that are as they should be.
    pub unchanged: u64,
    /// Files whose content had to be read.
    pub hashed: u64,
    /// Files that were changed on the gateway since the commit was synced.
    pub drifted: u64,
    /// Files in managed directories that are not ours.
    pub unmanaged: u64,
    /// The first of the changes.
    pub changes: Vec<Change>,
    /// The first of the drifted.
    pub drift: Vec<String>,
    /// The first of the unmanaged.
    pub unmanaged_paths: Vec<String>,
    /// Sources that are not in the commit and not required.
    pub skipped: Vec<String>,
    /// Nothing was synced to this volume before.
    pub first: bool,
    /// The commit, and all that decides besides, are those of the last sync.
    pub same: bool,
    /// Steps for the journal, bookkeeping included.
    pub(crate) steps: u64,
    /// The manifest's header has to change.
    pub(crate) header_changed: bool,
    /// Bytes of the files that stay, as far as they are known.
    pub(crate) known_bytes: u64,
}

impl Summary {
    /// Files that are put in place.
    pub fn writes(&self) -> u64 {
        self.added + self.modified + self.rewritten
    }

    /// Files that are put in place or removed, not counting manifests that are only written anew.
    pub fn changed(&self) -> u64 {
        self.added + self.modified + self.deleted
    }

    pub(crate) fn count(&mut self, decision: Decision, entry: &Entry) {
        match decision {
            Decision::Unchanged => {
                self.unchanged += 1;
                self.known_bytes += entry.stat.size;
            }
            Decision::Drift => {
                self.drifted += 1;
                note(&mut self.drift, &entry.path);
            }
            Decision::Unmanaged => {
                self.unmanaged += 1;
                note(&mut self.unmanaged_paths, &entry.path);
            }
            Decision::Blocked => {}
            Decision::Step(op) => {
                self.steps += 1;
                self.count_step(op, entry);
            }
        }
    }

    fn count_step(&mut self, op: Op, entry: &Entry) {
        let (kind, local, perhaps) = match op {
            Op::Write {
                origin: Origin::Live, only_with_siblings, old: Old::File { executable, .. }, ..
            } if executable == entry.executable => {
                self.rewritten += u64::from(!only_with_siblings);
                self.known_bytes += entry.stat.size;
                return;
            }
            Op::Write { old: Old::Absent, local, origin, .. } => {
                self.added += 1;
                (ChangeKind::Added, local, origin == Origin::Render)
            }
            Op::Write { local, origin, .. } => {
                self.modified += 1;
                (ChangeKind::Modified, local, origin == Origin::Render)
            }
            Op::Delete { local, .. } => {
                self.deleted += 1;
                (ChangeKind::Deleted, local, false)
            }
            Op::Adopt => {
                self.unchanged += 1;
                self.known_bytes += entry.stat.size;
                return;
            }
            Op::Forget => return,
        };
        if self.changes.len() < NAMED {
            self.changes.push(Change { kind, path: shown(&entry.path), local, perhaps });
        }
    }
}

fn note(paths: &mut Vec<String>, path: &str) {
    if paths.len() < NAMED {
        paths.push(shown(path));
    }
}
