//! Pods: kept only where something of ours is on them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use stoker_api::names::labels;

use super::{Index, name_of, version};
use crate::decide::{Pod, PodFacts, discover};
use crate::observe::{Key, key};

/// A pod whose facts have to be fetched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    pub namespace: Arc<str>,
    pub name: String,
}

pub(super) struct Slot {
    pub pod: Arc<Pod>,
    version: u64,
}

impl Index {
    /// A pod as it is now.
    pub fn put_pod(&self, metadata: ObjectMeta) {
        let name = name_of(&metadata);
        let version = version(&metadata);
        let mut pod = pod(metadata);
        if !discover::is_interesting(&pod) {
            self.remove_pod(&name);
            return;
        }
        let mut state = self.state();
        let only = state.only(&name.0);
        let here = state.pods.entry(Arc::clone(&name.0)).or_default();
        let before = here.get(pod.name.as_str()).map(|slot| (Arc::clone(&slot.pod), slot.version));
        if let Some((before, known)) = &before {
            if *known > version {
                return;
            }
            if before.uid == pod.uid {
                pod.facts.clone_from(&before.facts);
            }
        }
        let owner = |pod: &Pod| discover::owner(pod, only.as_deref()).map(|cr| key(&name.0, cr));
        let mut concerned = Vec::new();
        let is_same = before.as_ref().is_some_and(|(before, _)| **before == pod);
        if !is_same {
            concerned.extend(before.as_ref().and_then(|(before, _)| owner(before)));
            concerned.extend(owner(&pod));
            concerned.dedup();
        }
        // Whatever changed in it (its phase, the sidecar's image) is not in the metadata.
        let is_newer = before.is_none_or(|(_, known)| known != version);
        let needs_facts = is_newer.then(|| Wanted { namespace: Arc::clone(&name.0), name: pod.name.clone() });
        here.insert(pod.name.clone(), Slot { pod: Arc::new(pod), version });
        drop(state);
        if let Some(wanted) = needs_facts {
            // The receiver lives as long as the program.
            _ = self.fetch.send(wanted);
        }
        self.tell(concerned);
    }

    pub(super) fn remove_pod(&self, name: &Key) {
        let mut state = self.state();
        let Some(here) = state.pods.get_mut(&name.0) else { return };
        let Some(gone) = here.remove(&*name.1) else { return };
        if here.is_empty() {
            state.pods.remove(&name.0);
        }
        let only = state.only(&name.0);
        drop(state);
        self.tell(discover::owner(&gone.pod, only.as_deref()).map(|cr| key(&name.0, cr)));
    }

    pub(super) fn pod_names(&self) -> Vec<Key> {
        let state = self.state();
        let names = |(namespace, pods): (&Arc<str>, &BTreeMap<String, Slot>)| {
            pods.keys().map(|name| key(namespace, name)).collect::<Vec<_>>()
        };
        state.pods.iter().flat_map(names).collect()
    }

    /// Whether there are pods of which nothing but the metadata was seen yet.
    pub fn lacks_facts(&self) -> bool {
        self.state().pods.values().flat_map(BTreeMap::values).any(|slot| slot.pod.facts.is_none())
    }

    /// What was found out about a pod by fetching it.
    pub fn put_facts(&self, namespace: &str, name: &str, uid: &str, facts: PodFacts) {
        let mut state = self.state();
        let only = state.only(namespace);
        let Some(slot) = state.pods.get_mut(namespace).and_then(|here| here.get_mut(name)) else { return };
        if slot.pod.uid != uid || slot.pod.facts.as_ref() == Some(&facts) {
            return;
        }
        Arc::make_mut(&mut slot.pod).facts = Some(facts);
        let concerned = discover::owner(&slot.pod, only.as_deref()).map(|cr| key(namespace, cr));
        drop(state);
        self.tell(concerned);
    }
}

fn pod(metadata: ObjectMeta) -> Pod {
    let label = |name: &str| metadata.labels.as_ref().and_then(|labels| labels.get(name));
    Pod {
        app_name: label(labels::APP_NAME).cloned(),
        agent_label: label(labels::AGENT).is_some_and(|value| value == "true"),
        namespace: metadata.namespace.unwrap_or_default(),
        name: metadata.name.unwrap_or_default(),
        uid: metadata.uid.unwrap_or_default(),
        created: metadata.creation_timestamp.map_or(Timestamp::UNIX_EPOCH, |time| time.0),
        annotations: metadata.annotations.unwrap_or_default(),
        facts: None,
    }
}
