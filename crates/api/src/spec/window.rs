//! `spec.syncWindows`: when syncs may apply.

use serde::{Deserialize, Serialize};

use super::{is_default, words};
use crate::GoDuration;

/// One window. Deny beats allow; without any window syncs may apply always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct SyncWindow {
    /// Whether syncs may apply inside it.
    pub kind: WindowKind,
    /// Cron schedule of its beginnings.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::text))]
    pub schedule: String,
    /// How long it lasts, a Go duration such as `90m` or `8h`.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::duration_above_zero))]
    pub duration: GoDuration,
    /// IANA zone of the schedule; UTC when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::text))]
    pub time_zone: Option<String>,
    /// Whether the annotation `stoker.io/sync-now` passes where the window forbids.
    #[serde(default, skip_serializing_if = "is_default")]
    pub manual_sync: bool,
    /// What it is for, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

words! {
    /// Kind of a window.
    WindowKind {
        /// Syncs may apply inside, and outside only if another window allows.
        Allow = "allow",
        /// Syncs may not apply inside.
        Deny = "deny",
    }
}
