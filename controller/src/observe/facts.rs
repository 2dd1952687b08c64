//! What a pod's metadata does not say: its service account, its sidecar's image, whether it ended. The few pods that
//! matter are fetched, and only these fields of them are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod as KubePod;
use kube::Client;
use kube::api::ListParams;
use kube::core::{ObjectList, Request, Resource as _};
use serde::Deserialize;
use stoker_api::names::{labels, sidecar};
use tokio::sync::mpsc;

use super::index::{Index, WantedFacts};
use super::watch::jittered;
use crate::decide::PodFacts;

/// Pods of one namespace from which on a list is cheaper than fetching them one by one.
const LIST_FROM: usize = 20;
/// Whole pods in one page: about a megabyte.
const PAGE: u32 = 100;
/// What comes in a burst is fetched together.
const GATHER: Duration = Duration::from_millis(150);
const RETRY: Duration = Duration::from_secs(2);

#[derive(Clone, Debug, Deserialize)]
struct Lean {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Clone, Debug, Deserialize)]
struct Metadata {
    name: String,
    uid: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    service_account_name: String,
    init_containers: Vec<Container>,
    containers: Vec<Container>,
}

#[derive(Clone, Debug, Deserialize)]
struct Container {
    name: String,
    #[serde(default)]
    image: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: String,
    init_container_statuses: Vec<ContainerStatus>,
    container_statuses: Vec<ContainerStatus>,
}

#[derive(Clone, Debug, Deserialize)]
struct ContainerStatus {
    name: String,
    #[serde(default)]
    image: String,
    #[serde(default)]
    state: State,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct State {
    running: Option<serde_json::Value>,
}

impl From<&Lean> for PodFacts {
    fn from(pod: &Lean) -> Self {
        let mut containers = pod.spec.init_containers.iter().chain(&pod.spec.containers);
        let agent = containers.find(|container| container.name == sidecar::CONTAINER);
        let mut states = pod.status.init_container_statuses.iter().chain(&pod.status.container_statuses);
        let state = states.find(|status| status.name == sidecar::CONTAINER);
        // A runtime may write an image's name in another way than the pod does.
        let names_same =
            |running: &str, wanted: &str| running == wanted || running.ends_with(&format!("/{wanted}"));
        let agent_running = match (agent, state) {
            (Some(agent), Some(state)) => {
                state.state.running.is_some() && names_same(&state.image, &agent.image)
            }
            _ => false,
        };
        Self {
            service_account: pod.spec.service_account_name.clone(),
            agent_image: agent.map(|agent| agent.image.clone()),
            agent_running,
            ended: matches!(pod.status.phase.as_str(), "Succeeded" | "Failed"),
        }
    }
}

/// Fetches pods as the index wants them, for ever.
pub async fn run(client: Client, index: Arc<Index>, mut wanted: mpsc::UnboundedReceiver<WantedFacts>) {
    let mut waiting: BTreeSet<WantedFacts> = BTreeSet::new();
    loop {
        if waiting.is_empty() {
            match wanted.recv().await {
                Some(first) => _ = waiting.insert(first),
                None => return,
            }
            tokio::time::sleep(GATHER).await;
        }
        while let Ok(more) = wanted.try_recv() {
            waiting.insert(more);
        }
        let mut by_namespace: BTreeMap<Arc<str>, Vec<String>> = BTreeMap::new();
        for WantedFacts { namespace, name } in std::mem::take(&mut waiting) {
            by_namespace.entry(namespace).or_default().push(name);
        }
        for (namespace, names) in by_namespace {
            for name in fetch(&client, &index, &namespace, names).await {
                waiting.insert(WantedFacts { namespace: Arc::clone(&namespace), name });
            }
        }
        if !waiting.is_empty() {
            tokio::time::sleep(jittered(RETRY)).await;
        }
    }
}

/// Fetches some pods of a namespace; gives those that have to be tried again.
async fn fetch(client: &Client, index: &Index, namespace: &str, mut names: Vec<String>) -> Vec<String> {
    if names.len() >= LIST_FROM {
        match list(client, index, namespace, &names).await {
            Ok(left) => names = left,
            Err(error) => {
                tracing::warn!(namespace, %error, "cannot list gateway pods");
                return names;
            }
        }
    }
    let mut again = Vec::new();
    for name in names {
        let request = Request::new(KubePod::url_path(&(), Some(namespace)))
            .get(&name, &kube::api::GetParams::default());
        let Ok(request) = request else { continue };
        match client.request::<Lean>(request).await {
            Ok(pod) => {
                index.put_facts(namespace, &pod.metadata.name, &pod.metadata.uid, PodFacts::from(&pod));
            }
            // It went meanwhile.
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => {
                tracing::warn!(namespace, pod = name, %error, "cannot fetch a gateway pod");
                again.push(name);
            }
        }
    }
    again
}

/// Lists the pods that bear the webhook's label; gives the wanted ones that were not among them.
async fn list(
    client: &Client,
    index: &Index,
    namespace: &str,
    names: &[String],
) -> Result<Vec<String>, kube::Error> {
    let mut left: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let label = format!("{}=true", labels::AGENT);
    let mut page = ListParams::default().labels(&label).limit(PAGE);
    loop {
        let request = Request::new(KubePod::url_path(&(), Some(namespace))).list(&page);
        let request = request.map_err(kube::Error::BuildRequest)?;
        let list = client.request::<ObjectList<Lean>>(request).await?;
        for pod in &list.items {
            left.remove(pod.metadata.name.as_str());
            index.put_facts(namespace, &pod.metadata.name, &pod.metadata.uid, PodFacts::from(pod));
        }
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(left.into_iter().map(str::to_owned).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_whole_pod_only_what_matters_is_read() {
        let pod: Lean = serde_json::from_value(serde_json::json!({
            "metadata": { "name": "gw-0", "uid": "u", "managedFields": [{}] },
            "spec": {
                "serviceAccountName": "gateway",
                "initContainers": [{ "name": "stoker-agent", "image": "r/agent:2", "env": [] }],
                "containers": [{ "name": "gateway", "image": "ignition" }],
            },
            "status": {
                "phase": "Running",
                "initContainerStatuses": [{ "name": "stoker-agent", "image": "docker.io/r/agent:2", "state": { "running": {} } }],
            },
        }))
        .unwrap();
        let facts = PodFacts::from(&pod);
        assert_eq!(facts.service_account, "gateway");
        assert_eq!(facts.agent_image.as_deref(), Some("r/agent:2"));
        assert!(facts.agent_running && !facts.ended);
    }
}
