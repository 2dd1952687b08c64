//! Everything that was seen, by name, and whom a change concerns.

mod maps;
mod pods;
mod snapshot;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::rbac::v1::{PolicyRule, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use stoker_api::names::labels;
use tokio::sync::mpsc;

use super::kinds::{BindingSeen, ConfigMapMeta, ConfigMapSeen, GatewaySyncSeen, RoleSeen, SecretMeta};
use super::watch::Sink;
use super::{Key, key};
use crate::decide::{Pod, Resource};

pub use maps::{COMPONENT, MapSeen, Role as MapRole, component};
pub use pods::Wanted as WantedFacts;
pub use snapshot::{Secrets, Snapshot};

/// The longest name of a resource: it becomes a label's value.
const LONGEST_NAME: usize = 63;

/// The index. All methods are short and do no I/O.
pub struct Index {
    state: Mutex<State>,
    /// Resources that something changed for.
    changed: mpsc::UnboundedSender<Key>,
    /// Pods that have to be fetched.
    fetch: mpsc::UnboundedSender<WantedFacts>,
}

#[derive(Default)]
struct State {
    resources: BTreeMap<Key, Slot>,
    pods: BTreeMap<Arc<str>, BTreeMap<String, pods::Slot>>,
    maps: BTreeMap<Key, MapSeen>,
    roles: BTreeMap<Key, Owned<Vec<PolicyRule>>>,
    bindings: BTreeMap<Key, Owned<Binding>>,
    tokens: BTreeMap<Key, Owned<()>>,
    secrets: BTreeMap<Key, Secrets>,
}

struct Slot {
    resource: Arc<Resource>,
    version: u64,
    finalizers: Vec<String>,
}

/// What a `RoleBinding` binds.
pub type Binding = (Option<RoleRef>, Vec<Subject>);

/// An object of ours as it was last seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Owned<T> {
    pub head: Head,
    pub body: T,
}

/// What tells whether an object is ours, and how new what we know of it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    pub version: u64,
    pub uid: String,
    pub labels: BTreeMap<String, String>,
    /// UIDs of its owners.
    pub owners: Vec<String>,
}

impl Head {
    /// Of an object's metadata.
    pub fn of(metadata: &ObjectMeta) -> Self {
        let ours =
            |label: &String| label.starts_with("stoker.io/") || label.starts_with("app.kubernetes.io/");
        let labels = metadata.labels.iter().flatten().filter(|(label, _)| ours(label));
        Self {
            version: version(metadata),
            uid: metadata.uid.clone().unwrap_or_default(),
            labels: labels.map(|(label, value)| (label.clone(), value.clone())).collect(),
            owners: metadata.owner_references.iter().flatten().map(|owner| owner.uid.clone()).collect(),
        }
    }
}

/// Versions only grow; what is older than what is known is a watch that lags behind our own write.
fn version(metadata: &ObjectMeta) -> u64 {
    metadata.resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or(0)
}

fn name_of(metadata: &ObjectMeta) -> Key {
    key(metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default())
}

impl Index {
    /// An empty index that says on `changed` whom changes concern, and on `fetch` which pods it needs whole.
    pub fn new(changed: mpsc::UnboundedSender<Key>, fetch: mpsc::UnboundedSender<WantedFacts>) -> Self {
        Self { state: Mutex::default(), changed, fetch }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, keys: impl IntoIterator<Item = Key>) {
        for key in keys {
            // The receiver lives as long as the program.
            _ = self.changed.send(key);
        }
    }

    /// Every resource.
    pub fn resources(&self) -> Vec<Key> {
        self.state().resources.keys().cloned().collect()
    }

    /// Whether there is such a resource.
    pub fn has_resource(&self, id: &Key) -> bool {
        self.state().resources.contains_key(id)
    }

    /// A `GatewaySync` as it is now.
    pub fn put_resource(&self, seen: GatewaySyncSeen) {
        let id = name_of(&seen.metadata);
        let version = version(&seen.metadata);
        let finalizers = seen.metadata.finalizers.clone().unwrap_or_default();
        let mut state = self.state();
        let known = state.resources.get(&id);
        if known.is_some_and(|known| known.version > version) {
            return;
        }
        // Whoever took the last finalizer has its last version as an answer, perhaps after the watch said that it is gone.
        if seen.metadata.deletion_timestamp.is_some() && finalizers.is_empty() {
            drop(state);
            return self.remove_resource(&id);
        }
        let resource = Arc::new(resource(seen));
        let is_same = known.is_some_and(|known| *known.resource == *resource);
        let is_new = known.is_none();
        state.resources.insert(id.clone(), Slot { resource, version, finalizers });
        let neighbours = if is_new { state.neighbours(&id) } else { Vec::new() };
        drop(state);
        if !is_same {
            self.tell(std::iter::once(id).chain(neighbours));
        }
    }

