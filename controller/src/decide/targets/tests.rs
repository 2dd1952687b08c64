use std::sync::Arc;

use super::*;
use crate::decide::input::{Observed, Resource};
use crate::decide::testkit::{A, B, observed, pod, report, resource, spec};

const INJECTED: (&str, &str) = (annotations::INJECTED, "true");

fn on_resource(annotation: &str, value: &str, mut observed: Observed) -> Observed {
    let mut resource = Resource::clone(&observed.resource);
    resource.annotations.insert(annotation.to_owned(), value.to_owned());
    observed.resource = Arc::new(resource);
    observed
}

fn with_pods(pods: Vec<Pod>) -> Observed {
    Observed { pods: pods.into_iter().map(Arc::new).collect(), ..observed() }
}

fn nothing_before() -> BTreeMap<String, Target> {
    BTreeMap::new()
}

#[test]
fn nothing_asked_is_nothing_told() {
    let told = targets(&with_pods(vec![pod("gw-0", &[INJECTED])]), &nothing_before(), A);
    assert_eq!(told, Targets { shards: 1, ..Targets::default() });
}

#[test]
fn annotations_of_the_resource_are_told_to_all_and_those_of_a_pod_to_it() {
    let observed = with_pods(vec![
        pod("gw-0", &[INJECTED, (annotations::HOLD, "valve test")]),
        pod("gw-1", &[INJECTED]),
    ]);
    let observed = on_resource(annotations::SYNC_NOW, "7", observed);
    let observed = on_resource(annotations::RESUME, "r", observed);
    let told = targets(&observed, &nothing_before(), A);
    assert_eq!(told.by_pod[EVERY_POD].sync_now.as_deref(), Some("7"));
    assert_eq!(told.by_pod[EVERY_POD].resume.as_deref(), Some("r"));
    assert_eq!(told.by_pod["gw-0"].hold.as_deref(), Some("valve test"));
    assert!(!told.by_pod.contains_key("gw-1"));
}

fn previous_is(commit: &str) -> Observed {
    let mut observed = with_pods(vec![pod("gw-0", &[INJECTED]), pod("gw-1", &[INJECTED])]);
    let json = format!(r#"{{"previousCommit":"{commit}","podUID":"uid-of-gw-0"}}"#);
    observed.reports.insert("gw-0".into(), report(&json));
    let foreign = format!(r#"{{"previousCommit":"{commit}","podUID":"another"}}"#);
    observed.reports.insert("gw-1".into(), report(&foreign));
    on_resource(annotations::ROLLBACK_TO, "previous", observed)
}

#[test]
fn previous_is_resolved_once_for_each_gateway_and_kept() {
    let first = targets(&previous_is(A), &nothing_before(), B);
    assert_eq!(first.by_pod["gw-0"].rollback_to.as_deref(), Some(A));
    assert!(!first.by_pod.contains_key("gw-1"), "an entry of another pod is not believed");
    // After the rollback the agent's own previous commit is another one.
    let then = targets(&previous_is(B), &first.by_pod, B);
    assert_eq!(then.by_pod["gw-0"].rollback_to.as_deref(), Some(A));
    // The annotation went: nothing is left of it.
    let mut over = previous_is(B);
    over.resource = Arc::new(resource());
    assert_eq!(targets(&over, &then.by_pod, B).by_pod, nothing_before());
}

#[test]
fn a_commit_to_go_back_to_is_told_as_it_is() {
    let told = targets(&on_resource(annotations::ROLLBACK_TO, A, observed()), &nothing_before(), B);
    assert_eq!(told.by_pod[EVERY_POD].rollback_to.as_deref(), Some(A));
}

#[test]
fn values_that_cannot_be_followed_are_named() {
    for (annotation, value) in [(annotations::ROLLBACK_TO, "abc123"), (annotations::ACCEPT, "mine")] {
        let told = targets(&on_resource(annotation, value, observed()), &nothing_before(), A);
        assert!(told.by_pod.is_empty());
        assert!(told.problems[0].contains(value) && told.problems[0].contains(annotation));
    }
}

#[test]
fn what_is_accepted_is_accepted_for_the_commit_wanted_then() {
    let asked = on_resource(annotations::ACCEPT, "git", observed());
    let first = targets(&asked, &nothing_before(), A);
    assert_eq!(first.by_pod[EVERY_POD].accept.as_deref(), Some(A));
    let later = targets(&asked, &first.by_pod, B);
    assert_eq!(later.by_pod[EVERY_POD].accept.as_deref(), Some(A), "the next commit is not accepted");
}

#[test]
fn beyond_200_gateways_a_pod_is_told_its_status_map() {
    let pods = (0..250).map(|n| pod(&format!("gw-{n:03}"), &[INJECTED])).collect();
    let told = targets(&with_pods(pods), &nothing_before(), A);
    assert_eq!(told.shards, 2);
    assert_eq!(told.by_pod["gw-249"].status_config_map.as_deref(), Some("stoker-status1-plant"));
    assert!(!told.by_pod.contains_key("gw-000"));
}

#[test]
fn what_an_agent_must_know_is_required() {
    let mut spec = spec();
    assert!(requires(&spec, &nothing_before()).is_empty());
    spec.git.verify = serde_json::from_value(serde_json::json!({ "secretRef": { "name": "keys" } })).unwrap();
    spec.sync_windows = serde_json::from_value(
        serde_json::json!([{ "kind": "deny", "schedule": "0 8 * * *", "duration": "8h" }]),
    )
    .unwrap();
    let held = BTreeMap::from([("gw".to_owned(), Target { hold: Some("x".into()), ..Target::default() })]);
    assert_eq!(requires(&spec, &held), ["hold", "verify", "windows"]);
}
