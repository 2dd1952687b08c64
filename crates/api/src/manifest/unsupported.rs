//! Known fields that this version cannot honour yet. They are refused by name: a setting that is accepted and ignored
//! is worse than one that is refused.
//!
//! To support a field, remove its row.

use crate::path::FieldPath;
use crate::resource::GatewaySync;
use crate::spec::{Defaults, DriftPolicy, GatewaySyncSpec, Profile};

/// A field that is set and cannot be honoured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// Where it is set.
    pub path: FieldPath,
    /// What to do without it.
    pub words: &'static str,
}

impl std::fmt::Display for Unsupported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is not supported by this version yet; {}", self.path, self.words)
    }
}

/// A field of `spec` that is refused where `is_set` says so.
struct Row {
    field: &'static str,
    is_set: fn(&GatewaySyncSpec) -> bool,
    words: &'static str,
}

const FIELDS: &[Row] = &[
    Row {
        field: "spec.receiver",
        is_set: |spec| spec.receiver.is_some(),
        words: "remove it; the repository is polled at polling.interval",
    },
    Row {
        field: "spec.syncWindows",
        is_set: |spec| !spec.sync_windows.is_empty(),
        words: "without them syncs would apply at any time, so none does; remove them to accept that",
    },
];

/// The settings that both the defaults and a profile can carry, and that have rows.
struct Settings {
    drift_policy: Option<DriftPolicy>,
    rollback_on_failure: Option<bool>,
    health_timeout_seconds: Option<u32>,
}

impl From<&Defaults> for Settings {
    fn from(defaults: &Defaults) -> Self {
        Self {
            drift_policy: Some(defaults.drift_policy),
            rollback_on_failure: Some(defaults.rollback_on_failure),
            health_timeout_seconds: defaults.health_timeout_seconds,
        }
    }
}

impl From<&Profile> for Settings {
    fn from(profile: &Profile) -> Self {
        Self {
            drift_policy: profile.drift_policy,
            rollback_on_failure: profile.rollback_on_failure,
            health_timeout_seconds: profile.health_timeout_seconds,
        }
    }
}

/// A field of the defaults or of a profile that is refused where `is_set` says so.
struct SettingRow {
    field: &'static str,
    is_set: fn(&Settings) -> bool,
    words: &'static str,
}

const SETTINGS: &[SettingRow] = &[
    SettingRow {
        field: "driftPolicy",
        is_set: |settings| settings.drift_policy.is_some_and(|policy| policy != DriftPolicy::Report),
        words: "use \"report\"",
    },
    SettingRow {
        field: "rollbackOnFailure",
        is_set: |settings| settings.rollback_on_failure == Some(true),
        words: "remove it, and go back by hand with `stoker-agent rollback`",
    },
    SettingRow {
        field: "healthTimeoutSeconds",
        is_set: |settings| settings.health_timeout_seconds.is_some(),
        words: "remove it; health is not waited for",
    },
];

/// What of the resource this version cannot honour, in the order of the tables.
pub fn unsupported(resource: &GatewaySync) -> Vec<Unsupported> {
    let spec = &resource.spec;
    let mut found: Vec<Unsupported> = FIELDS
        .iter()
        .filter(|row| (row.is_set)(spec))
        .map(|row| Unsupported { path: FieldPath::of(row.field), words: row.words })
        .collect();
    let sync = FieldPath::of("spec.sync");
    add_settings(&mut found, &sync.key("defaults"), &(&spec.sync.defaults).into());
    for (name, profile) in &spec.sync.profiles {
        add_settings(&mut found, &sync.key("profiles").key(name), &profile.into());
    }
    found
}

fn add_settings(found: &mut Vec<Unsupported>, at: &FieldPath, settings: &Settings) {
    let rows = SETTINGS.iter().filter(|row| (row.is_set)(settings));
    found.extend(rows.map(|row| Unsupported { path: at.key(row.field), words: row.words }));
}
