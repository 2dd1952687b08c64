//! A scan that the gateway did not take is owed: it is asked for again, ever more rarely, and at once when
//! something may have put it right.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Instant;

use crate::backoff::Backoff;
use crate::failure::Failure;

/// What is known of the scan that is owed.
#[derive(Debug, Default)]
pub struct Scan {
    refusal: Option<Failure>,
    backoff: Backoff,
    again_at: Option<Instant>,
    /// The token that was refused.
    token: Option<FileStamp>,
}

/// Tells a file from the one that takes its place: inode and modification time.
type FileStamp = (u64, i64, i64);

impl Scan {
    /// Whether to ask now: the pause is over, or the token is another one.
    pub fn is_due(&self, token: Option<&Path>) -> bool {
        self.again_at.is_none_or(|at| at <= Instant::now()) || self.token != token.and_then(stamp)
    }

    /// When to ask again, although nothing changed.
    pub fn again_at(&self) -> Option<Instant> {
        self.again_at
    }

    /// Why the last scan was not taken.
    pub fn refusal(&self) -> Option<&Failure> {
        self.refusal.as_ref()
    }

    /// The gateway refused.
    pub fn refused(&mut self, failure: Failure, token: Option<&Path>) {
        self.refusal = Some(failure);
        self.again_at = Some(Instant::now() + self.backoff.pause());
        self.token = token.and_then(stamp);
    }

    /// There is something new to load.
    pub fn anew(&mut self) {
        *self = Self { refusal: self.refusal.take(), ..Self::default() };
    }

    /// The gateway took it, or loads everything when it starts.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

fn stamp(file: &Path) -> Option<FileStamp> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.ino(), metadata.mtime(), metadata.mtime_nsec()))
}
