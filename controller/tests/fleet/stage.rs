//! The cluster that is measured on: objects made by this program, no kubelet.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use futures::StreamExt as _;
use futures::stream;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use stoker_api::crd::GatewaySync;
use stoker_controller::rbac::{Scope, policy_rules};
use stoker_test_apiserver::{Options, Server};
use stoker_test_gitserver::{HttpOptions, HttpServer, Repository};

/// Namespaces with resources; as many have other pods.
const NAMESPACES: usize = 10;
/// Requests of this program at one time.
const AT_ONCE: usize = 16;
const PATIENCE: Duration = Duration::from_mins(3);

pub struct Stage {
    pub server: Server,
    pub client: Client,
    pub git: HttpServer,
    pub repository: Repository,
    pub kubeconfig: PathBuf,
    pub user: String,
    pub resources: usize,
    pub gateways: usize,
    pub strangers: usize,
    pub is_small: bool,
    namespaces: Vec<String>,
    _directory: tempfile::TempDir,
}

impl Stage {
    pub async fn set() -> Result<Self> {
        let is_small = std::env::var("STOKER_FLEET").is_ok_and(|size| size == "small");
        let part = if is_small { 10 } else { 1 };
        let server = Server::start(&Options { audit: true, ..Options::default() })?;
        server.install(&stoker_api::crd::definition()).await?;
        let directory = tempfile::tempdir()?;
        let repository = Repository::init(directory.path().join("site/plant"))?;
        repository.write("projects/a/project.json", "{}")?;
        repository.commit("first")?;
        let git = HttpServer::start(directory.path(), HttpOptions::default())?;
        let client = server.admin()?;
        let account = server.service_account("default", "stoker-controller").await?;
        let (user, token) = (account.user.clone(), account.token.clone());
        let kubeconfig = server.kubeconfig(&token, "default")?;
        let mut stage = Self {
            client,
            git,
            repository,
            kubeconfig,
            user,
            resources: 100 / part,
            gateways: 1000 / part,
            strangers: 5000 / part,
            is_small,
            namespaces: Vec::new(),
            server,
            _directory: directory,
        };
        stage.grant().await?;
        stage.fill().await?;
        Ok(stage)
    }

    async fn grant(&self) -> Result<()> {
        let mut rules = policy_rules(Scope::Watched, "stoker-controller");
        rules.extend(policy_rules(Scope::Own, "stoker-controller"));
        let role = json!({ "metadata": { "name": "stoker-controller" }, "rules": rules });
        let binding = json!({ "metadata": { "name": "stoker-controller" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "stoker-controller" },
            "subjects": [{ "kind": "ServiceAccount", "name": "stoker-controller", "namespace": "default" }] });
        let parameters = PostParams::default();
        Api::<ClusterRole>::all(self.client.clone())
            .create(&parameters, &serde_json::from_value(role)?)
            .await?;
        let bindings = Api::<ClusterRoleBinding>::all(self.client.clone());
        bindings.create(&parameters, &serde_json::from_value(binding)?).await?;
        Ok(())
    }

    async fn fill(&mut self) -> Result<()> {
        for _ in 0..NAMESPACES {
            let namespace = self.server.namespace("site").await?;
            let secret =
                json!({ "metadata": { "name": "ignition" }, "stringData": { "apiKey": "name:secret" } });
            let secrets = Api::<Secret>::namespaced(self.client.clone(), &namespace);
            secrets.create(&PostParams::default(), &serde_json::from_value(secret)?).await?;
            self.namespaces.push(namespace);
        }
        let others = self.server.namespace("others").await?;
        let mut pods: Vec<(String, Value)> =
            (0..self.strangers).map(|n| (others.clone(), stranger(n))).collect();
        pods.extend((0..self.gateways).map(|n| {
            let resource = n % self.resources;
            (self.namespace_of(resource).to_owned(), gateway(n, resource))
        }));
        let made = stream::iter(pods).map(async |(namespace, pod)| -> Result<()> {
            let api = Api::<Pod>::namespaced(self.client.clone(), &namespace);
            api.create(&PostParams::default(), &serde_json::from_value(pod)?).await?;
            Ok(())
        });
        collect(made.buffer_unordered(AT_ONCE)).await?;
        for number in 0..self.resources {
            let object: GatewaySync = serde_json::from_value(json!({
                "apiVersion": "stoker.io/v1alpha1", "kind": "GatewaySync",
                "metadata": { "name": format!("plant-{number}") },
                "spec": {
                    "git": { "repo": self.git.url("site/plant"), "ref": "main" },
                    "gateway": { "api": { "secretName": "ignition" } },
                    "sync": { "profiles": { "default": { "mappings": [{ "source": "projects", "destination": "projects" }] } } },
                },
            }))?;
            let api = Api::<GatewaySync>::namespaced(self.client.clone(), self.namespace_of(number));
            api.create(&PostParams::default(), &object).await?;
        }
        Ok(())
    }

