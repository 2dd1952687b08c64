//! Long work shows where it is: a line that is drawn over on a terminal, a log line every ten seconds otherwise.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Shorter work shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// The progress of a fetch.
pub struct Progress {
    started: Instant,
    shown: Option<Instant>,
    files: u64,
    of: u64,
    bytes: u64,
    terminal: bool,
}

impl Progress {
    /// `of` files are expected at most.
    pub fn new(of: u64) -> Self {
        Self {
            started: Instant::now(),
            shown: None,
            files: 0,
            of,
            bytes: 0,
            terminal: std::io::stderr().is_terminal(),
        }
    }

    /// One more file of so many bytes has begun.
    pub fn file(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
        let every = if self.terminal { Duration::from_millis(200) } else { Duration::from_secs(10) };
        let waited = self.shown.map_or(self.started.elapsed() >= PATIENCE, |shown| shown.elapsed() >= every);
        if waited {
            self.shown = Some(Instant::now());
            self.show();
        }
    }

    fn show(&self) {
        let (files, of, bytes) = (self.files, self.of.max(self.files), megabytes(self.bytes));
        if self.terminal {
            // A terminal that went away must not end a sync.
            let _ = write!(std::io::stderr(), "\r\x1b[Kfetching  {files} of {of} files, {bytes}");
        } else {
            tracing::info!(files, of, bytes, "fetching");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.terminal && self.shown.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// `12.3 MB`.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