    fn remove_resource(&self, id: &Key) {
        let mut state = self.state();
        state.resources.remove(id);
        let neighbours = state.neighbours(id);
        drop(state);
        self.tell(std::iter::once(id.clone()).chain(neighbours));
    }

    /// A Role as it is now.
    pub fn put_role(&self, seen: &RoleSeen) {
        let owned = Owned { head: Head::of(&seen.metadata), body: seen.rules.clone().unwrap_or_default() };
        self.put(|state| &mut state.roles, &seen.metadata, owned);
    }

    /// A `RoleBinding` as it is now.
    pub fn put_binding(&self, seen: &BindingSeen) {
        let body = (seen.role_ref.clone(), seen.subjects.clone().unwrap_or_default());
        let owned = Owned { head: Head::of(&seen.metadata), body };
        self.put(|state| &mut state.bindings, &seen.metadata, owned);
    }

    /// That a token Secret is there.
    pub fn put_token(&self, metadata: &ObjectMeta) {
        self.put(|state| &mut state.tokens, metadata, Owned { head: Head::of(metadata), body: () });
    }

    fn put<T: PartialEq>(
        &self,
        table: impl Fn(&mut State) -> &mut BTreeMap<Key, Owned<T>>,
        metadata: &ObjectMeta,
        owned: Owned<T>,
    ) {
        let name = name_of(metadata);
        let concerned = owner_of(&name, &owned.head.labels);
        let mut state = self.state();
        let table = table(&mut state);
        if let Some(known) = table.get_mut(&name) {
            if known.head.version > owned.head.version {
                return;
            }
            let is_same = known.body == owned.body
                && known.head.labels == owned.head.labels
                && known.head.owners == owned.head.owners;
            *known = owned;
            if is_same {
                return;
            }
        } else {
            table.insert(name, owned);
        }
        drop(state);
        self.tell(concerned);
    }

    fn take<T>(&self, table: impl Fn(&mut State) -> &mut BTreeMap<Key, Owned<T>>, name: &Key) {
        let taken = table(&mut self.state()).remove(name);
        self.tell(taken.and_then(|owned| owner_of(name, &owned.head.labels)));
    }

    fn names<T>(&self, table: impl Fn(&mut State) -> &mut BTreeMap<Key, T>) -> Vec<Key> {
        table(&mut self.state()).keys().cloned().collect()
    }
}

impl State {
    /// The other resources of a namespace: which pods are theirs depends on whether there is exactly one.
    fn neighbours(&self, id: &Key) -> Vec<Key> {
        self.resources.keys().filter(|other| other.0 == id.0 && *other != id).cloned().collect()
    }

    /// The only resource of a namespace.
    fn only(&self, namespace: &str) -> Option<Arc<str>> {
        let mut here = self.resources.keys().filter(|id| &*id.0 == namespace);
        let first = here.next()?;
        here.next().is_none().then(|| Arc::clone(&first.1))
    }

    /// Service accounts of pods of other resources, for one resource.
    fn foreign_accounts(&self, id: &Key, only: Option<&str>) -> BTreeMap<String, String> {
        let pods = self.pods.get(&id.0).into_iter().flat_map(BTreeMap::values);
        pods.filter_map(|slot| {
            let owner = crate::decide::discover::owner(&slot.pod, only).filter(|owner| *owner != &*id.1)?;
            Some((slot.pod.facts.as_ref()?.service_account.clone(), owner.to_owned()))
        })
        .collect()
    }

    fn pods_of(&self, id: &Key, only: Option<&str>) -> Vec<Arc<Pod>> {
        let pods = self.pods.get(&id.0).into_iter().flat_map(BTreeMap::values);
        pods.filter(|slot| crate::decide::discover::owner(&slot.pod, only) == Some(&*id.1))
            .map(|slot| Arc::clone(&slot.pod))
            .collect()
    }
}

/// The resource that an object of ours belongs to.
fn owner_of(name: &Key, object_labels: &BTreeMap<String, String>) -> Option<Key> {
    let cr = object_labels.get(labels::CR_NAME).or_else(|| object_labels.get(labels::GATEWAY_SYNC))?;
    Some(key(&name.0, cr))
}

