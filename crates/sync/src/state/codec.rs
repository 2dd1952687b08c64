//! The bytes of the state files: a header in JSON, records in a known order, a checksum at the end.
//!
//! The state directory is hostile input (the gateway's processes can write it): every length is
//! bounded before anything is allocated, and a file whose checksum does not fit is not used.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};
use stoker_object::{FastHasher, ObjectId};

use crate::Error;

/// The newest format this version writes and reads, but for the manifest's own.
pub(crate) const FORMAT: u32 = 1;
pub(crate) const MAGIC: &[u8; 4] = b"STKR";
pub(crate) const MAX_HEADER: u64 = 4 << 20;
const MAX_STRING: u64 = 4095;
const BUFFER: usize = 32 << 10;
const END: u8 = 0;

/// Something that is written piece by piece.
pub(crate) trait Put {
    fn raw(&mut self, bytes: &[u8]) -> Result<(), Error>;

    /// The path that was written last.
    fn last_path(&mut self) -> &mut String;

    /// A path, as what it does not share with the one before.
    fn path(&mut self, path: &str) -> Result<(), Error> {
        let shared = shared_prefix(self.last_path(), path);
        self.number(shared as u64)?;
        self.string(&path[shared..])?;
        path.clone_into(self.last_path());
        Ok(())
    }

    fn string(&mut self, text: &str) -> Result<(), Error> {
        self.number(text.len() as u64)?;
        self.raw(text.as_bytes())
    }

    /// Little-endian base 128.
    fn number(&mut self, mut value: u64) -> Result<(), Error> {
        let mut bytes = [0; 10];
        let mut length = 0;
        loop {
            bytes[length] = (value & 0x7f) as u8;
            value >>= 7;
            length += 1;
            if value == 0 {
                return self.raw(&bytes[..length]);
            }
            bytes[length - 1] |= 0x80;
        }
    }

    /// Small magnitudes of either sign take few bytes.
    fn signed(&mut self, value: i64) -> Result<(), Error> {
        self.number(((value << 1) ^ (value >> 63)).cast_unsigned())
    }

    fn id(&mut self, id: &ObjectId) -> Result<(), Error> {
        self.raw(id.as_bytes())
    }

    fn byte(&mut self, byte: u8) -> Result<(), Error> {
        self.raw(&[byte])
    }
}

/// Writes a state file; nothing refers to it before [`Writer::finish`].
pub(crate) struct Writer {
    out: BufWriter<File>,
    sum: FastHasher,
    last_path: String,
    records: u64,
    path: PathBuf,
}

impl Writer {
    pub(crate) fn create(path: &Path, kind: u8, header: &impl Serialize) -> Result<Self, Error> {
        let file = File::create(path).map_err(Error::io("create", path))?;
        let mut writer = Self {
            out: BufWriter::with_capacity(BUFFER, file),
            sum: FastHasher::checksum(),
            last_path: String::new(),
            records: 0,
            path: path.to_owned(),
        };
        let header = serde_json::to_vec(header).map_err(|error| writer.damaged(&error.to_string()))?;
        writer.raw(MAGIC)?;
        writer.raw(&[kind])?;
        writer.number(u64::from(FORMAT))?;
        writer.number(header.len() as u64)?;
        writer.raw(&header)?;
        Ok(writer)
    }

    /// Begins a record; `tag` is not 0.
    pub(crate) fn record(&mut self, tag: u8) -> Result<(), Error> {
        self.records += 1;
        self.raw(&[tag])
    }

    /// Ends the file with its count and checksum; the caller makes it durable.
    pub(crate) fn finish(mut self) -> Result<File, Error> {
        self.raw(&[END])?;
        self.number(self.records)?;
        let sum = std::mem::replace(&mut self.sum, FastHasher::checksum()).finish();
        self.out.write_all(sum.as_bytes()).map_err(Error::io("write", &self.path))?;
        let path = self.path;
        self.out.into_inner().map_err(|error| Error::io("write", path)(error.into_error()))
    }

