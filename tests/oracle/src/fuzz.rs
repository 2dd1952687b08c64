//! Case after case from a seed, until the time is over.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::case::{Answer, Case, Known};
use crate::engine::Engine;
use crate::original::Original;
use crate::random::Random;
use crate::shrink::{disagree, shrunk};

/// Cases that are made before the original is asked for their answers.
const BATCH: usize = 256;
/// Of so many cases that are errors to us one is put to the original.
const ERRORS: usize = 4;
/// After so many disagreements a run has said enough.
const ENOUGH: usize = 20;

/// What a run came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Cases that both sides answered.
    pub compared: u64,
    /// Of those, on how many both said that it is an error.
    pub errors: u64,
    /// Cases beyond a documented bound.
    pub skipped: u64,
    /// Where the two differ, each as small as it gets.
    pub disagreements: Vec<Disagreement>,
}

/// A case that the two sides answer differently.
#[derive(Debug)]
pub struct Disagreement {
    /// The case.
    pub case: Case,
    /// What our engine says.
    pub ours: Answer,
    /// What the original says.
    pub theirs: Answer,
}

/// Runs both sides for so long, or for so many cases. Equal seeds and cases make equal runs.
pub fn fuzz(
    engine: Engine,
    seed: u64,
    known: &Known,
    original: &mut Original,
    time: Duration,
    progress: &mut dyn FnMut(&Report),
) -> Result<Report> {
    let (mut random, mut report, end) = (Random::new(seed), Report::default(), Instant::now() + time);
    while Instant::now() < end && report.disagreements.len() < ENOUGH {
        let (mut cases, mut ours) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        for _ in 0..BATCH {
            let case = engine.generate(&mut random, known);
            match engine.answer(&case, known) {
                Answer::Skip => report.skipped += 1,
                // Most changed cases are errors, and most errors are alike.
                Answer::Error if !random.once_in(ERRORS) => {}
                answer => {
                    cases.push(case);
                    ours.push(answer);
                }
            }
        }
        let theirs = original.answers(&cases)?;
        report.compared += cases.len() as u64;
        for ((case, ours), theirs) in cases.iter().zip(ours).zip(theirs) {
            report.errors += u64::from(theirs == Answer::Error);
            if ours != theirs {
                note(engine, case, known, original, &mut report)?;
            }
        }
        progress(&report);
    }
    Ok(report)
}

fn note(
    engine: Engine,
    case: &Case,
    known: &Known,
    original: &mut Original,
    report: &mut Report,
) -> Result<()> {
    let case = shrunk(engine, case, known, original)?;
    if report.disagreements.iter().all(|known| known.case != case)
        && let Some((ours, theirs)) = disagree(engine, &case, known, original)?
    {
        report.disagreements.push(Disagreement { case, ours, theirs });
    }
    Ok(())
}
