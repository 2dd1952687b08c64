//! SIGTERM and SIGINT: stop at the next step, within a second. What was begun, the next start finishes.

use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};

use crate::failure::Failure;
use crate::mailbox::Mailbox;

/// Native sidecars may have two seconds left when they are told to stop.
const GRACE: Duration = Duration::from_secs(1);

/// Takes the signals over; to be called before any other thread exists. Works as PID 1, too. `code` is the
/// exit code of a program that did not stop by itself.
pub fn listen(mailbox: &Arc<Mailbox>, code: u8) -> Result<(), Failure> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGINT);
    signals.thread_block().map_err(|error| Failure::system(format!("failed to block signals: {error}")))?;
    let mailbox = Arc::clone(mailbox);
    spawn("signals", move || {
        if let Ok(signal) = signals.wait() {
            tracing::info!(%signal, "stopping");
        }
        mailbox.stop();
        std::thread::sleep(GRACE);
        // The sync thread is in a call that does not end, such as a silent server.
        std::process::exit(i32::from(code));
    })
}

/// Starts a thread with a small stack: debug builds need 128 KiB, optimised ones a quarter of it.
pub fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .stack_size(256 << 10)
        .spawn(run)
        .map(drop)
        .map_err(|error| Failure::system(format!("failed to start thread {name:?}: {error}")))
}
