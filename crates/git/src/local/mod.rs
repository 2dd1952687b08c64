//! Repositories on a disk that this machine can read (`file://`), without the git program.
//!
//! Bare or with a work tree; loose objects and packs with their indexes, `alternates`, loose and
//! packed refs. Memory does not depend on the repository: indexes are searched on disk, deltas of
//! large blobs are worked out through scratch files.
//!
//! It only reads. What it makes of a repository that is written at the same time is what git makes
//! of it: a pack that disappears is looked for under another name.

mod files;
mod index;
mod layout;
mod loose;
mod objects;
mod packs;
mod refs;
mod repository;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub(crate) use repository::LocalRepository;

/// Where the objects of Git LFS lie in the repository that git would find at `path`.
pub(crate) fn lfs_objects(path: &Path) -> Result<PathBuf, crate::Error> {
    Ok(layout::Layout::find(path)?.common.join("lfs/objects"))
}
