//! `status` of a `GatewaySync`: what the controller has seen. Nobody else writes it.
//!
//! What one gateway's agent reports is [`crate::GatewayStatus`]; of that, a part, bounded further by the numbers below,
//! stands here. They are the controller's to keep and not in the schema: a status that is a little too long is better than
//! one that the API server refuses.

use serde::{Deserialize, Serialize};

use crate::spec::{is_default, words};
use crate::status::{Held, PathList, SyncStatus};

/// What of a gateway's error message stands in the status, in bytes.
pub const MAX_ERROR_BYTES: usize = 256;
/// How many paths of a gateway's drift, or of its unmanaged files, stand in the status.
pub const MAX_PATHS: usize = 3;
/// How many of a gateway's projects stand in the status.
pub const MAX_PROJECTS: usize = 10;
/// How many characters of a commit's SHA are its short form.
pub const SHORT_COMMIT: usize = 7;

/// What the controller has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct GatewaySyncStatus {
    /// The generation of the resource that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When a gateway was synced last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "crd", schemars(extend("format" = "date-time")))]
    pub last_sync_time: Option<String>,
    /// The ref that is wanted: that of the spec, or the one that a push asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_ref: Option<String>,
    /// The commit that it was resolved to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_commit: Option<String>,
    /// The first seven characters of that commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_commit_short: Option<String>,
    /// Where the resolution of the ref stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ref_resolution_status: Option<RefResolutionStatus>,
    /// How many profiles there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_count: Option<i32>,
    /// One for each type. `Ready` is true when `RefResolved`, `ProfilesValid` and `AllGatewaysSynced` are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::conditions))]
    pub conditions: Vec<Condition>,
    /// The gateways that were found, with what each reports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discovered_gateways: Vec<DiscoveredGateway>,
}

words! {
    /// Where the resolution of the ref stands.
    #[derive(Default)]
    RefResolutionStatus {
        /// Not begun.
        #[default]
        NotResolved = "NotResolved",
        /// On its way.
        Resolving = "Resolving",
        /// The commit is known.
        Resolved = "Resolved",
        /// The last attempt failed.
        Error = "Error",
    }
}

/// One aspect of the state, as Kubernetes' conventions have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct Condition {
    /// Which aspect.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::text))]
    pub condition_type: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// The generation of the resource that it was judged for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When `status` changed last.
    #[cfg_attr(feature = "crd", schemars(extend("format" = "date-time")))]
    pub last_transition_time: String,
    /// Why, for programs.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::reason))]
    pub reason: String,
    /// Why, for people.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::message))]
    pub message: String,
}

words! {
    /// Whether a condition holds.
    #[derive(Default)]
    ConditionStatus {
        /// It does.
        True = "True",
        /// It does not.
        False = "False",
        /// Nobody can tell.
        #[default]
        Unknown = "Unknown",
    }
}

/// One gateway, as its pod and its agent show it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct DiscoveredGateway {
    /// Name of the gateway.
    pub name: String,
    /// Namespace of its pod.
    pub namespace: String,
    /// Name of its pod.
    pub pod_name: String,
    /// Service account of its pod.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub service_account_name: String,
    /// Profile that it uses.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub profile: String,
    /// Where it stands.
    #[serde(default)]
    pub sync_status: SyncStatus,
    /// When it was synced last, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_time: Option<String>,
    /// How long that took, such as `2.5s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_duration: Option<String>,
    /// The commit on its disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_commit: Option<String>,
    /// The ref that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_ref: Option<String>,
    /// Version of its agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// `projects=200 config=200`, or `error: …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_scan_result: Option<String>,
    /// Files that the last sync wrote or deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_changed: Option<u64>,
    /// Projects that its profile brings; ten at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projects_synced: Vec<String>,
    /// What is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// When its agent was heard of last, RFC 3339; at least hourly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// Managed files that differ from the commit; three paths at most.
    #[serde(default, skip_serializing_if = "PathList::is_empty")]
    pub drift: PathList,
    /// Files that were synced once and that no mapping covers any more; three paths at most.
    #[serde(default, skip_serializing_if = "PathList::is_empty")]
    pub unmanaged: PathList,
    /// Why nothing is applied, and since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// The commit that a rollback left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back_from: Option<String>,
    /// The commit that `stoker.io/rollback-to: previous` means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_commit: Option<String>,
    /// When the next window opens, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_sync_window: Option<String>,
    /// Changed files that only a restart of the gateway applies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restart_required: Vec<String>,
    /// Whether its agent is older than the one that would be injected now.
    #[serde(default, skip_serializing_if = "is_default")]
    pub agent_outdated: bool,
}
