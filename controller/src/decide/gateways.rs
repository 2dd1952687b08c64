//! Where each gateway stands: its pod joined with what its agent reported.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use stoker_api::metadata::Metadata;
use stoker_api::status::{PathList, SyncStatus};
use stoker_api::{GatewayStatus, Reason};

use super::discover;
use super::document::Gateway;
use super::input::{Observed, Pod};

/// An agent that was not heard of for so long is silent: two missed hourly signs of life and half an hour.
pub const SILENT_AFTER: SignedDuration = SignedDuration::from_mins(150);

/// A gateway that is alive or will be: every pod but those that ended.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a finding of its own, independent of the others")]
pub struct State {
    /// As the status shows it, untrimmed.
    pub shown: Gateway,
    pub reason: Option<Reason>,
    /// The agent was not heard of for [`SILENT_AFTER`].
    pub silent: bool,
    /// When it would become silent.
    pub silent_at: Option<Timestamp>,
    /// Synced, and at the commit that it was told.
    pub at_wanted: bool,
    /// Not at the commit that the resource wants, because it is held.
    pub held_back: bool,
    /// The last sync was a dry run, with this result.
    pub dry_run: Option<String>,
    /// Designers block the sync.
    pub designers: bool,
}

/// The gateways, by pod name.
pub fn states(observed: &Observed, metadata: &Metadata, wanted_image: Option<&str>) -> Vec<State> {
    observed
        .pods
        .iter()
        .filter(|pod| pod.facts.as_ref().is_none_or(|facts| !facts.ended))
        .map(|pod| state(observed, metadata, wanted_image, pod))
        .collect()
}

fn state(observed: &Observed, metadata: &Metadata, wanted_image: Option<&str>, pod: &Pod) -> State {
    let report = observed.reports.get(&pod.name).map(|report| &report.entry);
    let mut broken = None;
    let entry = match report {
        Some(Ok(entry)) if entry.pod_uid.as_ref().is_none_or(|uid| *uid == pod.uid) => Some(entry.clone()),
        Some(Err(problem)) => {
            broken = Some(problem.clone());
            None
        }
        // Nothing, or the entry of an earlier pod of the same name: not heard of yet.
        _ => None,
    };
    let has_sidecar = discover::has_sidecar(pod);
    let mut shown = shown(pod, entry.as_deref().filter(|_| has_sidecar));
    if !has_sidecar {
        shown.sync_status = SyncStatus::MissingSidecar;
    } else if let Some(problem) = broken {
        shown.sync_status = SyncStatus::Error;
        shown.error_message = Some(problem);
    } else if entry.is_none()
        && let Err(unknown) = stoker_api::profile::select(&metadata.profiles, Some(discover::profile(pod)))
        && !metadata.profiles.is_empty()
    {
        shown.sync_status = SyncStatus::Error;
        shown.error_message = Some(unknown.to_string());
    }
    let image = pod.facts.as_ref().and_then(|facts| facts.agent_image.as_deref());
    shown.agent_outdated = match (image, wanted_image) {
        (Some(image), Some(wanted)) => image != wanted,
        _ => entry.as_ref().is_some_and(|entry| entry.agent_outdated),
    };

    let told = metadata.target_of(&pod.name);
    let wanted = told.rollback_to.or(told.commit).unwrap_or_else(|| metadata.commit.clone());
    let is_synced = shown.sync_status == SyncStatus::Synced;
    let commit = shown.synced_commit.as_deref().unwrap_or_default();
    let at_wanted = is_synced && !wanted.is_empty() && commit == wanted;
    let held_back = shown.held.is_some() && commit != metadata.commit;
    let silent_at = has_sidecar.then(|| heard_of(pod, entry.as_deref())).flatten();
    let silent_at = silent_at.and_then(|at| at.checked_add(SILENT_AFTER).ok());
    State {
        reason: entry
            .as_ref()
            .filter(|_| shown.sync_status != SyncStatus::MissingSidecar)
            .and_then(|e| e.reason),
        silent: silent_at.is_some_and(|at| at <= observed.now),
        silent_at,
        at_wanted,
        held_back,
        dry_run: entry.as_ref().filter(|entry| entry.dry_run).and_then(|entry| dry_run(entry)),
        designers: entry.as_ref().is_some_and(|entry| entry.designer_sessions_blocked),
        shown,
    }
}

