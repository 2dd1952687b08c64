//! Rates: so many at once, so many a second, for each name.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Names that are remembered. Beyond them those that have not used their allowance are forgotten, then anyone.
const MOST: usize = 4096;

/// An allowance for each name.
#[derive(Debug)]
pub struct Rates<K> {
    used: Mutex<HashMap<K, (f64, Instant)>>,
    at_once: f64,
    a_second: f64,
}

impl<K: Hash + Eq + Clone> Rates<K> {
    /// So many at once, and so many a second in the long run.
    pub fn new(at_once: u32, a_second: u32) -> Self {
        Self { used: Mutex::default(), at_once: at_once.into(), a_second: a_second.into() }
    }

    /// Whether one more is allowed now.
    pub fn allow(&self, name: &K, now: Instant) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= MOST && !used.contains_key(name) {
            used.retain(|_, (amount, since)| self.left_over(*amount, *since, now) > 0.0);
            if used.len() >= MOST
                && let Some(any) = used.keys().next().cloned()
            {
                used.remove(&any);
            }
        }
        let (amount, since) = used.entry(name.clone()).or_insert((0.0, now));
        let amount_now = self.left_over(*amount, *since, now);
        let is_allowed = amount_now + 1.0 <= self.at_once;
        (*amount, *since) = (amount_now + f64::from(u8::from(is_allowed)), now);
        is_allowed
    }

    /// What is used of the allowance now, where `amount` was used then.
    fn left_over(&self, amount: f64, since: Instant, now: Instant) -> f64 {
        (amount - now.saturating_duration_since(since).as_secs_f64() * self.a_second).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_allowance_comes_back_with_time_and_is_each_names_own() {
        let rates = Rates::new(3, 1);
        let start = Instant::now();
        let allowed = (0..5).filter(|_| rates.allow(&"a", start)).count();
        assert_eq!(allowed, 3);
        assert!(rates.allow(&"b", start));
        assert!(!rates.allow(&"a", start + Duration::from_millis(900)));
        assert!(rates.allow(&"a", start + Duration::from_millis(1100)));
    }

    #[test]
    fn names_without_end_do_not_fill_memory() {
        let rates = Rates::new(1, 1);
        let now = Instant::now();
        for name in 0..3 * MOST {
            rates.allow(&name, now);
        }
        assert!(rates.used.lock().unwrap().len() <= MOST);
    }
}
