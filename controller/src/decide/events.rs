//! Events, made from what changed between the status that is stored and the one that replaces it. Nothing is
//! remembered: a restart, or another replica, neither repeats nor loses one.

use std::collections::{BTreeMap, BTreeSet};

use stoker_api::Reason;
use stoker_api::names::{conditions as types, events};
use stoker_api::status::SyncStatus;

use super::document::{Condition, ConditionStatus, Gateway, ResourceStatus, condition};
use super::gateways::State;
use crate::text::cut;

/// One event about a `GatewaySync`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub reason: &'static str,
    pub is_warning: bool,
    /// It tells of a change; otherwise of a state, which is told once.
    pub is_transition: bool,
    pub note: String,
    /// The pod that it is about, if it is about one.
    pub pod: Option<String>,
}

/// The events of a change.
pub fn events(before: &ResourceStatus, after: &ResourceStatus, states: &[State]) -> Vec<Event> {
    let mut events = Vec::new();
    of_conditions(before, after, &mut events);
    let known: BTreeMap<&str, &Gateway> =
        before.discovered_gateways.iter().map(|gateway| (gateway.pod_name.as_str(), gateway)).collect();
    discovered(&known, states, &mut events);
    let nothing = Gateway::default();
    for state in states {
        let was = known.get(state.shown.pod_name.as_str()).copied();
        of_gateway(was.unwrap_or(&nothing), was.is_none(), state, &mut events);
    }
    events
}

fn event(reason: &'static str, is_warning: bool, note: &str) -> Event {
    Event { reason, is_warning, is_transition: true, note: cut(note, 1000), pod: None }
}

fn of_conditions(before: &ResourceStatus, after: &ResourceStatus, events: &mut Vec<Event>) {
    let is = |status: &ResourceStatus, kind: &str, value: ConditionStatus| {
        condition(status, kind).is_some_and(|condition| condition.status == value)
    };
    let fell = |kind: &str| -> Option<&Condition> {
        let fallen = ConditionStatus::False;
        condition(after, kind).filter(|now| now.status == fallen && !is(before, kind, fallen))
    };
    if let Some(condition) = fell(types::REF_RESOLVED) {
        events.push(event(events::REF_RESOLUTION_FAILED, true, &condition.message));
    }
    if let Some(condition) = fell(types::PROFILES_VALID) {
        events.push(event(events::PROFILES_INVALID, true, &condition.message));
    }
    let is_paused = |status: &ResourceStatus| {
        condition(status, types::READY).is_some_and(|ready| ready.reason == types::reasons::PAUSED)
    };
    if is_paused(after) && !is_paused(before) {
        events.push(event(events::PAUSED, false, "nothing is synced until spec.paused is false"));
    }
}

fn discovered(known: &BTreeMap<&str, &Gateway>, states: &[State], events: &mut Vec<Event>) {
    let now: BTreeSet<&str> = states.iter().map(|state| state.shown.pod_name.as_str()).collect();
    if now.len() == known.len() && now.iter().all(|pod| known.contains_key(pod)) {
        return;
    }
    let new = now.iter().filter(|pod| !known.contains_key(*pod)).count();
    let gone = known.keys().filter(|pod| !now.contains(*pod)).count();
    let note = format!("{} gateways: {new} new, {gone} gone", now.len());
    events.push(event(events::GATEWAYS_DISCOVERED, false, &note));
}

fn of_gateway(was: &Gateway, is_new: bool, state: &State, events: &mut Vec<Event>) {
    let now = &state.shown;
    let name = &now.name;
    let mut tell = |reason, is_warning, note: String| {
        let event = event(reason, is_warning, &format!("gateway {name}: {note}"));
        events.push(Event { pod: Some(now.pod_name.clone()), ..event });
    };
    if now.sync_status == SyncStatus::MissingSidecar {
        if is_new || was.sync_status != SyncStatus::MissingSidecar {
            tell(events::MISSING_SIDECAR, true, "the pod asks for the sidecar and has none".to_owned());
        }
        return;
    }
    let commit = now.synced_commit.as_deref().unwrap_or_default();
    if now.sync_status == SyncStatus::Synced
        && (was.sync_status != SyncStatus::Synced || was.synced_commit != now.synced_commit)
    {
        let files = now.files_changed.map_or_else(String::new, |files| format!(", {files} files changed"));
        tell(events::SYNC_COMPLETED, false, format!("at {}{files}", cut(commit, 7)));
    }
    let has_new_words = new_words(was.error_message.as_deref(), now.error_message.as_deref());
    if now.sync_status == SyncStatus::Error && (was.sync_status != SyncStatus::Error || has_new_words) {
        let words = now.error_message.clone().unwrap_or_else(|| "no words were given".to_owned());
        tell(of_reason(state), true, words);
    } else if let Some(words) = &now.error_message
        && now.sync_status == SyncStatus::Pending
        && has_new_words
    {
        tell(of_waiting(state), false, words.clone());
    }
    if now.drift.count > 0 && was.drift.count == 0 {
        tell(
            events::DRIFT_DETECTED,
            true,
            format!("{} files were changed: {}", now.drift.count, now.drift.paths.join(", ")),
        );
    }
    if now.rolled_back_from.is_some() && was.rolled_back_from != now.rolled_back_from {
        let from = now.rolled_back_from.as_deref().unwrap_or_default();
        tell(events::ROLLED_BACK, true, format!("went back from {} to {}", cut(from, 7), cut(commit, 7)));
    }
    match (&was.held, &now.held) {
        (None, Some(held)) => tell(events::HOLD_STARTED, true, format!("is held: {}", held.reason)),
        (Some(_), None) => tell(events::HOLD_ENDED, false, "is not held any more".to_owned()),
        _ => {}
    }
    if let Some(result) = &state.dry_run
        && was.last_sync_time != now.last_sync_time
    {
        tell(events::SYNC_SKIPPED, false, result.clone());
    }
}

/// Whether there are words, and they are not those that were told. What is stored may have been cut.
fn new_words(was: Option<&str>, now: Option<&str>) -> bool {
    let begin = |text: &str| cut(text, 60);
    now.is_some() && was.map(begin) != now.map(begin)
}

/// The event of a failure: one of its own where the contract lists one.
fn of_reason(state: &State) -> &'static str {
    match state.reason {
        Some(Reason::SignatureInvalid) => events::SIGNATURE_INVALID,
        Some(Reason::LimitExceeded) => events::LIMIT_EXCEEDED,
        Some(Reason::WindowClosed) => events::WINDOW_CLOSED,
        Some(Reason::DesignerSessions) => events::DESIGNER_SESSIONS_BLOCKED,
        Some(Reason::GitUnreachable) if state.shown.synced_commit.is_none() => events::CLONE_FAILED,
        _ if state.designers => events::DESIGNER_SESSIONS_BLOCKED,
        _ => events::SYNC_FAILED,
    }
}

/// The event of a sync that waits.
fn of_waiting(state: &State) -> &'static str {
    match of_reason(state) {
        events::SYNC_FAILED | events::CLONE_FAILED => events::SYNC_SKIPPED,
        own => own,
    }
}

#[cfg(test)]
mod tests;
