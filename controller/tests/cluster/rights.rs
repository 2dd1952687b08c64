//! Rights: what agents get, and what the controller itself uses.

use std::collections::BTreeSet;

use anyhow::Result;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;
use stoker_api::crd::GatewaySync;
use stoker_controller::rbac::RULES;

use crate::harness::{Plant, wait};

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn an_agent_may_read_its_metadata_and_write_its_status_and_nothing_else() -> Result<()> {
    let plant = Plant::new("agent").await?;
    let _controller = plant.controller(&[])?;
    let account = plant.server.service_account(&plant.namespace, "gateway").await?;
    let own = |cr: &'static str| {
        move |pod: &mut serde_json::Value| {
            pod["spec"]["serviceAccountName"] = json!("gateway");
            pod["metadata"]["annotations"]["stoker.io/cr-name"] = json!(cr);
        }
    };
    plant.gateway_sync("plant", |_| {}).await?;
    plant.gateway_sync("other", |_| {}).await?;
    plant.pod("gw-0", own("plant")).await?;
    let agent: Api<ConfigMap> = Api::namespaced(account.client()?, &plant.namespace);
    wait("the agent's rights", async || {
        Ok(agent.get("stoker-metadata-plant").await.map_err(|error| error.to_string()))
    })
    .await?;
    let patch = Patch::Merge(json!({ "data": { "gw-0": "{}" } }));
    let parameters = PatchParams::default();
    agent.patch("stoker-status-plant", &parameters, &patch).await?;
    agent.patch("stoker-changes-plant", &parameters, &patch).await?;
    agent.get("stoker-status-plant").await?;

    assert!(agent.patch("stoker-metadata-plant", &parameters, &patch).await.is_err());
    assert!(agent.get("stoker-metadata-other").await.is_err());
    assert!(agent.patch("stoker-status-other", &parameters, &patch).await.is_err());
    assert!(agent.list(&ListParams::default()).await.is_err());
    assert!(agent.delete("stoker-status-plant", &DeleteParams::default()).await.is_err());
    let resources: Api<GatewaySync> = Api::namespaced(account.client()?, &plant.namespace);
    assert!(resources.get("plant").await.is_err());

    // Two resources whose pods share an account are not isolated from each other.
    plant.pod("gw-1", own("other")).await?;
    plant.wait_event("RBACError", "\"gateway\" is also used by pods of GatewaySync").await?;
    let labels = plant.api::<RoleBinding>().get("stoker-agent-plant").await?.metadata.labels.unwrap();
    assert_eq!(labels["stoker.io/gatewaysync"], "plant");
    Ok(())
}

/// One right, as the table has it and as the audit log shows it.
type Right = (String, String, String);

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn every_right_is_used_and_none_is_missing() -> Result<()> {
    let plant = Plant::new("rights").await?;
    let mark = plant.server.audit_mark()?;
    let controller = plant.controller(&["--leader-election", "true"])?;
    // A binding that has to be replaced, keys that are not ours, sidecars to update, a request to remove.
    let earlier = json!({ "metadata": { "name": "stoker-agent-plant" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" } });
    plant
        .api::<RoleBinding>()
        .create(&kube::api::PostParams::default(), &serde_json::from_value(earlier)?)
        .await?;
    plant.secret("git", &[("token", "any")]).await?;
    plant
        .gateway_sync("plant", |resource| {
            resource["spec"]["agent"] =
                json!({ "image": { "repository": "agent", "tag": "2" }, "updateStrategy": "inPlace" });
            resource["metadata"]["annotations"] = json!({ "stoker.io/requested-ref": "vmain" });
        })
        .await?;
    plant.pod("gw-0", |_| {}).await?;
    let pods = plant.api::<k8s_openapi::api::core::v1::Pod>();
    wait("the sidecar's update", async || {
        let image = pods.get("gw-0").await?.spec.unwrap().init_containers.unwrap()[0].image.clone();
        Ok(if image.as_deref() == Some("agent:2") { Ok(()) } else { Err(image) })
    })
    .await?;
    plant.wait_metadata("plant", "commit", &plant.repository.head()?).await?;
    plant.wait_event("GatewaysDiscovered", "").await?;
    wait("a renewal of the lease", async || {
        let asked = plant.server.audit_since(mark)?;
        let renewed = asked.iter().any(|entry| entry.user == plant.user && entry.verb == "update");
        Ok(if renewed { Ok(()) } else { Err("none") })
    })
    .await?;
    plant.api::<GatewaySync>().delete("plant", &DeleteParams::default()).await?;
    wait("the resource to be gone", async || {
        Ok(plant.api::<GatewaySync>().get_opt("plant").await?.map_or(Ok(()), |_| Err("there")))
    })
    .await?;
    controller.stop()?;

    let asked = plant.server.audit_since(mark)?;
    let ours: Vec<_> = asked.iter().filter(|entry| entry.user == plant.user).collect();
    let refused: Vec<_> = ours.iter().filter(|entry| entry.code == Some(403)).collect();
    assert!(refused.is_empty(), "a right is missing: {refused:#?}");
    // What is applied and does not exist is created: the audit log says patch, the authorizer asks for both.
    let mut used: BTreeSet<Right> = BTreeSet::new();
    for entry in &ours {
        used.insert((entry.group.clone(), entry.resource.clone(), entry.verb.clone()));
        if entry.verb == "patch" && entry.code == Some(201) {
            used.insert((entry.group.clone(), entry.resource.clone(), "create".to_owned()));
        }
    }
    used.retain(|(_, resource, _)| !resource.is_empty());
    // Installation tokens need a GitHub App; their own test uses these.
    let elsewhere =
        ["create", "delete", "patch"].map(|verb| (String::new(), "secrets".to_owned(), verb.to_owned()));
    let granted: BTreeSet<Right> = RULES
        .iter()
        .flat_map(|rule| {
            rule.verbs
                .iter()
                .map(|verb| (rule.group.to_owned(), rule.resource.to_owned(), (*verb).to_owned()))
        })
        .filter(|right| !elsewhere.contains(right))
        .collect();
    let used: BTreeSet<Right> = used.into_iter().filter(|right| !elsewhere.contains(right)).collect();
    assert_eq!(granted, used, "granted, and used");
    Ok(())
}
