//! The generated part of a golden table.

use std::collections::HashSet;

use crate::case::{Answer, Case, Known};
use crate::engine::Engine;
use crate::random::Random;

/// So many new cases from a seed, none of which is known; of every two at most one that is an error.
pub fn widen(engine: Engine, seed: u64, count: usize, known: &Known) -> Vec<Case> {
    let mut random = Random::new(seed);
    let mut seen: HashSet<Case> = known.cases.iter().cloned().collect();
    let (mut cases, mut errors) = (Vec::with_capacity(count), 0);
    while cases.len() < count {
        // Not by changing known ones: then each new case would change all that are generated.
        let case = engine.compose(&mut random);
        let answer = engine.answer(&case, known);
        let is_error = answer == Answer::Error;
        if answer == Answer::Skip || (is_error && errors * 2 > cases.len()) || !seen.insert(case.clone()) {
            continue;
        }
        errors += usize::from(is_error);
        cases.push(case);
    }
    cases
}
