//! `spec.syncWindows`: when syncs may apply.

use serde::{Deserialize, Serialize};

use super::{is_default, words};
use crate::GoDuration;

/// One window. Deny beats allow; without any window syncs may apply always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncWindow {
    /// Whether syncs may apply inside it.
    pub kind: WindowKind,
    /// Cron schedule of its beginnings.
    pub schedule: String,
    /// How long it lasts.
    pub duration: GoDuration,
    /// IANA zone of the schedule; UTC when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Whether `stoker.io/sync-now` passes where the window forbids.
    #[serde(default, skip_serializing_if = "is_default")]
    pub manual_sync: bool,
    /// For people.
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
