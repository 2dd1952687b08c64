//! Packs: what a server sends, and what lies in a repository's `objects/pack`.
//!
//! A pack is taken in one pass and never kept: blobs go to a [`BlobSink`], trees, commits and tags to
//! the [`TreeStore`], and only twenty-nine bytes for each object go to a scratch file, because a
//! delta may name its base by the place where it began. Memory does not depend on the pack.
//!
//! The parts that a local repository needs too (entry headers, inflating, deltas) know nothing of
//! the receiver.

pub(crate) mod cache;
pub(crate) mod delta;
pub(crate) mod entry;
pub(crate) mod fault;
pub(crate) mod inflate;
pub(crate) mod output;
pub(crate) mod records;
pub(crate) mod scratch;
pub(crate) mod section;
pub(crate) mod work;

mod deferred;
mod input;
mod maker;
mod receive;
mod table;
#[cfg(test)]
pub(crate) mod testkit;
#[cfg(test)]
mod tests;

use std::io::BufRead;
use std::path::Path;

use crate::error::Error;
use crate::store::BlobSink;
use crate::trees::TreeStore;

/// How much a pack may ask of this machine. A server is not trusted: a few kilobytes of pack can
/// describe terabytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Objects in one pack.
    pub max_objects: u64,
    /// Bytes of one object, inflated.
    pub max_object_bytes: u64,
    /// Bytes of all objects of one pack, inflated and with deltas applied.
    pub max_total_bytes: u64,
    /// Bytes of the pack itself.
    pub max_pack_bytes: u64,
}

impl Default for Limits {
    /// Wide enough for every repository that a gateway can hold (`sync.limits` are narrower), and an
    /// end to what a hostile server can ask.
    fn default() -> Self {
        Self {
            max_objects: 4_000_000,
            max_object_bytes: 4 << 30,
            max_total_bytes: 64 << 30,
            max_pack_bytes: 16 << 30,
        }
    }
}

/// What a pack held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PackStats {
    /// Objects of every kind.
    pub objects: u64,
    /// How many of them were blobs.
    pub blobs: u64,
    /// How many of them came as deltas.
    pub deltas: u64,
    /// Bytes of the pack, header and checksum included.
    pub pack_bytes: u64,
    /// Bytes of the objects, inflated and with deltas applied.
    pub object_bytes: u64,
}

/// Takes in a pack (version 2 or 3) from `pack`, up to and including its checksum.
///
/// Every object is hashed with collision detection before it is given on. `scratch` is a directory
/// on a disk, for files that have no name there while they are used. What was stored before an error
/// stays: each object is good by itself.
///
/// Errors: [`Error::Pack`] for whatever is wrong with the bytes, [`Error::Limit`] beyond `limits`,
/// [`Error::Io`] when reading `pack` or writing fails.
pub fn receive(
    pack: &mut dyn BufRead,
    trees: &mut TreeStore,
    blobs: &mut dyn BlobSink,
    scratch: &Path,
    limits: &Limits,
) -> Result<PackStats, Error> {
    receive::Receiver::new(pack, trees, blobs, scratch, limits).run()
}
