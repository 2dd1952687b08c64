//! The body of an `AdmissionReview`: whatever pod is in it, there is an answer to that question, its patch fits the pod, and
//! a second look at the patched pod changes nothing.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use stoker_api::spec::GatewaySyncSpec;
use stoker_webhook::admission::review::{Answer, Review};
use stoker_webhook::inject::{NamespaceRules, Pod, Presence, Request, Resource, Settings, Source, inject};

static SPEC: LazyLock<GatewaySyncSpec> = LazyLock::new(|| {
    let reference = json!({"name": "s", "key": "k"});
    serde_json::from_value(json!({
        "git": {
            "repo": "https://git.example.com/r.git", "ref": "main",
            "auth": {"sshKey": {"secretRef": reference, "knownHosts": {"secretRef": reference}}},
            "verify": {"secretRef": {"name": "v"}},
            "proxy": {"url": "http://$(P)", "secretRef": reference},
        },
        "gateway": {"api": {"secretName": "api", "secretKey": "{{ .GatewayName }}-{{ .Labels.a }}"}},
        "sync": {"profiles": {"default": {"mappings": []}}},
    }))
    .unwrap()
});

static RULES: LazyLock<NamespaceRules> = LazyLock::new(|| {
    let range = json!({"spec": {"limits": [{"type": "Container", "min": {"memory": "20Mi"}, "max": {"cpu": "1"}}]}});
    NamespaceRules::of(&[range], &[json!({"spec": {"hard": {"limits.cpu": "1"}}})])
});

fuzz_target!(|body: &[u8]| {
    let Ok(review) = Review::read(body) else { return };
    let question = &review.request;
    let mut pod = question.object.clone();
    let settings = Settings { default_image: Some("a:1".to_owned()), ..Settings::default() };
    let look = |pod: &Value| {
        let (source, rules) = (Source::Admission, &RULES);
        let request =
            Request { pod: Pod(pod), namespace: Some(&question.namespace), source, rules, api_secret: Presence::Unknown };
        inject(&request, Resource { name: "plant", spec: &SPEC }, &settings)
    };
    let answer = match look(&pod) {
        Err(refusal) => Answer::Deny { message: refusal.to_string() },
        Ok(injection) => {
            injection.patch.apply(&mut pod).expect("the patch fits the pod");
            let again = look(&pod).expect("it has the sidecar");
            assert!(again.patch.is_empty(), "{:?}", again.patch);
            assert_eq!(pod["spec"]["initContainers"][0]["name"], "stoker-agent");
            Answer::Allow { patch: injection.patch, warnings: injection.warnings }
        }
    };
    let body: Value = serde_json::from_slice(&answer.body(&question.uid)).expect("an answer is JSON");
    assert_eq!(body["response"]["uid"], question.uid);
});
