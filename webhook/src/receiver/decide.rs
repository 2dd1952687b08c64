//! What becomes of a push, as a pure function.

use jiff::Timestamp;
use stoker_api::names::annotations;
use stoker_api::spec::Receiver;

use super::payload::{Asked, Pushed, Source};
use super::refs::{agree, is_allowed};
use crate::cluster::Entry;

/// What is answered, and what is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is answered.
    pub verdict: Verdict,
    /// Annotations of the resource to set.
    pub annotations: Vec<(&'static str, String)>,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// 202; the ref is wanted from now on.
    Accepted {
        /// As it was written.
        reference: String,
    },
    /// 202, `ref already set`: the controller looks at once.
    AlreadySet {
        /// As it was written.
        reference: String,
    },
    /// 202, and nothing is done.
    Nothing {
        /// Why.
        message: &'static str,
    },
    /// 403, `receiver.allowedRefs` says no.
    NotAllowed {
        /// As it was written.
        reference: String,
    },
}

fn nothing(message: &'static str) -> Decision {
    Decision { verdict: Verdict::Nothing { message }, annotations: Vec::new() }
}

/// What becomes of a push to a resource. `is_again` is a signed body that was accepted before.
pub fn decide(entry: &Entry, source: Source, asked: &Asked, is_again: bool, now: Timestamp) -> Decision {
    let wanted = entry.wanted_ref();
    let is_wanted = |reference: &str| wanted.is_some_and(|wanted| agree(wanted, reference));
    match asked {
        Asked::Nothing(message) => nothing(message),
        Asked::Pushed(pushed) => match pushed.iter().find(|pushed| is_wanted(&pushed.reference)) {
            None => nothing("ref not followed"),
            Some(_) if is_again => nothing("delivered before"),
            Some(pushed) => look_again(entry, pushed, now),
        },
        Asked::Want { reference } if is_wanted(reference) => {
            // A pipeline may sign the same few bytes for every push. Looking again is all that they ask for, and all
            // that somebody who recorded them could.
            look_again(entry, &Pushed { reference: reference.clone(), commit: None }, now)
        }
        Asked::Want { .. } if is_again => nothing("delivered before"),
        Asked::Want { reference } => {
            let receiver = entry.spec.as_ref().ok().and_then(|spec| spec.receiver.as_ref());
            if !is_allowed(reference, allowed(receiver)) {
                let verdict = Verdict::NotAllowed { reference: reference.clone() };
                return Decision { verdict, annotations: Vec::new() };
            }
            let annotations = vec![
                (annotations::REQUESTED_REF, reference.clone()),
                (annotations::REQUESTED_AT, format!("{now:.0}")),
                (annotations::REQUESTED_BY, source.as_str().to_owned()),
            ];
            Decision { verdict: Verdict::Accepted { reference: reference.clone() }, annotations }
        }
    }
}

fn allowed(receiver: Option<&Receiver>) -> &[String] {
    receiver.map_or(&[], |receiver| &receiver.allowed_refs)
}

/// The ref is the one that is followed: the controller is told to look. What it is told is never believed, it only has to
/// be new: the commit where the forge names it, else the time.
fn look_again(entry: &Entry, pushed: &Pushed, now: Timestamp) -> Decision {
    let value = pushed.commit.clone().unwrap_or_else(|| format!("{now:.3}"));
    let is_told = entry.requested_commit.as_deref() == Some(&value);
    let annotations = if is_told { Vec::new() } else { vec![(annotations::REQUESTED_COMMIT, value)] };
    Decision { verdict: Verdict::AlreadySet { reference: pushed.reference.clone() }, annotations }
}

#[cfg(test)]
mod tests;
