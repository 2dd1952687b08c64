//! Whether this program is alive, and whether it has seen the cluster.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::observe::watch::Ready;

/// The main loop turns at least every ten seconds.
const LONGEST_TURN: Duration = Duration::from_mins(1);

/// See the module.
pub struct Health {
    turned: Mutex<Instant>,
    watches: Vec<(&'static str, Ready)>,
}

impl Health {
    /// Ready when each of these watches has seen a whole list.
    pub fn new(watches: Vec<(&'static str, Ready)>) -> Self {
        Self { turned: Mutex::new(Instant::now()), watches }
    }

    /// The main loop turned.
    pub fn turn(&self) {
        *self.turned.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether the main loop turns.
    pub fn is_alive(&self) -> Result<(), String> {
        let since = self.turned.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
        if since < LONGEST_TURN { Ok(()) } else { Err(format!("nothing moved for {} s", since.as_secs())) }
    }

    /// Whether every watch has seen a whole list.
    pub fn is_ready(&self) -> Result<(), String> {
        let waits: Vec<&str> =
            self.watches.iter().filter(|(_, ready)| !*ready.borrow()).map(|(what, _)| *what).collect();
        if waits.is_empty() { Ok(()) } else { Err(format!("not listed yet: {}", waits.join(", "))) }
    }
}
