//! `spec` of a `GatewaySync`, field by field.
//!
//! Defaults stand beside their fields, one function each, so that schema generation (which wants per-field defaults) can
//! be derived on the same types (feature `crd`). Bounds are constants beside the types and are checked by
//! [`crate::manifest::check`]. The first words of each field's comment become its description in the cluster and in
//! `docs/reference/gatewaysync.md`: they are written for whoever writes a manifest.

mod agent;
mod gateway;
mod git;
mod sync;
mod window;

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use agent::{Agent, AgentImage, PullPolicy, ResourceClaim, ResourceQuantity, Resources, UpdateStrategy};
pub use gateway::{Gateway, GatewayApi, Receiver};
pub use git::{
    Auth, AuthType, DEFAULT_GITHUB_API, Git, GitHubAppAuth, GitTls, KnownHosts, Proxy, SecretKeyRef,
    SecretNameRef, SshKeyAuth, TokenAuth, Verify,
};
pub use sync::{
    DEFAULT_EXCLUDES, Defaults, DesignerSessionPolicy, DriftPolicy, HEALTH_TIMEOUT_SECONDS, Limits, Mapping,
    MappingType, Patch, Profile, Prune, START_DEADLINE_SECONDS, SYNC_PERIOD_SECONDS, SyncSpec,
    UNDO_GENERATIONS,
};
pub(crate) use sync::{
    DEFAULT_HEALTH_TIMEOUT, default_excludes, default_start_deadline, default_sync_period,
    default_undo_generations, default_undo_max_bytes,
};
pub use window::{SyncWindow, WindowKind};

/// The shortest interval at which a repository is asked, however short the manifest says.
pub const MIN_POLLING_INTERVAL: Duration = Duration::from_secs(5);

/// Bounds of a port.
pub const PORT: RangeInclusive<u32> = 1..=65535;

/// The bounds of the numbers that have any, by the name of their field.
pub(crate) fn bounds_of(field: &str) -> Option<RangeInclusive<u32>> {
    Some(match field {
        "port" => PORT,
        "syncPeriod" => SYNC_PERIOD_SECONDS,
        "healthTimeoutSeconds" => HEALTH_TIMEOUT_SECONDS,
        "startDeadlineSeconds" => START_DEADLINE_SECONDS,
        "undoGenerations" => UNDO_GENERATIONS,
        _ => return None,
    })
}

pub(crate) fn out_of_bounds(bounds: &RangeInclusive<u32>, number: impl std::fmt::Display) -> String {
    format!("must be from {} to {}, not {number}", bounds.start(), bounds.end())
}

/// What is wanted on the gateways of one `GatewaySync`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct GatewaySyncSpec {
    /// Where the configuration comes from.
    pub git: Git,
    /// How often the ref is looked up.
    #[serde(default)]
    pub polling: Polling,
    /// How the agent reaches its gateway.
    pub gateway: Gateway,
    /// What goes where.
    pub sync: SyncSpec,
    /// The injected sidecar.
    #[serde(default, skip_serializing_if = "is_default")]
    pub agent: Agent,
    /// The push receiver of this resource alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver: Option<Receiver>,
    /// When syncs may apply. No window means always; deny beats allow.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::up_to_a_hundred))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sync_windows: Vec<SyncWindow>,
    /// Nothing is synced while this is true. A pause never stops or blocks a gateway pod.
    #[serde(default, skip_serializing_if = "is_default")]
    pub paused: bool,
}

/// How often the ref is looked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct Polling {
    /// Whether the repository is asked at all. Without it only pushes and edits of this resource move a gateway.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Time between two look-ups, a Go duration such as `90s`, `5m` or `1h30m`. Less than 5 s counts as 5 s.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::duration))]
    #[serde(default = "default_interval")]
    pub interval: crate::GoDuration,
}

impl Default for Polling {
    fn default() -> Self {
        Self { enabled: true, interval: default_interval() }
    }
}

impl Polling {
    /// The interval that is kept: never below [`MIN_POLLING_INTERVAL`]. Where it differs from `interval`, the program
    /// says so once.
    pub fn effective_interval(&self) -> Duration {
        self.interval.get().max(MIN_POLLING_INTERVAL)
    }
}

fn default_interval() -> crate::GoDuration {
    crate::GoDuration::from_seconds(60)
}

pub(crate) const fn yes() -> bool {
    true
}

/// For `skip_serializing_if`: what equals its default need not be written.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// An enumeration of the contract: its words in one place for serde, messages, logs and metric labels.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// The word that stands for it in manifests and documents.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;
