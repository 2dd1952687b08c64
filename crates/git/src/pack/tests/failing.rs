//! Readers and sinks that fail.

use std::fs::File;
use std::io::{self, BufReader, Read};

use stoker_object::{Kind, ObjectId};

use crate::error::Error;
use crate::pack::testkit::{PackBuilder, Stores, delta, noise, object_id};
use crate::pack::{Limits, receive};
use crate::store::BlobSink;

/// What a sink cannot do, on a disk that is full.
#[derive(Clone, Copy, PartialEq)]
enum Fails {
    Small,
    Create,
    Keep,
    Open,
    Nothing,
}

struct Full(Fails);

impl Full {
    fn outcome<T>(&self, place: Fails, value: T) -> io::Result<T> {
        if self.0 == place { Err(io::ErrorKind::StorageFull.into()) } else { Ok(value) }
    }
}

impl BlobSink for Full {
    fn contains(&mut self, _: &ObjectId) -> bool {
        false
    }

    fn small(&mut self, _: &ObjectId, _: &[u8]) -> io::Result<()> {
        self.outcome(Fails::Small, ())
    }

    fn create(&mut self, _: u64) -> io::Result<File> {
        self.outcome(Fails::Create, tempfile::tempfile()?)
    }

    fn keep(&mut self, _: &ObjectId, _: File) -> io::Result<()> {
        self.outcome(Fails::Keep, ())
    }

    fn open(&mut self, _: &ObjectId) -> io::Result<Option<File>> {
        self.outcome(Fails::Open, None)
    }
}

#[test]
fn a_full_disk_keeps_its_reason() {
    for place in [Fails::Small, Fails::Create, Fails::Keep, Fails::Open] {
        let large = noise(1, 100_000);
        let mut pack = PackBuilder::new();
        pack.blob(b"small");
        pack.blob(&large);
        pack.ref_delta(&object_id(Kind::Blob, &large), &delta(100_000, 5, b""));
        let mut stores = Stores::new();
        let pack = pack.finish();
        let scratch = stores.scratch.path();
        let outcome = receive(&mut &*pack, &mut stores.trees, &mut Full(place), scratch, &Limits::default());
        assert_eq!(outcome.unwrap_err().reason(), "DiskFull");
    }
}

/// Gives some bytes, then an error of this crate's own: what a broken connection looks like.
struct Broken<'a>(&'a [u8]);

impl Read for Broken<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.0.read(out)? {
            0 => Err(Error::CutOff("in the middle").into_io()),
            count => Ok(count),
        }
    }
}

#[test]
fn the_error_of_a_broken_connection_comes_through() {
    let mut pack = PackBuilder::new();
    pack.blob(&noise(1, 100_000));
    let pack = pack.finish();
    for len in [0, 5, 12, 13, 2000, pack.len() - 20, pack.len() - 1] {
        let mut stores = Stores::new();
        let mut reader = BufReader::new(Broken(&pack[..len]));
        let scratch = stores.scratch.path();
        let outcome =
            receive(&mut reader, &mut stores.trees, &mut Full(Fails::Nothing), scratch, &Limits::default());
        assert!(matches!(outcome, Err(Error::CutOff("in the middle"))), "{len}: {outcome:?}");
    }
}

/// Is interrupted by a signal at every second read.
struct Interrupted<'a>(&'a [u8], bool);

impl Read for Interrupted<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = out.len().min(100);
        self.0.read(&mut out[..count])
    }
}

#[test]
fn a_read_that_is_interrupted_is_tried_again() {
    let mut pack = PackBuilder::new();
    pack.blob(&noise(1, 3000));
    let pack = pack.finish();
    let mut stores = Stores::new();
    let mut reader = BufReader::new(Interrupted(&pack, false));
    let scratch = stores.scratch.path();
    receive(&mut reader, &mut stores.trees, &mut Full(Fails::Nothing), scratch, &Limits::default()).unwrap();
}

#[test]
fn a_missing_scratch_directory_is_named() {
    let mut pack = PackBuilder::new();
    pack.ref_delta(&ObjectId::default(), &delta(4, 4, b""));
    let pack = pack.finish();
    let mut stores = Stores::new();
    let scratch = stores.scratch.path().join("gone");
    let outcome = receive(&mut &*pack, &mut stores.trees, &mut stores.blobs, &scratch, &Limits::default());
    assert!(outcome.unwrap_err().to_string().contains("/gone: "));
}
