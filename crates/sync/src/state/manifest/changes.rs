//! What changed since the base was written, in the base's order.

use std::fs::File;
use std::path::Path;

use serde::{Deserialize, Serialize};
use stoker_object::ObjectId;

use super::entry::{Entry, Header, read_entry, write_entry};
use crate::Error;
use crate::state::codec::{Put as _, Reader, Take as _, Writer};

const KIND: u8 = b'C';
const PUT: u8 = 1;
const GONE: u8 = 2;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ChangesHeader {
    /// The base's id in hex.
    base: String,
    /// What is said of all files now, in place of what the base says.
    manifest: Header,
}

/// One path that is not as the base has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// It is new, or another one.
    Put(Entry),
    /// It is no longer managed.
    Gone(String),
}

impl Change {
    pub(super) fn path(&self) -> &str {
        match self {
            Self::Put(entry) => &entry.path,
            Self::Gone(path) => path,
        }
    }
}

/// Writes changes.
pub(super) struct ChangesWriter(Writer);

impl ChangesWriter {
    pub(super) fn create(path: &Path, base: &ObjectId, manifest: &Header) -> Result<Self, Error> {
        let header = ChangesHeader { base: base.to_string(), manifest: manifest.clone() };
        Writer::create(path, KIND, &header).map(Self)
    }

    pub(super) fn push(&mut self, change: &Change) -> Result<(), Error> {
        match change {
            Change::Put(entry) => {
                self.0.record(PUT)?;
                write_entry(&mut self.0, entry)
            }
            Change::Gone(path) => {
                self.0.record(GONE)?;
                self.0.path(path)
            }
        }
    }

    /// Ends the file; the caller makes it durable.
    pub(super) fn finish(self) -> Result<File, Error> {
        self.0.finish()
    }
}

/// Reads changes, with one of look-ahead.
pub(super) struct ChangesReader {
    reader: Reader,
    next: Option<Change>,
}

impl ChangesReader {
    /// The changes of this base, with the newest header; `None` if there are none, or those of another base: a new base
    /// has them all.
    pub(super) fn open(path: &Path, base: &ObjectId) -> Result<Option<(Self, Header)>, Error> {
        let Some((mut reader, header)) = Reader::open::<ChangesHeader>(path, KIND)? else { return Ok(None) };
        if header.base != base.to_string() {
            return Ok(None);
        }
        let next = read_next(&mut reader)?;
        Ok(Some((Self { reader, next }, header.manifest)))
    }

    /// The next change, which stays.
    pub(super) fn peek(&self) -> Option<&Change> {
        self.next.as_ref()
    }

    /// The next change.
    pub(super) fn take(&mut self) -> Result<Option<Change>, Error> {
        let following = if self.next.is_some() { read_next(&mut self.reader)? } else { None };
        Ok(std::mem::replace(&mut self.next, following))
    }
}

fn read_next(reader: &mut Reader) -> Result<Option<Change>, Error> {
    match reader.record()? {
        None => Ok(None),
        Some(PUT) => read_entry(reader).map(|entry| Some(Change::Put(entry))),
        Some(GONE) => reader.path().map(|path| Some(Change::Gone(path))),
        Some(_) => Err(reader.damaged("a record has an unknown tag")),
    }
}
