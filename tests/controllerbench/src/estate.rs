//! The objects: sites, resources, gateway pods, and thousands of pods that are none of ours.

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::{Pod, Secret, ServiceAccount};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use stoker_api::crd::GatewaySync;

use crate::cluster::Cluster;
use crate::figures;
use crate::forge::{BRANCHES, Forge};

/// Requests at one time.
pub const AT_ONCE: usize = 16;

/// How much there is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Namespaces with resources.
    pub sites: usize,
    /// Resources of a site.
    pub resources: usize,
    /// Gateways of a resource.
    pub gateways: usize,
    /// Pods of others.
    pub unrelated: usize,
}

/// The estate of the design's table.
pub const STATED: Size = Size { sites: 20, resources: 5, gateways: 10, unrelated: 5_000 };

/// Namespaces of others.
const FOREIGN: usize = 10;

/// A `GatewaySync` and its gateways.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Name and UID of each gateway's pod.
    pub gateways: Vec<(String, String)>,
}

/// Everything.
pub struct Estate {
    /// All resources.
    pub resources: Vec<Resource>,
    size: Size,
}

impl Estate {
    /// Makes everything; all resources follow `main` of the first repository.
    pub async fn make(cluster: &Cluster, forge: &Forge, size: Size) -> Result<Self> {
        let authority = forge.authority()?;
        let mut plans = Vec::new();
        for site in 0..size.sites {
            let namespace = cluster.new_namespace("site").await?;
            for (name, key, value) in [
                ("ignition", "apiKey", "stoker:secret"),
                // Two credentials in turns, for later; the first repository is reached with the first of them.
                ("git", "token", "token-a"),
                ("git-other", "token", if site % 2 == 0 { "token-a" } else { "token-b" }),
                ("git-ca", "ca.crt", &authority),
            ] {
                let secret = json!({ "metadata": { "name": name }, "stringData": { key: value } });
                cluster.create::<Secret>(&namespace, secret).await?;
            }
            plans.extend((0..size.resources).map(|number| (namespace.clone(), format!("area-{number}"))));
        }
        let url = forge.url(0);
        let resources = stream::iter(plans)
            .map(|(namespace, name)| resource(cluster, namespace, name, &url, size.gateways))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        for number in 0..FOREIGN {
            let namespace = cluster.new_namespace("foreign").await?;
            stream::iter((0..size.unrelated / FOREIGN).map(Ok))
                .try_for_each_concurrent(AT_ONCE, |pod| {
                    let pod = unrelated(&format!("shop-{number}-7d4b9c6f5-{pod:05}"));
                    let namespace = &namespace;
                    async move { cluster.create::<Pod>(namespace, pod).await.map(drop) }
                })
                .await?;
        }
        Ok(Self { resources, size })
    }

    /// How much it is.
    pub fn figures(&self) -> figures::Estate {
        let Size { sites, resources, gateways, unrelated } = self.size;
        let gateway_syncs = sites * resources;
        figures::Estate {
            sites,
            gateway_syncs,
            gateways: gateway_syncs * gateways,
            unrelated_pods: unrelated,
        }
    }

    /// Lets the resources follow so many repositories in turns, with two credentials and two branches, and says how many
    /// pairs of repository and credential that are.
    pub async fn spread(&self, cluster: &Cluster, forge: &Forge, repositories: usize) -> Result<usize> {
        let mut pairs = std::collections::BTreeSet::new();
        let mut patches = Vec::new();
        for (number, resource) in self.resources.iter().enumerate() {
            let (site, area) = (number / self.size.resources, number % self.size.resources);
            let repository = number % repositories;
            pairs.insert((repository, site % 2));
            let branch = BRANCHES[(site / 2 + area) % BRANCHES.len()];
            let git = json!({ "repo": forge.url(repository), "ref": branch, "auth": token("git-other") });
            patches.push((resource, json!({ "spec": { "git": git } })));
        }
        stream::iter(patches.into_iter().map(Ok))
            .try_for_each_concurrent(AT_ONCE, |(resource, patch)| async move {
                resource.patch(cluster, &patch).await
            })
            .await?;
        Ok(pairs.len())
    }
}

