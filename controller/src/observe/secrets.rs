//! Secrets, by name, only those that a resource refers to; of each only the values that this program has a use for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use kube::{Api, Client};
use stoker_api::spec::{GatewaySyncSpec, SecretKeyRef};

use super::index::{Index, Secrets};
use super::kinds::SecretSeen;
use super::watch::{self, Sink, Watch};
use super::{Key, key};
use crate::resolve::access::SecretValue;

/// A reference to a Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    pub name: String,
    pub key: Option<String>,
    /// Whether the controller uses the value itself. Others it only looks for.
    pub is_read: bool,
}

impl Reference {
    fn read(of: &SecretKeyRef) -> Self {
        Self { name: of.name.clone(), key: Some(of.key.clone()), is_read: true }
    }

    fn looked_for(name: &str, key: Option<&str>) -> Self {
        Self { name: name.to_owned(), key: key.map(str::to_owned), is_read: false }
    }
}

/// The Secrets that a resource refers to and that this program looks at.
pub fn references(spec: &GatewaySyncSpec) -> Vec<Reference> {
    let mut all = Vec::new();
    let git = &spec.git;
    if let Some(auth) = &git.auth {
        all.extend(auth.token.iter().map(|token| Reference::read(&token.secret_ref)));
        if let Some(ssh) = &auth.ssh_key {
            all.push(Reference::read(&ssh.secret_ref));
            all.extend(ssh.known_hosts.iter().map(|hosts| Reference::read(&hosts.secret_ref)));
        }
        all.extend(auth.github_app.iter().map(|app| Reference::read(&app.private_key_secret_ref)));
    }
    if let Some(tls) = &git.tls {
        all.extend(tls.ca_secret_ref.iter().map(Reference::read));
        if let Some(certificate) = &tls.client_cert_secret_ref {
            for key in [stoker_api::names::objects::TLS_CERT_KEY, stoker_api::names::objects::TLS_KEY_KEY] {
                all.push(Reference {
                    name: certificate.name.clone(),
                    key: Some(key.to_owned()),
                    is_read: true,
                });
            }
        }
    }
    all.extend(git.proxy.iter().filter_map(|proxy| proxy.secret_ref.as_ref()).map(Reference::read));
    all.extend(git.verify.iter().map(|verify| {
        Reference::looked_for(&verify.secret_ref.name, Some(stoker_api::names::objects::VERIFY_POLICY_KEY))
    }));
    let api = &spec.gateway.api;
    // A templated key is a different one for each gateway.
    let is_template = api.secret_key.contains("{{");
    all.push(Reference::looked_for(&api.secret_name, (!is_template).then_some(api.secret_key.as_str())));
    all.extend(
        spec.gateway.tls_ca_secret_ref.iter().map(|ca| Reference::looked_for(&ca.name, Some(&ca.key))),
    );
    all
}

/// What is missing, in words that name it.
pub fn missing(references: &[Reference], secrets: &BTreeMap<Arc<str>, Secrets>) -> Vec<String> {
    let mut words: Vec<String> = references
        .iter()
        .filter_map(|reference| match secrets.get(reference.name.as_str())? {
            Secrets::Missing => Some(format!("secret {:?} does not exist; create it", reference.name)),
            Secrets::There { keys, .. } => {
                let key = reference.key.as_ref().filter(|key| !keys.contains(*key))?;
                Some(format!("secret {:?} has no key {key:?}", reference.name))
            }
        })
        .collect();
    words.dedup();
    words
}

/// The watches on Secrets.
pub struct Watches {
    client: Client,
    index: Arc<Index>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What each resource refers to.
    of: BTreeMap<Key, BTreeMap<String, BTreeSet<String>>>,
    running: BTreeMap<Key, (BTreeSet<String>, Watch)>,
}

impl Watches {
    /// None yet.
    pub fn new(client: Client, index: Arc<Index>) -> Self {
        Self { client, index, state: Mutex::default() }
    }

