//! One resource with everything that belongs to it, at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::rbac::v1::PolicyRule;
use stoker_api::names::objects;

use super::{Binding, Index, MapSeen, Owned, maps};
use crate::decide::{Pod, Report, Resource};
use crate::observe::{Key, key};
use crate::resolve::access::SecretValue;

/// What is known of a Secret that a resource refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// It does not exist.
    Missing,
    /// It exists, with these keys, and the values of those that this program has a use for.
    There { keys: BTreeSet<String>, values: BTreeMap<String, SecretValue> },
}

/// One resource with everything that belongs to it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub resource: Arc<Resource>,
    pub version: u64,
    pub finalizers: Vec<String>,
    pub pods: Vec<Arc<Pod>>,
    pub foreign_accounts: BTreeMap<String, String>,
    /// The `ConfigMap`s, by name.
    pub maps: BTreeMap<Arc<str>, MapSeen>,
    pub reports: BTreeMap<String, Report>,
    pub role: Option<Owned<Vec<PolicyRule>>>,
    pub binding: Option<Owned<Binding>>,
    pub has_token: bool,
    /// Secrets of the namespace that are watched; what is not in it was not seen yet.
    pub secrets: BTreeMap<Arc<str>, Secrets>,
}

impl Index {
    /// Everything about a resource; `None`: there is no such resource.
    pub fn snapshot(&self, id: &Key) -> Option<Snapshot> {
        let state = self.state();
        let slot = state.resources.get(id)?;
        let only = state.only(&id.0);
        let pods = state.pods_of(id, only.as_deref());
        let of_namespace = |name: &Key| name.0 == id.0;
        let maps: BTreeMap<Arc<str>, MapSeen> = state
            .maps
            .range(key(&id.0, "")..)
            .take_while(|(name, _)| of_namespace(name))
            .filter(|(name, map)| belongs(&name.1, map, &id.1))
            .map(|(name, map)| (Arc::clone(&name.1), map.clone()))
            .collect();
        let rbac = key(&id.0, &objects::agent_role(&id.1));
        let secrets = state.secrets.iter().filter(|(name, _)| of_namespace(name));
        Some(Snapshot {
            resource: Arc::clone(&slot.resource),
            version: slot.version,
            finalizers: slot.finalizers.clone(),
            foreign_accounts: state.foreign_accounts(id, only.as_deref()),
            reports: reports(&maps, &pods),
            pods,
            maps,
            role: state.roles.get(&rbac).cloned(),
            binding: state.bindings.get(&rbac).cloned(),
            has_token: state.tokens.contains_key(&key(&id.0, &objects::github_token(&id.1))),
            secrets: secrets.map(|(name, secret)| (Arc::clone(&name.1), secret.clone())).collect(),
        })
    }
}

fn belongs(name: &str, map: &MapSeen, cr: &str) -> bool {
    match map.role {
        maps::Role::Metadata => name == objects::metadata(cr),
        maps::Role::Status => crate::decide::shard_number(cr, name).is_some(),
        maps::Role::Changes => {
            name == objects::changes(cr)
                || map.head.labels.get(stoker_api::names::labels::CR_NAME).is_some_and(|owner| owner == cr)
        }
    }
}

/// What each pod's agent reported. Where a pod moved to another `ConfigMap` its old entry may still be there: the one
/// that bears the pod's UID wins, then the younger one.
fn reports(maps: &BTreeMap<Arc<str>, MapSeen>, pods: &[Arc<Pod>]) -> BTreeMap<String, Report> {
    let uids: BTreeMap<&str, &str> = pods.iter().map(|pod| (pod.name.as_str(), pod.uid.as_str())).collect();
    let rank = |pod: &str, report: &Report| {
        let entry = report.entry.as_ref().ok();
        let is_of_pod = entry.and_then(|entry| entry.pod_uid.as_deref()) == uids.get(pod).copied();
        (is_of_pod, entry.and_then(|entry| entry.last_seen.clone()))
    };
    let mut all: BTreeMap<String, Report> = BTreeMap::new();
    for (pod, (_, report)) in maps.values().flat_map(|map| &map.entries) {
        let is_better = all.get(pod).is_none_or(|known| rank(pod, report) > rank(pod, known));
        if is_better {
            all.insert(pod.clone(), report.clone());
        }
    }
    all
}
