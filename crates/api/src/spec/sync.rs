//! `spec.sync`: what goes where, and how carefully.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{is_default, words};
use crate::{MaxDeletes, Quantity};

/// `sync.defaults.excludePatterns` when a manifest gives none.
pub const DEFAULT_EXCLUDES: [&str; 3] = ["**/.git/", "**/.gitkeep", "**/.resources/**"];
/// Bounds of `syncPeriod`, in seconds.
pub const SYNC_PERIOD_SECONDS: RangeInclusive<u32> = 5..=3600;
/// Bounds of `healthTimeoutSeconds`.
pub const HEALTH_TIMEOUT_SECONDS: RangeInclusive<u32> = 10..=3600;
/// Bounds of `startDeadlineSeconds`.
pub const START_DEADLINE_SECONDS: RangeInclusive<u32> = 0..=3600;
/// Bounds of `undoGenerations`: without one there is nothing to go back to after a failed sync, and a hundred are more
/// than anyone looks through.
pub const UNDO_GENERATIONS: RangeInclusive<u32> = 1..=100;
/// `healthTimeoutSeconds` when nobody says otherwise.
pub(crate) const DEFAULT_HEALTH_TIMEOUT: u32 = 120;

/// What goes where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct SyncSpec {
    /// What holds for every profile that says nothing else.
    #[serde(default)]
    pub defaults: Defaults,
    /// Profiles by name, at least one. `default` is used by pods that name none.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::profiles))]
    pub profiles: BTreeMap<String, Profile>,
    /// Beyond these a sync stops with the figures, before anything moves.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limits: Limits,
}

/// What holds for every profile that says nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct Defaults {
    /// Doublestar globs, matched against paths relative to the data directory. What matches is neither written nor removed.
    /// A pattern that ends in `/` means the directory and all below it.
    #[serde(default = "default_excludes")]
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::texts))]
    pub exclude_patterns: Vec<String>,
    /// Variables for templates (`.Vars.<name>`); names are identifiers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::variables))]
    pub vars: BTreeMap<String, String>,
    /// Seconds between two looks of the agent, where nothing signals a change.
    #[serde(default = "default_sync_period")]
    pub sync_period: u32,
    /// What an open Designer does to a sync.
    #[serde(default)]
    pub designer_session_policy: DesignerSessionPolicy,
    /// Say what a sync would change, and change nothing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dry_run: bool,
    /// Sync nothing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub paused: bool,
    /// What happens to local changes of managed files while the commit stays the same. A new commit makes every managed
    /// file equal to it and keeps the local versions aside.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "crd", schemars(extend("default" = "report")))]
    pub drift_policy: DriftPolicy,
    /// Whether a failed scan, verification or health check brings the previous generation back, and holds there.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rollback_on_failure: bool,
    /// Seconds for the gateway to be RUNNING after a sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "crd", schemars(extend("default" = DEFAULT_HEALTH_TIMEOUT)))]
    pub health_timeout_seconds: Option<u32>,
    /// Seconds that a gateway whose volume was synced before waits for a fresh sync, before it starts with what it has.
    #[serde(default = "default_start_deadline")]
    pub start_deadline_seconds: u32,
    /// How many generations can be gone back to, besides what was there before the first sync.
    #[serde(default = "default_undo_generations")]
    pub undo_generations: u32,
    /// What these generations may take up on the volume.
    #[serde(default = "default_undo_max_bytes")]
    pub undo_max_bytes: Quantity,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            exclude_patterns: default_excludes(),
            vars: BTreeMap::new(),
            sync_period: default_sync_period(),
            designer_session_policy: DesignerSessionPolicy::default(),
            dry_run: false,
            paused: false,
            drift_policy: DriftPolicy::default(),
            rollback_on_failure: false,
            health_timeout_seconds: None,
            start_deadline_seconds: default_start_deadline(),
            undo_generations: default_undo_generations(),
            undo_max_bytes: default_undo_max_bytes(),
        }
    }
}

pub(crate) fn default_excludes() -> Vec<String> {
    DEFAULT_EXCLUDES.map(str::to_owned).into()
}

pub(crate) const fn default_sync_period() -> u32 {
    30
}

pub(crate) const fn default_start_deadline() -> u32 {
    30
}

pub(crate) const fn default_undo_generations() -> u32 {
    3
}

pub(crate) const fn default_undo_max_bytes() -> Quantity {
    Quantity::from_mebibytes(256)
}

words! {
    /// What an open Designer does to a sync.
    #[derive(Default)]
    DesignerSessionPolicy {
        /// Nothing.
        #[default]
        Proceed = "proceed",
        /// The sync waits: looked at every 10 s for at most 5 min.
        Wait = "wait",
        /// The sync fails.
        Fail = "fail",
    }
}

