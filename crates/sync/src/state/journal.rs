//! The journal: what an apply does, path by path, in the order of [`crate::path::order`].
//!
//! The plan is the same file before its unknowns (what a template renders to) are filled in.

use std::path::Path;

use serde::{Deserialize, Serialize};
use stoker_object::ObjectId;

use super::codec::{Put, Reader, Take, Writer};
use super::manifest::{Entry, Header, read_entry, write_entry};
use crate::Error;

const KIND: u8 = b'J';

/// What an apply is about.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct JournalHeader {
    /// The manifest's header when the apply is done.
    pub manifest: Header,
    /// The generation that the displaced files are kept in; `None`: nothing is kept (a rollback).
    pub undo: Option<u64>,
    /// Directories are removed when they become empty, but not these and none above them.
    pub keep_dirs: Vec<String>,
    /// Writes and deletes.
    pub operations: u64,
    /// The manifest's base that the entries are changes of, by its id in hex; `None`: it was unreadable, or there was
    /// none, and the entries are all that is known.
    pub base: Option<String>,
    /// The rollback that this is, if it is one: the hold that goes with it.
    pub rollback: Option<Rollback>,
}

/// What a rollback leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Rollback {
    /// The generation whose kept files come back.
    pub to: u64,
    /// The commit that is left.
    pub from_commit: String,
}

/// What was at a path when the plan was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Old {
    /// Nothing.
    Absent,
    /// A file with this content.
    File {
        /// Its blob id.
        content: ObjectId,
        /// The owner's x bit.
        executable: bool,
    },
    /// A symbolic link, a socket, …: nothing of ours.
    Other,
}

/// Where the bytes of a write come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The staging area, under the content's id; the nth copy where several paths have the same content.
    Staged(u32),
    /// The file that is live at this very path: only its mode or its newness changes.
    Live,
    /// To be rendered from the staged source.
    Render,
}

/// What happens at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// The file is put in place.
    Write {
        /// What was there.
        old: Old,
        /// Its bytes.
        origin: Origin,
        /// What was there is local work: it goes to `local/`.
        local: bool,
        /// Only if a file of the same directory changes: the gateway looks at this one to notice it.
        only_with_siblings: bool,
    },
    /// The file is removed.
    Delete {
        /// What was there.
        old: Old,
        /// Before the writes: it declares a resource that goes, or is in the way of a write.
        early: bool,
        /// What was there is local work: it goes to `local/`.
        local: bool,
    },
    /// The file on disk is right; the manifest learns of it.
    Adopt,
    /// The manifest forgets the file.
    Forget,
}

/// One path of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// As the manifest is to have it (or had it, for a delete).
    pub entry: Entry,
    pub op: Op,
}

/// Writes a journal.
pub(crate) struct JournalWriter(Writer);

impl JournalWriter {
    pub(crate) fn create(path: &Path, header: &JournalHeader) -> Result<Self, Error> {
        Writer::create(path, KIND, header).map(Self)
    }

    pub(crate) fn push(&mut self, record: &Record) -> Result<(), Error> {
        let out = &mut self.0;
        match record.op {
            Op::Write { old, origin, local, only_with_siblings } => {
                out.record(1)?;
                write_old(out, old)?;
                match origin {
                    Origin::Staged(copy) => {
                        out.byte(0)?;
                        out.number(u64::from(copy))?;
                    }
                    Origin::Live => out.byte(1)?,
                    Origin::Render => out.byte(2)?,
                }
                out.byte(u8::from(local) | u8::from(only_with_siblings) << 1)?;
            }
            Op::Delete { old, early, local } => {
                out.record(2)?;
                write_old(out, old)?;
                out.byte(u8::from(local) | u8::from(early) << 1)?;
            }
            Op::Adopt => out.record(3)?,
            Op::Forget => out.record(4)?,
        }
        write_entry(out, &record.entry)
    }

    pub(crate) fn finish(self) -> Result<std::fs::File, Error> {
        self.0.finish()
    }
}

/// Reads a journal record by record.
pub(crate) struct JournalReader(Reader);

impl JournalReader {
    /// `None` if there is no journal.
    pub(crate) fn open(path: &Path) -> Result<Option<(Self, JournalHeader)>, Error> {
        Ok(Reader::open(path, KIND)?.map(|(reader, header)| (Self(reader), header)))
    }

    /// The next record; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, Error> {
        let input = &mut self.0;
        let Some(tag) = input.record()? else {
            return Ok(None);
        };
        let op = match tag {
            1 => {
                let old = read_old(input)?;
                let origin = match input.byte()? {
                    0 => Origin::Staged(
                        u32::try_from(input.number()?)
                            .map_err(|_| input.damaged("a copy is out of bounds"))?,
                    ),
                    1 => Origin::Live,
                    2 => Origin::Render,
                    _ => return Err(input.damaged("an origin is unknown")),
                };
                let flags = input.byte()?;
                Op::Write { old, origin, local: flags & 1 != 0, only_with_siblings: flags & 2 != 0 }
            }
            2 => {
                let old = read_old(input)?;
                let flags = input.byte()?;
                Op::Delete { old, local: flags & 1 != 0, early: flags & 2 != 0 }
            }
            3 => Op::Adopt,
            4 => Op::Forget,
            _ => return Err(input.damaged("a record has an unknown tag")),
        };
        Ok(Some(Record { entry: read_entry(input)?, op }))
    }
}

pub(crate) fn write_old(out: &mut impl Put, old: Old) -> Result<(), Error> {
    match old {
        Old::Absent => out.byte(0),
        Old::Other => out.byte(1),
        Old::File { content, executable } => {
            out.byte(2 | u8::from(executable))?;
            out.id(&content)
        }
    }
}

pub(crate) fn read_old(input: &mut impl Take) -> Result<Old, Error> {
    match input.byte()? {
        0 => Ok(Old::Absent),
        1 => Ok(Old::Other),
        executable @ (2 | 3) => Ok(Old::File { content: input.id()?, executable: executable == 3 }),
        _ => Err(input.damaged("what was there is unknown")),
    }
}
