//! A pack as a hostile server sends it: the receiver ends within its limits, with an error or with objects that hash to
//! their ids, and whatever was received once is received the same way in small pieces.
#![no_main]

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};

use libfuzzer_sys::fuzz_target;
use stoker_git::{BlobSink, Limits, TreeStore, receive};
use stoker_object::ObjectId;

/// Blobs in memory, and in files while they are written.
#[derive(Default)]
struct Blobs(BTreeMap<ObjectId, Vec<u8>>);

impl BlobSink for Blobs {
    fn contains(&mut self, id: &ObjectId) -> bool {
        self.0.contains_key(id)
    }

    fn small(&mut self, id: &ObjectId, content: &[u8]) -> io::Result<()> {
        self.0.insert(*id, content.to_vec());
        Ok(())
    }

    fn create(&mut self, _: u64) -> io::Result<std::fs::File> {
        tempfile::tempfile()
    }

    fn keep(&mut self, id: &ObjectId, mut file: std::fs::File) -> io::Result<()> {
        let mut content = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut content)?;
        self.0.insert(*id, content);
        Ok(())
    }

    fn open(&mut self, id: &ObjectId) -> io::Result<Option<std::fs::File>> {
        let Some(content) = self.0.get(id) else { return Ok(None) };
        let mut file = tempfile::tempfile()?;
        file.write_all(content)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(Some(file))
    }
}

/// Lends a few bytes at a time.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.0.len().min(buffer.len()).min(self.1);
        buffer[..amount].copy_from_slice(&self.0[..amount]);
        self.0 = &self.0[amount..];
        Ok(amount)
    }
}

impl BufRead for Trickle<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(&self.0[..self.0.len().min(self.1)])
    }

    fn consume(&mut self, amount: usize) {
        self.0 = &self.0[amount..];
    }
}

const LIMITS: Limits = Limits {
    max_objects: 1000,
    max_object_bytes: 1 << 20,
    max_total_bytes: 4 << 20,
    max_pack_bytes: 1 << 20,
};

/// The blobs that came, or the error's words.
fn run(input: &[u8], piece: usize) -> Result<BTreeMap<ObjectId, Vec<u8>>, String> {
    let dir = tempfile::tempdir().expect("a place for files");
    let mut trees = TreeStore::open(dir.path()).map_err(|error| error.to_string())?;
    let mut blobs = Blobs::default();
    receive(&mut Trickle(input, piece), &mut trees, &mut blobs, dir.path(), &LIMITS)
        .map_err(|error| error.to_string())?;
    Ok(blobs.0)
}

fuzz_target!(|input: &[u8]| {
    // The checksum at the end is made right, or nothing would ever be read to its end.
    let mut pack = input.to_vec();
    pack.extend(stoker_git::fuzzing::checksum(input));
    let whole = run(&pack, usize::MAX);
    assert_eq!(whole, run(&pack, 7));
    for (id, content) in whole.unwrap_or_default() {
        assert_eq!(stoker_object::blob_id(&content), id);
    }
});