    fn damaged(&self, why: &str) -> Error {
        Error::Damaged { path: self.path.clone(), why: why.to_owned() }
    }
}

impl Put for Writer {
    fn raw(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.sum.update(bytes);
        self.out.write_all(bytes).map_err(Error::io("write", &self.path))
    }

    fn last_path(&mut self) -> &mut String {
        &mut self.last_path
    }
}

/// Something that is read piece by piece. Nothing is allocated before its length is found in bounds.
pub(crate) trait Take {
    fn raw(&mut self, bytes: &mut [u8]) -> Result<(), Error>;

    /// The path that was read last.
    fn last_path(&mut self) -> &mut String;

    fn damaged(&self, why: &str) -> Error;

    fn byte(&mut self) -> Result<u8, Error> {
        let mut byte = [0];
        self.raw(&mut byte)?;
        Ok(byte[0])
    }

    fn path(&mut self) -> Result<String, Error> {
        let shared = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        let rest = self.string()?;
        let last = self.last_path();
        if !last.is_char_boundary(shared) {
            return Err(self.damaged("a path refers to more than the path before it has"));
        }
        last.truncate(shared);
        last.push_str(&rest);
        let path = last.clone();
        if crate::path::is_plain(&path) {
            Ok(path)
        } else {
            Err(self.damaged("a path is not in its plain spelling"))
        }
    }

    fn string(&mut self) -> Result<String, Error> {
        let bytes = self.bytes(MAX_STRING)?;
        String::from_utf8(bytes).map_err(|_| self.damaged("a string is not UTF-8"))
    }

    fn number(&mut self) -> Result<u64, Error> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.damaged("a number has too many digits"))
    }

    fn signed(&mut self) -> Result<i64, Error> {
        let value = self.number()?;
        Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    fn id(&mut self) -> Result<ObjectId, Error> {
        let mut bytes = [0; 20];
        self.raw(&mut bytes)?;
        Ok(ObjectId::from_bytes(bytes))
    }

    fn bytes(&mut self, most: u64) -> Result<Vec<u8>, Error> {
        let length = self.number()?;
        if length > most {
            return Err(self.damaged("a length is out of bounds"));
        }
        let mut bytes = vec![0; length as usize];
        self.raw(&mut bytes)?;
        Ok(bytes)
    }
}

/// Reads a state file whose checksum was found right.
pub(crate) struct Reader {
    input: BufReader<io::Take<File>>,
    last_path: String,
    ended: bool,
    path: PathBuf,
}

impl Reader {
    /// Opens a file of this kind; `None` if there is none. The whole file is checked first.
    pub(crate) fn open<H: DeserializeOwned>(path: &Path, kind: u8) -> Result<Option<(Self, H)>, Error> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("open", path)(error)),
        };
        let length = file.metadata().map_err(Error::io("examine", path))?.len();
        let damaged = |why: &str| Error::Damaged { path: path.to_owned(), why: why.to_owned() };
        let body = length.checked_sub(20).ok_or_else(|| damaged("it is too short"))?;
        check_sum(&file, body)
            .map_err(Error::io("read", path))?
            .ok_or_else(|| damaged("its checksum does not fit"))?;
        let mut reader = Self {
            input: BufReader::with_capacity(
                BUFFER,
                rewound(file).map_err(Error::io("read", path))?.take(body),
            ),
            last_path: String::new(),
            ended: false,
            path: path.to_owned(),
        };
        let mut magic = [0; 5];
        reader.raw(&mut magic)?;
        if magic[..4] != *MAGIC || magic[4] != kind {
            return Err(reader.damaged("it is no state file of this kind"));
        }
        let format = reader.number()?;
        if format != u64::from(FORMAT) {
            let found = u32::try_from(format).unwrap_or(u32::MAX);
            return Err(Error::NewerFormat { path: path.to_owned(), found, known: FORMAT });
        }
        let header = reader.bytes(MAX_HEADER)?;
        let header = serde_json::from_slice(&header).map_err(|error| reader.damaged(&error.to_string()))?;
        Ok(Some((reader, header)))
    }

    /// The next record's tag; `None` at the end, however often it is asked.
    pub(crate) fn record(&mut self) -> Result<Option<u8>, Error> {
        if self.ended {
            return Ok(None);
        }
        let tag = self.byte()?;
        self.ended = tag == END;
        Ok((!self.ended).then_some(tag))
    }
}

