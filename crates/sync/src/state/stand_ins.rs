//! Which staged content belongs where the commit has another blob, kept in a file beside the staging area, so that a
//! kill costs nothing that has come.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use stoker_object::ObjectId;

use crate::Error;

/// Two ids.
const RECORD: usize = 40;
/// More are forgotten at a restart, and asked for again.
const MOST: usize = 100_000;

/// Blob → content.
pub(crate) struct StandIns {
    path: PathBuf,
    known: BTreeMap<ObjectId, ObjectId>,
}

impl StandIns {
    /// Those of the staging area `dir`. What a kill left half written is cut off.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let path = dir.with_file_name("stand-ins");
        let mut bytes = Vec::new();
        match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => {
                let file = opened.map_err(Error::io("open", &path))?;
                let mut limited = (&file).take((MOST * RECORD) as u64);
                limited.read_to_end(&mut bytes).map_err(Error::io("read", &path))?;
                let whole = bytes.len() - bytes.len() % RECORD;
                file.set_len(whole as u64).map_err(Error::io("cut", &path))?;
            }
        }
        let records = bytes.as_chunks::<RECORD>().0.iter();
        let known = records.filter_map(|record| {
            let (blob, content) = record.split_at(RECORD / 2);
            Some((ObjectId::from_slice(blob)?, ObjectId::from_slice(content)?))
        });
        Ok(Self { known: known.collect(), path })
    }

    pub fn put(&mut self, blob: &ObjectId, content: &ObjectId) -> Result<(), Error> {
        if self.known.insert(*blob, *content) == Some(*content) {
            return Ok(());
        }
        let record = [blob.as_bytes().as_slice(), content.as_bytes().as_slice()].concat();
        let file = OpenOptions::new().create(true).append(true).open(&self.path);
        file.and_then(|mut file| file.write_all(&record)).map_err(Error::io("write", &self.path))
    }

    pub fn get(&self, blob: &ObjectId) -> Option<ObjectId> {
        self.known.get(blob).copied()
    }

    pub fn clear(&mut self) -> Result<(), Error> {
        self.known.clear();
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("remove", &self.path)(error))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_survive_a_kill_in_the_middle_of_a_record() {
        let dir = tempfile::tempdir().unwrap();
        let area = dir.path().join("staging");
        let id = |byte| ObjectId::from_bytes([byte; 20]);
        let mut first = StandIns::open(&area).unwrap();
        first.put(&id(1), &id(2)).unwrap();
        first.put(&id(1), &id(2)).unwrap();
        first.put(&id(3), &id(4)).unwrap();
        let path = dir.path().join("stand-ins");
        assert_eq!(fs::metadata(&path).unwrap().len(), 80);
        OpenOptions::new().append(true).open(&path).unwrap().write_all(&[9; 7]).unwrap();
        let mut second = StandIns::open(&area).unwrap();
        second.put(&id(5), &id(6)).unwrap();
        let mut third = StandIns::open(&area).unwrap();
        for (blob, content) in [(1, 2), (3, 4), (5, 6)] {
            assert_eq!(third.get(&id(blob)), Some(id(content)));
        }
        assert_eq!(third.get(&id(9)), None);
        third.clear().unwrap();
        assert_eq!(StandIns::open(&area).unwrap().get(&id(1)), None);
    }
}
