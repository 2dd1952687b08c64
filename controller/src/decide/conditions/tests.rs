use std::sync::Arc;

use serde_json::json;
use stoker_api::names::annotations;

use super::*;
use crate::decide::document::condition;
use crate::decide::input::{Failure, Observed, Pod, Resolution, Resource};
use crate::decide::testkit::{A, B, now, observed, pod, report, spec};
use crate::decide::{Decision, decide};

const INJECTED: (&str, &str) = (annotations::INJECTED, "true");

/// Two gateways with the sidecar, the first with this entry, the second synced.
fn two(entry: &serde_json::Value) -> Observed {
    let mut observed = observed();
    observed.pods = vec![Arc::new(pod("gw-0", &[INJECTED])), Arc::new(pod("gw-1", &[INJECTED]))];
    observed.reports.insert("gw-0".into(), report(&entry.to_string()));
    observed.reports.insert("gw-1".into(), report(&synced().to_string()));
    observed
}

fn synced() -> serde_json::Value {
    json!({ "syncStatus": "Synced", "syncedCommit": A, "lastSeen": now().to_string() })
}

fn and(mut entry: serde_json::Value, more: &serde_json::Value) -> serde_json::Value {
    for (key, value) in more.as_object().unwrap() {
        entry[key] = value.clone();
    }
    entry
}

fn change(observed: &mut Observed, change: impl FnOnce(&mut GatewaySyncSpec)) {
    let mut resource = Resource::clone(&observed.resource);
    let mut spec = GatewaySyncSpec::clone(resource.spec.as_ref().unwrap());
    change(&mut spec);
    resource.spec = Ok(Arc::new(spec));
    observed.resource = Arc::new(resource);
}

/// `status reason: message` of a condition; nothing where there is none.
fn told(decision: &Decision, kind: &str) -> String {
    condition(&decision.status, kind)
        .map_or_else(String::new, |c| format!("{} {}: {}", c.status, c.reason, c.message))
}

#[test]
fn everything_synced_is_ready() {
    let decision = decide(&two(&synced()));
    assert_eq!(told(&decision, "Ready"), "True SyncSucceeded: All gateways synced");
    assert_eq!(told(&decision, "AllGatewaysSynced"), "True SyncSucceeded: 2/2 synced");
    assert_eq!(told(&decision, "RefResolved"), format!("True RefResolved: {A}"));
    assert!(told(&decision, "ProfilesValid").starts_with("True ProfilesValid"));
    assert!(told(&decision, "SidecarInjected").starts_with("True SidecarPresent"));
    assert!(told(&decision, "AgentsReporting").starts_with("True"));
    assert_eq!(told(&decision, "Reconciling") + &told(&decision, "Stalled"), "");
    assert!(decision.status.conditions.iter().all(|condition| condition.observed_generation == Some(3)));
}

type Change = Box<dyn Fn(&mut Observed)>;

#[test]
fn what_keeps_a_resource_from_being_ready_is_told_apart() {
    let failed = |transient| {
        Resolution::Failed(Failure {
            reason: reasons::REF_RESOLUTION_FAILED,
            message: "away".into(),
            transient,
        })
    };
    let table: Vec<(Change, &str, &str)> = vec![
        (Box::new(|o| change(o, |spec| spec.paused = true)), "False Paused", ""),
        (Box::new(|o| change(o, |spec| spec.sync.profiles.clear())), "False ProfilesInvalid", "Stalled"),
        (Box::new(move |o| o.resolution = failed(true)), "False RefResolutionFailed: away", "Reconciling"),
        (Box::new(move |o| o.resolution = failed(false)), "False RefResolutionFailed: away", "Stalled"),
        (Box::new(|o| o.resolution = Resolution::Pending), "False Reconciling", "Reconciling"),
        (Box::new(|o| o.pods.clear()), "False Reconciling: no gateway pods found", "Reconciling"),
        (
            Box::new(|o| o.missing_secrets = vec!["secret \"ignition\" does not exist".into()]),
            "False SyncFailed: secret \"ignition\" does not exist",
            "Stalled",
        ),
        (Box::new(|o| *o = two(&json!({}))), "False Reconciling: 1/2 synced", "Reconciling"),
        (
            Box::new(|o| *o = two(&and(synced(), &json!({ "syncedCommit": B })))),
            "False Reconciling: 1/2 synced",
            "Reconciling",
        ),
        (
            Box::new(|o| {
                *o = two(&json!({ "syncStatus": "Error", "reason": "DiskFull", "errorMessage": "no space" }));
            }),
            "False SyncFailed: gateway gw-0: DiskFull: no space",
            "Stalled",
        ),
        (
            Box::new(|o| *o = two(&and(synced(), &json!({ "lastSeen": "2026-06-01T09:00:00Z" })))),
            "False AgentSilent: not heard of: gw-0",
            "Stalled",
        ),
        (
            Box::new(|o| {
                *o = two(&and(
                    synced(),
                    &json!({ "syncedCommit": B, "held": { "reason": "mine", "since": "x" } }),
                ));
            }),
            "False Held: gateway gw-0 is held: mine",
            "",
        ),
        (
            Box::new(|o| o.pods[0] = Arc::new(pod("gw-0", &[(annotations::INJECT, "true")]))),
            "False Reconciling: 1/2 synced (1 missing sidecar)",
            "Reconciling",
        ),
    ];
    for (change, ready, kstatus) in table {
        let mut observed = two(&synced());
        change(&mut observed);
        let decision = decide(&observed);
        assert!(told(&decision, "Ready").starts_with(ready), "{} for {ready}", told(&decision, "Ready"));
        for kind in ["Reconciling", "Stalled"] {
            assert_eq!(!told(&decision, kind).is_empty(), kind == kstatus, "{kind} for {ready}");
        }
    }
}

