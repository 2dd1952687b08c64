use std::cmp::Ordering;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::scratch::scratch_file;
use crate::error::Error;

/// Sorted bytes are fetched in blocks of this size once a search has come close.
const BLOCK: usize = 4096;

/// Finds `key` in a file of sorted records of `N` bytes, the first one at byte `start`, every record
/// beginning with its key. Gives the record and its number, looking only at the numbers in `range`.
pub(crate) fn search<const N: usize>(
    file: &File,
    start: u64,
    mut range: Range<u64>,
    key: &[u8],
) -> io::Result<Option<(u64, [u8; N])>> {
    let mut block = [0; BLOCK];
    while range.end.saturating_sub(range.start) > (BLOCK / N) as u64 {
        let middle = range.start + (range.end - range.start) / 2;
        let mut record = [0; N];
        file.read_exact_at(&mut record, start + middle * N as u64)?;
        match record[..key.len()].cmp(key) {
            Ordering::Equal => return Ok(Some((middle, record))),
            Ordering::Less => range.start = middle + 1,
            Ordering::Greater => range.end = middle,
        }
    }
    let count = range.end.saturating_sub(range.start) as usize;
    let block = &mut block[..count * N];
    file.read_exact_at(block, start + range.start * N as u64)?;
    let mut numbered = (range.start..).zip(block.as_chunks::<N>().0);
    Ok(numbered.find(|(_, record)| record.starts_with(key)).map(|(number, record)| (number, *record)))
}

/// Records of `N` bytes, more of them than memory should hold: the newest are kept in a buffer, the
/// others in a scratch file that is made when it is needed.
pub(crate) struct Records<const N: usize> {
    directory: PathBuf,
    file: Option<File>,
    written: u64,
    tail: Vec<[u8; N]>,
}

impl<const N: usize> Records<N> {
    /// Records that are held in memory before they are written.
    const TAIL: usize = 1024;

    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), file: None, written: 0, tail: Vec::new() }
    }

    pub fn len(&self) -> u64 {
        self.written + self.tail.len() as u64
    }

    pub fn push(&mut self, record: [u8; N]) -> Result<(), Error> {
        if self.tail.len() == Self::TAIL {
            let file = match self.file.take() {
                Some(file) => file,
                None => scratch_file(&self.directory)?,
            };
            let file = self.file.insert(file);
            let at = self.written * N as u64;
            file.write_all_at(self.tail.as_flattened(), at).map_err(failed("write"))?;
            self.written += self.tail.len() as u64;
            self.tail.clear();
        }
        self.tail.push(record);
        Ok(())
    }

    /// The record with this number, which must be below `len`.
    pub fn get(&self, number: u64) -> Result<[u8; N], Error> {
        if let Some(place) = number.checked_sub(self.written) {
            return Ok(self.tail[place as usize]);
        }
        let mut record = [0; N];
        if let Some(file) = &self.file {
            file.read_exact_at(&mut record, number * N as u64).map_err(failed("read"))?;
        }
        Ok(record)
    }

    /// Replaces the record with this number, which must be below `len`.
    pub fn set(&mut self, number: u64, record: [u8; N]) -> Result<(), Error> {
        if let Some(place) = number.checked_sub(self.written) {
            self.tail[place as usize] = record;
        } else if let Some(file) = &self.file {
            file.write_all_at(&record, number * N as u64).map_err(failed("write"))?;
        }
        Ok(())
    }

    /// The record that begins with `key`, and its number; the records must have come in that order.
    pub fn find(&self, key: &[u8]) -> Result<Option<(u64, [u8; N])>, Error> {
        let in_tail = self.tail.first().is_some_and(|first| first[..key.len()] <= *key);
        if in_tail {
            let place = self.tail.binary_search_by(|record| record[..key.len()].cmp(key));
            return Ok(place.ok().map(|place| (self.written + place as u64, self.tail[place])));
        }
        match &self.file {
            Some(file) => search(file, 0, 0..self.written, key).map_err(failed("read")),
            None => Ok(None),
        }
    }
}

fn failed(verb: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::Io { what: format!("{verb} a scratch file"), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_found_by_its_key_and_by_its_number() {
        let directory = tempfile::tempdir().unwrap();
        let mut records = Records::<9>::new(directory.path());
        let record = |n: u64, mark: u8| {
            let mut bytes = [mark; 9];
            bytes[..8].copy_from_slice(&(n * 3).to_be_bytes());
            bytes
        };
        for n in 0..5000 {
            records.push(record(n, 0)).unwrap();
        }
        assert_eq!(records.len(), 5000);
        for n in (0..5000_u64).step_by(7).chain([4999]) {
            assert_eq!(records.find(&(n * 3).to_be_bytes()).unwrap(), Some((n, record(n, 0))));
            assert_eq!(records.find(&(n * 3 + 1).to_be_bytes()).unwrap(), None);
            records.set(n, record(n, 1)).unwrap();
            assert_eq!(records.get(n).unwrap(), record(n, 1));
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "scratch files have no name");
    }
}
