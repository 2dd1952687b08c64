//! The manifest: what we wrote, in the order of [`crate::path::order`].
//!
//! It is two files. `manifest` is the *base*: entries in blocks of some kilobytes, each with its checksum, and an index of
//! them, so that what lies in one directory is found without reading the rest. `manifest.changes` holds what changed
//! since, and the newest header; it names the base that it belongs to, and with another base it says nothing. A sync
//! writes the small file only, and renaming it into place is what makes the sync's outcome known. Now and then both are
//! written together as a new base ([`write::compact`]): whenever that is interrupted, either the old base has its changes
//! or the new one has none.

mod base;
mod bytes;
mod changes;
mod entry;
mod old;
mod reader;
mod write;

pub(crate) use entry::{Entry, Header, MappingKey, Rendered, read_entry, renumbered, write_entry};
pub(crate) use old::convert;
pub(crate) use reader::{ManifestReader, header};
pub(crate) use write::{Fresh, compact, record};

use std::path::{Path, PathBuf};

use crate::Error;

/// The base's name in the state directory.
const BASE: &str = "manifest";
/// The changes' name in the state directory.
const CHANGES: &str = "manifest.changes";

/// Where the base lies.
pub(crate) fn base_path(state_dir: &Path) -> PathBuf {
    state_dir.join(BASE)
}

/// Where the changes lie.
pub(crate) fn changes_path(state_dir: &Path) -> PathBuf {
    state_dir.join(CHANGES)
}

/// Whether it is the manifest that is damaged, so that everything has to be looked at without it.
pub(crate) fn is_damaged(error: &Error, state_dir: &Path) -> bool {
    matches!(error, Error::Damaged { path, .. } if *path == base_path(state_dir) || *path == changes_path(state_dir))
}

#[cfg(test)]
mod tests;