words! {
    /// What happens to local changes of managed files while the commit stays the same.
    #[derive(Default)]
    DriftPolicy {
        /// They are reported.
        #[default]
        Report = "report",
        /// They stop the next commit until somebody accepts it.
        Hold = "hold",
        /// Git's version comes back when nobody is in a Designer.
        Restore = "restore",
        /// Nothing is said, and what a new commit does not change stays.
        Ignore = "ignore",
    }
}

/// A set of mappings, and what it wants otherwise than the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct Profile {
    /// What goes where, in order: later mappings overlay earlier ones. At least one.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::mappings))]
    pub mappings: Vec<Mapping>,
    /// Globs that are added to those of `sync.defaults`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::texts))]
    pub exclude_patterns: Vec<String>,
    /// Variables that override those of `sync.defaults` key by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::variables))]
    pub vars: BTreeMap<String, String>,
    /// Overrides `syncPeriod` of `sync.defaults`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_period: Option<u32>,
    /// Overrides `designerSessionPolicy` of `sync.defaults`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub designer_session_policy: Option<DesignerSessionPolicy>,
    /// Overrides `dryRun` of `sync.defaults`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    /// Overrides `paused` of `sync.defaults`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// Overrides `driftPolicy` of `sync.defaults`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_policy: Option<DriftPolicy>,
    /// Overrides `rollbackOnFailure` of `sync.defaults`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_on_failure: Option<bool>,
    /// Overrides `healthTimeoutSeconds` of `sync.defaults`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_timeout_seconds: Option<u32>,
    /// Overrides `startDeadlineSeconds` of `sync.defaults`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_deadline_seconds: Option<u32>,
    /// Overrides `undoGenerations` of `sync.defaults`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_generations: Option<u32>,
    /// Overrides `undoMaxBytes` of `sync.defaults`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_max_bytes: Option<Quantity>,
}

/// One source in the repository and where it goes in the data directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::directories_name_patched_files))]
pub struct Mapping {
    /// Where it is in the repository; a template. Relative, and without `..`.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::path_in_repository))]
    pub source: String,
    /// Where it goes in the gateway's data directory; a template. Relative, and without `..`.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::path_in_data_directory))]
    pub destination: String,
    /// What the source must be; told from the repository when not given.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<MappingType>,
    /// Whether a missing source fails the sync; otherwise such a mapping is skipped.
    #[serde(default, skip_serializing_if = "is_default")]
    pub required: bool,
    /// Whether the contents of the files are templates. A file with a NUL byte is an error then.
    #[serde(default, skip_serializing_if = "is_default")]
    pub template: bool,
    /// Changes to JSON files, in order, after templates are rendered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::patches))]
    pub patches: Vec<Patch>,
    /// What is removed below the destination.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "crd", schemars(extend("default" = "owned")))]
    pub prune: Prune,
}

words! {
    /// What a mapping's source must be.
    MappingType {
        /// A directory.
        Dir = "dir",
        /// A file.
        File = "file",
    }
}

words! {
    /// What a sync removes.
    #[derive(Default)]
    Prune {
        /// What a sync once wrote, or found equal, and Git no longer has.
        #[default]
        Owned = "owned",
        /// Whatever the source does not have: the destination mirrors it.
        All = "all",
    }
}

/// Values to set in JSON files of a mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct Patch {
    /// Doublestar glob relative to the mapping's destination. Without it on a `file` mapping: the mapped file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::patched_files))]
    pub file: Option<String>,
    /// Values by path, at least one. Paths are sjson's: `a.b`, `list.0.x`, `list.-1` appends, `\.` is a dot in a key. A
    /// value is rendered as a template; the result is JSON, or else a string.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::settings))]
    pub set: BTreeMap<String, String>,
}

/// Beyond these a sync stops with the figures, before anything moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct Limits {
    /// Files that a profile may bring.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::at_least_one))]
    #[serde(default = "default_max_files")]
    pub max_files: u64,
    /// Bytes that they may have together.
    #[serde(default = "default_max_bytes")]
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::more_than_nothing))]
    pub max_bytes: Quantity,
    /// Bytes that one of them may have.
    #[serde(default = "default_max_file_bytes")]
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::more_than_nothing))]
    pub max_file_bytes: Quantity,
    /// Files that one sync may delete: a number, or a share of the managed files, but never fewer than 50.
    #[serde(default)]
    pub max_deletes: MaxDeletes,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_files: default_max_files(),
            max_bytes: default_max_bytes(),
            max_file_bytes: default_max_file_bytes(),
            max_deletes: MaxDeletes::default(),
        }
    }
}

const fn default_max_files() -> u64 {
    200_000
}

const fn default_max_bytes() -> Quantity {
    Quantity::from_mebibytes(1024)
}

const fn default_max_file_bytes() -> Quantity {
    Quantity::from_mebibytes(512)
}
