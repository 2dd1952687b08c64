//! Admission: the question about a pod, what is looked up for it, and the answer.

pub mod configuration;
mod handler;
pub mod review;

use std::sync::Arc;

use stoker_api::names::annotations;

use crate::cluster::{Cache, Entry, Lookup, Unavailable};
use crate::inject::{
    Injection, NamespaceRules, Pod, Presence, Problem, Refusal, Request, Resource, Settings, Source,
    check_profile, choose, inject,
};
use crate::metrics::Metrics;
pub use handler::Mutate;
use review::{Answer, Question};

/// Answers questions about pods.
pub struct Admission {
    settings: Settings,
    cache: Arc<Cache>,
    lookup: Lookup,
    metrics: Arc<Metrics>,
}

impl Admission {
    /// From these caches, with this client where they are cold.
    pub fn new(settings: Settings, cache: Arc<Cache>, lookup: Lookup, metrics: Arc<Metrics>) -> Self {
        Self { settings, cache, lookup, metrics }
    }

    /// Answers, counts, and says in the log what became of a pod that asked.
    pub async fn answer(&self, question: &Question) -> Answer {
        let pod = Pod(&question.object);
        if !question.is_new_pod() || !pod.asks() {
            self.metrics.pod(&question.namespace, false);
            return Answer::unchanged(Vec::new());
        }
        let name = pod.name().or_else(|| question.object.pointer("/metadata/generateName")?.as_str());
        let name = name.unwrap_or_default();
        match self.decide(&question.namespace, pod).await {
            // It has its sidecar already: the second look, after others changed the pod, or a person's own doing.
            Ok(injection) if injection.patch.is_empty() => Answer::unchanged(injection.warnings),
            Ok(Injection { patch, warnings }) => {
                self.metrics.pod(&question.namespace, true);
                tracing::info!(namespace = question.namespace, pod = name, "the pod gets the sidecar");
                Answer::Allow { patch, warnings }
            }
            Err(Refusal { problem, deny }) => {
                self.metrics.pod(&question.namespace, false);
                let reason = problem.reason();
                tracing::warn!(
                    namespace = question.namespace, pod = name, reason, deny, %problem,
                    "the pod gets no sidecar"
                );
                if deny {
                    Answer::Deny { message: problem.to_string() }
                } else {
                    Answer::unchanged(vec![format!("no sidecar: {problem}")])
                }
            }
        }
    }

    async fn decide(&self, namespace: &str, pod: Pod<'_>) -> Result<Injection, Refusal> {
        let (name, entry) = self.resource(namespace, pod).await?;
        let spec = entry.spec.as_ref().map_err(|why| {
            let name = format!("{namespace}/{name}");
            Refusal::without(Problem::Unreadable { name, why: why.clone() })
        })?;
        let (rules, api_secret) = self.surroundings(namespace, &spec.gateway.api.secret_name).await;
        let source = Source::Admission;
        let request = Request { pod, namespace: Some(namespace), source, rules: &rules, api_secret };
        inject(&request, Resource { name: &name, spec }, &self.settings)
    }

    async fn surroundings(&self, namespace: &str, secret: &str) -> (Arc<NamespaceRules>, Presence) {
        tokio::join!(self.lookup.rules(namespace), self.lookup.secret(namespace, secret))
    }

    /// The pod's GatewaySync. What the cache does not have may have been made a moment ago: it is looked up.
    async fn resource(&self, namespace: &str, pod: Pod<'_>) -> Result<(Arc<str>, Arc<Entry>), Refusal> {
        let asked = pod.annotation(annotations::CR_NAME);
        if let Some(found) = self.cached(namespace, asked, pod) {
            return Ok(found);
        }
        let live = match asked {
            Some(name) => {
                let found =
                    self.lookup.gateway_sync(namespace, name).await.map_err(|error| unavailable(&error))?;
                found.map(|entry| (Arc::from(name), entry)).into_iter().collect()
            }
            None => self.lookup.gateway_syncs(namespace).await.map_err(|error| unavailable(&error))?,
        };
        let names: Vec<&str> = live.iter().map(|(name, _)| &**name).collect();
        let chosen = choose(asked, namespace, &names)
            .map_err(|problem| Refusal::by(self.settings.when_invalid, problem))?
            .to_owned();
        live.into_iter()
            .find(|(name, _)| **name == *chosen)
            .ok_or_else(|| Refusal::without(Problem::NoneInNamespace { namespace: namespace.to_owned() }))
    }

    /// What the cache has, unless it may be behind: where it has nothing, or not the profile.
    fn cached(&self, namespace: &str, asked: Option<&str>, pod: Pod<'_>) -> Option<(Arc<str>, Arc<Entry>)> {
        if !self.cache.is_warm() {
            return None;
        }
        let name = match asked {
            Some(name) => Arc::from(name),
            None => match &*self.cache.names(namespace) {
                [only] => Arc::clone(only),
                _ => return None,
            },
        };
        let entry = self.cache.get(namespace, &name)?;
        let is_enough = entry.spec.as_ref().is_ok_and(|spec| check_profile(pod, spec).is_ok());
        is_enough.then_some((name, entry))
    }
}

fn unavailable(error: &Unavailable) -> Refusal {
    Refusal::without(Problem::Unavailable { why: error.to_string() })
}
