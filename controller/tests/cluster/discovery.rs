//! Pods become gateways, and what their agents report is shown.

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::harness::{Plant, wait};

async fn wait_gateways(plant: &Plant, cr: &str, expected: &[&str]) -> Result<()> {
    wait(&format!("{cr} to have {expected:?}"), async || {
        let status = plant.resource(cr).await?.status.unwrap_or_default();
        let names: Vec<String> = status.discovered_gateways.into_iter().map(|gateway| gateway.name).collect();
        Ok(if names == expected { Ok(()) } else { Err(names) })
    })
    .await
}

fn of(cr: &str) -> impl FnOnce(&mut Value) {
    move |pod| pod["metadata"]["annotations"]["stoker.io/cr-name"] = json!(cr)
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_pod_without_a_name_of_a_resource_belongs_to_the_only_one() -> Result<()> {
    let plant = Plant::new("only").await?;
    let _controller = plant.controller(&[])?;
    plant.gateway_sync("plant", |_| {}).await?;
    plant.pod("gw-0", |_| {}).await?;
    plant.pod("gw-1", of("other")).await?;
    plant.pod("stranger", |pod| pod["metadata"] = json!({ "name": "stranger" })).await?;
    wait_gateways(&plant, "plant", &["gw-0"]).await?;
    // With a second one in the namespace it belongs to none of them.
    plant.gateway_sync("other", |_| {}).await?;
    wait_gateways(&plant, "plant", &[]).await?;
    wait_gateways(&plant, "other", &["gw-1"]).await
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_gateway_is_named_by_its_annotation_its_label_or_its_pod() -> Result<()> {
    let plant = Plant::new("names").await?;
    let controller = plant.controller(&[])?;
    plant.gateway_sync("plant", |_| {}).await?;
    plant.pod("a", |pod| pod["metadata"]["annotations"]["stoker.io/gateway-name"] = json!("Line_1")).await?;
    plant.pod("b", |pod| pod["metadata"]["labels"]["app.kubernetes.io/name"] = json!("ignition")).await?;
    plant.pod("c", |_| {}).await?;
    wait_gateways(&plant, "plant", &["Line_1", "ignition", "c"]).await?;
    plant.api::<Pod>().delete("a", &DeleteParams::default().grace_period(0)).await?;
    wait_gateways(&plant, "plant", &["ignition", "c"]).await?;
    wait("the gateway's series to go with it", async || {
        let page = controller.get("/metrics")?.1;
        Ok(if page.contains("Line_1") { Err(page) } else { Ok(()) })
    })
    .await
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_pod_without_its_sidecar_is_counted_named_and_told_once() -> Result<()> {
    let plant = Plant::new("sidecar").await?;
    let _controller = plant.controller(&[])?;
    plant.gateway_sync("plant", |_| {}).await?;
    plant
        .pod("gw-0", |pod| {
            pod["metadata"] = json!({ "name": "gw-0", "annotations": { "stoker.io/inject": "true" } });
        })
        .await?;
    plant
        .wait_condition("plant", "AllGatewaysSynced", "False SyncInProgress: 0/1 synced (1 missing sidecar)")
        .await?;
    plant.wait_condition("plant", "SidecarInjected", "False SidecarMissing").await?;
    plant.wait_event("MissingSidecar", "gw-0").await?;
    plant.annotate("plant", "stoker.io/sync-now", Some("1")).await?;
    plant.wait_metadata("plant", "targets", r#"{"*":{"syncNow":"1"}}"#).await?;
    let told = plant.events().await?.iter().filter(|(reason, _)| reason == "MissingSidecar").count();
    assert_eq!(told, 1);
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn what_an_agent_reports_becomes_conditions_and_events() -> Result<()> {
    let plant = Plant::new("reports").await?;
    let _controller = plant.controller(&[])?;
    plant.gateway_sync("plant", |_| {}).await?;
    let pod = plant.pod("gw-0", |_| {}).await?;
    let uid = pod.metadata.uid.unwrap();
    let commit = plant.repository.head()?;
    plant.wait_metadata("plant", "commit", &commit).await?;
    let failed = json!({ "syncStatus": "Error", "reason": "DiskFull", "errorMessage": "no\u{1b}[31m space", "podUID": uid });
    plant.report("plant", "gw-0", &failed).await?;
    plant.wait_condition("plant", "Ready", "False SyncFailed: gateway gw-0: DiskFull: no [31m space").await?;
    plant.wait_condition("plant", "Stalled", "True SyncFailed").await?;
    plant.wait_event("SyncFailed", "DiskFull: no").await?;

    let held = json!({ "syncStatus": "Synced", "syncedCommit": "b".repeat(40), "podUID": uid,
        "rolledBackFrom": commit, "previousCommit": "c".repeat(40),
        "held": { "reason": "RolledBack", "since": "2026-06-01T10:00:00Z" },
        "drift": { "count": 7, "paths": ["a", "b", "c", "d"] }, "restartRequired": ["modules.json"] });
    plant.report("plant", "gw-0", &held).await?;
    plant.wait_condition("plant", "Ready", "False Held: gateway gw-0 is held: RolledBack").await?;
    for (kind, begins) in [
        ("Held", "True Held"),
        ("RolledBack", "True RolledBack"),
        ("Drifted", "True DriftDetected: 7 files"),
        ("RestartRequired", "True RestartRequired"),
    ] {
        plant.wait_condition("plant", kind, begins).await?;
    }
    for reason in ["HoldStarted", "RolledBack", "DriftDetected"] {
        plant.wait_event(reason, "gw-0").await?;
    }
    let gateway = plant.resource("plant").await?.status.unwrap().discovered_gateways.remove(0);
    assert_eq!((gateway.drift.count, gateway.drift.paths.len()), (7, 3));
    assert_eq!(gateway.previous_commit.as_deref(), Some("c".repeat(40).as_str()));

    let synced = json!({ "syncStatus": "Synced", "syncedCommit": commit, "podUID": uid });
    plant.report("plant", "gw-0", &synced).await?;
    plant.wait_condition("plant", "Ready", "True").await?;
    plant.wait_event("HoldEnded", "gw-0").await?;

    let other = json!({ "syncStatus": "Synced", "syncedCommit": commit, "podUID": "an-earlier-pod" });
    plant.report("plant", "gw-0", &other).await?;
    plant.wait_condition("plant", "AllGatewaysSynced", "False SyncInProgress: 0/1 synced").await?;
    let silent =
        json!({ "syncStatus": "Synced", "syncedCommit": commit, "lastSeen": "2020-01-01T00:00:00Z" });
    plant.report("plant", "gw-0", &silent).await?;
    plant.wait_condition("plant", "AgentsReporting", "False AgentSilent").await?;
    plant.wait_condition("plant", "Ready", "False AgentSilent").await
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn annotations_become_targets() -> Result<()> {
    let plant = Plant::new("targets").await?;
    let _controller = plant.controller(&[])?;
    plant.gateway_sync("plant", |_| {}).await?;
    plant.pod("gw-0", |pod| pod["metadata"]["annotations"]["stoker.io/hold"] = json!("valve test")).await?;
    plant.pod("gw-1", |_| {}).await?;
    plant.wait_metadata("plant", "targets", r#"{"gw-0":{"hold":"valve test"}}"#).await?;
    assert_eq!(plant.metadata("plant", "requires").await?, r#"["hold"]"#);

    let previous = "d".repeat(40);
    let entry = json!({ "syncStatus": "Synced", "syncedCommit": "e".repeat(40), "previousCommit": previous });
    plant.report("plant", "gw-1", &entry).await?;
    plant.annotate("plant", "stoker.io/rollback-to", Some("previous")).await?;
    let expected = format!(r#"{{"gw-0":{{"hold":"valve test"}},"gw-1":{{"rollbackTo":"{previous}"}}}}"#);
    plant.wait_metadata("plant", "targets", &expected).await?;
    // The gateway went back: its own previous commit is another one now.
    let entry = json!({ "syncStatus": "Synced", "syncedCommit": previous, "previousCommit": "e".repeat(40) });
    plant.report("plant", "gw-1", &entry).await?;
    plant.annotate("plant", "stoker.io/resume", Some("now")).await?;
    let expected = format!(
        r#"{{"*":{{"resume":"now"}},"gw-0":{{"hold":"valve test"}},"gw-1":{{"rollbackTo":"{previous}"}}}}"#
    );
    plant.wait_metadata("plant", "targets", &expected).await?;
    for annotation in ["rollback-to", "resume"] {
        plant.annotate("plant", &format!("stoker.io/{annotation}"), None).await?;
    }
    let parameters = PatchParams::default();
    let none = json!({ "metadata": { "annotations": { "stoker.io/hold": null } } });
    plant.api::<Pod>().patch("gw-0", &parameters, &Patch::Merge(&none)).await?;
    plant.wait_metadata("plant", "targets", "").await?;
    plant.wait_metadata("plant", "requires", "").await
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn beyond_200_gateways_reports_spread_over_several_maps() -> Result<()> {
    let plant = Plant::new("shards").await?;
    let _controller = plant.controller(&[])?;
    plant.gateway_sync("plant", |_| {}).await?;
    for number in 0..205 {
        plant.pod(&format!("gw-{number:03}"), |_| {}).await?;
    }
    wait("a second status map", async || Ok(plant.map("stoker-status1-plant").await?.ok_or("none"))).await?;
    wait("five pods that are told of it", async || {
        let told = plant.metadata("plant", "targets").await?.matches("stoker-status1-plant").count();
        Ok(if told == 5 { Ok(()) } else { Err(told) })
    })
    .await?;
    let targets: Value = serde_json::from_str(&plant.metadata("plant", "targets").await?)?;
    let pod = targets.as_object().unwrap().keys().next().unwrap().clone();
    let commit = plant.repository.head()?;
    plant.wait_metadata("plant", "commit", &commit).await?;
    plant
        .report_in("stoker-status1-plant", &pod, &json!({ "syncStatus": "Synced", "syncedCommit": commit }))
        .await?;
    plant.wait_condition("plant", "AllGatewaysSynced", "False SyncInProgress: 1/205 synced").await?;
    assert!(plant.map("stoker-changes1-plant").await?.is_some());
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn sidecars_are_updated_in_place_a_few_at_a_time() -> Result<()> {
    let plant = Plant::new("update").await?;
    let _controller = plant.controller(&[])?;
    plant.gateway_sync("plant", |_| {}).await?;
    for number in 0..5 {
        plant.pod(&format!("gw-{number}"), |_| {}).await?;
    }
    wait_gateways(&plant, "plant", &["gw-0", "gw-1", "gw-2", "gw-3", "gw-4"]).await?;
    let agent = json!({ "spec": { "agent": { "image": { "repository": "agent", "tag": "2" } } } });
    plant.patch("plant", &agent).await?;
    wait("all to be outdated", async || {
        let status = plant.resource("plant").await?.status.unwrap_or_default();
        let outdated = status.discovered_gateways.iter().filter(|gateway| gateway.agent_outdated).count();
        Ok(if outdated == 5 { Ok(()) } else { Err(outdated) })
    })
    .await?;
    plant.patch("plant", &json!({ "spec": { "agent": { "updateStrategy": "inPlace" } } })).await?;
    let updated = async || -> Result<Vec<String>> {
        let pods = plant.api::<Pod>().list(&kube::api::ListParams::default()).await?;
        let is_new = |pod: &Pod| {
            let spec = pod.spec.as_ref().unwrap();
            assert_eq!(spec.containers[0].image.as_deref(), Some("ignition"), "the gateway is not touched");
            spec.init_containers.as_ref().unwrap()[0].image.as_deref() == Some("agent:2")
        };
        Ok(pods
            .items
            .iter()
            .filter(|pod| is_new(pod))
            .map(|pod| pod.metadata.name.clone().unwrap())
            .collect())
    };
    wait("three to be updated", async || {
        let names = updated().await?;
        Ok(if names.len() == 3 { Ok(()) } else { Err(names) })
    })
    .await?;
    // A running sidecar makes room for the next one.
    let running = json!({ "status": { "phase": "Running", "initContainerStatuses": [{ "name": "stoker-agent",
        "image": "docker.io/library/agent:2", "imageID": "x", "ready": true, "restartCount": 1,
        "state": { "running": { "startedAt": "2026-06-01T10:00:00Z" } } }] } });
    for name in updated().await?.iter().take(1) {
        plant.api::<Pod>().patch_status(name, &PatchParams::default(), &Patch::Merge(&running)).await?;
    }
    wait("four to be updated", async || {
        let names = updated().await?;
        Ok(if names.len() == 4 { Ok(()) } else { Err(names) })
    })
    .await
}
