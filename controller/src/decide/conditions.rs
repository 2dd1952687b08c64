//! The conditions of a resource, each with its reason and words (contract, sections 1 and 8; kstatus for `Reconciling`
//! and `Stalled`).

use stoker_api::Reason;
use stoker_api::names::conditions::{self as types, reasons};
use stoker_api::spec::GatewaySyncSpec;
use stoker_api::status::SyncStatus;

use super::document::{Condition, ConditionStatus, ResourceStatus, condition as known_condition};
use super::gateways::State;
use super::source::RefState;
use crate::text::cut;

/// Longest message of a condition, in characters; the API server takes 32,768 bytes, people read less.
const LONGEST: usize = 1000;

/// A reason of `RefResolved` while nothing was answered yet, as `Ready` has it.
const BUSY: &str = reasons::RECONCILING;

/// Reasons beside those of the contract: the good side of conditions that the contract names by their bad side, and the
/// other way round.
mod more {
    pub const AGENTS_REPORTING: &str = "AgentsReporting";
    pub const DRIFT_DETECTED: &str = "DriftDetected";
    pub const NO_DRIFT: &str = "NoDrift";
    pub const NOT_HELD: &str = "NotHeld";
    pub const ROLLED_BACK: &str = "RolledBack";
    pub const NOT_ROLLED_BACK: &str = "NotRolledBack";
    pub const RESTART_REQUIRED: &str = "RestartRequired";
    pub const NO_RESTART_REQUIRED: &str = "NoRestartRequired";
    pub const SOURCE_VERIFIED: &str = "SourceVerified";
}

/// What conditions are made from.
pub struct Facts<'a> {
    pub generation: i64,
    pub spec: &'a GatewaySyncSpec,
    pub reference: &'a str,
    pub ref_state: &'a RefState,
    /// What is wrong with the profiles.
    pub violations: &'a [String],
    pub missing_secrets: &'a [String],
    pub gateways: &'a [State],
}

/// The conditions, without their times.
pub fn conditions(facts: &Facts) -> Vec<Condition> {
    let counts = Counts::of(facts.gateways);
    let mut all = vec![
        ref_resolved(facts),
        profiles_valid(facts),
        all_synced(&counts),
        sidecar_injected(facts, &counts),
        agents_reporting(facts),
    ];
    all.extend(host_keys(facts.spec));
    all.extend(source_verified(facts));
    all.push(drifted(facts));
    all.push(held(facts));
    all.push(rolled_back(facts));
    all.push(restart_required(facts));
    let verdict = ready(facts, &counts);
    all.extend(kstatus(&verdict));
    all.insert(0, made(types::READY, verdict.ready, verdict.reason, &verdict.message));
    for condition in &mut all {
        condition.observed_generation = Some(facts.generation);
    }
    all
}

/// The conditions of a resource whose spec cannot be read.
pub fn unreadable(generation: i64, problem: &str) -> Vec<Condition> {
    let message = format!(
        "the resource cannot be read: {problem}. Correct it; until then the gateways stay as they are"
    );
    let mut all = vec![
        made(types::READY, ConditionStatus::False, reasons::PROFILES_INVALID, &message),
        made(types::PROFILES_VALID, ConditionStatus::False, reasons::PROFILES_INVALID, &message),
        made(types::STALLED, ConditionStatus::True, reasons::PROFILES_INVALID, &message),
    ];
    for condition in &mut all {
        condition.observed_generation = Some(generation);
    }
    all
}

/// Sets the times: now where the status changed, and else what it was.
pub fn with_times(mut conditions: Vec<Condition>, before: &ResourceStatus, now: &str) -> Vec<Condition> {
    for condition in &mut conditions {
        let known = known_condition(before, &condition.condition_type);
        let known = known.filter(|known| known.status == condition.status);
        let time = known.map(|known| known.last_transition_time.as_str()).filter(|time| !time.is_empty());
        condition.last_transition_time = time.unwrap_or(now).to_owned();
    }
    conditions
}

