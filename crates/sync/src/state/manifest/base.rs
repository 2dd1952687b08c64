//! The base: a header, blocks of entries, an index of the blocks.
//!
//! ```text
//! "STKR" 'M' format length header            head, with the codec's numbers
//! entry … entry                              blocks; the first path of each is written in full
//! count files bytes length sum               of the blocks, of all entries together, of the head
//! (first-path length sum) …                  one for each block
//! sum                                        of the index: the base's id, since it stands for every byte
//! length                                     of the index, 8 bytes, the lowest first
//! ```

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use stoker_object::{FastHasher, ObjectId};

use super::bytes::{In, Out};
use super::entry::{Entry, Header, read_entry, write_entry};
use crate::Error;
use crate::state::codec::{MAGIC, MAX_HEADER, Put as _, Take as _};

/// The newest format of a base.
pub(super) const FORMAT: u32 = 2;
pub(super) const KIND: u8 = b'M';
/// A block is closed when it has so many bytes: little to read for one directory, few blocks to remember for many files.
const BLOCK: usize = 8 << 10;
/// A block of another size was not written by us: one entry more than [`BLOCK`] has at most a path of 4,095 bytes.
const MAX_BLOCK: u64 = 16 << 10;
/// Of a million files.
const MAX_INDEX: u64 = 32 << 20;
/// Checksum and length of the index.
const TAIL: u64 = 28;

/// Writes a base.
pub(super) struct BaseWriter {
    out: BufWriter<File>,
    path: PathBuf,
    head: (u64, ObjectId),
    block: Out,
    first: String,
    index: Out,
    blocks: u64,
    files: u64,
    bytes: u64,
}

impl BaseWriter {
    /// `header`'s counts are not looked at: they are counted.
    pub(super) fn create(path: &Path, header: &Header) -> Result<Self, Error> {
        let file = File::create(path).map_err(Error::io("create", path))?;
        let json = serde_json::to_vec(header)
            .map_err(|error| Error::Damaged { path: path.to_owned(), why: error.to_string() })?;
        let mut head = Out::default();
        head.raw(MAGIC)?;
        head.byte(KIND)?;
        head.number(u64::from(FORMAT))?;
        head.number(json.len() as u64)?;
        head.raw(&json)?;
        let mut writer = Self {
            out: BufWriter::with_capacity(4 * BLOCK, file),
            path: path.to_owned(),
            head: (head.bytes.len() as u64, sum(&head.bytes)),
            block: Out::default(),
            first: String::new(),
            index: Out::default(),
            blocks: 0,
            files: 0,
            bytes: 0,
        };
        writer.write(&head.bytes)?;
        Ok(writer)
    }

    pub(super) fn push(&mut self, entry: &Entry) -> Result<(), Error> {
        if self.block.bytes.is_empty() {
            entry.path.clone_into(&mut self.first);
        }
        write_entry(&mut self.block, entry)?;
        self.files += 1;
        self.bytes = self.bytes.saturating_add(entry.stat.size);
        if self.block.bytes.len() >= BLOCK { self.end_block() } else { Ok(()) }
    }

    /// Ends the file; the caller makes it durable.
    pub(super) fn finish(mut self) -> Result<File, Error> {
        if !self.block.bytes.is_empty() {
            self.end_block()?;
        }
        let mut index = Out::default();
        for number in [self.blocks, self.files, self.bytes, self.head.0] {
            index.number(number)?;
        }
        index.id(&self.head.1)?;
        index.raw(&self.index.bytes)?;
        let (sum, length) = (sum(&index.bytes), index.bytes.len() as u64);
        self.write(&index.bytes)?;
        self.write(sum.as_bytes())?;
        self.write(&length.to_le_bytes())?;
        let path = self.path;
        self.out.into_inner().map_err(|error| Error::io("write", path)(error.into_error()))
    }

    fn end_block(&mut self) -> Result<(), Error> {
        self.index.path(&self.first)?;
        self.index.number(self.block.bytes.len() as u64)?;
        self.index.id(&sum(&self.block.bytes))?;
        self.blocks += 1;
        self.out.write_all(&self.block.bytes).map_err(Error::io("write", &self.path))?;
        self.block.clear();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out.write_all(bytes).map_err(Error::io("write", &self.path))
    }
}

/// A base whose head and index were found right. Each block is checked when it is read.
pub(super) struct Base {
    pub id: ObjectId,
    pub header: Header,
    /// Bytes of the file.
    pub length: u64,
    file: File,
    path: PathBuf,
    blocks: Vec<Block>,
}

/// Where a block lies.
struct Block {
    first: Box<str>,
    at: u64,
    length: u64,
    sum: ObjectId,
}

