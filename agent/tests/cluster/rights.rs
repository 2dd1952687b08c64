//! Least privilege, by the API server's own word.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stoker_test_apiserver::Server;

use crate::api::Api;
use crate::stage::Stage;

/// Every right in a namespace, one for each verb, resource and name.
fn rights(server: &Server, token: &str, namespace: &str) -> BTreeSet<String> {
    let request = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let answer = Api::of(server, token).create(path, &request);
    let texts = |value: &Value| -> Vec<String> {
        let items = value.as_array().map_or(&[][..], Vec::as_slice);
        items.iter().map(|item| item.as_str().unwrap().to_owned()).collect()
    };
    let mut rights = BTreeSet::new();
    for rule in answer["status"]["resourceRules"].as_array().unwrap() {
        let names = match texts(&rule["resourceNames"]) {
            names if names.is_empty() => vec!["*".to_owned()],
            names => names,
        };
        for verb in texts(&rule["verbs"]) {
            for resource in texts(&rule["resources"]) {
                rights.extend(names.iter().map(|name| format!("{verb} {resource} {name}")));
            }
        }
    }
    rights
}

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn an_agent_may_do_nothing_but_read_its_metadata_and_write_its_status_and_changes() {
    let stage = Stage::new();
    let own = rights(stage.server, &stage.token(), &stage.namespace);
    let accounts = format!("/api/v1/namespaces/{}/serviceaccounts", stage.namespace);
    stage.api.create(&accounts, &json!({"metadata": {"name": "anyone"}}));
    let of_all = rights(stage.server, &stage.api.token(&stage.namespace, "anyone"), &stage.namespace);
    let more: Vec<&String> = own.difference(&of_all).collect();
    assert_eq!(
        more,
        [
            "get configmaps stoker-changes-plant",
            "get configmaps stoker-metadata-plant",
            "get configmaps stoker-status-plant",
            "patch configmaps stoker-changes-plant",
            "patch configmaps stoker-status-plant",
            "watch configmaps stoker-metadata-plant",
        ]
    );
    // And whoever is not bound cannot read what is wanted.
    let stranger = Api::of(stage.server, &stage.api.token(&stage.namespace, "anyone"));
    let (code, _) =
        stranger.ask("GET", &stage.map_path("stoker-metadata-plant"), "application/json", &Value::Null);
    assert_eq!(code, 403);
}