#[test]
fn ready_is_never_true_while_the_ref_is_unresolved_though_all_gateways_are_synced() {
    let mut observed = two(&synced());
    let first = decide(&observed);
    observed.metadata = first.objects.unwrap().metadata.map(Arc::new);
    observed.resolution = Resolution::Failed(Failure {
        reason: reasons::GITHUB_APP_EXCHANGE_FAILED,
        message: "401".into(),
        transient: false,
    });
    let decision = decide(&observed);
    assert!(told(&decision, "Ready").starts_with("False RefResolutionFailed"));
    assert!(told(&decision, "RefResolved").starts_with("False GitHubAppExchangeFailed"));
    assert!(told(&decision, "AllGatewaysSynced").starts_with("True"));
    assert_eq!(
        decision.status.ref_resolution_status,
        Some(crate::decide::document::RefResolutionStatus::Error)
    );
}

#[test]
fn no_gateways_are_no_success() {
    let decision = decide(&observed());
    assert_eq!(told(&decision, "AllGatewaysSynced"), "False NoGatewaysDiscovered: 0/0 synced");
}

#[test]
fn pods_without_sidecar_are_counted_and_named() {
    let mut observed = two(&synced());
    observed.pods.push(Arc::new(pod("gw-2", &[(annotations::INJECT, "true")])));
    let decision = decide(&observed);
    assert_eq!(told(&decision, "AllGatewaysSynced"), "False SyncInProgress: 2/3 synced (1 missing sidecar)");
    assert!(told(&decision, "SidecarInjected").starts_with("False SidecarMissing: without sidecar: gw-2;"));
}

#[test]
fn an_entry_of_another_pods_uid_counts_as_pending() {
    let decision = decide(&two(&and(synced(), &json!({ "podUID": "an-earlier-pod" }))));
    assert_eq!(decision.gateways[0].sync_status, SyncStatus::Pending);
    assert_eq!(told(&decision, "AllGatewaysSynced"), "False SyncInProgress: 1/2 synced");
    let decision = decide(&two(&and(synced(), &json!({ "podUID": "uid-of-gw-0" }))));
    assert_eq!(told(&decision, "AllGatewaysSynced"), "True SyncSucceeded: 2/2 synced");
}

#[test]
fn an_entry_that_cannot_be_read_is_an_error_of_that_gateway_alone() {
    let mut observed = two(&synced());
    observed.reports.insert("gw-0".into(), report("{"));
    let decision = decide(&observed);
    assert_eq!(decision.gateways[0].sync_status, SyncStatus::Error);
    assert_eq!(decision.gateways[1].sync_status, SyncStatus::Synced);
    observed.reports.insert("gw-0".into(), report(&format!("{{\"x\":\"{}\"}}", "y".repeat(5000))));
    assert!(decide(&observed).gateways[0].error_message.as_ref().unwrap().contains("5008 bytes"));
}

#[test]
fn no_agent_can_say_that_there_is_none() {
    let decision = decide(&two(&json!({ "syncStatus": "MissingSidecar" })));
    assert_eq!(decision.gateways[0].sync_status, SyncStatus::Pending);
}

