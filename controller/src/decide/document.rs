//! The resource's own status, as the API server stores it (contract, sections 1 and 8).

use serde::{Deserialize, Serialize};
use stoker_api::status::{Held, PathList, SyncStatus};

/// `status` of a GatewaySync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceStatus {
    /// The generation that this status was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The newest sync of a gateway, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_time: Option<String>,
    /// The ref that the gateways are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_ref: Option<String>,
    /// The commit that the gateways are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_commit: Option<String>,
    /// Its first seven digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_commit_short: Option<String>,
    /// `NotResolved`, `Resolving`, `Resolved` or `Error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ref_resolution_status: Option<String>,
    /// Number of profiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_count: Option<u32>,
    /// Conditions, one for each type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The gateways, by pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discovered_gateways: Vec<Gateway>,
}

/// meta/v1 `Condition`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Its type, of [`stoker_api::names::conditions`].
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// The generation that it was judged by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When `status` changed last, RFC 3339.
    #[serde(default)]
    pub last_transition_time: String,
    /// One of [`stoker_api::names::conditions::reasons`].
    #[serde(default)]
    pub reason: String,
    /// For people.
    #[serde(default)]
    pub message: String,
}

/// One gateway pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gateway {
    /// Name of the gateway.
    pub name: String,
    /// Namespace of its pod.
    #[serde(default)]
    pub namespace: String,
    /// Its pod.
    #[serde(default)]
    pub pod_name: String,
    /// The pod's service account, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// Profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Where it stands.
    #[serde(default)]
    pub sync_status: SyncStatus,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_time: Option<String>,
    /// As Go writes durations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_duration: Option<String>,
    /// The commit on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_commit: Option<String>,
    /// The ref that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_ref: Option<String>,
    /// Version of its agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// What the gateway said to the last scan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_scan_result: Option<String>,
    /// Files that the last sync changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_changed: Option<u64>,
    /// Projects that the profile brings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projects_synced: Vec<String>,
    /// What is wrong, for people, the word of the bounded list in front.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// When its agent was heard of, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// Managed files that differ.
    #[serde(default, skip_serializing_if = "PathList::is_empty")]
    pub drift: PathList,
    /// Files that no mapping covers any more.
    #[serde(default, skip_serializing_if = "PathList::is_empty")]
    pub unmanaged: PathList,
    /// Why nothing is applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// The commit that a rollback left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back_from: Option<String>,
    /// What `rollback-to: previous` means here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_commit: Option<String>,
    /// When a window opens, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_sync_window: Option<String>,
    /// Files that only a restart applies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restart_required: Vec<String>,
    /// The sidecar's image is not the wanted one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub agent_outdated: bool,
}

impl ResourceStatus {
    /// The condition of a type.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }
}
