//! The smallest case that still shows a disagreement.

use anyhow::Result;

use crate::case::{Answer, Case, Known};
use crate::engine::Engine;
use crate::original::Original;

/// Takes pieces out as long as the two sides still disagree.
pub(crate) fn shrunk(engine: Engine, case: &Case, known: &Known, original: &mut Original) -> Result<Case> {
    let mut smallest = case.clone();
    let mut piece = smallest.parts.iter().map(Vec::len).max().unwrap_or_default().max(1);
    loop {
        let mut shorter = false;
        for part in 0..smallest.parts.len() {
            let mut at = 0;
            while at < smallest.parts[part].len() {
                let mut candidate = smallest.clone();
                let end = (at + piece).min(candidate.parts[part].len());
                candidate.parts[part].drain(at..end);
                candidate.normalise(engine);
                if candidate.parts[part].len() < smallest.parts[part].len()
                    && disagree(engine, &candidate, known, original)?.is_some()
                {
                    smallest = candidate;
                    shorter = true;
                } else {
                    at += piece;
                }
            }
        }
        match (shorter, piece) {
            (true, _) => {}
            (false, 1) => return Ok(smallest),
            (false, _) => piece = piece.div_ceil(2),
        }
    }
}

/// Both answers, if they differ: ours, theirs.
pub(crate) fn disagree(
    engine: Engine,
    case: &Case,
    known: &Known,
    original: &mut Original,
) -> Result<Option<(Answer, Answer)>> {
    let ours = engine.answer(case, known);
    if ours == Answer::Skip {
        return Ok(None);
    }
    let theirs = original.answers(std::slice::from_ref(case))?.remove(0);
    Ok((ours != theirs).then_some((ours, theirs)))
}
