//! Events: each once, and at most one a minute of a kind for a gateway.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event as KubeEvent;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};
use sha2::{Digest as _, Sha256};
use stoker_api::resource::{API_VERSION, KIND};

use crate::decide::Event;
use crate::observe::Key;
use crate::observe::index::Snapshot;

/// Between two events of a reason about a gateway.
const BETWEEN: Duration = Duration::from_mins(1);

/// Who reports.
const REPORTER: &str = "stoker.io/controller";

/// Writes events, and remembers what was told.
pub struct Recorder {
    client: Client,
    instance: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When an event of a reason about a pod was last told.
    last: BTreeMap<(Key, &'static str, Option<String>), Instant>,
    /// Names of events that are there.
    told: BTreeMap<Key, BTreeSet<String>>,
    tokens: BTreeMap<Key, Arc<str>>,
}

impl Recorder {
    /// `instance` is this replica's name.
    pub fn new(client: Client, instance: String) -> Self {
        Self { client, instance, state: Mutex::default() }
    }

    /// Tells events about a resource. What cannot be written is logged and not tried again: an event is news.
    pub async fn tell(&self, seen: &Snapshot, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let id: Key = (seen.resource.namespace.as_str().into(), seen.resource.name.as_str().into());
        let before = basis(seen);
        for event in events {
            let name = name(seen, event, &before);
            if self.is_due(&id, event, &name) {
                self.write(seen, event, name).await;
            }
        }
    }

    /// Forgets a resource that is gone.
    pub fn forget(&self, id: &Key) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.told.remove(id);
        state.tokens.remove(id);
        state.last.retain(|key, _| key.0 != *id);
    }

    /// Whether this very token was written by this process.
    pub fn is_known_token(&self, id: &Key, token: &str) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.tokens.get(id).is_some_and(|known| **known == *token)
    }

    /// Remembers the token that was written.
    pub fn keep_token(&self, id: Key, token: Arc<str>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).tokens.insert(id, token);
    }

    fn is_due(&self, id: &Key, event: &Event, name: &str) -> bool {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let told = state.told.entry(id.clone()).or_default();
        // A resource that tells thousands of different things within a process's life is not remembered for ever.
        if told.len() > 4000 {
            told.clear();
        }
        if !told.insert(name.to_owned()) {
            return false;
        }
        state.last.retain(|_, last| now.duration_since(*last) < BETWEEN);
        let key = (id.clone(), event.reason, event.pod.clone());
        // Warnings that belong to no gateway are told apart by their words.
        if event.pod.is_some() && state.last.contains_key(&key) {
            return false;
        }
        state.last.insert(key, now);
        true
    }

    async fn write(&self, seen: &Snapshot, event: &Event, name: String) {
        let resource = &seen.resource;
        let regarding = ObjectReference {
            api_version: Some(API_VERSION.to_owned()),
            kind: Some(KIND.to_owned()),
            name: Some(resource.name.clone()),
            namespace: Some(resource.namespace.clone()),
            uid: Some(resource.uid.clone()),
            ..ObjectReference::default()
        };
        let related = event.pod.as_ref().map(|pod| ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: Some(pod.clone()),
            namespace: Some(resource.namespace.clone()),
            ..ObjectReference::default()
        });
        let object = KubeEvent {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: Some(resource.namespace.clone()),
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(Timestamp::now())),
            reporting_controller: Some(REPORTER.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            action: Some("Reconcile".to_owned()),
            reason: Some(event.reason.to_owned()),
            note: Some(event.note.clone()),
            type_: Some(if event.is_warning { "Warning" } else { "Normal" }.to_owned()),
            regarding: Some(regarding),
            related,
            ..KubeEvent::default()
        };
        let api: Api<KubeEvent> = Api::namespaced(self.client.clone(), &resource.namespace);
        match api.create(&PostParams::default(), &object).await {
            // Told before a restart, or by another replica.
            Ok(_) => tracing::debug!(
                namespace = resource.namespace,
                name = resource.name,
                reason = event.reason,
                note = event.note,
                "event"
            ),
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => tracing::warn!(
                namespace = resource.namespace, name = resource.name, reason = event.reason, note = event.note, %error,
                "an event could not be written"
            ),
        }
    }
}

/// What the news differ from: after a crash between an event and its status the same comparison gives the same names.
fn basis(seen: &Snapshot) -> Vec<u8> {
    let mut digest = Sha256::new();
    digest.update(seen.resource.uid.as_bytes());
    digest.update(serde_json::to_vec(&seen.resource.status).unwrap_or_default());
    digest.finalize().to_vec()
}

/// The same for the same news. What is no transition but a state (a warning) is the same whatever else changed.
fn name(seen: &Snapshot, event: &Event, before: &[u8]) -> String {
    let mut digest = Sha256::new();
    for part in [seen.resource.uid.as_bytes(), event.reason.as_bytes(), event.note.as_bytes()] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    if event.is_transition {
        digest.update(before);
    }
    digest.update(event.pod.as_deref().unwrap_or_default());
    let mut first = [0; 8];
    first.copy_from_slice(&digest.finalize()[..8]);
    format!("{}.{:016x}", seen.resource.name, u64::from_be_bytes(first))
}