fn resource(seen: GatewaySyncSeen) -> Resource {
    let GatewaySyncSeen { metadata, spec, status } = seen;
    let name = metadata.name.unwrap_or_default();
    let spec = if name.len() > LONGEST_NAME {
        Err(format!("its name is longer than {LONGEST_NAME} characters; it must fit a label"))
    } else {
        serde_json::from_value(spec).map(Arc::new).map_err(|error| format!("spec: {error}"))
    };
    let finalizers = metadata.finalizers.unwrap_or_default();
    Resource {
        namespace: metadata.namespace.unwrap_or_default(),
        uid: metadata.uid.unwrap_or_default(),
        generation: metadata.generation.unwrap_or_default(),
        annotations: metadata.annotations.unwrap_or_default(),
        deleting: metadata.deletion_timestamp.is_some(),
        has_finalizer: finalizers.iter().any(|finalizer| finalizer == stoker_api::names::FINALIZER),
        spec,
        // A status of another making is replaced.
        status: serde_json::from_value(status).unwrap_or_default(),
        name,
    }
}

/// One watch's part of the index.
pub struct Part {
    pub index: Arc<Index>,
    /// The watched namespace; `None`: all.
    pub namespace: Option<Arc<str>>,
}

impl Part {
    fn within(&self, mut keys: Vec<Key>) -> Vec<Key> {
        if let Some(namespace) = &self.namespace {
            keys.retain(|key| key.0 == *namespace);
        }
        keys
    }
}

macro_rules! sink {
    ($kind:ty, |$index:ident, $object:ident| $apply:expr, |$removing:ident, $key:ident| $remove:expr, |$listing:ident| $kept:expr) => {
        impl Sink<$kind> for Part {
            fn apply(&self, $object: $kind) {
                let $index = &self.index;
                $apply;
            }
            fn remove(&self, $key: &Key) {
                let $removing = &self.index;
                $remove;
            }
            fn kept(&self) -> Vec<Key> {
                let $listing = &self.index;
                self.within($kept)
            }
        }
    };
}

sink!(
    GatewaySyncSeen,
    |index, object| index.put_resource(object),
    |index, key| index.remove_resource(key),
    |index| index.resources()
);
sink!(
    RoleSeen,
    |index, object| index.put_role(&object),
    |index, key| index.take(|state| &mut state.roles, key),
    |index| index.names(|state| &mut state.roles)
);
sink!(
    BindingSeen,
    |index, object| index.put_binding(&object),
    |index, key| index.take(|state| &mut state.bindings, key),
    |index| index.names(|state| &mut state.bindings)
);
sink!(
    SecretMeta,
    |index, object| index.put_token(&object.metadata),
    |index, key| index.take(|state| &mut state.tokens, key),
    |index| index.names(|state| &mut state.tokens)
);
sink!(ConfigMapSeen, |index, object| index.put_map(object), |index, key| index.remove_map(key), |index| {
    index.map_names(|role| role != MapRole::Changes)
});
sink!(
    ConfigMapMeta,
    |index, object| index.put_changes(&object.metadata),
    |index, key| index.remove_map(key),
    |index| index.map_names(|role| role == MapRole::Changes)
);
sink!(
    super::kinds::PodMeta,
    |index, object| index.put_pod(object.metadata),
    |index, key| index.remove_pod(key),
    |index| index.pod_names()
);

/// Secrets that watches by name show.
impl Index {
    /// What a Secret holds; `None`: it does not exist.
    pub fn put_secret(&self, name: &Key, secrets: Secrets) {
        let mut state = self.state();
        let is_same = state.secrets.get(name) == Some(&secrets);
        state.secrets.insert(name.clone(), secrets);
        drop(state);
        if !is_same {
            self.tell_namespace(&name.0);
        }
    }

    /// A whole list was seen: a Secret that was not in it does not exist.
    pub fn settle_secret(&self, name: &Key) {
        let is_known = self.state().secrets.contains_key(name);
        if !is_known {
            self.put_secret(name, Secrets::Missing);
        }
    }

    /// Nobody refers to it any more.
    pub fn forget_secret(&self, name: &Key) {
        self.state().secrets.remove(name);
    }

    /// Which resources refer to a Secret is the resources' business: all of the namespace look.
    fn tell_namespace(&self, namespace: &str) {
        let keys: BTreeSet<Key> = self.resources().into_iter().filter(|id| &*id.0 == namespace).collect();
        self.tell(keys);
    }
}
