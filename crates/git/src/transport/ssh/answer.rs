//! What a `git-upload-pack` says, as a stream that lends the bytes of SSH's own packets.

use std::io::{self, BufRead, Read};
use std::time::Duration;

use super::connection::Connection;
use crate::Error;
use crate::transport::pace::Pace;

/// The answer to one request.
pub(super) struct Answer<'a> {
    connection: &'a mut Connection,
    received: &'a mut u64,
    /// For the next piece.
    next: Duration,
    /// For those after it.
    then: Duration,
    pace: Pace,
}

impl<'a> Answer<'a> {
    pub fn new(
        connection: &'a mut Connection,
        received: &'a mut u64,
        next: Duration,
        then: Duration,
    ) -> Self {
        Self { connection, received, next, then, pace: Pace::new(then) }
    }
}

impl BufRead for Answer<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.connection.data().is_empty() {
            self.connection.receive(self.next).map_err(Error::into_io)?;
            self.next = self.then;
            let length = self.connection.data().len();
            *self.received += length as u64;
            self.pace.note(length).map_err(Error::into_io)?;
        }
        Ok(self.connection.data())
    }

    fn consume(&mut self, amount: usize) {
        self.connection.consume(amount);
    }
}

impl Read for Answer<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let amount = available.len().min(buffer.len());
        buffer[..amount].copy_from_slice(&available[..amount]);
        self.consume(amount);
        Ok(amount)
    }
}
