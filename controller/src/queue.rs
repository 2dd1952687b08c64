//! Which resource is looked at when: each by itself, never twice at one time, bursts gathered. Without I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::observe::Key;

/// Reconciles at one time.
const MOST_AT_ONCE: usize = 16;
/// Between two reconciles of a resource, unless it is urgent: a thousand agents that report in a second are ten looks.
const BETWEEN: Duration = Duration::from_millis(100);

/// See the module.
#[derive(Debug, Default)]
pub struct Queue {
    due: BTreeMap<Key, Instant>,
    running: BTreeSet<Key>,
    /// Wanted again while they run, and whether urgently.
    again: BTreeMap<Key, bool>,
    began: BTreeMap<Key, Instant>,
}

impl Queue {
    /// A resource changed. Urgent is what somebody waits for.
    pub fn want(&mut self, key: Key, is_urgent: bool, now: Instant) {
        if self.running.contains(&key) {
            *self.again.entry(key).or_default() |= is_urgent;
            return;
        }
        let soonest = self.began.get(&key).map_or(now, |began| *began + BETWEEN);
        let at = if is_urgent { now } else { now.max(soonest) };
        self.want_at(key, at);
    }

    /// A resource has to be looked at by then.
    pub fn want_at(&mut self, key: Key, at: Instant) {
        let due = self.due.entry(key).or_insert(at);
        *due = at.min(*due);
    }

    /// The resources to begin with now.
    pub fn take(&mut self, now: Instant) -> Vec<Key> {
        let room = MOST_AT_ONCE.saturating_sub(self.running.len());
        let mut ready: Vec<(Instant, Key)> =
            self.due.iter().filter(|(_, at)| **at <= now).map(|(key, at)| (*at, key.clone())).collect();
        ready.sort();
        ready.truncate(room);
        let keys: Vec<Key> = ready.into_iter().map(|(_, key)| key).collect();
        for key in &keys {
            self.due.remove(key);
            self.began.insert(key.clone(), now);
            self.running.insert(key.clone());
        }
        keys
    }

    /// A reconcile ended.
    pub fn done(&mut self, key: &Key, now: Instant) {
        self.running.remove(key);
        if let Some(is_urgent) = self.again.remove(key) {
            self.want(key.clone(), is_urgent, now);
        }
        self.began.retain(|_, began| now.duration_since(*began) < BETWEEN);
    }

    /// When something is due next; nothing while all places are taken.
    pub fn next(&self) -> Option<Instant> {
        if self.running.len() >= MOST_AT_ONCE { None } else { self.due.values().min().copied() }
    }

    /// Nothing is wanted any more.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::key;

    #[test]
    fn a_burst_is_one_look_now_and_one_after() {
        let (mut queue, now, plant) = (Queue::default(), Instant::now(), key("a", "b"));
        for _ in 0..100 {
            queue.want(plant.clone(), false, now);
        }
        assert_eq!(queue.take(now), std::slice::from_ref(&plant));
        for _ in 0..100 {
            queue.want(plant.clone(), false, now);
        }
        assert!(queue.take(now).is_empty(), "never twice at one time");
        queue.done(&plant, now);
        assert!(queue.take(now).is_empty());
        assert_eq!(queue.next(), Some(now + BETWEEN));
        assert_eq!(queue.take(now + BETWEEN), [plant]);
    }

    #[test]
    fn what_somebody_waits_for_does_not_wait_for_a_burst() {
        let (mut queue, now, plant) = (Queue::default(), Instant::now(), key("a", "b"));
        queue.want(plant.clone(), false, now);
        queue.take(now);
        queue.want(plant.clone(), true, now);
        queue.done(&plant, now);
        assert_eq!(queue.take(now), [plant]);
    }

    #[test]
    fn the_sooner_of_two_times_counts() {
        let (mut queue, now, plant) = (Queue::default(), Instant::now(), key("a", "b"));
        queue.want_at(plant.clone(), now + Duration::from_mins(1));
        queue.want_at(plant.clone(), now + Duration::from_secs(1));
        assert_eq!(queue.next(), Some(now + Duration::from_secs(1)));
        queue.want(plant, false, now);
        assert_eq!(queue.next(), Some(now));
    }
}
