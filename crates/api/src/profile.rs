//! Profiles as agents get them: the defaults merged in, and the choice of one by name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Quantity;
use crate::spec::{
    self, Defaults, DesignerSessionPolicy, DriftPolicy, Mapping, Profile, SyncSpec, is_default,
};
use crate::text::{did_you_mean, list};

/// The profile of pods that name none.
pub const DEFAULT_PROFILE: &str = "default";

/// A profile with the defaults merged in: an entry of the metadata's `profiles`.
///
/// Written by the controller, read by agents of this and of earlier versions: whatever is missing has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResolvedProfile {
    /// In order; later mappings overlay earlier ones.
    #[serde(default)]
    pub mappings: Vec<Mapping>,
    /// The defaults' patterns, then the profile's.
    #[serde(default = "spec::default_excludes")]
    pub exclude_patterns: Vec<String>,
    /// The defaults' variables, overridden key by key.
    #[serde(default)]
    pub vars: BTreeMap<String, String>,
    /// See [`Defaults::sync_period`].
    #[serde(default = "spec::default_sync_period")]
    pub sync_period: u32,
    /// See [`Defaults::dry_run`].
    #[serde(default)]
    pub dry_run: bool,
    /// See [`Defaults::designer_session_policy`].
    #[serde(default)]
    pub designer_session_policy: DesignerSessionPolicy,
    /// See [`Defaults::paused`].
    #[serde(default)]
    pub paused: bool,
    /// See [`Defaults::drift_policy`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub drift_policy: DriftPolicy,
    /// See [`Defaults::rollback_on_failure`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub rollback_on_failure: bool,
    /// See [`Defaults::health_timeout_seconds`].
    #[serde(default = "default_health_timeout")]
    pub health_timeout_seconds: u32,
    /// See [`Defaults::start_deadline_seconds`].
    #[serde(default = "spec::default_start_deadline")]
    pub start_deadline_seconds: u32,
    /// See [`Defaults::undo_generations`].
    #[serde(default = "spec::default_undo_generations")]
    pub undo_generations: u32,
    /// See [`Defaults::undo_max_bytes`].
    #[serde(default = "spec::default_undo_max_bytes")]
    pub undo_max_bytes: Quantity,
}

const fn default_health_timeout() -> u32 {
    spec::DEFAULT_HEALTH_TIMEOUT
}

/// One profile over the defaults.
pub fn resolve(defaults: &Defaults, profile: &Profile) -> ResolvedProfile {
    // Taken apart whole, so that a field added to either is not forgotten here.
    let Defaults {
        exclude_patterns,
        vars,
        sync_period,
        designer_session_policy,
        dry_run,
        paused,
        drift_policy,
        rollback_on_failure,
        health_timeout_seconds,
        start_deadline_seconds,
        undo_generations,
        undo_max_bytes,
    } = defaults;
    let Profile {
        mappings,
        exclude_patterns: more_excludes,
        vars: more_vars,
        sync_period: own_period,
        designer_session_policy: own_designer_policy,
        dry_run: own_dry_run,
        paused: own_paused,
        drift_policy: own_drift_policy,
        rollback_on_failure: own_rollback,
        health_timeout_seconds: own_health_timeout,
        start_deadline_seconds: own_start_deadline,
        undo_generations: own_undo_generations,
        undo_max_bytes: own_undo_max_bytes,
    } = profile;
    ResolvedProfile {
        mappings: mappings.clone(),
        exclude_patterns: merge_patterns(exclude_patterns, more_excludes),
        vars: vars.iter().chain(more_vars).map(|(name, value)| (name.clone(), value.clone())).collect(),
        sync_period: own_period.unwrap_or(*sync_period),
        dry_run: own_dry_run.unwrap_or(*dry_run),
        designer_session_policy: own_designer_policy.unwrap_or(*designer_session_policy),
        paused: own_paused.unwrap_or(*paused),
        drift_policy: own_drift_policy.unwrap_or(*drift_policy),
        rollback_on_failure: own_rollback.unwrap_or(*rollback_on_failure),
        health_timeout_seconds: own_health_timeout
            .or(*health_timeout_seconds)
            .unwrap_or(spec::DEFAULT_HEALTH_TIMEOUT),
        start_deadline_seconds: own_start_deadline.unwrap_or(*start_deadline_seconds),
        undo_generations: own_undo_generations.unwrap_or(*undo_generations),
        undo_max_bytes: own_undo_max_bytes.unwrap_or(*undo_max_bytes),
    }
}

/// Both lists in order, each pattern once.
fn merge_patterns(first: &[String], then: &[String]) -> Vec<String> {
    let mut merged: Vec<String> = Vec::with_capacity(first.len() + then.len());
    for pattern in first.iter().chain(then) {
        if !merged.contains(pattern) {
            merged.push(pattern.clone());
        }
    }
    merged
}

/// Every profile with the defaults merged in: the metadata's `profiles`.
pub fn resolve_all(sync: &SyncSpec) -> BTreeMap<String, ResolvedProfile> {
    sync.profiles.iter().map(|(name, profile)| (name.clone(), resolve(&sync.defaults, profile))).collect()
}

/// A pod names a profile that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub struct UnknownProfile {
    /// The name that was asked for; `None` when none was, so that it stood for [`DEFAULT_PROFILE`].
    pub asked: Option<Box<str>>,
    /// The names that exist.
    pub known: Vec<Box<str>>,
}

impl UnknownProfile {
    fn message(&self) -> String {
        let names = || self.known.iter().map(AsRef::as_ref);
        let known = match list(names()) {
            known if known.is_empty() => "there are none".to_owned(),
            known => format!("known profiles: {known}"),
        };
        match &self.asked {
            Some(asked) => {
                format!("profile {asked:?} does not exist{}; {known}", did_you_mean(asked, names()))
            }
            None => {
                format!("no profile is named, and there is no profile {DEFAULT_PROFILE:?}; name one; {known}")
            }
        }
    }
}

/// Chooses a profile by name; `None`, or an empty name, stands for [`DEFAULT_PROFILE`].
pub fn select<'a, P>(
    profiles: &'a BTreeMap<String, P>,
    name: Option<&str>,
) -> Result<(&'a str, &'a P), UnknownProfile> {
    let asked = name.filter(|name| !name.is_empty());
    profiles
        .get_key_value(asked.unwrap_or(DEFAULT_PROFILE))
        .map(|(name, profile)| (name.as_str(), profile))
        .ok_or_else(|| UnknownProfile {
            asked: asked.map(Into::into),
            known: profiles.keys().map(|name| name.as_str().into()).collect(),
        })
}

#[cfg(test)]
mod tests;
