use std::sync::Arc;

use serde_json::{Value, json};
use stoker_api::names::annotations;

use super::*;
use crate::decide::input::{Failure, Observed, Resolution, Resource};
use crate::decide::testkit::{A, B, observed, pod, report};
use crate::decide::{Decision, decide};

fn gateway(entry: &Value) -> Observed {
    let mut observed = observed();
    observed.pods = vec![Arc::new(pod("gw-0", &[(annotations::INJECTED, "true")]))];
    observed.reports.insert("gw-0".into(), report(&entry.to_string()));
    observed
}

fn after(before: &Decision, mut observed: Observed) -> Decision {
    let mut resource = Resource::clone(&observed.resource);
    resource.status = before.status.clone();
    observed.resource = Arc::new(resource);
    decide(&observed)
}

fn synced() -> Value {
    json!({ "syncStatus": "Synced", "syncedCommit": A })
}

fn reasons(decision: &Decision) -> Vec<&'static str> {
    decision.events.iter().map(|event| event.reason).collect()
}

/// The events when a gateway's entry changes.
fn between(before: &Value, then: &Value) -> Vec<Event> {
    after(&decide(&gateway(before)), gateway(then)).events
}

#[test]
fn nothing_new_is_no_event() {
    assert_eq!(between(&synced(), &synced()), []);
    let failed = json!({ "syncStatus": "Error", "errorMessage": "x".repeat(900) });
    assert_eq!(between(&failed, &failed), []);
}

#[test]
fn each_change_of_a_gateway_has_its_event() {
    let error = |reason: &str| json!({ "syncStatus": "Error", "reason": reason, "errorMessage": "words" });
    let with = |more: Value| {
        let mut entry = synced();
        for (key, value) in more.as_object().unwrap() {
            entry[key] = value.clone();
        }
        entry
    };
    let table = [
        (json!({}), synced(), "SyncCompleted", "gateway gw-0: at aaaaaaa"),
        (with(json!({ "syncedCommit": B })), synced(), "SyncCompleted", "gateway gw-0: at aaaaaaa"),
        (
            with(json!({ "syncedCommit": B })),
            error("DiskFull"),
            "SyncFailed",
            "gateway gw-0: DiskFull: words",
        ),
        (synced(), error("SignatureInvalid"), "SignatureInvalid", "gateway gw-0: SignatureInvalid: words"),
        (synced(), error("PolicyMismatch"), "SyncFailed", "gateway gw-0: PolicyMismatch: words"),
        (synced(), error("LimitExceeded"), "LimitExceeded", ""),
        (synced(), error("DesignerSessions"), "DesignerSessionsBlocked", ""),
        (json!({}), error("GitUnreachable"), "CloneFailed", ""),
        (synced(), json!({ "reason": "WindowClosed", "errorMessage": "closed" }), "WindowClosed", ""),
        (synced(), with(json!({ "drift": { "count": 1, "paths": ["x"] } })), "DriftDetected", ""),
        (synced(), with(json!({ "held": { "reason": "r", "since": "s" } })), "HoldStarted", ""),
        (with(json!({ "held": { "reason": "r", "since": "s" } })), synced(), "HoldEnded", ""),
        (synced(), with(json!({ "rolledBackFrom": B })), "RolledBack", ""),
    ];
    for (before, then, reason, note) in table {
        let events = between(&before, &then);
        assert_eq!(events.len(), 1, "{reason}: {events:?}");
        assert_eq!((events[0].reason, events[0].pod.as_deref()), (reason, Some("gw-0")));
        assert!(events[0].note.starts_with(note), "{}", events[0].note);
    }
}

#[test]
fn gateways_that_come_and_go_are_told() {
    let none = decide(&observed());
    let one = after(&none, gateway(&json!({})));
    assert_eq!(reasons(&one), ["GatewaysDiscovered"]);
    assert_eq!(reasons(&after(&one, observed())), ["GatewaysDiscovered"]);
}

#[test]
fn a_missing_sidecar_is_told_on_the_transition_only() {
    let mut missing = observed();
    missing.pods =
        vec![Arc::new(pod("gw-0", &[(annotations::INJECT, "true"), (annotations::CR_NAME, "plant")]))];
    let first = decide(&missing);
    assert_eq!(reasons(&first), ["GatewaysDiscovered", "MissingSidecar"]);
    assert_eq!(reasons(&after(&first, missing)), [] as [&str; 0]);
}

#[test]
fn failures_of_the_resource_are_told_once() {
    let failed = || Observed {
        resolution: Resolution::Failed(Failure {
            reason: "RefResolutionFailed",
            message: "there is no branch or tag \"mian\"; similar: \"main\"".into(),
            transient: false,
        }),
        ..observed()
    };
    let first = decide(&failed());
    assert_eq!(reasons(&first), ["RefResolutionFailed"]);
    assert!(first.events[0].note.contains("similar: \"main\""));
    assert_eq!(reasons(&after(&first, failed())), [] as [&str; 0]);
}
