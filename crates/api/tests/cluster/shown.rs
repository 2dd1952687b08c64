//! What people see: names, columns, explanations.

use kube::Resource as _;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use stoker_api::crd::GatewaySync;
use stoker_api::manifest;

use crate::Cluster;
use crate::manifests::LEAST;

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn the_resource_has_the_names_of_the_contract() {
    let cluster = Cluster::with("names").await;
    let client = cluster.server.admin().unwrap();
    let resources = client.list_api_group_resources("stoker.io/v1alpha1").await.unwrap().resources;
    let resource = resources.iter().find(|resource| resource.name == "gatewaysyncs").unwrap();
    assert_eq!((resource.kind.as_str(), resource.singular_name.as_str()), ("GatewaySync", "gatewaysync"));
    assert!(resource.namespaced);
    assert_eq!(resource.short_names.as_deref(), Some(["gs".to_owned()].as_slice()));
    assert_eq!(resource.categories.as_deref(), Some(["stoker".to_owned()].as_slice()));
    let status = resources.iter().find(|resource| resource.name == "gatewaysyncs/status").unwrap();
    let mut verbs = status.verbs.clone();
    verbs.sort();
    assert_eq!(verbs, ["get", "patch", "update"]);
}

/// What `kubectl get gs -o wide` asks for.
#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn the_columns_are_those_of_the_contract_in_their_order() {
    let cluster = Cluster::with("columns").await;
    let api = cluster.typed();
    let spec = manifest::read(LEAST, "gatewaysync.yaml").unwrap().spec;
    api.create(&PostParams::default(), &GatewaySync::new("plant", spec)).await.unwrap();
    let condition = |kind: &str, message: &str| {
        json!({
            "type": kind, "status": "True", "reason": "SyncSucceeded", "message": message,
            "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1,
        })
    };
    let status = json!({"status": {
        "lastSyncRef": "v1.2.0", "lastSyncCommitShort": "0123456", "profileCount": 3,
        "lastSyncTime": "2026-01-01T00:00:00Z",
        "conditions": [condition("AllGatewaysSynced", "2/2 synced"), condition("Ready", "All gateways synced")],
    }});
    api.patch_status("plant", &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();

    let path = GatewaySync::url_path(&(), Some(&cluster.namespace));
    let mut request = kube::api::Request::new(path).get("plant", &kube::api::GetParams::default()).unwrap();
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    request.headers_mut().insert("accept", table.parse().unwrap());
    let table: Value = cluster.server.admin().unwrap().request(request).await.unwrap();
    let definitions = table["columnDefinitions"].as_array().unwrap();
    let columns: Vec<(&str, i64)> = definitions
        .iter()
        .map(|column| (column["name"].as_str().unwrap(), column["priority"].as_i64().unwrap()))
        .collect();
    let expected = [
        ("Name", 0),
        ("Ref", 0),
        ("Gateways", 0),
        ("Ready", 0),
        ("Status", 0),
        ("Age", 0),
        ("Commit", 1),
        ("Profiles", 1),
        ("Last Sync", 1),
    ];
    assert_eq!(columns, expected);
    let cells = table["rows"][0]["cells"].as_array().unwrap();
    let fixed = [0, 1, 2, 3, 4, 6, 7].map(|column| cells[column].clone());
    let expected = json!(["plant", "v1.2.0", "2/2 synced", "True", "All gateways synced", "0123456", 3]);
    assert_eq!(Value::from(fixed.to_vec()), expected);
}

/// What `kubectl explain gatewaysync.spec.git.ref` shows.
#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn every_field_can_be_explained() {
    let cluster = Cluster::with("explained").await;
    let client = cluster.server.admin().unwrap();
    let request = || {
        let request = kube::api::Request::new("/openapi/v3/apis/stoker.io");
        request.get("v1alpha1", &kube::api::GetParams::default()).unwrap()
    };
    // The document follows the definition moments later.
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    let document: Value = loop {
        if let Ok(document) = client.request(request()).await {
            break document;
        }
        assert!(std::time::Instant::now() < deadline, "no document");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    let schema = &document["components"]["schemas"]["io.stoker.v1alpha1.GatewaySync"];
    let git_ref = &schema["properties"]["spec"]["properties"]["git"]["properties"]["ref"];
    let words = "Branch, tag (lightweight or annotated) or full commit SHA. A branch wins over a tag of the same name.";
    assert_eq!(git_ref["description"], words);
}
