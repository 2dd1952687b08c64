use std::io::{self, BufRead, Read};

use sha1::{Digest as _, Sha1};

use super::entry::fill;
use super::fault::Fault;
use crate::error::Error;

/// The pack as it arrives: counted, hashed for its checksum, and held to a number of bytes.
pub(super) struct PackInput<'a> {
    inner: &'a mut dyn BufRead,
    hash: Sha1,
    offset: u64,
    limit: u64,
}

impl<'a> PackInput<'a> {
    pub fn new(inner: &'a mut dyn BufRead, limit: u64) -> Self {
        Self { inner, hash: Sha1::new(), offset: 0, limit }
    }

    /// Bytes read so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The number of objects that the pack's header announces.
    pub fn header(&mut self) -> Result<u64, Fault> {
        let header: [u8; 12] = self.array()?;
        if !header.starts_with(b"PACK") {
            return Err(Fault::damaged("it does not begin as a pack does"));
        }
        let [.., v0, v1, v2, v3, n0, n1, n2, n3] = header;
        match u32::from_be_bytes([v0, v1, v2, v3]) {
            2 | 3 => Ok(u64::from(u32::from_be_bytes([n0, n1, n2, n3]))),
            version => Err(Fault::damaged(format!("its version {version} is not known"))),
        }
    }

    /// Compares the checksum that ends the pack with the bytes that came before it.
    pub fn checksum(&mut self) -> Result<(), Fault> {
        let ours: [u8; 20] = self.hash.finalize_reset().into();
        if self.array::<20>()? == ours {
            Ok(())
        } else {
            Err(Fault::damaged("its checksum is not that of its bytes"))
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        let mut held = 0;
        while held < N {
            let ready = fill(self)?;
            let count = ready.len().min(N - held);
            if count == 0 {
                return Err(Fault::damaged("it ends in the middle"));
            }
            bytes[held..held + count].copy_from_slice(&ready[..count]);
            self.consume(count);
            held += count;
        }
        Ok(bytes)
    }

    /// The error of a pack that is longer than it may be, if this one is.
    pub fn too_long(&self) -> Option<Error> {
        let (value, limit) = (self.offset, self.limit);
        (value > limit).then_some(Error::Limit { what: "the size of the pack in bytes", value, limit })
    }
}

impl Read for PackInput<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let count = ready.len().min(out.len());
        out[..count].copy_from_slice(&ready[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for PackInput<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.offset > self.limit {
            // Compressed bytes that inflate to nothing can go on for ever within one object.
            return Ok(&[]);
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        // What was handed out is still there: a buffered reader gives the same bytes again.
        if let Ok(ready) = self.inner.fill_buf() {
            self.hash.update(&ready[..count]);
        }
        self.inner.consume(count);
        self.offset += count as u64;
    }
}
