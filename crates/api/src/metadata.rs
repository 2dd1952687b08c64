//! What the controller tells the agents of one `GatewaySync`: the data of the `ConfigMap` `stoker-metadata-<cr>`.
//!
//! Unknown keys are skipped and missing ones have their defaults, so that controllers and agents of different versions
//! understand each other. What an agent must not skip is named in `requires`.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::ResolvedProfile;
use crate::names::{metadata_keys as keys, objects};
use crate::spec::{AuthType, Limits, SyncWindow, is_default};

/// What the controller tells the agents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The commit that is wanted; empty while none is resolved.
    pub commit: String,
    /// The ref that led to it.
    pub git_ref: String,
    /// The repository. May carry a password: redact before showing.
    pub git_url: String,
    /// Whether the resource is paused.
    pub paused: bool,
    /// Kind of the credentials.
    pub auth_type: AuthType,
    /// Port of the gateway.
    pub gateway_port: u16,
    /// Whether that port speaks TLS.
    pub gateway_tls: bool,
    /// Profiles with the defaults merged in.
    pub profiles: BTreeMap<String, ResolvedProfile>,
    /// What single pods are told otherwise; [`EVERY_POD`] is what all are told.
    pub targets: BTreeMap<String, Target>,
    /// Windows and limits.
    pub policy: Policy,
    /// Features without which an agent must not sync (see [`Self::unknown_requirements`]); words of
    /// [`crate::names::features`].
    pub requires: Vec<String>,
}

/// The key of [`Metadata::targets`] that is meant for every pod.
pub const EVERY_POD: &str = "*";

impl Default for Metadata {
    fn default() -> Self {
        Self {
            commit: String::new(),
            git_ref: String::new(),
            git_url: String::new(),
            paused: false,
            auth_type: AuthType::None,
            gateway_port: 8088,
            gateway_tls: false,
            profiles: BTreeMap::new(),
            targets: BTreeMap::new(),
            policy: Policy::default(),
            requires: Vec::new(),
        }
    }
}

/// What one pod, or all, are told by annotations. All values are as given: a program compares them with what it saw last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// The commit that is wanted here instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The ref that led to it.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub git_ref: Option<String>,
    /// Reason for applying nothing (`stoker.io/hold`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
    /// The commit to go back to (`stoker.io/rollback-to`); never `previous`, which the controller has resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_to: Option<String>,
    /// Look again and apply (`stoker.io/sync-now`), when it is not what it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_now: Option<String>,
    /// End a hold or a rollback (`stoker.io/resume`), when it is not what it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
    /// Let local changes, or many deletions, pass once (`stoker.io/accept`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept: Option<String>,
    /// The status `ConfigMap` of this pod, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_config_map: Option<String>,
}

impl Target {
    /// The `ConfigMap` in which this pod's agent reports; `cr` is the name of its GatewaySync.
    pub fn status_map(&self, cr: &str) -> String {
        self.status_config_map.clone().unwrap_or_else(|| objects::status(cr))
    }

    /// The `ConfigMap` in which it lists changes: the one of the same number.
    pub fn changes_map(&self, cr: &str) -> String {
        objects::changes_beside(&self.status_map(cr), cr)
    }

    /// This, and where it says nothing, the other.
    #[must_use]
    fn or(&self, other: &Self) -> Self {
        let either =
            |own: &Option<String>, others: &Option<String>| own.as_ref().or(others.as_ref()).cloned();
        // A commit and its ref belong together.
        let from = if self.commit.is_some() { self } else { other };
        Self {
            commit: from.commit.clone(),
            git_ref: either(&from.git_ref, &self.git_ref),
            hold: either(&self.hold, &other.hold),
            rollback_to: either(&self.rollback_to, &other.rollback_to),
            sync_now: either(&self.sync_now, &other.sync_now),
            resume: either(&self.resume, &other.resume),
            accept: either(&self.accept, &other.accept),
            status_config_map: either(&self.status_config_map, &other.status_config_map),
        }
    }
}

/// Windows and limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// `spec.syncWindows`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<SyncWindow>,
    /// `spec.sync.limits`.
    #[serde(default)]
    pub limits: Limits,
}

/// A key of the metadata that cannot be understood. Nothing is synced on a guess.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "key {key:?} of the metadata ConfigMap cannot be understood: {why}; the controller's version and this one's may differ too much"
)]
pub struct MetadataError {
    /// The key.
    pub key: &'static str,
    /// What is wrong with its value.
    pub why: String,
}

