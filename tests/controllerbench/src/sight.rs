//! The cluster as agents and people see it: watches of our own, and when each metadata and each status changed.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use stoker_api::crd::GatewaySync;
use stoker_api::observed::ConditionStatus;
use tokio::sync::Notify;

/// Longer than a polling interval.
const PATIENCE: Duration = Duration::from_mins(3);

type Name = (String, String);

/// What was seen, and when.
#[derive(Default)]
struct Seen {
    /// Commit of each metadata.
    metadata: BTreeMap<Name, (String, Instant)>,
    /// The commit at which all gateways of each resource are shown as synced.
    synced: BTreeMap<Name, (Option<String>, Instant)>,
}

/// See the module.
#[derive(Clone, Default)]
pub struct Sight {
    seen: Arc<Mutex<Seen>>,
    news: Arc<Notify>,
}

impl Sight {
    /// Watches from now on.
    pub fn open(client: &Client) -> Self {
        let sight = Self::default();
        let metadata = watcher::Config::default().labels("app.kubernetes.io/component=metadata");
        sight.follow(Api::all(client.clone()), metadata, |seen, name, map: &ConfigMap| {
            let commit = map.data.as_ref().and_then(|data| data.get("commit")).cloned().unwrap_or_default();
            let known = seen.metadata.get(&name);
            if known.is_none_or(|(known, _)| *known != commit) {
                seen.metadata.insert(name, (commit, Instant::now()));
            }
        });
        sight.follow(
            Api::all(client.clone()),
            watcher::Config::default(),
            |seen, name, resource: &GatewaySync| {
                let commit = synced(resource);
                let known = seen.synced.get(&name);
                if known.is_none_or(|(known, _)| *known != commit) {
                    seen.synced.insert(name, (commit, Instant::now()));
                }
            },
        );
        sight
    }

    fn follow<K>(&self, api: Api<K>, config: watcher::Config, keep: fn(&mut Seen, Name, &K))
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
    {
        let sight = self.clone();
        tokio::spawn(async move {
            let mut events = std::pin::pin!(watcher(api, config));
            while let Some(event) = events.next().await {
                match event {
                    Ok(Event::Apply(object) | Event::InitApply(object)) => {
                        let name = (object.namespace().unwrap_or_default(), object.name_any());
                        keep(&mut sight.seen.lock().unwrap_or_else(PoisonError::into_inner), name, &object);
                        sight.news.notify_waiters();
                    }
                    Ok(_) => {}
                    Err(error) => {
                        eprintln!("a watch of the benchmark failed: {error}");
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                }
            }
        });
    }

    /// Waits until so many metadata name this commit; gives when the last of them came.
    pub async fn metadata(&self, count: usize, commit: &str) -> Result<Instant> {
        self.wait("metadata at the commit", count, |seen| {
            let at = seen.metadata.values().filter(|(known, _)| known == commit);
            at.map(|(_, at)| *at).collect()
        })
        .await
    }

    /// Waits until so many resources show all their gateways as synced at this commit; gives when the last of them came.
    pub async fn synced(&self, count: usize, commit: &str) -> Result<Instant> {
        self.wait("resources whose gateways are all synced at the commit", count, |seen| {
            let at = seen.synced.values().filter(|(known, _)| known.as_deref() == Some(commit));
            at.map(|(_, at)| *at).collect()
        })
        .await
    }

    async fn wait(&self, what: &str, count: usize, look: impl Fn(&Seen) -> Vec<Instant>) -> Result<Instant> {
        let began = Instant::now();
        loop {
            let news = self.news.notified();
            let found = look(&self.seen.lock().unwrap_or_else(PoisonError::into_inner));
            if found.len() == count
                && let Some(last) = found.iter().max()
            {
                return Ok(*last);
            }
            if began.elapsed() > PATIENCE {
                bail!("waited for {count} {what}; there are {}", found.len());
            }
            _ = tokio::time::timeout(Duration::from_secs(1), news).await;
        }
    }
}

/// The commit at which all gateways of a resource are shown as synced, while the resource is ready.
fn synced(resource: &GatewaySync) -> Option<String> {
    let status = resource.status.as_ref()?;
    let is_true = |kind: &str| {
        let mut conditions = status.conditions.iter();
        conditions
            .any(|condition| condition.condition_type == kind && condition.status == ConditionStatus::True)
    };
    let first = status.discovered_gateways.first()?.synced_commit.clone()?;
    let is_same =
        status.discovered_gateways.iter().all(|gateway| gateway.synced_commit.as_ref() == Some(&first));
    (is_same && is_true("AllGatewaysSynced") && is_true("Ready")).then_some(first)
}
