use std::fs::File;
use std::io::{self, BufRead, Read, Write as _};
use std::path::{Path, PathBuf};

use stoker_object::ObjectId;

use super::entry::Base;
use super::fault::Fault;
use super::input::PackInput;
use super::records::Records;
use super::scratch::scratch_file;
use super::section::Section;
use crate::error::Error;

/// Place in the pack (8), what the base is named by (1) and its name (20), bytes once inflated (8),
/// place (8) and length (8) of the compressed bytes in the spill file, whether it is done (1).
const RECORD: usize = 54;
/// Compressed bytes that are written to the spill file at a time.
const BUFFER: usize = 16 * 1024;

/// Deltas that came before their base. Git does not write such packs, but the format allows them:
/// their compressed bytes wait in a file until everything else has come.
pub(super) struct Deferred {
    scratch: PathBuf,
    records: Records<RECORD>,
    spill: Option<File>,
    spilled: u64,
}

/// A delta that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    /// Where it began in the pack.
    pub at: u64,
    /// What it waits for.
    pub base: Base,
    /// Bytes of its instructions.
    pub size: u64,
    /// Whether it has been resolved.
    pub done: bool,
    from: u64,
    len: u64,
}

impl Deferred {
    pub fn new(scratch: &Path) -> Self {
        Self { scratch: scratch.to_owned(), records: Records::new(scratch), spill: None, spilled: 0 }
    }

    pub fn len(&self) -> u64 {
        self.records.len()
    }

    /// Keeps the delta that began at `at` and whose compressed bytes are next in `input`: `inflate`
    /// reads them to their end.
    pub fn keep(
        &mut self,
        (at, base, size): (u64, Base, u64),
        input: &mut PackInput<'_>,
        inflate: impl FnOnce(&mut dyn BufRead) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let file = match self.spill.take() {
            Some(file) => file,
            None => scratch_file(&self.scratch)?,
        };
        let file = self.spill.insert(file);
        let mut tee =
            Tee { inner: input, copy: io::BufWriter::with_capacity(BUFFER, file), len: 0, error: None };
        inflate(&mut tee)?;
        let len = tee.finish().map_err(Fault::io("write a scratch file"))?;
        self.records.push(encode(Waiting { at, base, size, done: false, from: self.spilled, len }))?;
        self.spilled += len;
        Ok(())
    }

    /// The delta with this number, which must be below `len`.
    pub fn get(&self, number: u64) -> Result<Waiting, Error> {
        self.records.get(number).map(|record| decode(&record))
    }

    /// The delta with this number has been resolved.
    pub fn done(&mut self, number: u64, waiting: Waiting) -> Result<(), Error> {
        self.records.set(number, encode(Waiting { done: true, ..waiting }))
    }

    /// The compressed bytes of a delta.
    pub fn section<'a>(&'a self, waiting: Waiting, buffer: &'a mut Vec<u8>) -> Option<Section<'a>> {
        self.spill.as_ref().map(|file| Section::new(file, waiting.from, waiting.from + waiting.len, buffer))
    }
}

fn encode(waiting: Waiting) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    record[..8].copy_from_slice(&waiting.at.to_be_bytes());
    match waiting.base {
        Base::At(offset) => record[9..17].copy_from_slice(&offset.to_be_bytes()),
        Base::Id(id) => {
            record[8] = 1;
            record[9..29].copy_from_slice(id.as_bytes());
        }
    }
    record[29..37].copy_from_slice(&waiting.size.to_be_bytes());
    record[37..45].copy_from_slice(&waiting.from.to_be_bytes());
    record[45..53].copy_from_slice(&waiting.len.to_be_bytes());
    record[53] = u8::from(waiting.done);
    record
}

fn decode(record: &[u8; RECORD]) -> Waiting {
    let number = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&record[at..at + 8]);
        u64::from_be_bytes(bytes)
    };
    let base = match record[8] {
        0 => Base::At(number(9)),
        _ => Base::Id(ObjectId::from_slice(&record[9..]).unwrap_or_default()),
    };
    Waiting {
        at: number(0),
        base,
        size: number(29),
        done: record[53] != 0,
        from: number(37),
        len: number(45),
    }
}

/// Writes down what is read through it. A write that fails is told at the end, since consuming
/// cannot fail.
struct Tee<'a, 'b> {
    inner: &'a mut PackInput<'b>,
    copy: io::BufWriter<&'a mut File>,
    len: u64,
    error: Option<io::Error>,
}

impl Tee<'_, '_> {
    fn finish(mut self) -> io::Result<u64> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        self.copy.flush()?;
        Ok(self.len)
    }
}

impl Read for Tee<'_, '_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let count = ready.len().min(out.len());
        out[..count].copy_from_slice(&ready[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Tee<'_, '_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        let outcome = self.inner.fill_buf().and_then(|ready| self.copy.write_all(&ready[..count]));
        if let Err(error) = outcome {
            self.error.get_or_insert(error);
        }
        self.inner.consume(count);
        self.len += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_written_down_and_read_back() {
        for base in [Base::At(77), Base::Id(ObjectId::from_bytes([9; 20]))] {
            let waiting = Waiting { at: 1 << 40, base, size: 3, done: true, from: 5, len: u64::MAX };
            assert_eq!(decode(&encode(waiting)), waiting);
        }
    }
}