struct Counts {
    all: usize,
    synced: usize,
    missing: usize,
}

impl Counts {
    fn of(gateways: &[State]) -> Self {
        Self {
            all: gateways.len(),
            synced: gateways.iter().filter(|gateway| gateway.at_wanted).count(),
            missing: gateways
                .iter()
                .filter(|gateway| gateway.shown.sync_status == SyncStatus::MissingSidecar)
                .count(),
        }
    }

    /// `n/m synced`, and how many have no sidecar.
    fn words(&self) -> String {
        let Self { all, synced, missing } = self;
        if *missing == 0 {
            return format!("{synced}/{all} synced");
        }
        format!("{synced}/{all} synced ({missing} missing sidecar)")
    }
}

fn made(kind: &str, status: ConditionStatus, reason: &str, message: &str) -> Condition {
    Condition {
        condition_type: kind.to_owned(),
        status,
        reason: reason.to_owned(),
        message: cut(message, LONGEST),
        ..Condition::default()
    }
}

fn flag(kind: &str, value: bool, reason: &str, message: &str) -> Condition {
    made(kind, if value { ConditionStatus::True } else { ConditionStatus::False }, reason, message)
}

fn ref_resolved(facts: &Facts) -> Condition {
    let kind = types::REF_RESOLVED;
    match facts.ref_state {
        RefState::Resolved(commit) => flag(kind, true, reasons::REF_RESOLVED, commit),
        RefState::Failed(failure) => flag(kind, false, failure.reason, &failure.message),
        RefState::Resolving => made(
            kind,
            ConditionStatus::Unknown,
            BUSY,
            &format!("asking the repository for {:?}", facts.reference),
        ),
        RefState::NotResolved => made(
            kind,
            ConditionStatus::Unknown,
            BUSY,
            &format!("{:?} is not looked up while paused or invalid", facts.reference),
        ),
    }
}

fn profiles_valid(facts: &Facts) -> Condition {
    let kind = types::PROFILES_VALID;
    if facts.violations.is_empty() {
        let count = facts.spec.sync.profiles.len();
        return flag(kind, true, reasons::PROFILES_VALID, &format!("{count} profiles"));
    }
    flag(kind, false, reasons::PROFILES_INVALID, &facts.violations.join("; "))
}

fn all_synced(counts: &Counts) -> Condition {
    let kind = types::ALL_GATEWAYS_SYNCED;
    if counts.all == 0 {
        return flag(kind, false, reasons::NO_GATEWAYS_DISCOVERED, "0/0 synced");
    }
    let is_synced = counts.synced == counts.all;
    let reason = if is_synced { reasons::SYNC_SUCCEEDED } else { reasons::SYNC_IN_PROGRESS };
    flag(kind, is_synced, reason, &counts.words())
}

fn sidecar_injected(facts: &Facts, counts: &Counts) -> Condition {
    let kind = types::SIDECAR_INJECTED;
    if counts.missing == 0 {
        return flag(kind, true, reasons::SIDECAR_PRESENT, "every gateway pod has its sidecar");
    }
    let pods = listed(facts.gateways, |state| state.shown.sync_status == SyncStatus::MissingSidecar);
    let message = format!(
        "without sidecar: {pods}; the webhook injects it when a pod is created: check that it runs, then delete the pods"
    );
    flag(kind, false, reasons::SIDECAR_MISSING, &message)
}

fn agents_reporting(facts: &Facts) -> Condition {
    let kind = types::AGENTS_REPORTING;
    let silent = listed(facts.gateways, |state| state.silent);
    if silent.is_empty() {
        return flag(kind, true, more::AGENTS_REPORTING, "every agent reports");
    }
    let message = format!("not heard of for two and a half hours: {silent}; see whether the pods run");
    flag(kind, false, reasons::AGENT_SILENT, &message)
}

