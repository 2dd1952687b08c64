//! Generations: what an apply displaced, so that it can be put back without Git.
//!
//! `undo/<n>/index` says what was at each path that apply n changed, `undo/<n>/<content id>` holds the
//! files: second names of the displaced ones. Generation 0 is what was there before the first sync.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::codec::{Put, Reader, Take, Writer};
use super::journal::{Old, read_old, write_old};
use super::manifest::{Entry, Header, read_entry, write_entry};
use crate::{Error, UndoPolicy};

const KIND: u8 = b'U';
const INDEX: &str = "index";

/// What a generation says of itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct UndoHeader {
    /// The manifest's header before; `None` before the first sync.
    pub before: Option<Header>,
    /// The commit that was applied.
    pub to_commit: String,
    /// Milliseconds since 1970.
    pub at: u64,
    /// Paths that were written and removed.
    pub written: u64,
    pub deleted: u64,
}

/// What was at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UndoRecord {
    pub path: String,
    pub old: Old,
    /// The manifest's entry before, if it had one.
    pub entry: Option<Entry>,
}

/// The directory of a generation.
pub(crate) fn dir(undo: &Path, generation: u64) -> PathBuf {
    undo.join(generation.to_string())
}

/// Writes a generation's index.
pub(crate) struct UndoWriter(Writer);

impl UndoWriter {
    pub(crate) fn create(undo: &Path, generation: u64, header: &UndoHeader) -> Result<Self, Error> {
        let dir = dir(undo, generation);
        fs::create_dir_all(&dir).map_err(Error::io("create", &dir))?;
        Writer::create(&dir.join(INDEX), KIND, header).map(Self)
    }

    pub(crate) fn push(&mut self, record: &UndoRecord) -> Result<(), Error> {
        let out = &mut self.0;
        out.record(if record.entry.is_some() { 2 } else { 1 })?;
        write_old(out, record.old)?;
        match &record.entry {
            Some(entry) => write_entry(out, entry),
            None => out.path(&record.path),
        }
    }

    pub(crate) fn finish(self) -> Result<fs::File, Error> {
        self.0.finish()
    }
}

/// Reads a generation's index.
pub(crate) struct UndoReader(Reader);

impl UndoReader {
    pub(crate) fn open(undo: &Path, generation: u64) -> Result<Option<(Self, UndoHeader)>, Error> {
        let opened = Reader::open(&dir(undo, generation).join(INDEX), KIND)?;
        Ok(opened.map(|(reader, header)| (Self(reader), header)))
    }

    pub(crate) fn next(&mut self) -> Result<Option<UndoRecord>, Error> {
        let input = &mut self.0;
        let Some(tag) = input.record()? else { return Ok(None) };
        let old = read_old(input)?;
        match tag {
            1 => Ok(Some(UndoRecord { path: input.path()?, old, entry: None })),
            2 => {
                let entry = read_entry(input)?;
                Ok(Some(UndoRecord { path: entry.path.clone(), old, entry: Some(entry) }))
            }
            _ => Err(input.damaged("a record has an unknown tag")),
        }
    }
}

/// The numbers of the generations that are there, ascending.
pub(crate) fn generations(undo: &Path) -> Result<Vec<u64>, Error> {
    let entries = match fs::read_dir(undo) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read", undo)(error)),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::io("read", undo))?;
        if let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Removes a generation.
pub(crate) fn remove(undo: &Path, generation: u64) -> Result<(), Error> {
    let dir = dir(undo, generation);
    match fs::remove_dir_all(&dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", dir)(error)),
        _ => Ok(()),
    }
}

/// Removes the oldest generations beyond the policy; generation 0 and the newest one stay.
pub(crate) fn prune(undo: &Path, policy: UndoPolicy) -> Result<(), Error> {
    let kept: Vec<u64> = generations(undo)?.into_iter().filter(|number| *number > 0).collect();
    let mut sizes = Vec::with_capacity(kept.len());
    for number in &kept {
        sizes.push(size(&dir(undo, *number))?);
    }
    for number in surplus(&kept, &sizes, policy) {
        remove(undo, number)?;
    }
    Ok(())
}

/// Which of the generations (ascending, with their sizes in bytes) are too many or too large.
fn surplus(kept: &[u64], sizes: &[u64], policy: UndoPolicy) -> Vec<u64> {
    let (mut count, mut bytes) = (0, 0_u64);
    let mut surplus = Vec::new();
    for (number, size) in kept.iter().zip(sizes).rev() {
        let newest = count == 0;
        bytes = bytes.saturating_add(if newest { 0 } else { *size });
        if newest || (count < policy.generations && bytes <= policy.max_bytes) {
            count += 1;
        } else {
            surplus.push(*number);
        }
    }
    surplus
}

/// The bytes of a generation's files together.
pub(crate) fn size(dir: &Path) -> Result<u64, Error> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir).map_err(Error::io("read", dir))? {
        bytes += entry.and_then(|entry| entry.metadata()).map_err(Error::io("examine", dir))?.len();
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first_and_the_newest_always_stays() {
        let policy = UndoPolicy { generations: 3, max_bytes: 100 };
        assert_eq!(surplus(&[1, 2, 3, 4, 5], &[1; 5], policy), [2, 1]);
        assert_eq!(surplus(&[4, 5], &[1, 10_000], policy), [0; 0]);
        assert_eq!(surplus(&[3, 4, 5], &[60, 60, 10_000], policy), [3]);
        assert_eq!(surplus(&[5], &[10_000], UndoPolicy { generations: 0, max_bytes: 0 }), [0; 0]);
    }
}
