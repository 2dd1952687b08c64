//! From a resource's creation to its deletion.

use anyhow::Result;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::DeleteParams;
use serde_json::json;
use stoker_api::crd::GatewaySync;

use crate::harness::{Plant, wait};

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_new_resource_gets_its_objects_and_a_synced_gateway_makes_it_ready() -> Result<()> {
    let plant = Plant::new("life").await?;
    let controller = plant.controller(&[])?;
    plant.pod("gw-0", |_| {}).await?;
    plant.gateway_sync("plant", |_| {}).await?;
    let commit = plant.repository.head()?;
    plant.wait_condition("plant", "RefResolved", &format!("True RefResolved: {commit}")).await?;
    plant.wait_condition("plant", "AllGatewaysSynced", "False SyncInProgress: 0/1 synced").await?;

    let metadata = plant.map("stoker-metadata-plant").await?.unwrap();
    let data = metadata.data.unwrap();
    for (key, value) in [
        ("commit", commit.as_str()),
        ("ref", "main"),
        ("gitURL", &plant.url()),
        ("paused", "false"),
        ("authType", "none"),
        ("gatewayPort", "8088"),
        ("gatewayTLS", "false"),
    ] {
        assert_eq!(data[key], value, "{key}");
    }
    assert!(data["profiles"].contains("\"mappings\""));
    let labels = metadata.metadata.labels.unwrap();
    assert_eq!(labels["stoker.io/cr-name"], "plant");
    assert_eq!(labels["app.kubernetes.io/managed-by"], "stoker");
    assert_eq!(metadata.metadata.owner_references.unwrap()[0].kind, "GatewaySync");
    for name in ["stoker-status-plant", "stoker-changes-plant"] {
        assert!(plant.map(name).await?.is_some(), "{name}");
    }

    let status = json!({ "syncStatus": "Synced", "syncedCommit": commit, "syncedRef": "main",
        "lastSyncTime": "2026-06-01T10:00:00Z", "lastSyncDuration": "2.5s", "agentVersion": "1.0.0",
        "lastScanResult": "projects=200 config=200", "filesChanged": 3, "projectsSynced": ["a"], "profileName": "default" });
    plant.report("plant", "gw-0", &status).await?;
    plant.wait_condition("plant", "Ready", "True SyncSucceeded: All gateways synced").await?;
    plant.wait_condition("plant", "AllGatewaysSynced", "True SyncSucceeded: 1/1 synced").await?;
    let resource = plant.resource("plant").await?;
    let shown = resource.status.unwrap();
    let gateway = &shown.discovered_gateways[0];
    assert_eq!((gateway.name.as_str(), gateway.pod_name.as_str()), ("gw-0", "gw-0"));
    assert_eq!(gateway.service_account_name, "default");
    assert_eq!(gateway.profile, "default");
    assert_eq!(gateway.last_scan_result.as_deref(), Some("projects=200 config=200"));
    assert_eq!(shown.last_sync_commit_short.as_deref(), Some(&commit[..7]));
    assert_eq!(shown.last_sync_time.as_deref(), Some("2026-06-01T10:00:00Z"));
    assert_eq!(shown.observed_generation, resource.metadata.generation);
    assert_eq!(resource.metadata.finalizers.unwrap(), ["stoker.io/finalizer"]);
    plant.wait_event("SyncCompleted", "gateway gw-0").await?;
    plant.wait_event("GatewaysDiscovered", "1 gateways").await?;

    let (code, page) = controller.get("/metrics")?;
    assert_eq!(code, 200);
    let series = format!("stoker_controller_cr_ready{{name=\"plant\",namespace=\"{}\"}} 1", plant.namespace);
    assert!(page.contains(&series), "{page}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn deleting_the_resource_removes_what_was_created_for_it() -> Result<()> {
    let plant = Plant::new("deletion").await?;
    let controller = plant.controller(&[])?;
    plant.pod("gw-0", |_| {}).await?;
    plant.gateway_sync("plant", |_| {}).await?;
    plant.wait_metadata("plant", "commit", &plant.repository.head()?).await?;
    plant.api::<GatewaySync>().delete("plant", &DeleteParams::default()).await?;
    wait("the resource to be gone", async || {
        Ok(match plant.api::<GatewaySync>().get_opt("plant").await? {
            None => Ok(()),
            Some(resource) => Err(resource.metadata.finalizers),
        })
    })
    .await?;
    for name in ["stoker-metadata-plant", "stoker-status-plant", "stoker-changes-plant"] {
        assert!(plant.map(name).await?.is_none(), "{name}");
    }
    assert!(plant.api::<Role>().get_opt("stoker-agent-plant").await?.is_none());
    assert!(plant.api::<RoleBinding>().get_opt("stoker-agent-plant").await?.is_none());
    wait("the series to be gone", async || {
        let page = controller.get("/metrics")?.1;
        let left: Vec<String> =
            page.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
        Ok(if left.is_empty() { Ok(()) } else { Err(left) })
    })
    .await
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_pause_is_told_to_the_agents_and_shown() -> Result<()> {
    let plant = Plant::new("pause").await?;
    let _controller = plant.controller(&[])?;
    plant.gateway_sync("plant", |_| {}).await?;
    plant.wait_metadata("plant", "paused", "false").await?;
    plant.patch("plant", &json!({ "spec": { "paused": true } })).await?;
    plant.wait_metadata("plant", "paused", "true").await?;
    plant.wait_condition("plant", "Ready", "False Paused").await?;
    plant.wait_event("Paused", "").await?;
    let commit = plant.metadata("plant", "commit").await?;
    assert_eq!(commit, plant.repository.head()?, "what was told stays told");
    plant.patch("plant", &json!({ "spec": { "paused": false } })).await?;
    plant.wait_metadata("plant", "paused", "false").await
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_steady_state_writes_nothing() -> Result<()> {
    let plant = Plant::new("steady").await?;
    let _controller = plant.controller(&[])?;
    let seconds =
        std::env::var("STOKER_STEADY_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    plant.pod("gw-0", |_| {}).await?;
    plant.pod("gw-1", |pod| pod["metadata"]["labels"] = json!({})).await?;
    plant.gateway_sync("plant", |resource| resource["spec"]["polling"]["interval"] = json!("5s")).await?;
    let commit = plant.repository.head()?;
    plant.wait_metadata("plant", "commit", &commit).await?;
    let entry = json!({ "syncStatus": "Synced", "syncedCommit": commit });
    for pod in ["gw-0", "gw-1"] {
        plant.report("plant", pod, &entry).await?;
    }
    plant.wait_condition("plant", "Ready", "True").await?;
    plant.git.reset_counters();
    let mark = plant.server.audit_mark()?;
    // Not for luck: this long nothing may be written. The repository is polled meanwhile.
    tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
    let asked = plant.server.audit_since(mark)?;
    let writes: Vec<_> = asked.iter().filter(|entry| entry.user == plant.user && entry.is_write()).collect();
    assert!(writes.is_empty(), "{writes:#?}");
    assert!(plant.git.requests() > 0, "it polls");
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn the_program_stops_in_time_and_its_log_level_can_be_changed() -> Result<()> {
    let plant = Plant::new("stop").await?;
    let controller = plant.controller(&["--log-level", "info"])?;
    wait("readiness", async || {
        let answer = controller.get("/readyz")?;
        Ok(if answer.0 == 200 { Ok(()) } else { Err(answer) })
    })
    .await?;
    assert_eq!(controller.get("/healthz")?.0, 200);
    assert_eq!(controller.get("/loglevel")?.1, "info\n");
    assert_eq!(controller.ask("PUT", "/loglevel", "debug")?.1, "debug\n");
    assert_eq!(controller.ask("PUT", "/loglevel", "loud")?.0, 400);
    assert_eq!(controller.ask("POST", "/metrics", "")?.0, 405);
    plant.gateway_sync("plant", |_| {}).await?;
    plant.wait_metadata("plant", "ref", "main").await?;
    assert!(controller.log().contains("\"level\":\"DEBUG\""));
    let (code, took) = controller.stop()?;
    assert_eq!(code, 0);
    assert!(took.as_secs() < 5, "{took:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn keys_of_the_metadata_that_are_not_ours_do_not_stay() -> Result<()> {
    let plant = Plant::new("foreign").await?;
    let _controller = plant.controller(&[])?;
    plant.gateway_sync("plant", |_| {}).await?;
    plant.wait_metadata("plant", "ref", "main").await?;
    let patch = kube::api::Patch::Merge(json!({ "data": { "requires": "[\"nothing\"]", "paused": "true" } }));
    let maps = plant.api::<ConfigMap>();
    maps.patch("stoker-metadata-plant", &kube::api::PatchParams::default(), &patch).await?;
    plant.wait_metadata("plant", "requires", "").await?;
    plant.wait_metadata("plant", "paused", "false").await
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn what_somebody_deletes_comes_back() -> Result<()> {
    let plant = Plant::new("deleted").await?;
    let _controller = plant.controller(&[])?;
    plant.pod("gw-0", |_| {}).await?;
    plant.gateway_sync("plant", |_| {}).await?;
    plant.wait_metadata("plant", "ref", "main").await?;
    for name in ["stoker-metadata-plant", "stoker-status-plant", "stoker-changes-plant"] {
        plant.api::<ConfigMap>().delete(name, &DeleteParams::default()).await?;
        wait(name, async || Ok(plant.map(name).await?.ok_or("gone"))).await?;
    }
    plant.api::<RoleBinding>().delete("stoker-agent-plant", &DeleteParams::default()).await?;
    plant.api::<Role>().delete("stoker-agent-plant", &DeleteParams::default()).await?;
    wait("the rights", async || {
        let role = plant.api::<Role>().get_opt("stoker-agent-plant").await?;
        let binding = plant.api::<RoleBinding>().get_opt("stoker-agent-plant").await?;
        Ok(role.zip(binding).ok_or("gone"))
    })
    .await?;
    Ok(())
}