#[test]
fn host_keys_are_spoken_of_only_with_ssh() {
    let mut observed = two(&synced());
    assert_eq!(told(&decide(&observed), "SSHHostKeyVerification"), "");
    let key = json!({ "sshKey": { "secretRef": { "name": "k", "key": "id" } } });
    change(&mut observed, |spec| spec.git.auth = serde_json::from_value(key).unwrap());
    assert!(
        told(&decide(&observed), "SSHHostKeyVerification").starts_with("False HostKeyVerificationDisabled")
    );
    let key = json!({ "sshKey": { "secretRef": { "name": "k", "key": "id" },
        "knownHosts": { "secretRef": { "name": "k", "key": "known_hosts" } } } });
    change(&mut observed, |spec| spec.git.auth = serde_json::from_value(key).unwrap());
    assert!(
        told(&decide(&observed), "SSHHostKeyVerification").starts_with("True HostKeyVerificationEnabled")
    );
}

#[test]
fn conditions_follow_what_agents_report() {
    let table = [
        (
            json!({ "drift": { "count": 2, "paths": ["a"] } }),
            "Drifted",
            "True DriftDetected: 2 files changed on gw-0",
        ),
        (
            json!({ "held": { "reason": "valve", "since": "x" } }),
            "Held",
            "True Held: gateway gw-0 is held: valve",
        ),
        (
            json!({ "rolledBackFrom": B }),
            "RolledBack",
            "True RolledBack: gateway gw-0 went back from bbbbbbb to aaaaaaa",
        ),
        (json!({ "restartRequired": ["modules.json"] }), "RestartRequired", "True RestartRequired"),
    ];
    for (more, kind, expected) in table {
        let decision = decide(&two(&and(synced(), &more)));
        assert!(told(&decision, kind).starts_with(expected), "{}", told(&decision, kind));
        let without = told(&decide(&two(&synced())), kind);
        assert!(without.starts_with("False"), "{kind}: {without}");
    }
}

#[test]
fn a_bad_signature_and_a_wrong_policy_are_told_apart() {
    for reason in ["SignatureInvalid", "PolicyMismatch"] {
        let mut observed = two(&json!({ "syncStatus": "Error", "reason": reason, "errorMessage": "x" }));
        let verify = json!({ "secretRef": { "name": "keys" } });
        change(&mut observed, |spec| spec.git.verify = serde_json::from_value(verify).unwrap());
        assert!(told(&decide(&observed), "SourceVerified").starts_with(&format!("False {reason}")));
    }
    assert_eq!(told(&decide(&two(&synced())), "SourceVerified"), "");
}

#[test]
fn transition_times_move_on_change_only() {
    let mut observed = two(&synced());
    let first = decide(&observed).status;
    let time =
        |status: &ResourceStatus, kind: &str| condition(status, kind).unwrap().last_transition_time.clone();
    assert_eq!(time(&first, "Ready"), now().to_string());

    let mut resource = Resource::clone(&observed.resource);
    resource.status = first.clone();
    observed.resource = Arc::new(resource);
    observed.now = "2026-06-01T12:30:00Z".parse().unwrap();
    assert_eq!(decide(&observed).status, first, "nothing changed: the same status to the letter");

    observed.pods.pop();
    observed.pods.push(Arc::new(pod("gw-1", &[(annotations::INJECT, "true")])));
    let then = decide(&observed).status;
    assert_eq!(time(&then, "Ready"), observed.now.to_string());
    assert_eq!(time(&then, "RefResolved"), now().to_string());
}

#[test]
fn a_pod_that_ended_is_no_gateway_but_keeps_its_rights() {
    let mut observed = two(&synced());
    let mut ended = Pod::clone(&observed.pods[0]);
    ended.facts.as_mut().unwrap().ended = true;
    ended.facts.as_mut().unwrap().service_account = "of-the-ended".into();
    observed.pods[0] = Arc::new(ended);
    let decision = decide(&observed);
    assert_eq!(decision.gateways.len(), 1);
    assert!(decision.objects.unwrap().accounts.contains("of-the-ended"));
}

#[test]
fn an_unknown_profile_is_named_with_the_known_ones() {
    let mut observed = observed();
    observed.pods = vec![Arc::new(pod("gw-0", &[INJECTED, (annotations::PROFILE, "defalut")]))];
    let decision = decide(&observed);
    let message = decision.gateways[0].error_message.as_ref().unwrap();
    assert!(message.contains("\"defalut\" does not exist") && message.contains("default"), "{message}");
    assert_eq!(spec().sync.profiles.len(), 1);
}
