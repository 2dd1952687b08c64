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

/// Records of `N` bytes from a sorted file: those that were read last. Each file has its own, kept between
/// searches, so that neighbours cost one read and no search clears a buffer.
///
/// What is held spares reads and changes no answer, also in a damaged file that is not sorted: a search takes the
/// same steps whatever was searched for before.
#[derive(Default)]
pub(crate) struct Block<const N: usize> {
    records: Vec<[u8; N]>,
    /// The number of the first record.
    first: u64,
    len: usize,
}

impl<const N: usize> Block<N> {
    /// Records that one read fetches.
    const MOST: u64 = (BLOCK / N) as u64;

    /// Finds `key` in a file of sorted records, the first one at byte `start`, every record beginning with its
    /// key. Gives the record and its number, looking only at the numbers in `range`.
    pub fn search(
        &mut self,
        file: &File,
        start: u64,
        mut range: Range<u64>,
        key: &[u8],
    ) -> io::Result<Option<(u64, [u8; N])>> {
        while range.end.saturating_sub(range.start) > Self::MOST {
            let middle = range.start + (range.end - range.start) / 2;
            let mut record = [0; N];
            match self.held(&(middle..middle + 1)) {
                Some([held]) => record = *held,
                _ => file.read_exact_at(&mut record, start + middle * N as u64)?,
            }
            match record[..key.len()].cmp(key) {
                Ordering::Equal => return Ok(Some((middle, record))),
                Ordering::Less => range.start = middle + 1,
                Ordering::Greater => range.end = middle,
            }
        }
        let held = self.records(file, start, &range)?;
        let found = held.binary_search_by(|record| record[..key.len()].cmp(key)).ok();
        Ok(found.map(|at| (range.start + at as u64, held[at])))
    }

    /// The record with this number, of `count` in the file.
    pub fn get(&mut self, file: &File, start: u64, number: u64, count: u64) -> io::Result<Option<[u8; N]>> {
        let numbers = number..count.min(number + Self::MOST);
        if let Some([record]) = self.held(&(number..number + 1)) {
            return Ok(Some(*record));
        }
        Ok(self.records(file, start, &numbers)?.first().copied())
    }

    /// A record of the file was replaced.
    pub fn forget(&mut self) {
        self.len = 0;
    }

    fn held(&self, numbers: &Range<u64>) -> Option<&[[u8; N]]> {
        let from = usize::try_from(numbers.start.checked_sub(self.first)?).ok()?;
        let count = usize::try_from(numbers.end.saturating_sub(numbers.start)).ok()?;
        self.records[..self.len].get(from..from.checked_add(count)?)
    }

    fn records(&mut self, file: &File, start: u64, numbers: &Range<u64>) -> io::Result<&[[u8; N]]> {
        if self.held(numbers).is_none() {
            let count = numbers.end.saturating_sub(numbers.start) as usize;
            // Until all of it has been read there is nothing here.
            (self.first, self.len) = (numbers.start, 0);
            if self.records.len() < count {
                self.records.resize(count, [0; N]);
            }
            let bytes = self.records[..count].as_flattened_mut();
            file.read_exact_at(bytes, start + numbers.start * N as u64)?;
            self.len = count;
        }
        Ok(self.held(numbers).unwrap_or_default())
    }
}

/// The first eight bytes of every so-manieth key of a sorted file, so that a search begins within one block:
/// 6 kB for 100,000 records, never more than 32.
pub(crate) struct Sparse {
    every: u64,
    keys: Vec<u64>,
    len: u64,
}

impl Sparse {
    /// Keys that are held; beyond it, every other one is dropped.
    const MOST: usize = 4096;

    pub fn new() -> Self {
        Self { every: 128, keys: Vec::new(), len: 0 }
    }

    /// Records that were added.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Adds the next record, which begins with its key of eight bytes or more.
    pub fn push(&mut self, record: &[u8]) {
        if self.len.is_multiple_of(self.every) {
            if self.keys.len() == Self::MOST {
                let mut number = 0;
                self.keys.retain(|_| {
                    number += 1;
                    number % 2 == 1
                });
                self.every *= 2;
            }
            self.keys.push(prefix(record));
        }
        self.len += 1;
    }

    /// The numbers among which the record with this key is, if it is there.
    pub fn range(&self, key: &[u8]) -> Range<u64> {
        let key = prefix(key);
        // Keys may be alike in their first eight bytes.
        let from = self.keys.partition_point(|other| *other < key).saturating_sub(1) as u64;
        let to = self.keys.partition_point(|other| *other <= key) as u64;
        from * self.every..(to * self.every).min(self.len)
    }
}