fn host_keys(spec: &GatewaySyncSpec) -> Option<Condition> {
    let ssh = spec.git.auth.as_ref()?.ssh_key.as_ref()?;
    let kind = types::SSH_HOST_KEY_VERIFICATION;
    Some(if ssh.known_hosts.is_some() {
        flag(kind, true, reasons::HOST_KEY_VERIFICATION_ENABLED, "the server's host key must be a known one")
    } else {
        let message = "any host key is accepted: give git.auth.sshKey.knownHosts, the output of ssh-keyscan";
        flag(kind, false, reasons::HOST_KEY_VERIFICATION_DISABLED, message)
    })
}

fn source_verified(facts: &Facts) -> Option<Condition> {
    facts.spec.git.verify.as_ref()?;
    let kind = types::SOURCE_VERIFIED;
    for (reason, word) in [
        (Reason::SignatureInvalid, reasons::SIGNATURE_INVALID),
        (Reason::PolicyMismatch, reasons::POLICY_MISMATCH),
    ] {
        if let Some(state) = facts.gateways.iter().find(|state| state.reason == Some(reason)) {
            return Some(flag(kind, false, word, &said(state)));
        }
    }
    if facts.gateways.iter().any(|state| state.at_wanted) {
        return Some(flag(kind, true, more::SOURCE_VERIFIED, "the commit is signed as the policy demands"));
    }
    Some(made(kind, ConditionStatus::Unknown, BUSY, "no gateway has verified the commit yet"))
}

fn drifted(facts: &Facts) -> Condition {
    let kind = types::DRIFTED;
    let drifted = listed(facts.gateways, |state| state.shown.drift.count > 0);
    if drifted.is_empty() {
        return flag(kind, false, more::NO_DRIFT, "managed files are as the commit has them");
    }
    let files: u64 = facts.gateways.iter().map(|state| state.shown.drift.count).sum();
    flag(kind, true, more::DRIFT_DETECTED, &format!("{files} files changed on {drifted}"))
}

fn held(facts: &Facts) -> Condition {
    let kind = types::HELD;
    let held: Vec<&State> = facts.gateways.iter().filter(|state| state.shown.held.is_some()).collect();
    let Some(first) = held.first() else {
        return flag(kind, false, more::NOT_HELD, "no gateway is held");
    };
    flag(kind, true, reasons::HELD, &with_more(&words_of_hold(first), held.len()))
}

fn words_of_hold(state: &State) -> String {
    let why = state.shown.held.as_ref().map_or("", |held| held.reason.as_str());
    format!("gateway {} is held: {why}", state.shown.name)
}

fn rolled_back(facts: &Facts) -> Condition {
    let kind = types::ROLLED_BACK;
    let back: Vec<&State> =
        facts.gateways.iter().filter(|state| state.shown.rolled_back_from.is_some()).collect();
    let Some(first) = back.first() else {
        return flag(kind, false, more::NOT_ROLLED_BACK, "no gateway went back");
    };
    let from = first.shown.rolled_back_from.as_deref().unwrap_or_default();
    let at = first.shown.synced_commit.as_deref().unwrap_or_default();
    let message = format!("gateway {} went back from {} to {}", first.shown.name, cut(from, 7), cut(at, 7));
    flag(kind, true, more::ROLLED_BACK, &with_more(&message, back.len()))
}

fn restart_required(facts: &Facts) -> Condition {
    let kind = types::RESTART_REQUIRED;
    let waiting = listed(facts.gateways, |state| !state.shown.restart_required.is_empty());
    if waiting.is_empty() {
        return flag(kind, false, more::NO_RESTART_REQUIRED, "no gateway has to be restarted");
    }
    flag(kind, true, more::RESTART_REQUIRED, &format!("restart to apply what no scan does: {waiting}"))
}

