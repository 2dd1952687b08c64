use std::fs::File;
use std::path::{Path, PathBuf};

use stoker_object::{Kind, ObjectId};

use super::files;
use crate::error::Error;
use crate::pack::fault::Fault;
use crate::pack::inflate::Inflate;

/// The longest head of a loose object: kind, a size of twenty digits, and what stands between.
const LONGEST_HEAD: usize = 32;

/// Opens the file of a loose object, if there is one.
pub(super) fn open(directories: &[PathBuf], id: &ObjectId) -> Result<Option<(PathBuf, File)>, Error> {
    let hex = id.to_string();
    let (first, rest) = hex.split_at(2);
    for directory in directories {
        let path = directory.join(Path::new(first)).join(rest);
        if let Some(file) = files::open(&path)? {
            return Ok(Some((path, file)));
        }
    }
    Ok(None)
}

/// The head of a loose object, and the bytes of the object itself that came with it.
pub(super) struct Head {
    pub kind: Kind,
    pub size: u64,
    bytes: [u8; LONGEST_HEAD],
    from: usize,
    to: usize,
}

impl Head {
    /// Reads the head; `inflate` was begun without a size and has one afterwards.
    pub fn read(inflate: &mut Inflate<'_>) -> Result<Self, Fault> {
        let mut bytes = [0; LONGEST_HEAD];
        let mut to = 0;
        let end = loop {
            let count = if to < LONGEST_HEAD { inflate.read(&mut bytes[to..])? } else { 0 };
            if count == 0 {
                return Err(Fault::damaged("it does not begin as a loose object does"));
            }
            to += count;
            if let Some(end) = bytes[..to].iter().position(|byte| *byte == 0) {
                break end;
            }
        };
        let parsed = std::str::from_utf8(&bytes[..end]).ok().and_then(parse);
        let Some((kind, size)) = parsed else {
            return Err(Fault::damaged("it does not begin as a loose object does"));
        };
        let begun = (to - end - 1) as u64;
        let Some(rest) = size.checked_sub(begun) else {
            return Err(Fault::damaged("an object is longer than it says"));
        };
        inflate.expect(rest);
        Ok(Self { kind, size, bytes, from: end + 1, to })
    }

    /// The first bytes of the object.
    pub fn begun(&self) -> &[u8] {
        &self.bytes[self.from..self.to]
    }
}

fn parse(head: &str) -> Option<(Kind, u64)> {
    let (word, size) = head.split_once(' ')?;
    let kind =
        [Kind::Commit, Kind::Tree, Kind::Blob, Kind::Tag].into_iter().find(|kind| kind.as_str() == word)?;
    Some((kind, size.parse().ok()?))
}
