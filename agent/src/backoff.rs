//! When to try again after a failure.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(5);

/// Doubles from one second to five minutes, with jitter, so that a plant's gateways do not all ask at once.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait after one more failure, by this agent's own jitter.
    pub fn pause(&mut self) -> Duration {
        self.next(entropy())
    }

    /// As long, and at least as long as the server asked for and up to a tenth more, so that all whom it turned away
    /// do not come back at once.
    pub fn pause_as_asked(&mut self, asked: Duration) -> Duration {
        self.pause().max(later(asked, entropy()))
    }

    /// How long to wait after one more failure. `entropy` is any number that differs from gateway to gateway.
    fn next(&mut self, entropy: u64) -> Duration {
        let base = FIRST.saturating_mul(1 << self.failures.min(9)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        // Between three quarters and the whole.
        base.mul_f64(1.0 - (entropy % 1000) as f64 / 4000.0)
    }

    /// How many failures there were in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// It went well.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// A poll interval with this agent's jitter: up to a tenth sooner, so that a plant's gateways spread.
pub fn spread(interval: Duration) -> Duration {
    interval.mul_f64(1.0 - (entropy() % 1000) as f64 / 10_000.0)
}

/// Up to a tenth later.
fn later(asked: Duration, entropy: u64) -> Duration {
    asked.mul_f64(1.0 + (entropy % 1000) as f64 / 10_000.0)
}

/// A number that differs from process to process and from call to call: in containers every process is number 1.
fn entropy() -> u64 {
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_to_five_minutes_and_starts_anew_after_success() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..12).map(|_| backoff.next(0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        backoff.reset();
        assert_eq!(backoff.next(0), Duration::from_secs(1));
    }

    #[test]
    fn a_server_is_never_asked_sooner_than_it_wished() {
        let asked = Duration::from_secs(100);
        for _ in 0..100 {
            let wait = Backoff::default().pause_as_asked(asked);
            assert!(wait >= asked && wait <= asked.mul_f64(1.1), "{wait:?}");
        }
        assert_ne!(entropy(), entropy());
        let poll = spread(asked);
        assert!(poll <= asked && poll >= asked.mul_f64(0.9), "{poll:?}");
    }

    #[test]
    fn jitter_only_shortens_by_at_most_a_quarter() {
        for entropy in [1, 500, 999, 12_345_678_901] {
            let wait = Backoff { failures: 20 }.next(entropy);
            assert!(wait <= LONGEST && wait >= LONGEST.mul_f64(0.75), "{wait:?}");
        }
    }
}
