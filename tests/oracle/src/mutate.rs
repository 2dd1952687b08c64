//! New cases from known ones: most faults lie near what somebody once thought worth writing down.

use crate::case::{Case, Known};
use crate::engine::Engine;
use crate::random::Random;

/// Longer texts teach nothing more.
const LONGEST: usize = 600;

pub(crate) fn mutated(engine: Engine, random: &mut Random, known: &Known) -> Case {
    let mut case = known.cases[random.below(known.cases.len())].clone();
    for _ in 0..=random.below(3) {
        let part = random.below(case.parts.len());
        let other = &known.cases[random.below(known.cases.len())];
        let other = &other.parts[part.min(other.parts.len() - 1)];
        change(&mut case.parts[part], other, engine.tokens(), random);
        case.parts[part].truncate(LONGEST);
    }
    case
}

fn change(text: &mut Vec<u8>, other: &[u8], tokens: &[&str], random: &mut Random) {
    let at = random.below(text.len() + 1);
    let end = (at + random.below(8)).min(text.len());
    match random.below(7) {
        0 => drop(text.drain(at..end)),
        1 => drop(text.splice(at..end, random.pick(tokens).bytes())),
        2 => drop(text.splice(at..at, random.pick(tokens).bytes())),
        3 => {
            let copy = text[at..end].to_vec();
            let to = random.below(text.len() + 1);
            text.splice(to..to, copy);
        }
        4 => {
            let from = random.below(other.len() + 1);
            text.truncate(at);
            text.extend_from_slice(&other[from..]);
        }
        5 => {
            let from = random.below(other.len() + 1);
            let to = (from + random.below(24)).min(other.len());
            text.splice(at..at, other[from..to].iter().copied());
        }
        _ => {
            if let Some(byte) = text.get_mut(at) {
                *byte = *random
                    .pick(&[&b'0', &b' ', &b'"', &b'.', &b'-', &b'\\', &b'\n', &b'a', &0x80, &0xff, &0]);
            }
        }
    }
}
