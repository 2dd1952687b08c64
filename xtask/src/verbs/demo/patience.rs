//! Waiting: for a condition with a deadline, and never longer than the viewer wants to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{SigSet, Signal};

/// Short enough to time what takes some ten milliseconds.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// What a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Ends every wait once a signal asked to stop.
#[derive(Debug, Clone)]
pub(super) struct Patience(Arc<AtomicBool>);

impl Patience {
    /// Takes over Ctrl-C, SIGTERM and a closed terminal, so that what was started is stopped; to be called before any
    /// thread exists. A second signal ends the program at once.
    pub(super) fn with_signals() -> Result<Self> {
        let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
        signals.thread_block().context("failed to block signals")?;
        let ended = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ended);
        thread::spawn(move || {
            if signals.wait().is_ok() {
                flag.store(true, Ordering::SeqCst);
            }
            if signals.wait().is_ok() {
                std::process::exit(INTERRUPTED);
            }
        });
        Ok(Self(ended))
    }

    #[cfg(test)]
    pub(super) fn without_signals() -> Self {
        Self(Arc::new(AtomicBool::new(false)))
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Looks until there is something to find. `what` is what did not come, for the error.
    pub(super) fn until<T>(
        &self,
        at_most: Duration,
        what: &str,
        mut look: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let deadline = Instant::now() + at_most;
        loop {
            if self.is_over() {
                bail!("interrupted while waiting for {what}");
            }
            if let Some(found) = look()? {
                return Ok(found);
            }
            if Instant::now() >= deadline {
                bail!("{what} did not come within {} s", at_most.as_secs());
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Lets time pass in which something must *not* happen, as `look` says all the while.
    pub(super) fn throughout(&self, time: Duration, mut look: impl FnMut() -> Result<()>) -> Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if self.is_over() {
                bail!("interrupted");
            }
            look()?;
            thread::sleep(Duration::from_millis(50));
        }
        look()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_come_is_named() {
        let patience = Patience::without_signals();
        let error = patience.until(Duration::ZERO, "the scan", || Ok(None::<()>)).unwrap_err();
        assert_eq!(error.to_string(), "the scan did not come within 0 s");
    }

    #[test]
    fn a_signal_ends_every_wait() {
        let patience = Patience::without_signals();
        patience.0.store(true, Ordering::SeqCst);
        let hour = Duration::from_hours(1);
        assert!(patience.until(hour, "x", || Ok(None::<()>)).is_err());
        assert!(patience.throughout(hour, || Ok(())).is_err());
    }
}