/// The last sign of life. An agent that never wrote `lastSeen` is of an earlier version and is not judged by it.
fn heard_of(pod: &Pod, entry: Option<&GatewayStatus>) -> Option<Timestamp> {
    match entry {
        None => Some(pod.created),
        Some(entry) => entry.last_seen.as_deref().and_then(|seen| seen.parse().ok()),
    }
}

fn shown(pod: &Pod, entry: Option<&GatewayStatus>) -> Gateway {
    let mut shown = Gateway {
        name: discover::gateway_name(pod).to_owned(),
        namespace: pod.namespace.clone(),
        pod_name: pod.name.clone(),
        service_account_name: pod
            .facts
            .as_ref()
            .map_or_else(String::new, |facts| facts.service_account.clone()),
        profile: discover::profile(pod).chars().take(253).collect(),
        ..Gateway::default()
    };
    let Some(entry) = entry else { return shown };
    // Taken apart whole, so that a field added to the entry is not forgotten here.
    let GatewayStatus {
        sync_status,
        synced_commit,
        synced_ref,
        last_sync_time,
        last_sync_duration,
        agent_version,
        last_scan_result,
        files_changed,
        projects_synced,
        error_message,
        reason,
        profile_name: _,
        dry_run: _,
        dry_run_diff_added: _,
        dry_run_diff_modified: _,
        dry_run_diff_deleted: _,
        designer_sessions_blocked: _,
        last_seen,
        drift,
        unmanaged,
        held,
        rolled_back_from,
        previous_commit,
        next_sync_window,
        restart_required,
        agent_outdated: _,
        pod_uid: _,
    } = entry;
    // No agent can say that there is none.
    shown.sync_status = match sync_status {
        SyncStatus::MissingSidecar => SyncStatus::Pending,
        status => *status,
    };
    shown.synced_commit.clone_from(synced_commit);
    shown.synced_ref.clone_from(synced_ref);
    shown.last_sync_time = time(last_sync_time.as_deref());
    shown.last_sync_duration.clone_from(last_sync_duration);
    shown.agent_version.clone_from(agent_version);
    shown.last_scan_result.clone_from(last_scan_result);
    shown.files_changed = *files_changed;
    shown.projects_synced.clone_from(projects_synced);
    shown.error_message = worded(*reason, error_message.as_deref());
    shown.last_seen = time(last_seen.as_deref());
    shown.drift = paths(drift);
    shown.unmanaged = paths(unmanaged);
    shown.held.clone_from(held);
    shown.rolled_back_from.clone_from(rolled_back_from);
    shown.previous_commit.clone_from(previous_commit);
    shown.next_sync_window = time(next_sync_window.as_deref());
    shown.restart_required.clone_from(restart_required);
    shown
}

/// A time that the API server would take too; what is none must not keep the whole status from being written.
fn time(text: Option<&str>) -> Option<String> {
    text.and_then(|text| text.parse::<Timestamp>().ok()).map(|time| time.to_string())
}

fn paths(list: &PathList) -> PathList {
    PathList { count: list.count.max(list.paths.len() as u64), paths: list.paths.clone() }
}

/// The message with the word of the bounded list in front, once.
fn worded(reason: Option<Reason>, message: Option<&str>) -> Option<String> {
    match (reason, message.filter(|message| !message.is_empty())) {
        (Some(reason), Some(message)) if !message.starts_with(reason.as_str()) => {
            Some(format!("{reason}: {message}"))
        }
        (_, Some(message)) => Some(message.to_owned()),
        (Some(reason), None) => Some(reason.as_str().to_owned()),
        (None, None) => None,
    }
}

fn dry_run(entry: &GatewayStatus) -> Option<String> {
    let (added, modified, deleted) =
        (entry.dry_run_diff_added?, entry.dry_run_diff_modified?, entry.dry_run_diff_deleted?);
    Some(format!("dry run: {added} files to add, {modified} to modify, {deleted} to delete"))
}

/// An entry as it was written, read with care: bounded in size, without control characters.
pub fn read_entry(text: &str) -> Result<Arc<GatewayStatus>, String> {
    if text.len() > 4 * stoker_api::status::MAX_ENTRY_BYTES {
        return Err(format!(
            "its status entry has {} bytes, four times what an agent may write; it is not read",
            text.len()
        ));
    }
    let entry: GatewayStatus = serde_json::from_str(text).map_err(|error| {
        format!("its status entry cannot be read ({error}); another program may write to it")
    })?;
    Ok(Arc::new(entry.bounded(stoker_api::status::MAX_ENTRY_BYTES)))
}
