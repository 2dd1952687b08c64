//! Where the threads meet: the sync thread sleeps here with a deadline, the others ring.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// More changed directories than this are not kept apart: everything is looked at.
const MOST_DIRTY: usize = 1000;

/// What happened while the sync thread slept. It only says *look again*.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Directories below the data directory in which something changed.
    pub dirty: BTreeSet<String>,
    /// Changes were lost, or too many: everything is to be looked at.
    pub overflow: bool,
    /// A mounted credential or the manifest changed.
    pub inputs: bool,
    /// Something else may be wanted.
    pub wishes: bool,
}

impl Mail {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The meeting point.
#[derive(Debug, Default)]
pub struct Mailbox {
    mail: Mutex<Mail>,
    bell: Condvar,
    stop: AtomicBool,
}

impl Mailbox {
    /// Leaves mail and wakes the sync thread.
    pub fn post(&self, change: impl FnOnce(&mut Mail)) {
        let mut mail = self.lock();
        change(&mut mail);
        if mail.dirty.len() > MOST_DIRTY {
            mail.dirty.clear();
            mail.overflow = true;
        }
        drop(mail);
        self.bell.notify_all();
    }

    /// Asks everybody to stop.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.bell.notify_all();
    }

    /// Whether it is time to stop.
    pub fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// For the engine, which looks at it at every step.
    pub fn stop_flag(&self) -> &AtomicBool {
        &self.stop
    }

    /// Sleeps until `deadline`, or until there is mail or it is time to stop; takes the mail.
    pub fn wait(&self, deadline: Instant) -> Mail {
        let mut mail = self.lock();
        while mail.is_empty() && !self.stopping() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            mail = self.bell.wait_timeout(mail, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::take(&mut mail)
    }

    /// Sleeps for so long; false if it is time to stop. Mail stays where it is.
    pub fn sleep(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        let mut mail = self.lock();
        while !self.stopping() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            mail = self.bell.wait_timeout(mail, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    fn lock(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn mail_wakes_and_is_taken_once() {
        let mailbox = Arc::new(Mailbox::default());
        let poster = Arc::clone(&mailbox);
        let thread = std::thread::spawn(move || {
            poster.post(|mail| {
                mail.dirty.insert("a".to_owned());
            });
        });
        let mail = mailbox.wait(Instant::now() + Duration::from_secs(20));
        assert!(mail.dirty.contains("a"));
        thread.join().unwrap();
        assert!(mailbox.wait(Instant::now()).is_empty());
    }

    #[test]
    fn stopping_ends_every_sleep_at_once() {
        let mailbox = Arc::new(Mailbox::default());
        let sleeper = Arc::clone(&mailbox);
        let thread = std::thread::spawn(move || sleeper.sleep(Duration::from_mins(10)));
        mailbox.stop();
        assert!(!thread.join().unwrap());
    }

    #[test]
    fn too_many_directories_become_an_overflow() {
        let mailbox = Mailbox::default();
        for n in 0..=MOST_DIRTY {
            mailbox.post(|mail| {
                mail.dirty.insert(n.to_string());
            });
        }
        let mail = mailbox.wait(Instant::now());
        assert!(mail.overflow && mail.dirty.is_empty());
    }
}
