use std::fs::File;
use std::os::unix::fs::FileExt as _;

use super::record::{HEADER, Header};

/// Bytes that one read fetches; most trees are far shorter.
const BYTES: usize = 16 * 1024;
/// A read begins at a multiple of this, so that what lies before an object comes too: walks go either way.
const STEP: u64 = 8 * 1024;

/// The piece of a segment that was read last: trees of one directory were received together. Segments only grow, and
/// what is held was true when it was read.
#[derive(Default)]
pub(super) struct Window {
    segment: u32,
    at: u64,
    bytes: Vec<u8>,
    len: usize,
}

impl Window {
    /// What is at byte `at` of a segment (its number and file): a whole record, unless it is longer than a window or
    /// not one at all. `None` if the file cannot be read.
    pub fn record(&mut self, segment: (u32, &File), at: u64) -> Option<&[u8]> {
        if !self.has_whole(segment.0, at) {
            self.load(segment, at - at % STEP)?;
        }
        if !self.has_whole(segment.0, at) {
            self.load(segment, at)?;
        }
        self.from(segment.0, at)
    }

    /// A segment is replaced: its number may come again.
    pub fn forget(&mut self) {
        self.len = 0;
    }

    fn has_whole(&self, segment: u32, at: u64) -> bool {
        self.from(segment, at).is_some_and(|bytes| {
            Header::decode(bytes).is_some_and(|header| (bytes.len() - HEADER) as u64 >= header.len)
        })
    }

    fn from(&self, segment: u32, at: u64) -> Option<&[u8]> {
        let skipped = usize::try_from(at.checked_sub(self.at)?).ok()?;
        self.bytes[..self.len].get(skipped..).filter(|_| segment == self.segment)
    }

    fn load(&mut self, (segment, file): (u32, &File), at: u64) -> Option<()> {
        // Once, not at every read.
        self.bytes.resize(BYTES, 0);
        (self.segment, self.at, self.len) = (segment, at, 0);
        self.len = file.read_at(&mut self.bytes, at).ok()?;
        Some(())
    }
}