    fn namespace_of(&self, resource: usize) -> &str {
        &self.namespaces[resource % NAMESPACES]
    }

    /// Every gateway's agent reports that it is at a commit, each with a request of its own.
    pub async fn report_all(&self, commit: &str) -> Result<()> {
        let now = "2026-06-01T10:00:00Z";
        let reports = stream::iter(0..self.gateways).map(async |n| -> Result<()> {
            let resource = n % self.resources;
            let entry = json!({ "syncStatus": "Synced", "syncedCommit": commit, "syncedRef": "main", "agentVersion": "1.0.0",
                "lastSyncTime": now, "lastSyncDuration": "0.2s", "lastScanResult": "projects=200 config=200",
                "filesChanged": 3, "projectsSynced": ["a", "b", "c"], "profileName": "default" });
            let patch = Patch::Merge(json!({ "data": { format!("gw-{n}"): entry.to_string() } }));
            let api = Api::<ConfigMap>::namespaced(self.client.clone(), self.namespace_of(resource));
            api.patch(&format!("stoker-status-plant-{resource}"), &PatchParams::default(), &patch).await?;
            Ok(())
        });
        collect(reports.buffer_unordered(AT_ONCE)).await
    }

    /// What the receiver does when a push comes.
    pub async fn push(&self, commit: &str) -> Result<()> {
        let patch =
            Patch::Merge(json!({ "metadata": { "annotations": { "stoker.io/requested-commit": commit } } }));
        let api = Api::<GatewaySync>::namespaced(self.client.clone(), self.namespace_of(0));
        api.patch("plant-0", &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// Waits until the metadata of every resource names a commit.
    pub async fn wait_commit(&self, commit: &str) -> Result<()> {
        let api = Api::<ConfigMap>::all(self.client.clone());
        let metadata = ListParams::default().labels("app.kubernetes.io/component=metadata");
        let is_there = |map: &ConfigMap| {
            map.data.as_ref().and_then(|data| data.get("commit")).is_some_and(|c| c == commit)
        };
        self.wait("the commit", async || {
            Ok(api.list(&metadata).await?.iter().filter(|map| is_there(map)).count())
        })
        .await
    }

    /// Waits until every resource is ready.
    pub async fn wait_ready(&self) -> Result<()> {
        let api = Api::<GatewaySync>::all(self.client.clone());
        let is_ready = |resource: &GatewaySync| {
            let conditions: BTreeMap<&str, &str> = resource
                .status
                .iter()
                .flat_map(|status| &status.conditions)
                .map(|condition| (condition.condition_type.as_str(), condition.status.as_str()))
                .collect();
            conditions.get("Ready") == Some(&"True")
        };
        let everything = ListParams::default();
        self.wait("Ready", async || {
            Ok(api.list(&everything).await?.iter().filter(|resource| is_ready(resource)).count())
        })
        .await
    }

    async fn wait(&self, what: &str, mut count: impl AsyncFnMut() -> Result<usize>) -> Result<()> {
        let began = Instant::now();
        loop {
            let now = count().await?;
            if now == self.resources {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                bail!("{what}: {now} of {} after {} s", self.resources, PATIENCE.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn collect(mut results: impl futures::Stream<Item = Result<()>> + Unpin) -> Result<()> {
    while let Some(result) = results.next().await {
        result?;
    }
    Ok(())
}

fn gateway(number: usize, resource: usize) -> Value {
    json!({
        "metadata": {
            "name": format!("gw-{number}"),
            "annotations": { "stoker.io/inject": "true", "stoker.io/injected": "true",
                "stoker.io/cr-name": format!("plant-{resource}"), "stoker.io/gateway-name": format!("line-{number}") },
            "labels": { "stoker.io/agent": "true", "app.kubernetes.io/name": "ignition", "apps.kubernetes.io/pod-index": "0" },
        },
        "spec": {
            "automountServiceAccountToken": false,
            "initContainers": [{ "name": "stoker-agent", "image": "agent:1", "restartPolicy": "Always" }],
            "containers": [{ "name": "gateway", "image": "ignition" }],
        },
    })
}

/// A pod as clusters are full of: labels, annotations, and nothing of ours.
fn stranger(number: usize) -> Value {
    let words = "x".repeat(400);
    json!({
        "metadata": {
            "name": format!("web-{number}"),
            "labels": { "app": "web", "app.kubernetes.io/name": "web", "pod-template-hash": "abcdef0123" },
            "annotations": { "prometheus.io/scrape": "true", "kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z", "example.com/words": words },
        },
        "spec": { "automountServiceAccountToken": false, "containers": [{ "name": "web", "image": "web", "args": ["--one", "--two"] }] },
    })
}
