//! Pods, resources, and what comes of them.

use serde_json::{Value, json};
use stoker_api::spec::GatewaySyncSpec;

use super::super::*;

/// A gateway as the API server shows it: with its token.
pub fn pod() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "plant-0", "namespace": "site1", "annotations": {"stoker.io/inject": "true"}},
        "spec": {
            "containers": [{
                "name": "gateway",
                "image": "inductiveautomation/ignition:8.3.1",
                "volumeMounts": [
                    {"name": "ignition-data", "mountPath": "/usr/local/bin/ignition/data"},
                    {"name": "kube-api-access-abcde", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true},
                ],
            }],
            "volumes": [{"name": "ignition-data", "persistentVolumeClaim": {"claimName": "data-plant-0"}}],
        },
    })
}

/// A resource, changed by hand.
pub fn spec(change: impl FnOnce(&mut Value)) -> GatewaySyncSpec {
    let mut spec = json!({
        "git": {"repo": "https://git.example.com/plant.git", "ref": "main"},
        "gateway": {"api": {"secretName": "api"}},
        "sync": {"profiles": {"default": {"mappings": [{"source": "projects", "destination": "projects"}]}}},
    });
    change(&mut spec);
    serde_json::from_value(spec).unwrap()
}

pub fn settings() -> Settings {
    Settings { default_image: Some("registry.example.com/stoker-agent:1.2.3".into()), ..Settings::default() }
}

pub fn request<'a>(pod: &'a Value, rules: &'a NamespaceRules) -> Request<'a> {
    Request {
        pod: Pod(pod),
        namespace: Some("site1"),
        source: Source::Admission,
        rules,
        api_secret: Presence::Exists,
    }
}

pub fn inject_into(pod: &Value, spec: &GatewaySyncSpec, settings: &Settings) -> Result<Injection, Refusal> {
    inject(&request(pod, &NamespaceRules::default()), Resource { name: "plant", spec }, settings)
}

/// The pod with its sidecar, and the warnings.
pub fn injected(pod: &Value, spec: &GatewaySyncSpec) -> (Value, Vec<String>) {
    let injection = inject_into(pod, spec, &settings()).unwrap();
    let mut pod = pod.clone();
    injection.patch.apply(&mut pod).unwrap();
    (pod, injection.warnings)
}

pub fn sidecar_of(pod: &Value) -> &Value {
    let init = pod["spec"]["initContainers"].as_array().unwrap();
    init.iter().find(|container| container["name"] == "stoker-agent").unwrap()
}

/// The text of a variable.
pub fn variable<'a>(container: &'a Value, name: &str) -> &'a str {
    let all = container["env"].as_array().unwrap();
    all.iter().find(|entry| entry["name"] == name).and_then(|entry| entry["value"].as_str()).unwrap()
}
