//! The innermost reader of an answer: it counts bytes, bears no drip and says what a failure means.

use std::io::{self, Read};
use std::time::Duration;

use super::pace::Pace;
use crate::Error;

/// Reads on behalf of a transport, adds to its count, and turns what the system says into an [`Error`], which
/// travels on inside the `io::Error`.
pub(super) struct Counted<'a, R, F> {
    inner: R,
    received: &'a mut u64,
    pace: Pace,
    meaning: F,
}

impl<'a, R: Read, F: Fn(io::Error) -> Error> Counted<'a, R, F> {
    /// `silence` is what is borne without a byte.
    pub fn new(inner: R, received: &'a mut u64, silence: Duration, meaning: F) -> Self {
        Self { inner, received, pace: Pace::new(silence), meaning }
    }
}

impl<R: Read, F: Fn(io::Error) -> Error> Read for Counted<'_, R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(length) => {
                *self.received += length as u64;
                self.pace.note(length).map_err(Error::into_io)?;
                Ok(length)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err((self.meaning)(error).into_io()),
        }
    }
}
