use serde_json::json;

use super::*;

fn gateway_sync() -> GatewaySync {
    serde_json::from_value(json!({
        "apiVersion": "stoker.io/v1alpha1", "kind": "GatewaySync", "metadata": {"name": "plant", "namespace": "site1"},
        "spec": {
            "git": {"repo": "https://git.example.com/plant.git", "ref": "main"},
            "gateway": {"api": {"secretName": "api"}},
            "sync": {"profiles": {"default": {"mappings": [{"source": "a", "destination": "b"}]}}},
        },
    }))
    .unwrap()
}

fn settings() -> Settings {
    Settings { default_image: Some("example.com/agent:1".into()), ..Settings::default() }
}

fn injected(text: &str) -> Result<Injected, ManifestsError> {
    inject_all(text, &gateway_sync(), &settings(), None)
}

const MANIFESTS: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: plant}
spec: {ports: [{port: 8088}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: plant}
spec:
  template:
    metadata:
      annotations: {stoker.io/inject: "true", quoted: "yes", number: "012"}
    spec:
      containers:
      - name: gateway
        image: ignition
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates: [{metadata: {name: data}}]
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: by-hand, annotations: {stoker.io/inject: "true"}}
  spec: {containers: [{name: gateway, volumeMounts: [{name: ignition-data, mountPath: /d}]}]}
- apiVersion: v1
  kind: Pod
  metadata: {name: bystander}
  spec: {containers: [{name: db, volumeMounts: [{name: data, mountPath: /d}]}]}
"#;

#[test]
fn every_pod_that_asks_has_the_sidecar_and_nothing_else_changes() {
    let before: Vec<Value> = serde_saphyr::from_multiple(MANIFESTS).unwrap();
    let injected = injected(MANIFESTS).unwrap();
    let after: Vec<Value> = serde_saphyr::from_multiple(&injected.text).unwrap();
    assert_eq!(injected.warnings, Vec::<String>::new());
    assert_eq!(after.len(), 3);
    assert_eq!(after[0], before[0]);
    let template = &after[1]["spec"]["template"];
    assert_eq!(template["spec"]["initContainers"][0]["name"], "stoker-agent");
    assert_eq!(template["metadata"]["annotations"]["quoted"], "yes");
    assert_eq!(template["metadata"]["annotations"]["number"], "012");
    assert_eq!(after[1]["spec"]["volumeClaimTemplates"], before[1]["spec"]["volumeClaimTemplates"]);
    assert_eq!(after[2]["items"][0]["spec"]["initContainers"][0]["name"], "stoker-agent");
    assert_eq!(after[2]["items"][1], before[2]["items"][1]);
}

#[test]
fn what_was_injected_is_injected_once() {
    let once = injected(MANIFESTS).unwrap().text;
    assert_eq!(injected(&once).unwrap().text, once);
}

#[test]
fn pods_of_other_resources_and_namespaces_are_left_as_they_are() {
    let pod = |metadata: &str| {
        format!(
            "kind: Pod\nmetadata: {{name: p, {metadata}}}\nspec: {{containers: [{{name: g, volumeMounts: [{{name: data, mountPath: /d}}]}}]}}\n"
        )
    };
    for metadata in [
        "annotations: {stoker.io/inject: \"true\", stoker.io/cr-name: other}",
        "namespace: site2, annotations: {stoker.io/inject: \"true\"}",
    ] {
        let injected = injected(&pod(metadata)).unwrap();
        assert_eq!(injected.warnings.len(), 1, "{metadata}");
        assert!(!injected.text.contains("stoker-agent"));
    }
    assert!(matches!(injected(&pod("namespace: site1")), Err(ManifestsError::NobodyAsks)));
    assert!(matches!(injected("a: [b"), Err(ManifestsError::Unreadable(_))));
}

#[test]
fn a_pod_that_cannot_have_the_sidecar_is_an_error_with_its_name() {
    let text = "kind: Deployment\nmetadata: {name: plant}\nspec: {template: {metadata: {annotations: {stoker.io/inject: \"true\"}}, spec: {containers: []}}}\n";
    let error = injected(text).unwrap_err().to_string();
    assert!(error.starts_with("Deployment plant: no container mounts"), "{error}");
}