impl Base {
    /// `None` if there is none.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, Error> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("open", path)(error)),
        };
        let length = file.metadata().map_err(Error::io("examine", path))?.len();
        let damaged = |why: &str| Error::Damaged { path: path.to_owned(), why: why.to_owned() };
        check_format(&file, path, length)?;
        let index_end = length.checked_sub(TAIL).ok_or_else(|| damaged("it is too short"))?;
        let tail = read(&file, path, index_end, TAIL)?;
        let (expected, size) = tail.split_at(20);
        let size = u64::from_le_bytes(size.try_into().unwrap_or_default());
        let index_at = index_end.checked_sub(size).filter(|_| size <= MAX_INDEX);
        let index_at = index_at.ok_or_else(|| damaged("its index is out of bounds"))?;
        let index = read(&file, path, index_at, size)?;
        let id = sum(&index);
        if id.as_bytes() != expected {
            return Err(damaged("its index's checksum does not fit"));
        }
        let mut index = In::new(path, index);
        let (count, files, bytes, head) =
            (index.number()?, index.number()?, index.number()?, index.number()?);
        let head_sum = index.id()?;
        let mut header = head_of(&file, path, head.min(index_at), &head_sum)?;
        (header.files, header.bytes) = (files, bytes);
        let mut blocks = Vec::with_capacity(usize::try_from(count.min(size / 22)).unwrap_or(0));
        let mut at = head;
        for _ in 0..count {
            let block = Block { first: index.path()?.into(), at, length: index.number()?, sum: index.id()? };
            if block.length == 0 || block.length > MAX_BLOCK {
                return Err(damaged("a block's length is out of bounds"));
            }
            at += block.length;
            blocks.push(block);
        }
        if at != index_at || !index.is_at_end() {
            return Err(damaged("its index does not fit its blocks"));
        }
        Ok(Some(Self { id, header, length, file, path: path.to_owned(), blocks }))
    }

    /// Puts a block's bytes into `bytes`.
    fn load(&self, block: &Block, bytes: &mut Vec<u8>) -> Result<(), Error> {
        bytes.resize(block.length as usize, 0);
        self.file.read_exact_at(bytes, block.at).map_err(Error::io("read", &self.path))?;
        if sum(bytes) == block.sum {
            return Ok(());
        }
        bytes.clear();
        Err(Error::Damaged { path: self.path.clone(), why: "a block's checksum does not fit".to_owned() })
    }
}

/// The format of the manifest at `path`; `None` if there is none, or nothing that we ever wrote.
pub(super) fn format(path: &Path) -> Option<u64> {
    let file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    format_of(&file, path, length).ok()
}

fn format_of(file: &File, path: &Path, length: u64) -> Result<u64, Error> {
    let mut start = In::new(path, read(file, path, 0, length.min(16))?);
    let mut magic = [0; 5];
    start.raw(&mut magic)?;
    if magic[..4] != *MAGIC || magic[4] != KIND {
        return Err(start.damaged("it is no manifest"));
    }
    start.number()
}

fn check_format(file: &File, path: &Path, length: u64) -> Result<(), Error> {
    let format = format_of(file, path, length)?;
    if format > u64::from(FORMAT) {
        let found = u32::try_from(format).unwrap_or(u32::MAX);
        return Err(Error::NewerFormat { path: path.to_owned(), found, known: FORMAT });
    }
    if format < u64::from(FORMAT) {
        let why = "it has an older format, which is converted when the agent opens the volume".to_owned();
        return Err(Error::Damaged { path: path.to_owned(), why });
    }
    Ok(())
}

fn head_of(file: &File, path: &Path, length: u64, expected: &ObjectId) -> Result<Header, Error> {
    let damaged = |why: &str| Error::Damaged { path: path.to_owned(), why: why.to_owned() };
    if length > MAX_HEADER + 32 {
        return Err(damaged("its header is out of bounds"));
    }
    let head = read(file, path, 0, length)?;
    if sum(&head) != *expected {
        return Err(damaged("its header's checksum does not fit"));
    }
    let mut head = In::new(path, head);
    head.raw(&mut [0; 5])?;
    head.number()?;
    let json = head.bytes(MAX_HEADER)?;
    serde_json::from_slice(&json).map_err(|error| damaged(&error.to_string()))
}

/// Bytes of the file that are known to be within its length.
fn read(file: &File, path: &Path, at: u64, length: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; length as usize];
    match file.read_exact_at(&mut bytes, at) {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(Error::Damaged { path: path.to_owned(), why: "it became shorter".to_owned() })
        }
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

fn sum(bytes: &[u8]) -> ObjectId {
    let mut sum = FastHasher::checksum();
    sum.update(bytes);
    sum.finish()
}

/// Reads a base entry by entry, forwards only; blocks that are passed over are not read.
pub(super) struct BaseReader {
    base: Base,
    /// The block after the one at hand.
    following: usize,
    block: In,
    next: Option<Entry>,
}

impl BaseReader {
    pub(super) fn new(base: Base) -> Self {
        let block = In::new(&base.path, Vec::new());
        Self { base, following: 0, block, next: None }
    }

    /// The next entry, which stays.
    pub(super) fn peek(&mut self) -> Result<Option<&Entry>, Error> {
        while self.next.is_none() {
            if !self.block.is_at_end() {
                self.next = Some(read_entry(&mut self.block)?);
            } else if self.following < self.base.blocks.len() {
                self.load(self.following)?;
            } else {
                break;
            }
        }
        Ok(self.next.as_ref())
    }

    /// The next entry.
    pub(super) fn take(&mut self) -> Result<Option<Entry>, Error> {
        self.peek()?;
        Ok(self.next.take())
    }

    /// Goes on to the first entry that is not `before` what is looked for. Whatever is not, is followed only by such.
    pub(super) fn skip(&mut self, before: &dyn Fn(&str) -> bool) -> Result<(), Error> {
        if self.next.as_ref().is_some_and(|next| !before(&next.path)) {
            return Ok(());
        }
        // The last block that begins before it is the first that can hold it.
        let starts_before = self.base.blocks.partition_point(|block| before(&block.first));
        if starts_before > self.following {
            self.load(starts_before - 1)?;
        }
        while self.peek()?.is_some_and(|entry| before(&entry.path)) {
            self.next = None;
        }
        Ok(())
    }

    fn load(&mut self, number: usize) -> Result<(), Error> {
        let Some(block) = self.base.blocks.get(number) else { return Ok(()) };
        self.next = None;
        self.following = number + 1;
        let (base, bytes) = (&self.base, &mut self.block);
        bytes.refill(|bytes| base.load(block, bytes))
    }
}