impl MetadataError {
    /// Reason of the status entry.
    pub const fn reason(&self) -> &'static str {
        crate::Reason::UnsupportedFeature.as_str()
    }
}

impl Metadata {
    /// Reads the data of the `ConfigMap`.
    pub fn from_data(data: &BTreeMap<String, String>) -> Result<Self, MetadataError> {
        let defaults = Self::default();
        let text = |key: &str| data.get(key).cloned().unwrap_or_default();
        Ok(Self {
            commit: text(keys::COMMIT),
            git_ref: text(keys::REF),
            git_url: text(keys::GIT_URL),
            paused: flag(data, keys::PAUSED)?,
            auth_type: match data.get(keys::AUTH_TYPE) {
                None => defaults.auth_type,
                Some(word) => auth_type(word)?,
            },
            gateway_port: match data.get(keys::GATEWAY_PORT) {
                None => defaults.gateway_port,
                Some(port) => {
                    port.parse().map_err(|_| refuse(keys::GATEWAY_PORT, format!("{port:?} is no port")))?
                }
            },
            gateway_tls: flag(data, keys::GATEWAY_TLS)?,
            profiles: document(data, keys::PROFILES)?,
            targets: document(data, keys::TARGETS)?,
            policy: document(data, keys::POLICY)?,
            requires: document(data, keys::REQUIRES)?,
        })
    }

    /// The data of the `ConfigMap`. What is new since the first contract is left out while it says nothing.
    pub fn to_data(&self) -> BTreeMap<String, String> {
        let Self {
            commit,
            git_ref,
            git_url,
            paused,
            auth_type,
            gateway_port,
            gateway_tls,
            profiles,
            targets,
            policy,
            requires,
        } = self;
        let mut data = BTreeMap::from([
            (keys::COMMIT.to_owned(), commit.clone()),
            (keys::REF.to_owned(), git_ref.clone()),
            (keys::GIT_URL.to_owned(), git_url.clone()),
            (keys::PAUSED.to_owned(), paused.to_string()),
            (keys::AUTH_TYPE.to_owned(), auth_type.to_string()),
            (keys::GATEWAY_PORT.to_owned(), gateway_port.to_string()),
            (keys::GATEWAY_TLS.to_owned(), gateway_tls.to_string()),
            (keys::PROFILES.to_owned(), json(profiles)),
        ]);
        if !targets.is_empty() {
            data.insert(keys::TARGETS.to_owned(), json(targets));
        }
        if !is_default(policy) {
            data.insert(keys::POLICY.to_owned(), json(policy));
        }
        if !requires.is_empty() {
            data.insert(keys::REQUIRES.to_owned(), json(requires));
        }
        data
    }

    /// What one pod is told: its own target, and where that says nothing, what all are told.
    pub fn target_of(&self, pod: &str) -> Target {
        let nothing = Target::default();
        let of = |key: &str| self.targets.get(key).unwrap_or(&nothing);
        of(pod).or(of(EVERY_POD))
    }

    /// The required features that are not among the known ones. Unless there are none, nothing may be synced.
    pub fn unknown_requirements<'a>(&'a self, known: &[&str]) -> Vec<&'a str> {
        self.requires.iter().map(String::as_str).filter(|feature| !known.contains(feature)).collect()
    }
}

fn refuse(key: &'static str, why: String) -> MetadataError {
    MetadataError { key, why }
}

/// `true` or `false`; an empty or missing value is false.
fn flag(data: &BTreeMap<String, String>, key: &'static str) -> Result<bool, MetadataError> {
    match data.get(key).map_or("", String::as_str) {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        other => Err(refuse(key, format!("{other:?} is neither true nor false"))),
    }
}

fn auth_type(word: &str) -> Result<AuthType, MetadataError> {
    if word.is_empty() {
        return Ok(AuthType::None);
    }
    serde_json::from_value(word.into()).map_err(|_| refuse(keys::AUTH_TYPE, format!("{word:?} is not known")))
}

/// A JSON document; an empty or missing value is the default.
fn document<T: DeserializeOwned + Default>(
    data: &BTreeMap<String, String>,
    key: &'static str,
) -> Result<T, MetadataError> {
    match data.get(key).map_or("", String::as_str) {
        "" => Ok(T::default()),
        text => serde_json::from_str(text).map_err(|error| refuse(key, error.to_string())),
    }
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("maps with text keys always have a JSON form")
}

#[cfg(test)]
mod tests;
