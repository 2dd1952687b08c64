//! Every GatewaySync, as much of it as admission and the receiver need.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use kube::api::DynamicObject;
use stoker_api::names::annotations;
use stoker_api::spec::GatewaySyncSpec;
use tokio::sync::Notify;

use super::{Key, Sink};

/// One GatewaySync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What is wanted, without its mappings; or why it cannot be read.
    pub spec: Result<GatewaySyncSpec, String>,
    /// `stoker.io/requested-ref`.
    pub requested_ref: Option<String>,
    /// `stoker.io/requested-commit`.
    pub requested_commit: Option<String>,
}

impl Entry {
    /// Of an object as the API server has it.
    pub fn of(object: &mut DynamicObject) -> Self {
        let spec = object.data.get_mut("spec").map(serde_json::Value::take).unwrap_or_default();
        let spec = serde_json::from_value(spec).map(without_mappings).map_err(|error| error.to_string());
        let annotation = |key| object.metadata.annotations.as_ref()?.get(key).cloned();
        Self {
            spec,
            requested_ref: annotation(annotations::REQUESTED_REF),
            requested_commit: annotation(annotations::REQUESTED_COMMIT),
        }
    }

    /// The ref that is wanted: the requested one, else the resource's own.
    pub fn wanted_ref(&self) -> Option<&str> {
        let requested = self.requested_ref.as_deref().map(str::trim).filter(|name| !name.is_empty());
        requested.or_else(|| Some(self.spec.as_ref().ok()?.git.git_ref.trim()))
    }
}

/// Mappings are the agent's business, and most of a resource's size.
fn without_mappings(mut spec: GatewaySyncSpec) -> GatewaySyncSpec {
    for profile in spec.sync.profiles.values_mut() {
        profile.mappings = Vec::new();
        profile.vars = BTreeMap::new();
        profile.exclude_patterns = Vec::new();
    }
    spec
}

type Entries = BTreeMap<Arc<str>, BTreeMap<Arc<str>, Arc<Entry>>>;

/// Every GatewaySync, by namespace and name.
#[derive(Debug, Default)]
pub struct Cache {
    entries: RwLock<Entries>,
    is_warm: AtomicBool,
    changed: Notify,
}

impl Cache {
    /// Whether everything was seen once.
    pub fn is_warm(&self) -> bool {
        self.is_warm.load(Ordering::Acquire)
    }

    /// One resource.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<Entry>> {
        self.read().get(namespace)?.get(name).cloned()
    }

    /// The names in a namespace.
    pub fn names(&self, namespace: &str) -> Vec<Arc<str>> {
        self.read().get(namespace).map(|entries| entries.keys().cloned().collect()).unwrap_or_default()
    }

    /// Looks at each.
    pub fn each(&self, mut look: impl FnMut(&Arc<str>, &Arc<str>, &Entry)) {
        for (namespace, entries) in self.read().iter() {
            for (name, entry) in entries {
                look(namespace, name, entry);
            }
        }
    }

    /// Returns when something has changed since the last call returned.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Cache {
    fn apply(&self, (namespace, name): Key, mut object: DynamicObject) {
        let entry = Entry::of(&mut object);
        if let Err(problem) = &entry.spec {
            tracing::warn!(%namespace, %name, problem, "a GatewaySync cannot be read");
        }
        self.write().entry(namespace).or_default().insert(name, Arc::new(entry));
        self.changed.notify_one();
    }

    fn remove(&self, (namespace, name): &Key) {
        let mut entries = self.write();
        if let Some(names) = entries.get_mut(namespace) {
            names.remove(name);
            if names.is_empty() {
                entries.remove(namespace);
            }
        }
        self.changed.notify_one();
    }

    fn kept(&self) -> Vec<Key> {
        let mut kept = Vec::new();
        self.each(|namespace, name, _| kept.push((Arc::clone(namespace), Arc::clone(name))));
        kept
    }

    fn listed(&self) {
        if !self.is_warm.swap(true, Ordering::AcqRel) {
            tracing::info!("every GatewaySync is known");
        }
        self.changed.notify_one();
    }
}
