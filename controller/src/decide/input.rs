//! What [`super::decide`] is told: a plain value, gathered by the observing side.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stoker_api::GatewayStatus;
use stoker_api::spec::GatewaySyncSpec;

use super::document::ResourceStatus;

/// One `GatewaySync` as it was last seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub generation: i64,
    /// Those that begin with `stoker.io/`.
    pub annotations: BTreeMap<String, String>,
    /// It is being deleted.
    pub deleting: bool,
    /// It bears our finalizer.
    pub has_finalizer: bool,
    /// The spec, or why it cannot be read.
    pub spec: Result<Arc<GatewaySyncSpec>, String>,
    pub status: ResourceStatus,
}

/// A pod that has to do with Stoker, as much of it as matters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pod {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub created: Timestamp,
    /// Those that begin with `stoker.io/`.
    pub annotations: BTreeMap<String, String>,
    /// The label `app.kubernetes.io/name`.
    pub app_name: Option<String>,
    /// The label `stoker.io/agent` is `true`.
    pub agent_label: bool,
    /// What is not in a pod's metadata; unknown until the pod was fetched.
    pub facts: Option<PodFacts>,
}

/// What is known of a pod only by fetching it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodFacts {
    pub service_account: String,
    /// Image of its sidecar, if it has one.
    pub agent_image: Option<String>,
    /// The sidecar runs with that image.
    pub agent_running: bool,
    /// The pod ended (`Succeeded`, `Failed`): it is no gateway any more, though its rights stay.
    pub ended: bool,
}

/// What an agent reported, and in which `ConfigMap`.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The entry, bounded and without control characters, or why it cannot be read.
    pub entry: Result<Arc<GatewayStatus>, String>,
    /// Number of the status `ConfigMap`; 0 is the first.
    pub shard: usize,
}

/// What is known of the commit that the wanted ref means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Resolution {
    /// Nobody has to ask: the resource is paused, or its profile or ref cannot be used.
    #[default]
    Idle,
    /// No answer yet.
    Pending,
    /// The ref means this commit.
    Resolved { commit: String },
    /// No answer can be had.
    Failed(Failure),
}

/// Why a ref cannot be resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A reason of the condition `RefResolved`.
    pub reason: &'static str,
    /// For people; what a server said is cut and printable.
    pub message: String,
    /// It may go away without anybody changing anything.
    pub transient: bool,
}

/// Everything that a decision about one `GatewaySync` depends on.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The clock, for what people and agents wrote down.
    pub now: Timestamp,
    /// Time since the program began, which no clock can make jump.
    pub uptime: Duration,
    pub resource: Arc<Resource>,
    /// The pods that belong to it (see [`super::discover`]), by name.
    pub pods: Vec<Arc<Pod>>,
    /// Service accounts of pods of other `GatewaySync`s in the namespace, with the name of one.
    pub foreign_accounts: BTreeMap<String, String>,
    pub resolution: Resolution,
    /// Secrets, or keys of them, that the resource refers to and that do not exist: words that name them.
    pub missing_secrets: Vec<String>,
    /// The data of the metadata `ConfigMap`, if there is one.
    pub metadata: Option<Arc<BTreeMap<String, String>>>,
    /// What agents reported, by pod.
    pub reports: BTreeMap<String, Report>,
    /// Service accounts that the `RoleBinding` binds now.
    pub bound: BTreeSet<String>,
    /// Since when keys of the status, and bound service accounts, have had no pod.
    pub gone: Gone,
    /// The image that the webhook injects where a resource names none.
    pub default_agent_image: Option<String>,
    /// The installation token of a GitHub App.
    pub token: Option<Arc<str>>,
}

/// Since when something has had no pod. The first look at it counts as the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    pub keys: BTreeMap<String, Duration>,
    pub accounts: BTreeMap<String, Duration>,
}