    /// Says what a resource refers to from now on; nothing when it is gone.
    pub fn refer(&self, id: &Key, references: &[Reference]) {
        let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for reference in references {
            let read = names.entry(reference.name.clone()).or_default();
            read.extend(reference.key.iter().filter(|_| reference.is_read).cloned());
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.of.get(id) == Some(&names) || (names.is_empty() && !state.of.contains_key(id)) {
            return;
        }
        if names.is_empty() {
            state.of.remove(id);
        } else {
            state.of.insert(id.clone(), names);
        }
        self.align(&mut state, &id.0);
    }

    /// Starts and stops watches of a namespace.
    fn align(&self, state: &mut State, namespace: &Arc<str>) {
        let mut wanted: BTreeMap<Key, BTreeSet<String>> = BTreeMap::new();
        for (_, names) in state.of.iter().filter(|(id, _)| id.0 == *namespace) {
            for (name, keys) in names {
                wanted.entry(key(namespace, name)).or_default().extend(keys.iter().cloned());
            }
        }
        let index = &self.index;
        state.running.retain(|name, (keys, _)| {
            let is_same = name.0 != *namespace || wanted.get(name) == Some(keys);
            if !is_same && !wanted.contains_key(name) {
                index.forget_secret(name);
            }
            is_same
        });
        for (name, keys) in wanted {
            if state.running.contains_key(&name) {
                continue;
            }
            let api: Api<SecretSeen> = Api::namespaced(self.client.clone(), namespace);
            let config = watch::config(None).fields(&format!("metadata.name={}", name.1));
            let sink = One { name: name.clone(), keys: keys.clone(), index: Arc::clone(index) };
            let watch = spawn(api, config, sink);
            state.running.insert(name, (keys, watch));
        }
    }
}

fn spawn(api: Api<SecretSeen>, config: kube::runtime::watcher::Config, sink: One) -> Watch {
    let (index, name) = (Arc::clone(&sink.index), sink.name.clone());
    let watch = watch::spawn("a secret", api, config, Arc::new(sink));
    // A list without it says that it does not exist.
    let mut ready = watch.ready.clone();
    tokio::spawn(async move {
        if ready.wait_for(|is_ready| *is_ready).await.is_ok() {
            index.settle_secret(&name);
        }
    });
    watch
}

/// One Secret.
struct One {
    name: Key,
    keys: BTreeSet<String>,
    index: Arc<Index>,
}

impl Sink<SecretSeen> for One {
    fn apply(&self, object: SecretSeen) {
        let data = object.data.unwrap_or_default();
        let keys = data.keys().cloned().collect();
        let values = data.into_iter().filter(|(key, _)| self.keys.contains(key));
        let values = values.map(|(key, value)| (key, SecretValue(value.0.into()))).collect();
        self.index.put_secret(&self.name, Secrets::There { keys, values });
    }

    fn remove(&self, _: &Key) {
        self.index.put_secret(&self.name, Secrets::Missing);
    }

    fn kept(&self) -> Vec<Key> {
        vec![self.name.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::testkit::spec;

    #[test]
    fn what_is_missing_is_named_and_what_was_not_seen_yet_is_not() {
        let mut spec = spec();
        spec.git.auth = serde_json::from_value(
            serde_json::json!({ "token": { "secretRef": { "name": "git", "key": "token" } } }),
        )
        .unwrap();
        let of_spec = references(&spec);
        let there = |keys: &[&str]| Secrets::There {
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            values: BTreeMap::new(),
        };
        let of = |git: Option<Secrets>| {
            let all = [("git", git), ("ignition", Some(there(&["apiKey"])))];
            let all = all.into_iter().filter_map(|(name, secret)| Some((Arc::from(name), secret?)));
            missing(&of_spec, &all.collect())
        };
        assert_eq!(of(None), [] as [&str; 0]);
        assert_eq!(of(Some(Secrets::Missing)), ["secret \"git\" does not exist; create it"]);
        assert_eq!(of(Some(there(&["tokn"]))), ["secret \"git\" has no key \"token\""]);
        assert_eq!(of(Some(there(&["token"]))), [] as [&str; 0]);
    }

    #[test]
    fn the_gateways_token_is_looked_for_and_never_read() {
        let all = references(&spec());
        assert_eq!(all, [Reference::looked_for("ignition", Some("apiKey"))]);
        let mut templated = spec();
        templated.gateway.api.secret_key = "{{ .GatewayName }}".into();
        assert_eq!(references(&templated), [Reference::looked_for("ignition", None)]);
    }
}
