//! Questions to the API server, where the caches cannot answer. Each has a deadline: admission waits for nobody long.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kube::api::ListParams;
use tokio::time::timeout;

use super::cache::Entry;
use super::kinds::{LIMIT_RANGE, RESOURCE_QUOTA};
use super::remembered::Remembered;
use super::{GATEWAY_SYNC, SECRET, api};
use crate::inject::{NamespaceRules, Presence};
use crate::text::{cut, is_name};

/// How long a resource is waited for: without it there is no sidecar.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long for what only makes the answer better.
const SHORT_PATIENCE: Duration = Duration::from_millis(300);
/// How long what a namespace demands, and which Secrets there are, is believed.
const GOOD_FOR: Duration = Duration::from_mins(1);
const MOST: usize = 512;
/// More resources than that in one namespace are not looked up one by one.
const MOST_LISTED: u32 = 100;

/// The API server does not answer, or refuses to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(String);

impl Unavailable {
    fn of(error: &kube::Error) -> Self {
        Self(cut(&error.to_string(), 120))
    }
}

/// Looks things up.
pub struct Lookup {
    client: Client,
    rules: Remembered<Arc<NamespaceRules>>,
    secrets: Remembered<Presence>,
}

impl Lookup {
    /// By this client.
    pub fn new(client: Client) -> Self {
        Self { client, rules: Remembered::new(GOOD_FOR, MOST), secrets: Remembered::new(GOOD_FOR, MOST) }
    }

    /// One GatewaySync; `None` when it does not exist.
    pub async fn gateway_sync(&self, namespace: &str, name: &str) -> Result<Option<Arc<Entry>>, Unavailable> {
        if !is_name(namespace) || !is_name(name) {
            return Ok(None);
        }
        let api = api(&self.client, GATEWAY_SYNC, Some(namespace));
        let found = in_time(PATIENCE, api.get_opt(name)).await?;
        Ok(found.map(|mut object| Arc::new(Entry::of(&mut object))))
    }

    /// The resources of a namespace, by name.
    pub async fn gateway_syncs(&self, namespace: &str) -> Result<Vec<(Arc<str>, Arc<Entry>)>, Unavailable> {
        if !is_name(namespace) {
            return Ok(Vec::new());
        }
        let api = api(&self.client, GATEWAY_SYNC, Some(namespace));
        let parameters = ListParams::default().limit(MOST_LISTED);
        let found = in_time(PATIENCE, api.list(&parameters)).await?;
        let entry = |mut object: kube::api::DynamicObject| {
            let name = object.metadata.name.take().unwrap_or_default();
            (Arc::from(name), Arc::new(Entry::of(&mut object)))
        };
        Ok(found.items.into_iter().map(entry).collect())
    }

    /// What a namespace demands of containers; nothing where that cannot be asked.
    pub async fn rules(&self, namespace: &str) -> Arc<NamespaceRules> {
        if let Some(rules) = self.rules.get(namespace) {
            return rules;
        }
        let list = |kind| {
            let api = api(&self.client, kind, Some(namespace));
            async move { in_time(SHORT_PATIENCE, api.list(&ListParams::default())).await }
        };
        let (ranges, quotas) = tokio::join!(list(LIMIT_RANGE), list(RESOURCE_QUOTA));
        for problem in [ranges.as_ref().err(), quotas.as_ref().err()].into_iter().flatten() {
            tracing::debug!(namespace, %problem, "what the namespace demands cannot be looked up");
        }
        let items = |list: &Result<kube::api::ObjectList<_>, _>| {
            list.as_ref().map(|list| list.items.clone()).unwrap_or_default()
        };
        let (ranges, quotas): (Vec<kube::api::DynamicObject>, Vec<_>) = (items(&ranges), items(&quotas));
        let data = |objects: &'_ [kube::api::DynamicObject]| -> Vec<serde_json::Value> {
            objects.iter().map(|object| object.data.clone()).collect()
        };
        let rules = Arc::new(NamespaceRules::of(&data(&ranges), &data(&quotas)));
        self.rules.put(namespace, Arc::clone(&rules));
        rules
    }

    /// Whether a Secret is there. Only its metadata is asked for: what it holds is nobody's business here.
    pub async fn secret(&self, namespace: &str, name: &str) -> Presence {
        let place = format!("{namespace}/{name}");
        if let Some(presence) = self.secrets.get(&place) {
            return presence;
        }
        if !is_name(namespace) || !is_name(name) {
            return Presence::Missing;
        }
        let api = api(&self.client, SECRET, Some(namespace));
        let presence = match in_time(SHORT_PATIENCE, api.get_metadata_opt(name)).await {
            Ok(Some(_)) => Presence::Exists,
            // Asked again at the next pod: somebody is about to create it.
            Ok(None) => return Presence::Missing,
            Err(_) => Presence::Unknown,
        };
        self.secrets.put(&place, presence);
        presence
    }
}

async fn in_time<T>(
    patience: Duration,
    answer: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Unavailable> {
    match timeout(patience, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Unavailable::of(&error)),
        Err(_) => Err(Unavailable(format!("no answer within {} ms", patience.as_millis()))),
    }
}