impl Resource {
    /// Changes it.
    pub async fn patch(&self, cluster: &Cluster, patch: &Value) -> Result<()> {
        let api: Api<GatewaySync> = Api::namespaced(cluster.client.clone(), &self.namespace);
        api.patch(&self.name, &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(())
    }
}

fn token(secret: &str) -> Value {
    json!({ "token": { "secretRef": { "name": secret, "key": "token" } } })
}

async fn resource(
    cluster: &Cluster,
    namespace: String,
    name: String,
    url: &str,
    gateways: usize,
) -> Result<Resource> {
    let object = json!({
        "apiVersion": "stoker.io/v1alpha1", "kind": "GatewaySync", "metadata": { "name": name },
        "spec": {
            "git": {
                "repo": url, "ref": BRANCHES[0], "auth": token("git"),
                "tls": { "caSecretRef": { "name": "git-ca", "key": "ca.crt" } },
            },
            "gateway": { "api": { "secretName": "ignition" } },
            "sync": { "profiles": { "default": {
                "mappings": [
                    { "source": "projects", "destination": "projects" },
                    { "source": "config/resources", "destination": "config/resources" },
                    { "source": "tags/{{ .GatewayName }}.json", "destination": "config/tags.json", "type": "file", "template": true },
                ],
                "vars": { "site": namespace, "area": name, "historian": "historian.example" },
            } } },
        },
    });
    cluster.create::<GatewaySync>(&namespace, object).await?;
    // Agents of different resources that share an account are warned about.
    let account = json!({ "metadata": { "name": account(&name) } });
    cluster.create::<ServiceAccount>(&namespace, account).await?;
    let mut pods = Vec::new();
    for number in 0..gateways {
        let pod = cluster.create::<Pod>(&namespace, gateway(&name, number)).await?;
        let uid = pod.metadata.uid.context("the API server gave it one")?;
        pods.push((pod.metadata.name.unwrap_or_default(), uid));
    }
    Ok(Resource { namespace, name, gateways: pods })
}

fn account(resource: &str) -> String {
    format!("ignition-{resource}")
}

/// A gateway's pod as the webhook lets it in.
fn gateway(resource: &str, number: usize) -> Value {
    let name = format!("{resource}-gateway-{number}");
    json!({
        "metadata": {
            "name": name,
            "annotations": { "stoker.io/inject": "true", "stoker.io/injected": "true", "stoker.io/cr-name": resource },
            "labels": { "stoker.io/agent": "true", "app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "ignition" },
            "managedFields": managed_fields(),
        },
        "spec": {
            "serviceAccountName": account(resource),
            "automountServiceAccountToken": false,
            "initContainers": [{
                "name": "stoker-agent", "image": "registry.example/stoker-agent:1", "restartPolicy": "Always",
                "command": ["/agent"], "env": environment(&["POD_NAME", "CR_NAME", "DATA_PATH", "GATEWAY_PORT"]),
            }],
            "containers": [{ "name": "gateway", "image": "inductiveautomation/ignition:8.3", "env": environment(&["ACCEPT_IGNITION_EULA"]) }],
        },
    })
}

/// A pod as clusters are full of.
fn unrelated(name: &str) -> Value {
    json!({
        "metadata": {
            "name": name,
            "annotations": {
                "prometheus.io/scrape": "true", "prometheus.io/port": "9090",
                "checksum/config": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            },
            "labels": {
                "app.kubernetes.io/name": "shop", "app.kubernetes.io/instance": "shop-production",
                "app.kubernetes.io/component": "frontend", "pod-template-hash": "7d4b9c6f5",
            },
            "managedFields": managed_fields(),
        },
        "spec": {
            "automountServiceAccountToken": false,
            "containers": [{ "name": "shop", "image": "registry.example/shop:3", "env": environment(&["LOG_LEVEL", "DATABASE", "CACHE"]) }],
        },
    })
}

fn environment(names: &[&str]) -> Value {
    names.iter().map(|name| json!({ "name": name, "value": "production" })).collect()
}

/// What a kubelet leaves in a pod's metadata: most of its length in a list.
fn managed_fields() -> Value {
    let condition = |kind: &str| {
        (
            format!("k:{{\"type\":\"{kind}\"}}"),
            json!({ ".": {}, "f:lastProbeTime": {}, "f:lastTransitionTime": {}, "f:status": {}, "f:type": {} }),
        )
    };
    let kinds = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
    let conditions: serde_json::Map<String, Value> = kinds.into_iter().map(condition).collect();
    json!([{
        "manager": "kubelet", "operation": "Update", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z",
        "fieldsType": "FieldsV1", "subresource": "status",
        "fieldsV1": { "f:status": {
            "f:conditions": conditions, "f:containerStatuses": {}, "f:hostIP": {}, "f:hostIPs": {}, "f:phase": {},
            "f:podIP": {}, "f:podIPs": { ".": {}, "k:{\"ip\":\"10.0.0.1\"}": { ".": {}, "f:ip": {} } }, "f:startTime": {},
        } },
    }])
}
