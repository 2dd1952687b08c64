//! Ctrl-C and SIGTERM end the work in order: what was started, mounted and made is taken down by its owners.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{SigSet, Signal};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on these signals only set a mark. Called before any other thread exists, so that all of them inherit it.
pub(super) fn listen() -> Result<()> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    signals.thread_block().context("failed to block signals")?;
    thread::spawn(move || {
        if signals.wait().is_ok() {
            INTERRUPTED.store(true, Ordering::Release);
        }
    });
    Ok(())
}

/// Fails once a signal has come. Called wherever something is waited for.
pub(super) fn check() -> Result<()> {
    if INTERRUPTED.load(Ordering::Acquire) {
        bail!("interrupted");
    }
    Ok(())
}
