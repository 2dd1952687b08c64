use std::fs::File;
use std::io::Write as _;

use stoker_object::{Hasher, Kind, ObjectId};

use super::fault::Fault;

/// Objects up to this many bytes are held whole in a buffer that is used again; longer ones pass
/// through it to a file.
pub(crate) const CHUNK: usize = 64 * 1024;

/// An object while it comes into being: hashed, and held in memory or written to a file.
pub(crate) struct Output<'a> {
    buffer: &'a mut Vec<u8>,
    held: usize,
    left: u64,
    file: Option<File>,
    hasher: Option<Hasher>,
}

/// An object that is complete.
pub(crate) struct Finished {
    /// Its id, if it was hashed.
    pub id: ObjectId,
    /// The file that holds it; without one, it lies in the buffer.
    pub file: Option<File>,
}

impl<'a> Output<'a> {
    /// Begins an object of `size` bytes that will lie at the beginning of `buffer`, or in `file`.
    pub fn new(kind: Kind, size: u64, buffer: &'a mut Vec<u8>, file: Option<File>) -> Self {
        Self { buffer, held: 0, left: size, file, hasher: Some(Hasher::new(kind, size)) }
    }

    /// The same for a step on the way to an object, whose own id nobody asks for.
    pub fn unhashed(size: u64, buffer: &'a mut Vec<u8>, file: Option<File>) -> Self {
        Self { buffer, held: 0, left: size, file, hasher: None }
    }

    /// Bytes that are still to come.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Where the next bytes go: at least one, unless the object is complete. The buffer of an
    /// object in memory grows with what came, never with what was promised.
    pub fn room(&mut self) -> Result<&mut [u8], Fault> {
        if self.file.is_some() && self.held == CHUNK {
            self.flush()?;
        }
        let end = match self.file {
            Some(_) => CHUNK,
            None => self.held + CHUNK,
        };
        let end = end.min(self.held.saturating_add(usize::try_from(self.left).unwrap_or(usize::MAX)));
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        Ok(&mut self.buffer[self.held..end])
    }

    /// `count` bytes were put where [`Output::room`] said.
    pub fn filled(&mut self, count: usize) {
        self.held += count;
        self.left -= count as u64;
    }

    /// Adds bytes that lie in memory; there must be room for them in the object.
    pub fn put(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            let room = self.room()?;
            let count = room.len().min(bytes.len());
            if count == 0 {
                return Err(Fault::damaged("an object is longer than it says"));
            }
            room[..count].copy_from_slice(&bytes[..count]);
            self.filled(count);
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// Ends the object; all its bytes must have come.
    pub fn finish(mut self) -> Result<Finished, Fault> {
        if self.left > 0 {
            return Err(Fault::damaged("an object is shorter than it says"));
        }
        if self.file.is_some() {
            self.flush()?;
        } else if let Some(hasher) = &mut self.hasher {
            hasher.update(&self.buffer[..self.held]);
        }
        let id = match self.hasher.map(Hasher::finish).transpose() {
            Ok(id) => id.unwrap_or_default(),
            Err(collision) => return Err(Fault::damaged(collision.to_string())),
        };
        Ok(Finished { id, file: self.file })
    }

    fn flush(&mut self) -> Result<(), Fault> {
        let held = &self.buffer[..self.held];
        if let Some(hasher) = &mut self.hasher {
            hasher.update(held);
        }
        if let Some(file) = &mut self.file {
            file.write_all(held).map_err(Fault::io("write a large object"))?;
        }
        self.held = 0;
        Ok(())
    }
}
