//! What one gateway's agent reports: the value of its key in the status `ConfigMap`, and the status file of an agent
//! without a cluster.

use serde::{Deserialize, Deserializer, Serialize};

use crate::Reason;
use crate::spec::{is_default, words};

mod bounded;

/// What one entry may take up in the status `ConfigMap`: a thousand gateways fit the API server's limit of an object.
pub const MAX_ENTRY_BYTES: usize = 1024;

words! {
    /// Where a gateway stands.
    #[derive(Default)]
    SyncStatus {
        /// Nothing was synced yet, or nothing is known.
        #[default]
        Pending = "Pending",
        /// At the commit that was asked for.
        Synced = "Synced",
        /// The last attempt failed.
        Error = "Error",
        /// The pod has no agent. Never said by an agent, but by the controller in its place.
        MissingSidecar = "MissingSidecar",
    }
}

/// What one gateway's agent reports. Empty fields are not written.
///
/// Read tolerantly, because an agent of another version wrote it, and bounded when written ([`Self::bounded`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayStatus {
    /// Where the gateway stands.
    #[serde(default)]
    pub sync_status: SyncStatus,
    /// The commit on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_commit: Option<String>,
    /// The ref that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_ref: Option<String>,
    /// When that was, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_time: Option<String>,
    /// How long it took, as Go writes durations (`2.5s`, see [`crate::duration::format`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_duration: Option<String>,
    /// Version of the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// `projects=200 config=200`, or `error: …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_scan_result: Option<String>,
    /// Files that the last sync wrote or deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_changed: Option<u64>,
    /// Projects that the profile brings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projects_synced: Vec<String>,
    /// What is wrong, for people: the thing, the place and the next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// What is wrong, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "known_or_none")]
    pub reason: Option<Reason>,
    /// Profile in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_name: Option<String>,
    /// Whether the last sync was a dry run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dry_run: bool,
    /// Files that a dry run would have added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run_diff_added: Option<u64>,
    /// Files that a dry run would have modified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run_diff_modified: Option<u64>,
    /// Files that a dry run would have deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run_diff_deleted: Option<u64>,
    /// Whether open Designers block the sync.
    #[serde(default, skip_serializing_if = "is_default")]
    pub designer_sessions_blocked: bool,
    /// When the agent was last alive, RFC 3339; written at least hourly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// Managed files that differ from the commit.
    #[serde(default, skip_serializing_if = "PathList::is_empty")]
    pub drift: PathList,
    /// Files that were once ours and that no mapping covers any more.
    #[serde(default, skip_serializing_if = "PathList::is_empty")]
    pub unmanaged: PathList,
    /// Why nothing is applied, and since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// The commit that a rollback left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back_from: Option<String>,
    /// The commit that `rollback-to: previous` means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_commit: Option<String>,
    /// When the next window opens, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_sync_window: Option<String>,
    /// Changed files that only a restart of the gateway applies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restart_required: Vec<String>,
    /// Whether the agent's image is older than the one that would be injected now.
    #[serde(default, skip_serializing_if = "is_default")]
    pub agent_outdated: bool,
    /// UID of the pod that wrote this: an entry of another UID counts as Pending.
    #[serde(rename = "podUID", default, skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<String>,
}

/// Some paths, and how many there are in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct PathList {
    /// All of them, also those that `paths` leaves out.
    #[serde(default)]
    pub count: u64,
    /// The first of them, relative to the data directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
}

impl PathList {
    /// A list of all of these.
    pub fn of(paths: Vec<String>) -> Self {
        Self { count: paths.len() as u64, paths }
    }

    /// Whether there is nothing to report.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// Why nothing is applied, and since when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct Held {
    /// What it was held for: the words of `stoker.io/hold`, or `LocalChanges`, `RolledBack`, ….
    #[serde(default)]
    pub reason: String,
    /// RFC 3339.
    #[serde(default)]
    pub since: String,
}

/// A reason that this version knows; the words of a later one must not make the whole entry unreadable.
fn known_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Reason>, D::Error> {
    let word: Option<String> = Option::deserialize(deserializer)?;
    Ok(word.and_then(|word| serde_json::from_value(word.into()).ok()))
}

impl GatewayStatus {
    /// The JSON that is written, at most `max_bytes` long (see [`Self::bounded`]).
    pub fn to_json(&self, max_bytes: usize) -> String {
        bounded::json(&self.bounded(max_bytes))
    }
}

#[cfg(test)]
mod tests;
