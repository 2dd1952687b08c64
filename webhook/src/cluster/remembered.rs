//! Answers that are good for a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Answers by a name, each good for `good_for`; at most `most` of them.
#[derive(Debug)]
pub struct Remembered<T> {
    answers: Mutex<HashMap<String, (Instant, T)>>,
    good_for: Duration,
    most: usize,
}

impl<T: Clone> Remembered<T> {
    /// None yet.
    pub fn new(good_for: Duration, most: usize) -> Self {
        Self { answers: Mutex::default(), good_for, most }
    }

    /// An answer that is still good.
    pub fn get(&self, name: &str) -> Option<T> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers
            .get(name)
            .filter(|(since, _)| since.elapsed() < self.good_for)
            .map(|(_, answer)| answer.clone())
    }

    /// Remembers an answer; where there are too many, all that are not good any more are forgotten, or else all.
    pub fn put(&self, name: &str, answer: T) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= self.most {
            answers.retain(|_, (since, _)| since.elapsed() < self.good_for);
        }
        if answers.len() >= self.most {
            answers.clear();
        }
        answers.insert(name.to_owned(), (Instant::now(), answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_grow_old_and_never_many() {
        let remembered = Remembered::new(Duration::from_mins(1), 2);
        for name in ["a", "b", "c"] {
            remembered.put(name, name.to_owned());
        }
        assert_eq!(remembered.get("a"), None);
        assert_eq!(remembered.get("c").as_deref(), Some("c"));
        let short = Remembered::new(Duration::ZERO, 2);
        short.put("a", 1);
        assert_eq!(short.get("a"), None);
    }
}
