//! The scan-lock: while somebody holds it, the gateway does not scan by itself.

use std::time::{Duration, Instant};

use serde::Deserialize;

/// The lock of one kind of scan. It has no owner: whoever scans next releases it.
#[derive(Debug, Default)]
pub(crate) struct ScanLock {
    until: Option<Instant>,
}

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// How long it waits for a scan that is running.
    pub acquire: Duration,
    /// How long it wants to hold the lock at most.
    pub hold: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    acquire_timeout: u32,
    hold_timeout: u32,
}

impl Claim {
    /// From `{"acquireTimeout":10,"holdTimeout":60}`, in seconds. A gateway fails on anything else, on no
    /// body most of all.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let Body { acquire_timeout, hold_timeout } = serde_json::from_slice(body).ok()?;
        let seconds = |count: u32| Duration::from_secs(count.into());
        Some(Self { acquire: seconds(acquire_timeout), hold: seconds(hold_timeout) })
    }
}

impl ScanLock {
    pub fn is_held(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// When it will be free by itself, if it is held.
    pub fn expires(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| now < *until)
    }

    /// Takes it if it is free.
    pub fn take(&mut self, now: Instant, hold: Duration) -> bool {
        let free = !self.is_held(now);
        if free {
            self.until = Some(now + hold);
        }
        free
    }

    pub fn release(&mut self) {
        self.until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_held_once_and_expires_by_itself() {
        let (mut lock, now) = (ScanLock::default(), Instant::now());
        assert!(lock.take(now, Duration::from_mins(1)));
        assert!(!lock.take(now + Duration::from_secs(59), Duration::from_mins(1)));
        assert!(lock.take(now + Duration::from_mins(1), Duration::from_mins(1)));
        lock.release();
        assert!(!lock.is_held(now));
    }

    #[test]
    fn a_claim_needs_both_times_as_whole_seconds() {
        let claim = Claim { acquire: Duration::from_secs(10), hold: Duration::from_mins(1) };
        assert_eq!(Claim::parse(br#"{"acquireTimeout":10,"holdTimeout":60}"#), Some(claim));
        for body in ["", "{}", "null", r#"{"acquireTimeout":10}"#, r#"{"acquireTimeout":-1,"holdTimeout":1}"#]
        {
            assert_eq!(Claim::parse(body.as_bytes()), None, "{body}");
        }
    }
}