fn prefix(record: &[u8]) -> u64 {
    record.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// Records of `N` bytes, more of them than memory should hold: the newest are kept in a buffer, the
/// others in a scratch file that is made when it is needed.
pub(crate) struct Records<const N: usize> {
    directory: PathBuf,
    file: Option<File>,
    written: Sparse,
    block: Block<N>,
    tail: Vec<[u8; N]>,
}

impl<const N: usize> Records<N> {
    /// Records that are held in memory before they are written.
    const TAIL: usize = 1024;

    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            file: None,
            written: Sparse::new(),
            block: Block::default(),
            tail: Vec::new(),
        }
    }

    pub fn len(&self) -> u64 {
        self.written.len() + self.tail.len() as u64
    }

    pub fn push(&mut self, record: [u8; N]) -> Result<(), Error> {
        if self.tail.len() == Self::TAIL {
            let file = match self.file.take() {
                Some(file) => file,
                None => scratch_file(&self.directory)?,
            };
            let file = self.file.insert(file);
            let at = self.written.len() * N as u64;
            file.write_all_at(self.tail.as_flattened(), at).map_err(failed("write"))?;
            self.tail.iter().for_each(|record| self.written.push(record));
            self.tail.clear();
        }
        self.tail.push(record);
        Ok(())
    }

    /// The record with this number, which must be below `len`.
    pub fn get(&self, number: u64) -> Result<[u8; N], Error> {
        if let Some(place) = number.checked_sub(self.written.len()) {
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
        if let Some(place) = number.checked_sub(self.written.len()) {
            self.tail[place as usize] = record;
        } else if let Some(file) = &self.file {
            self.block.forget();
            file.write_all_at(&record, number * N as u64).map_err(failed("write"))?;
        }
        Ok(())
    }

    /// The record that begins with `key`, of eight bytes or more, and its number; the records must have come in
    /// that order.
    pub fn find(&mut self, key: &[u8]) -> Result<Option<(u64, [u8; N])>, Error> {
        let in_tail = self.tail.first().is_some_and(|first| first[..key.len()] <= *key);
        if in_tail {
            let place = self.tail.binary_search_by(|record| record[..key.len()].cmp(key));
            return Ok(place.ok().map(|place| (self.written.len() + place as u64, self.tail[place])));
        }
        match &self.file {
            Some(file) => self.block.search(file, 0, self.written.range(key), key).map_err(failed("read")),
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

    #[test]
    fn a_record_that_was_replaced_is_found_as_it_is_now() {
        let directory = tempfile::tempdir().unwrap();
        let mut records = Records::<9>::new(directory.path());
        let record = |n: u64, mark: u8| {
            let mut bytes = [mark; 9];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            bytes
        };
        for n in 0..3000 {
            records.push(record(n, 0)).unwrap();
        }
        for mark in [1, 2] {
            assert_eq!(records.find(&7_u64.to_be_bytes()).unwrap(), Some((7, record(7, mark - 1))));
            records.set(7, record(7, mark)).unwrap();
        }
    }

    #[test]
    fn sparse_keys_stay_few_and_lead_to_every_record() {
        let mut sparse = Sparse::new();
        let count = 128 * Sparse::MOST as u64 * 3;
        // Three neighbours are alike in what the sparse keys hold.
        let key = |n: u64| (n / 3).to_be_bytes();
        for n in 0..count {
            sparse.push(&key(n));
        }
        assert!(sparse.keys.len() <= Sparse::MOST && sparse.len() == count);
        for n in (0..count).step_by(61).chain([count - 1]) {
            let range = sparse.range(&key(n));
            assert!(range.contains(&n) && range.end - range.start <= 3 * sparse.every, "{n} in {range:?}");
        }
    }

    #[test]
    fn in_a_file_that_is_not_sorted_a_search_does_not_depend_on_those_before() {
        use std::io::Write as _;
        let mut file = tempfile::tempfile().unwrap();
        let key = |n: u64| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54).to_be_bytes();
        for n in 0..2000 {
            file.write_all(&key(n)).unwrap();
        }
        let mut block = Block::<8>::default();
        for n in (0..2000).chain((0..2000).rev()) {
            let alone = Block::<8>::default().search(&file, 0, 0..2000, &key(n)).unwrap();
            assert_eq!(block.search(&file, 0, 0..2000, &key(n)).unwrap(), alone);
            assert_eq!(block.get(&file, 0, n, 2000).unwrap(), Some(key(n)));
        }
    }

    #[test]
    fn blocks_of_a_file_answer_as_the_file_does() {
        use std::io::Write as _;
        let mut file = tempfile::tempfile().unwrap();
        for n in 0..1000_u64 {
            file.write_all(&(n * 2).to_be_bytes()).unwrap();
        }
        let mut block = Block::<8>::default();
        for n in [0, 1, 1998, 1999, 2000, 700, 702, 701, 0, 1024, 1023] {
            let found = block.search(&file, 0, 0..1000, &u64::to_be_bytes(n)).unwrap();
            assert_eq!(found, (n % 2 == 0 && n < 2000).then_some((n / 2, n.to_be_bytes())), "{n}");
        }
        for number in [999, 0, 1, 511, 512, 998] {
            assert_eq!(block.get(&file, 0, number, 1000).unwrap(), Some((number * 2).to_be_bytes()));
        }
        assert!(block.search(&file, 0, 0..2000, &[0xff; 8]).is_err(), "the file ends before");
        assert_eq!(block.search(&file, 0, 0..1000, &[0; 8]).unwrap(), Some((0, [0; 8])));
    }
}
