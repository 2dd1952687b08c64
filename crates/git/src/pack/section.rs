use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::unix::fs::FileExt as _;

/// Bytes that are read at a time.
const BUFFER: usize = 16 * 1024;

/// Part of a file, read from front to back without moving the file's own position. The buffer is
/// lent, so that thousands of sections use one.
pub(crate) struct Section<'a> {
    file: &'a File,
    at: u64,
    end: u64,
    buffer: &'a mut Vec<u8>,
    from: usize,
    to: usize,
}

impl<'a> Section<'a> {
    /// The bytes of `file` from `at` up to `end`.
    pub fn new(file: &'a File, at: u64, end: u64, buffer: &'a mut Vec<u8>) -> Self {
        Self { file, at, end, buffer, from: 0, to: 0 }
    }

    /// Where in the file the next byte lies.
    pub fn position(&self) -> u64 {
        self.at - (self.to - self.from) as u64
    }
}

impl Read for Section<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let count = ready.len().min(out.len());
        out[..count].copy_from_slice(&ready[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Section<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.from == self.to && self.at < self.end {
            self.buffer.resize(BUFFER, 0);
            let wanted = BUFFER.min(usize::try_from(self.end - self.at).unwrap_or(BUFFER));
            (self.from, self.to) = (0, 0);
            self.to = self.file.read_at(&mut self.buffer[..wanted], self.at)?;
            self.at += self.to as u64;
        }
        Ok(&self.buffer[self.from..self.to])
    }

    fn consume(&mut self, count: usize) {
        self.from = (self.from + count).min(self.to);
    }
}
