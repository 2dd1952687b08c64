//! What the agents would report.

use std::time::Instant;

use anyhow::Result;
use futures::{TryStreamExt as _, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::cluster::Cluster;
use crate::estate::{AT_ONCE, Resource};

/// Every agent writes its key of its status: synced, at this commit. Gives the times of the first and of the last report.
pub async fn report(cluster: &Cluster, resources: &[Resource], commit: &str) -> Result<(Instant, Instant)> {
    let began = Instant::now();
    // One gateway of each resource after the other, as they come in a real fleet: not resource by resource.
    let most = resources.iter().map(|resource| resource.gateways.len()).max().unwrap_or(0);
    let all = (0..most).flat_map(|number| {
        resources.iter().filter_map(move |resource| Some((resource, resource.gateways.get(number)?)))
    });
    stream::iter(all.map(Ok))
        .try_for_each_concurrent(AT_ONCE, |(resource, (pod, uid))| async move {
            let api: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), &resource.namespace);
            let patch = json!({ "data": { pod: entry(uid, commit) } });
            let name = format!("stoker-status-{}", resource.name);
            api.patch_metadata(&name, &PatchParams::default(), &Patch::Merge(&patch)).await.map(drop)
        })
        .await?;
    Ok((began, Instant::now()))
}

fn entry(uid: &str, commit: &str) -> String {
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    json!({
        "syncStatus": "Synced", "syncedCommit": commit, "syncedRef": "main", "lastSyncTime": now,
        "lastSyncDuration": "0.4s", "agentVersion": "0.1.0", "lastScanResult": "projects=200 config=200",
        "filesChanged": 12, "projectsSynced": ["line-1", "line-2", "utilities", "packaging"],
        "profileName": "default", "lastSeen": now, "podUID": uid,
        "drift": { "count": 1, "paths": ["config/resources/core/ignition/opc-connection/plc/config.json"] },
    })
    .to_string()
}
