//! The receivers' own secrets: by name, only those that a resource refers to, and of each only the keys it refers to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Client;
use kube::api::DynamicObject;
use serde_json::Value;
use stoker_api::spec::{Receiver, SecretKeyRef};
use tokio::task::JoinHandle;

use super::{Cache, Key, SECRET, Sink, api, follow, single};

/// A secret's bytes; never shown.
pub type Bytes = Arc<[u8]>;
type Values = BTreeMap<String, Bytes>;

/// What is known of the Secrets that resources refer to.
#[derive(Default)]
pub struct Secrets {
    known: Mutex<BTreeMap<Key, Values>>,
    wanted: Mutex<BTreeMap<Key, BTreeSet<String>>>,
}

impl Secrets {
    /// The value of a key, if it is there and not empty.
    pub fn get(&self, namespace: &str, reference: &SecretKeyRef) -> Option<Bytes> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&super::key(namespace, &reference.name))?.get(&reference.key).cloned()
    }

    /// Follows the Secrets that the cache's resources refer to, for ever.
    pub async fn follow(self: Arc<Self>, client: Client, cache: Arc<Cache>) {
        let mut running: BTreeMap<Key, Watch> = BTreeMap::new();
        loop {
            cache.changed().await;
            let wanted = references(&cache);
            {
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                known.retain(|key, _| wanted.contains_key(key));
            }
            let before = {
                let mut stored = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::replace(&mut *stored, wanted.clone())
            };
            // Other keys of a Secret that is watched already: it is looked at anew.
            running.retain(|key, _| wanted.contains_key(key) && before.get(key) == wanted.get(key));
            for key in wanted.into_keys() {
                running.entry(key.clone()).or_insert_with(|| Watch::start(&self, &client, &key));
            }
        }
    }
}

/// Which keys of which Secrets receivers need.
fn references(cache: &Cache) -> BTreeMap<Key, BTreeSet<String>> {
    let mut wanted: BTreeMap<Key, BTreeSet<String>> = BTreeMap::new();
    cache.each(|namespace, _, entry| {
        let receiver = entry.spec.as_ref().ok().and_then(|spec| spec.receiver.as_ref());
        for reference in receiver.into_iter().flat_map(of_receiver) {
            let key = (Arc::clone(namespace), Arc::from(reference.name.as_str()));
            wanted.entry(key).or_default().insert(reference.key.clone());
        }
    });
    wanted
}

fn of_receiver(receiver: &Receiver) -> impl Iterator<Item = &SecretKeyRef> {
    [&receiver.hmac_secret_ref, &receiver.token_secret_ref].into_iter().flatten()
}

/// A running watch on one Secret, stopped on drop.
struct Watch(JoinHandle<()>);

impl Watch {
    fn start(secrets: &Arc<Secrets>, client: &Client, key: &Key) -> Self {
        let api = api(client, SECRET, Some(&key.0));
        let (sink, config) = (One { secrets: Arc::clone(secrets), key: key.clone() }, single(&key.1));
        Self(tokio::spawn(async move { follow("receiver secret", api, config, &sink).await }))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct One {
    secrets: Arc<Secrets>,
    key: Key,
}

impl Sink for One {
    fn apply(&self, key: Key, mut object: DynamicObject) {
        let wanted = self.secrets.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let data = object.data.get_mut("data").map(Value::take).unwrap_or_default();
        let value = |name: &String| {
            let bytes = STANDARD.decode(data.get(name)?.as_str()?).ok()?;
            Some((name.clone(), Bytes::from(bytes.trim_ascii()))).filter(|(_, bytes)| !bytes.is_empty())
        };
        let values = wanted.get(&key).into_iter().flatten().filter_map(value).collect();
        self.secrets.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, values);
    }

    fn remove(&self, key: &Key) {
        self.secrets.known.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    fn kept(&self) -> Vec<Key> {
        let known = self.secrets.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.keys().filter(|key| **key == self.key).cloned().collect()
    }

    fn listed(&self) {}
}
