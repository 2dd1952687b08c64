use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use stoker_object::ObjectId;

use super::files::failed;
use crate::error::Error;
use crate::pack::records::{Block, Sparse};
use crate::pack::scratch::scratch_file;

const MAGIC: &[u8; 8] = b"STKIDX1\n";
/// Magic, the segment's length, and for each first byte of an id how many ids do not come after it.
const HEADER: usize = 8 + 8 + 256 * 4;
/// Id and place.
const RECORD: usize = 28;
/// Bits of an id that say which bit of 16 KiB stands for it.
const FILTER_BITS: u32 = 17;
/// Objects that are held in memory before they are written to a sorted run.
const PENDING: usize = 2048;

/// Where each object of a finished segment lies: sorted by id, on disk; a kilobyte of it in memory.
pub(super) struct Index {
    file: File,
    fanout: Box<[u32; 256]>,
    block: Block<RECORD>,
}

/// An object's place in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Its number in the order of ids: a bitmap can stand for a set of objects.
    pub rank: u64,
    /// Where its record begins.
    pub at: u64,
}

impl Index {
    /// Reads an index; `None` if it is not that of a segment of `segment_len` bytes, whole.
    pub fn load(file: File, segment_len: u64) -> Option<Self> {
        let mut header = [0; HEADER];
        file.read_exact_at(&mut header, 0).ok()?;
        let (head, counts) = header.split_at(16);
        if head[..8] != *MAGIC || head[8..] != segment_len.to_be_bytes() {
            return None;
        }
        let mut fanout = Box::new([0; 256]);
        for (count, bytes) in fanout.iter_mut().zip(counts.as_chunks::<4>().0) {
            *count = u32::from_be_bytes(*bytes);
        }
        let index = Self { file, fanout, block: Block::default() };
        let whole = HEADER as u64 + index.len() * RECORD as u64;
        (index.fanout.is_sorted() && index.file.metadata().ok()?.len() == whole).then_some(index)
    }

    /// Objects in the segment.
    pub fn len(&self) -> u64 {
        u64::from(self.fanout[255])
    }

    /// Where the object lies. An index that cannot be read has no objects.
    pub fn find(&mut self, id: &ObjectId) -> Option<Place> {
        let range = self.bucket(id.as_bytes()[0]);
        if range.is_empty() {
            return None;
        }
        let (rank, record) = self.block.search(&self.file, HEADER as u64, range, id.as_bytes()).ok()??;
        Some(Place { rank, at: decode(&record)?.1 })
    }

    /// The object with this rank.
    pub fn record(&mut self, rank: u64) -> Option<(ObjectId, u64)> {
        let count = self.len();
        decode(&self.block.get(&self.file, HEADER as u64, rank, count).ok()??)
    }

    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn bucket(&self, first: u8) -> Range<u64> {
        let start = first.checked_sub(1).map_or(0, |before| self.fanout[usize::from(before)]);
        u64::from(start)..u64::from(self.fanout[usize::from(first)])
    }
}

/// The index of a segment that grows: what came last in memory, the rest in sorted runs in scratch
/// files, few because runs of like length are merged. 100,000 objects take 60 kB of memory.
pub(super) struct IndexBuilder {
    directory: PathBuf,
    pending: Vec<(ObjectId, u64)>,
    runs: Vec<Run>,
    /// A bit for each id in a run, shared by some: most of what is looked for comes for the first time, and is not
    /// looked for on disk.
    filter: Vec<u64>,
}

struct Run {
    file: File,
    keys: Sparse,
    block: Block<RECORD>,
}

