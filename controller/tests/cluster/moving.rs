//! Moving in: an earlier operator of the same contract was here.

use anyhow::Result;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use stoker_api::crd::GatewaySync;

use crate::harness::{Plant, wait};

/// Creates an object as another program with another field manager does.
async fn made_before<K>(plant: &Plant, object: Value) -> Result<()>
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::Serialize
        + serde::de::DeserializeOwned,
{
    let parameters = PostParams { field_manager: Some("earlier".into()), ..PostParams::default() };
    plant.api::<K>().create(&parameters, &serde_json::from_value(object)?).await?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn objects_of_an_earlier_operator_are_taken_over_without_losing_a_status() -> Result<()> {
    let plant = Plant::new("moving").await?;
    let commit = plant.repository.head()?;
    plant.pod("gw-0", |_| {}).await?;
    plant.gateway_sync("plant", |_| {}).await?;
    let entry = json!({ "syncStatus": "Synced", "syncedCommit": commit });
    made_before::<ConfigMap>(
        &plant,
        json!({ "metadata": { "name": "stoker-status-plant" }, "data": { "gw-0": entry.to_string() } }),
    )
    .await?;
    made_before::<ConfigMap>(
        &plant,
        json!({ "metadata": { "name": "stoker-metadata-plant", "labels": { "stoker.io/cr-name": "plant" } },
            "data": { "commit": "9".repeat(40), "ref": "old", "gitURL": "x", "ownWord": "1" } }),
    )
    .await?;
    let ready = json!({ "status": { "lastSyncTime": "2025-01-01T00:00:00Z", "conditions": [
        { "type": "Ready", "status": "True", "reason": "SyncSucceeded", "message": "All gateways synced", "lastTransitionTime": "2025-01-01T00:00:00Z" },
        { "type": "OfAnEarlierOne", "status": "True", "reason": "X", "message": "", "lastTransitionTime": "2025-01-01T00:00:00Z" }],
        "discoveredGateways": [{ "name": "gw-0", "namespace": plant.namespace, "podName": "gw-0", "syncStatus": "Synced", "syncedCommit": commit }] } });
    let earlier = PatchParams { field_manager: Some("earlier".into()), ..PatchParams::default() };
    plant.api::<GatewaySync>().patch_status("plant", &earlier, &Patch::Merge(&ready)).await?;

    let _controller = plant.controller(&[])?;
    plant.wait_metadata("plant", "commit", &commit).await?;
    plant.wait_condition("plant", "Ready", "True SyncSucceeded").await?;
    wait("what nobody reports any more to go", async || {
        let left = plant.condition("plant", "OfAnEarlierOne").await?;
        let word = plant.metadata("plant", "ownWord").await?;
        Ok(if left.is_empty() && word.is_empty() { Ok(()) } else { Err((left, word)) })
    })
    .await?;
    let map = plant.map("stoker-status-plant").await?.unwrap();
    assert_eq!(map.data.unwrap()["gw-0"], entry.to_string());
    assert_eq!(map.metadata.labels.unwrap()["app.kubernetes.io/managed-by"], "stoker");
    let status = plant.resource("plant").await?.status.unwrap();
    let ready = status.conditions.iter().find(|condition| condition.condition_type == "Ready").unwrap();
    assert_ne!(status.last_sync_time, None);
    // It may have been busy for a moment while the ref was asked for, but it was never told that nothing is synced.
    let noise = plant.events().await?.into_iter().any(|(reason, _)| reason == "SyncCompleted");
    assert!(!noise, "a gateway that was synced is no news: {ready:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_role_binding_with_another_role_is_replaced_without_a_gap_in_rights() -> Result<()> {
    let plant = Plant::new("gap").await?;
    plant.pod("gw-0", |_| {}).await?;
    plant.gateway_sync("plant", |_| {}).await?;
    made_before::<RoleBinding>(
        &plant,
        json!({ "metadata": { "name": "stoker-agent-plant", "labels": { "stoker.io/gatewaysync": "plant" } },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "earlier" },
            "subjects": [{ "kind": "ServiceAccount", "name": "default", "namespace": plant.namespace }] }),
    )
    .await?;
    made_before::<Role>(
        &plant,
        json!({ "metadata": { "name": "earlier" },
            "rules": [{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"] }] }),
    )
    .await?;
    made_before::<ConfigMap>(
        &plant,
        json!({ "metadata": { "name": "stoker-metadata-plant" }, "data": { "commit": "" } }),
    )
    .await?;
    // An agent that reads its metadata again and again, with nothing but its service account's rights.
    let account = plant.server.service_account(&plant.namespace, "default").await?;
    let agent = kube::Api::<ConfigMap>::namespaced(account.client()?, &plant.namespace);
    wait("the earlier rights", async || {
        Ok(agent.get("stoker-metadata-plant").await.map_err(|error| error.to_string()))
    })
    .await?;
    let mark = plant.server.audit_mark()?;
    let _controller = plant.controller(&[])?;
    wait("the new role", async || {
        agent.get("stoker-metadata-plant").await?;
        let bindings = plant.api::<RoleBinding>();
        let role = bindings.get_opt("stoker-agent-plant").await?.map(|binding| binding.role_ref.name);
        let left = bindings.get_opt("stoker-agent-plant-meanwhile").await?.is_some();
        Ok(if role.as_deref() == Some("stoker-agent-plant") && !left { Ok(()) } else { Err((role, left)) })
    })
    .await?;
    let asked = plant.server.audit_since(mark)?;
    let refused = asked.iter().filter(|entry| entry.user == account.user && entry.code == Some(403)).count();
    assert_eq!(refused, 0, "the rights were never away");
    Ok(())
}