impl Take for Reader {
    fn raw(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        match self.input.read_exact(bytes) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.damaged("it ends in the middle of a record"))
            }
            Err(error) => Err(Error::io("read", &self.path)(error)),
        }
    }

    fn byte(&mut self) -> Result<u8, Error> {
        let buffer = self.input.fill_buf().map_err(Error::io("read", &self.path))?;
        let Some(byte) = buffer.first().copied() else {
            return Err(self.damaged("it ends in the middle of a record"));
        };
        self.input.consume(1);
        Ok(byte)
    }

    fn last_path(&mut self) -> &mut String {
        &mut self.last_path
    }

    fn damaged(&self, why: &str) -> Error {
        Error::Damaged { path: self.path.clone(), why: why.to_owned() }
    }
}

/// `None` if the twenty bytes after the body are not its checksum.
fn check_sum(mut file: &File, body: u64) -> io::Result<Option<()>> {
    let mut sum = FastHasher::checksum();
    let mut buffer = vec![0; BUFFER];
    let mut rest = body;
    while rest > 0 {
        let want = rest.min(BUFFER as u64) as usize;
        let got = file.read(&mut buffer[..want])?;
        if got == 0 {
            return Ok(None);
        }
        sum.update(&buffer[..got]);
        rest -= got as u64;
    }
    let mut expected = [0; 20];
    file.read_exact(&mut expected)?;
    Ok((sum.finish().as_bytes() == &expected).then_some(()))
}

fn rewound(mut file: File) -> io::Result<File> {
    io::Seek::rewind(&mut file)?;
    Ok(file)
}

fn shared_prefix(a: &str, b: &str) -> usize {
    let mut shared = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    while !b.is_char_boundary(shared) || !a.is_char_boundary(shared) {
        shared -= 1;
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(dir: &Path) -> PathBuf {
        let path = dir.join("file");
        let mut writer = Writer::create(&path, b'T', &"header").unwrap();
        for (at, name) in (0_i64..).zip(["a/ä", "a/å", "a/åb", "b"]) {
            writer.record(7).unwrap();
            writer.path(name).unwrap();
            writer.signed(-at * 1_000_000_007).unwrap();
        }
        writer.finish().unwrap();
        path
    }

    fn read(path: &Path) -> Result<Vec<(String, i64)>, Error> {
        let (mut reader, header): (Reader, String) = Reader::open(path, b'T')?.unwrap();
        assert_eq!(header, "header");
        let mut records = Vec::new();
        while let Some(tag) = reader.record()? {
            assert_eq!(tag, 7);
            records.push((reader.path()?, reader.signed()?));
        }
        Ok(records)
    }

    #[test]
    fn what_was_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let records = read(&written(dir.path())).unwrap();
        assert_eq!(records[2], ("a/åb".to_owned(), -2_000_000_014));
        assert_eq!(records.len(), 4);
    }

    #[test]
    fn the_end_stays_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let (mut reader, _): (Reader, String) = Reader::open(&written(dir.path()), b'T').unwrap().unwrap();
        while reader.record().unwrap().is_some() {
            reader.path().unwrap();
            reader.signed().unwrap();
        }
        assert_eq!(reader.record().unwrap(), None);
    }

    #[test]
    fn a_file_cut_or_changed_anywhere_is_damaged_and_never_a_panic() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path());
        let good = std::fs::read(&path).unwrap();
        for at in 0..good.len() {
            std::fs::write(&path, &good[..at]).unwrap();
            assert!(read(&path).is_err(), "cut at {at}");
            let mut bad = good.clone();
            bad[at] ^= 0x55;
            std::fs::write(&path, &bad).unwrap();
            assert!(read(&path).is_err(), "changed at {at}");
        }
    }
}