impl IndexBuilder {
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), pending: Vec::new(), runs: Vec::new(), filter: Vec::new() }
    }

    pub fn push(&mut self, id: ObjectId, at: u64) -> Result<(), Error> {
        if self.pending.len() == PENDING {
            self.spill()?;
        }
        let place = self.pending.partition_point(|(other, _)| *other < id);
        self.pending.insert(place, (id, at));
        Ok(())
    }

    pub fn find(&mut self, id: &ObjectId) -> Option<u64> {
        if let Ok(place) = self.pending.binary_search_by(|(other, _)| other.cmp(id)) {
            return Some(self.pending[place].1);
        }
        let (word, bit) = filter_place(id);
        if self.filter.get(word)? & bit == 0 {
            return None;
        }
        self.runs.iter_mut().rev().find_map(|run| run.find(id))
    }

    pub fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.runs.is_empty()
    }

    /// Writes the index of a segment of `segment_len` bytes to `file`, an empty one.
    pub fn finish(mut self, file: File, path: &Path, segment_len: u64) -> Result<Index, Error> {
        self.spill()?;
        let mut fanout = Box::new([0_u32; 256]);
        let written = (|| {
            let mut out = BufWriter::new(&file);
            out.write_all(&[0; HEADER])?;
            merge(&self.runs, |record| {
                fanout[usize::from(record[0])] += 1;
                out.write_all(record)
            })?;
            out.flush()?;
            let mut header = Vec::with_capacity(HEADER);
            header.extend_from_slice(MAGIC);
            header.extend_from_slice(&segment_len.to_be_bytes());
            let mut sum = 0;
            for count in fanout.iter_mut() {
                sum += *count;
                *count = sum;
                header.extend_from_slice(&sum.to_be_bytes());
            }
            // Last, so that an index that was cut short has no magic.
            file.write_all_at(&header, 0)
        })();
        written.map_err(failed("write", path))?;
        Ok(Index { file, fanout, block: Block::default() })
    }

    fn spill(&mut self) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut run = Run::new(scratch_file(&self.directory)?);
        let mut bytes = Vec::with_capacity(self.pending.len() * RECORD);
        self.filter.resize((1 << FILTER_BITS) / 64, 0);
        for (id, at) in self.pending.drain(..) {
            let (word, bit) = filter_place(&id);
            self.filter[word] |= bit;
            run.keys.push(id.as_bytes());
            bytes.extend_from_slice(id.as_bytes());
            bytes.extend_from_slice(&at.to_be_bytes());
        }
        run.file.write_all(&bytes).map_err(failed("write", Path::new("a scratch file")))?;
        while let Some(last) = self.runs.pop_if(|last| last.len() < 2 * run.len()) {
            run = self.merged(&[last, run])?;
        }
        self.runs.push(run);
        Ok(())
    }

    fn merged(&self, runs: &[Run; 2]) -> Result<Run, Error> {
        let file = scratch_file(&self.directory)?;
        let (mut out, mut keys) = (BufWriter::new(&file), Sparse::new());
        let write = |record: &[u8; RECORD]| {
            keys.push(record);
            out.write_all(record)
        };
        merge(runs, write)
            .and_then(|()| out.flush())
            .map_err(failed("write", Path::new("a scratch file")))?;
        drop(out);
        Ok(Run { keys, ..Run::new(file) })
    }
}

impl Run {
    fn new(file: File) -> Self {
        Self { file, keys: Sparse::new(), block: Block::default() }
    }

    fn len(&self) -> u64 {
        self.keys.len()
    }

    fn find(&mut self, id: &ObjectId) -> Option<u64> {
        let range = self.keys.range(id.as_bytes());
        let (_, record) = self.block.search(&self.file, 0, range, id.as_bytes()).ok()??;
        decode(&record).map(|(_, at)| at)
    }
}

/// The word and the bit there that stand for an id.
fn filter_place(id: &ObjectId) -> (usize, u64) {
    let [first, second, third, ..] = *id.as_bytes();
    let place = u32::from_be_bytes([0, first, second, third]) >> (24 - FILTER_BITS);
    (place as usize / 64, 1 << (place % 64))
}

fn decode(record: &[u8; RECORD]) -> Option<(ObjectId, u64)> {
    let at = u64::from_be_bytes(record[20..].try_into().ok()?);
    Some((ObjectId::from_slice(record)?, at))
}

/// Gives the records of all runs in order. There are never more than a few runs.
fn merge(runs: &[Run], mut each: impl FnMut(&[u8; RECORD]) -> io::Result<()>) -> io::Result<()> {
    let mut heads = Vec::with_capacity(runs.len());
    for run in runs {
        let mut file = &run.file;
        file.rewind()?;
        let mut reader = BufReader::with_capacity(RECORD * 256, file);
        let first = next(&mut reader, run.len())?;
        heads.push((reader, run.len(), first));
    }
    loop {
        let least = heads.iter_mut().filter(|head| head.2.is_some()).min_by_key(|head| head.2);
        let Some((reader, left, head)) = least else { return Ok(()) };
        if let Some(record) = head {
            each(record)?;
        }
        *left -= 1;
        *head = next(reader, *left)?;
    }
}

fn next(reader: &mut BufReader<&File>, left: u64) -> io::Result<Option<[u8; RECORD]>> {
    if left == 0 {
        return Ok(None);
    }
    let mut record = [0; RECORD];
    reader.read_exact(&mut record)?;
    Ok(Some(record))
}
