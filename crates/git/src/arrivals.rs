//! Which of the blobs that were asked for have come.

use std::fs::File;
use std::io;

use stoker_object::ObjectId;

use crate::store::BlobSink;

/// A sink that notes which of the wanted blobs go into another one: 21 bytes for each, no look at a disk.
pub(crate) struct Arrivals<'a> {
    sink: &'a mut dyn BlobSink,
    /// Sorted, each once.
    wanted: &'a [ObjectId],
    here: Vec<bool>,
}

impl<'a> Arrivals<'a> {
    /// `wanted` must be sorted, and none of it in the sink.
    pub fn new(sink: &'a mut dyn BlobSink, wanted: &'a [ObjectId]) -> Self {
        Self { sink, wanted, here: vec![false; wanted.len()] }
    }

    /// The first that has not come.
    pub fn missing(&self) -> Option<ObjectId> {
        self.here.iter().position(|here| !here).map(|at| self.wanted[at])
    }

    fn note(&mut self, id: &ObjectId) {
        if let Ok(at) = self.wanted.binary_search(id) {
            self.here[at] = true;
        }
    }
}

impl BlobSink for Arrivals<'_> {
    fn contains(&mut self, id: &ObjectId) -> bool {
        match self.wanted.binary_search(id) {
            Ok(at) => self.here[at],
            Err(_) => self.sink.contains(id),
        }
    }

    fn small(&mut self, id: &ObjectId, content: &[u8]) -> io::Result<()> {
        self.sink.small(id, content)?;
        self.note(id);
        Ok(())
    }

    fn create(&mut self, size: u64) -> io::Result<File> {
        self.sink.create(size)
    }

    fn keep(&mut self, id: &ObjectId, file: File) -> io::Result<()> {
        self.sink.keep(id, file)?;
        self.note(id);
        Ok(())
    }

    fn open(&mut self, id: &ObjectId) -> io::Result<Option<File>> {
        self.sink.open(id)
    }
}
