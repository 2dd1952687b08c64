use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use stoker_object::ObjectId;

use super::files::failed;
use crate::error::Error;
use crate::pack::records::Block;

/// Magic, version, and for each first byte of an id how many ids do not come after it.
const HEADER: u64 = 8 + 256 * 4;

/// A pack's index (version 2), searched where it lies.
pub(super) struct PackIndex {
    file: File,
    fanout: Box<[u32; 256]>,
    block: RefCell<Block<20>>,
}

impl PackIndex {
    pub fn load(file: File, path: &Path) -> Result<Self, Error> {
        let mut head = [0; HEADER as usize];
        let read = file.read_exact_at(&mut head, 0);
        if read.is_err() || head[..8] != *b"\xfftOc\0\0\0\x02" {
            return Err(damaged(path, "is not a pack index of version 2"));
        }
        let mut fanout = Box::new([0; 256]);
        for (count, bytes) in fanout.iter_mut().zip(head[8..].as_chunks::<4>().0) {
            *count = u32::from_be_bytes(*bytes);
        }
        let index = Self { file, fanout, block: RefCell::default() };
        let len = index.file.metadata().map_err(failed("look at", path))?.len();
        // Ids, checksums and offsets of all objects, and two checksums of twenty bytes.
        if !index.fanout.is_sorted() || len < HEADER + 28 * index.len() + 40 {
            return Err(damaged(path, "is damaged"));
        }
        Ok(index)
    }

    /// Where in the pack the object begins.
    pub fn find(&self, id: &ObjectId) -> io::Result<Option<u64>> {
        let first = usize::from(id.as_bytes()[0]);
        let start = first.checked_sub(1).map_or(0, |before| self.fanout[before]);
        let range = u64::from(start)..u64::from(self.fanout[first]);
        let found = self.block.borrow_mut().search(&self.file, HEADER, range, id.as_bytes())?;
        let Some((rank, _)) = found else { return Ok(None) };
        let mut short = [0; 4];
        self.file.read_exact_at(&mut short, HEADER + 24 * self.len() + 4 * rank)?;
        let short = u32::from_be_bytes(short);
        if short & 0x8000_0000 == 0 {
            return Ok(Some(u64::from(short)));
        }
        // Beyond 2 GiB: the offset stands in a table of its own.
        let mut long = [0; 8];
        self.file.read_exact_at(&mut long, HEADER + 28 * self.len() + 8 * u64::from(short & 0x7fff_ffff))?;
        Ok(Some(u64::from_be_bytes(long)))
    }

    fn len(&self) -> u64 {
        u64::from(self.fanout[255])
    }
}

fn damaged(path: &Path, what: &str) -> Error {
    Error::Corrupt(format!("{} {what}: run `git repack -ad` in the repository", path.display()))
}
