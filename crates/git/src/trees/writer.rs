use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use stoker_object::{Kind, ObjectId};

use super::files::{self, Names, failed};
use super::index::IndexBuilder;
use super::record::{self, HEADER, Header};
use super::segment::{MAGIC, MAX_SEGMENT, Segment};
use super::window::Window;
use crate::error::Error;

/// Bytes that are held before they are written: a kill costs no more than these.
const BUFFER: usize = 32 * 1024;

/// A segment that is being written.
pub(super) struct Writer {
    names: Names,
    objects: File,
    written: u64,
    buffer: Vec<u8>,
    index: IndexBuilder,
}

impl Writer {
    pub fn create(directory: &Path, number: u32) -> Result<Self, Error> {
        let names = Names::new(directory, number);
        let objects = files::create(&names.objects)?;
        let index = IndexBuilder::new(directory);
        Ok(Self { names, objects, written: 0, buffer: MAGIC.to_vec(), index })
    }

    pub fn number(&self) -> u32 {
        self.names.number
    }

    pub fn is_full(&self) -> bool {
        self.len() >= MAX_SEGMENT / 2
    }

    pub fn append(&mut self, kind: Kind, id: &ObjectId, object: &[u8]) -> Result<(), Error> {
        if !self.buffer.is_empty() && self.buffer.len() + HEADER + object.len() > BUFFER {
            self.flush()?;
        }
        let at = self.len();
        self.buffer.extend_from_slice(&Header { kind, id: *id, len: object.len() as u64 }.encode());
        if object.len() < BUFFER {
            self.buffer.extend_from_slice(object);
        } else {
            self.flush()?;
            self.write(object)?;
        }
        self.index.push(*id, at)
    }

    pub fn read(&mut self, window: &mut Window, id: &ObjectId, object: &mut Vec<u8>) -> Option<Kind> {
        let at = self.index.find(id)?;
        match at.checked_sub(self.written) {
            Some(held) => record::take(self.buffer.get(held as usize..)?, id, object),
            None => record::read(window, (self.names.number, &self.objects), at, id, object),
        }
    }

    pub fn contains(&mut self, id: &ObjectId) -> bool {
        self.index.find(id).is_some()
    }

    pub fn flush(&mut self) -> Result<(), Error> {
        let buffer = std::mem::take(&mut self.buffer);
        let outcome = self.write(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
        outcome
    }

    /// Writes the index, which is what makes the segment a finished one.
    pub fn finish(mut self) -> Result<Segment, Error> {
        self.flush()?;
        let Self { names, objects, written, index, .. } = self;
        let index = index.finish(files::create(&names.index)?, &names.index, written)?;
        Ok(Segment::new(names, objects, written, index))
    }

    /// Gives the segment up.
    pub fn abandon(self) {
        self.names.remove();
    }

    fn len(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.objects.write_all(bytes).map_err(failed("write", &self.names.objects))?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}
