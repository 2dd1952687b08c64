//! How slow a server may be. One that sends a byte now and then is never silent, and never done.

use std::time::{Duration, Instant};

use crate::Error;

/// Looked at over so many times the limit of silence: ten minutes, as a rule.
const WINDOW: u32 = 10;

/// What has to come in that time. A server that packs for long sends a sign of life of five bytes every five seconds;
/// one that does only that for ten minutes has packed for too long.
const LEAST: u64 = 1024;

/// The pace of one answer.
pub(super) struct Pace {
    window: Duration,
    since: Instant,
    bytes: u64,
}

impl Pace {
    /// Begins with an answer. `silence` is what is borne without a byte.
    pub fn new(silence: Duration) -> Self {
        Self { window: silence.saturating_mul(WINDOW), since: Instant::now(), bytes: 0 }
    }

    /// Takes note of a piece.
    pub fn note(&mut self, bytes: usize) -> Result<(), Error> {
        self.note_at(bytes, Instant::now())
    }

    fn note_at(&mut self, bytes: usize, now: Instant) -> Result<(), Error> {
        self.bytes += bytes as u64;
        if self.bytes >= LEAST {
            (self.since, self.bytes) = (now, 0);
        } else if now.duration_since(self.since) > self.window {
            return Err(Error::TooSlow { bytes: self.bytes, during: self.window });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drip_ends_and_a_slow_link_does_not() {
        let (silence, start) = (Duration::from_mins(1), Instant::now());
        let run = |bytes: usize, every: u64| {
            let mut pace = Pace { since: start, ..Pace::new(silence) };
            let times = (1..=1000).map(|at| start + Duration::from_secs(at * every));
            times.map(|now| pace.note_at(bytes, now)).find_map(Result::err)
        };
        assert!(run(1, 1).is_some(), "a byte a second");
        assert!(run(5, 5).is_some(), "nothing but signs of life");
        assert!(run(1200, 1).is_none(), "9,600 bits a second");
        assert!(run(65_000, 599).is_none(), "a satellite");
    }
}
