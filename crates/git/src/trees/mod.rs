//! The trees, commits and tags of what was fetched, kept on disk between syncs.
//!
//! With all trees of the last synced commit at hand, a fetch can say `have` and is sent only the
//! trees that changed. The store is a directory of append-only *segments*, one for each fetch, each
//! with a sorted index beside it, and of empty files named `complete-<commit>`.
//!
//! Nothing here is synced to disk on its way in, and nothing has to be: an object is verified
//! against its id each time it is read. Whatever a power cut, a kill or another process makes of
//! these files, the worst that follows is that objects are missing and fetched again. Only
//! compaction syncs, because it removes what it copied from.
//!
//! One process at a time: the caller holds the lock on the volume.

mod compact;
mod files;
mod index;
mod markers;
mod record;
mod segment;
mod store;
#[cfg(test)]
mod tests;
mod walk;
mod window;
mod writer;

pub use store::{Completeness, TreeStore};

/// Bytes of a tree, commit or tag. They are held in memory, as a delta's base and its result two at a
/// time, by an agent that may have 32 MiB; a directory of this size has some 300,000 entries.
pub(crate) const MAX_OBJECT: u64 = 16 << 20;
