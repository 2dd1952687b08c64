//! Encoded bytes in memory: a block, an index.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::state::codec::{Put, Take};

/// Bytes that are being written.
#[derive(Default)]
pub(super) struct Out {
    pub bytes: Vec<u8>,
    last_path: String,
}

impl Out {
    /// Begins anew: the next path is written in full.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.last_path.clear();
    }
}

impl Put for Out {
    fn raw(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn last_path(&mut self) -> &mut String {
        &mut self.last_path
    }
}

/// Bytes whose checksum was found right.
pub(super) struct In {
    bytes: Vec<u8>,
    at: usize,
    last_path: String,
    /// The file that they come from, for messages.
    path: PathBuf,
}

impl In {
    pub(super) fn new(path: &Path, bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0, last_path: String::new(), path: path.to_owned() }
    }

    /// Takes other bytes, filled in by `fill`, in the same memory.
    pub(super) fn refill<T>(&mut self, fill: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.at = 0;
        self.last_path.clear();
        fill(&mut self.bytes)
    }

    /// Nothing is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }
}

impl Take for In {
    fn raw(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        let Some(found) = self.bytes.get(self.at..).and_then(|rest| rest.get(..bytes.len())) else {
            return Err(self.damaged("it ends in the middle of a record"));
        };
        bytes.copy_from_slice(found);
        self.at += bytes.len();
        Ok(())
    }

    fn last_path(&mut self) -> &mut String {
        &mut self.last_path
    }

    fn damaged(&self, why: &str) -> Error {
        Error::Damaged { path: self.path.clone(), why: why.to_owned() }
    }
}
