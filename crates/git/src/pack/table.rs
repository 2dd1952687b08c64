use std::path::Path;

use stoker_object::{Kind, ObjectId};

use super::entry::{code_of, kind_of};
use super::records::Records;
use crate::error::Error;

/// A record: where the object begins (8 bytes, so that records sort as they come), id, kind.
const RECORD: usize = 29;

/// What began where in the pack: a delta may name its base by that.
pub(super) struct OffsetTable {
    records: Records<RECORD>,
}

/// An object of the pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It is stored.
    Stored(Kind, ObjectId),
    /// It is a delta whose base has not come yet.
    Waiting,
}

impl OffsetTable {
    pub fn new(scratch: &Path) -> Self {
        Self { records: Records::new(scratch) }
    }

    /// Adds the object that begins at `at`, which lies behind all others so far.
    pub fn push(&mut self, at: u64, known: Known) -> Result<(), Error> {
        self.records.push(record(at, known))
    }

    /// What began at `at`, if anything did.
    pub fn find(&mut self, at: u64) -> Result<Option<Known>, Error> {
        let Some((_, record)) = self.records.find(&at.to_be_bytes())? else { return Ok(None) };
        let id = ObjectId::from_slice(&record[8..]).unwrap_or_default();
        Ok(Some(kind_of(record[RECORD - 1]).map_or(Known::Waiting, |kind| Known::Stored(kind, id))))
    }

    /// The object that began at `at`, which is in the table, has been stored.
    pub fn settle(&mut self, at: u64, kind: Kind, id: ObjectId) -> Result<(), Error> {
        match self.records.find(&at.to_be_bytes())? {
            Some((number, _)) => self.records.set(number, record(at, Known::Stored(kind, id))),
            None => Ok(()),
        }
    }
}

fn record(at: u64, known: Known) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    record[..8].copy_from_slice(&at.to_be_bytes());
    if let Known::Stored(kind, id) = known {
        record[8..28].copy_from_slice(id.as_bytes());
        record[RECORD - 1] = code_of(kind);
    }
    record
}