/// `Ready`, and what kstatus makes of it.
struct Verdict {
    ready: ConditionStatus,
    reason: &'static str,
    message: String,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Done,
    /// It goes on by itself.
    Busy,
    /// Somebody has to do something.
    Stuck,
    /// It stays so on purpose.
    Parked,
}

fn ready(facts: &Facts, counts: &Counts) -> Verdict {
    let not =
        |reason, kind, message: String| Verdict { ready: ConditionStatus::False, reason, message, kind };
    let gateways = facts.gateways;
    if facts.spec.paused {
        return not(
            reasons::PAUSED,
            Kind::Parked,
            "paused: nothing is synced until spec.paused is false".to_owned(),
        );
    }
    if !facts.violations.is_empty() {
        return not(reasons::PROFILES_INVALID, Kind::Stuck, facts.violations.join("; "));
    }
    if let RefState::Failed(failure) = facts.ref_state {
        let kind = if failure.transient { Kind::Busy } else { Kind::Stuck };
        return not(reasons::REF_RESOLUTION_FAILED, kind, failure.message.clone());
    }
    if !facts.missing_secrets.is_empty() {
        return not(reasons::SYNC_FAILED, Kind::Stuck, facts.missing_secrets.join("; "));
    }
    if !matches!(facts.ref_state, RefState::Resolved(_)) {
        let message = format!("asking the repository for {:?}", facts.reference);
        return not(reasons::RECONCILING, Kind::Busy, message);
    }
    if gateways.is_empty() {
        let message = "no gateway pods found: annotate them with stoker.io/inject: \"true\"";
        return not(reasons::RECONCILING, Kind::Busy, message.to_owned());
    }
    let failed: Vec<&State> = with_status(gateways, SyncStatus::Error);
    if let Some(first) = failed.first() {
        let message = format!("gateway {}: {}", first.shown.name, said(first));
        return not(reasons::SYNC_FAILED, Kind::Stuck, with_more(&message, failed.len()));
    }
    let silent = listed(gateways, |state| state.silent);
    if !silent.is_empty() {
        return not(reasons::AGENT_SILENT, Kind::Stuck, format!("not heard of: {silent}"));
    }
    let held: Vec<&State> = gateways.iter().filter(|state| state.held_back).collect();
    if let Some(first) = held.first() {
        return not(reasons::HELD, Kind::Parked, with_more(&words_of_hold(first), held.len()));
    }
    if counts.synced < counts.all {
        return not(reasons::RECONCILING, Kind::Busy, counts.words());
    }
    let message = "All gateways synced".to_owned();
    Verdict { ready: ConditionStatus::True, reason: reasons::SYNC_SUCCEEDED, message, kind: Kind::Done }
}

/// kstatus' conditions are there only while they are true.
fn kstatus(verdict: &Verdict) -> Option<Condition> {
    let kind = match verdict.kind {
        Kind::Done | Kind::Parked => return None,
        Kind::Busy => types::RECONCILING,
        Kind::Stuck => types::STALLED,
    };
    Some(flag(kind, true, verdict.reason, &verdict.message))
}

fn with_status(gateways: &[State], status: SyncStatus) -> Vec<&State> {
    gateways.iter().filter(|state| state.shown.sync_status == status).collect()
}

fn said(state: &State) -> String {
    match &state.shown.error_message {
        Some(message) => cut(message, 300),
        None => "it reports an error without words; see the agent's log".to_owned(),
    }
}

fn with_more(message: &str, count: usize) -> String {
    if count < 2 { message.to_owned() } else { format!("{message} (and {} more)", count - 1) }
}

/// The names of some gateways, the first ten of them.
fn listed(gateways: &[State], which: impl Fn(&State) -> bool) -> String {
    let mut names = gateways.iter().filter(|state| which(state)).map(|state| state.shown.name.as_str());
    let shown: Vec<&str> = names.by_ref().take(10).collect();
    match names.count() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests;
