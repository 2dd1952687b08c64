use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use stoker_api::names::{annotations, conditions::reasons};

use super::document::{ConditionStatus, RefResolutionStatus, condition};
use super::testkit::{A, B, observed, pod, spec};
use super::*;

fn annotated(key: &str, value: &str, mut observed: Observed) -> Observed {
    let mut resource = Resource::clone(&observed.resource);
    resource.annotations.insert(key.to_owned(), value.to_owned());
    observed.resource = Arc::new(resource);
    observed
}

fn with_spec(change: impl FnOnce(&mut GatewaySyncSpec), mut observed: Observed) -> Observed {
    let mut resource = Resource::clone(&observed.resource);
    let mut changed = spec();
    change(&mut changed);
    resource.spec = Ok(Arc::new(changed));
    observed.resource = Arc::new(resource);
    observed
}

fn metadata(decision: &Decision) -> BTreeMap<String, String> {
    decision.objects.as_ref().unwrap().metadata.clone().unwrap()
}

#[test]
fn the_metadata_has_every_key_of_the_contract() {
    let data = metadata(&decide(&observed()));
    let expected = [
        ("commit", A),
        ("ref", "main"),
        ("gitURL", "https://git.example.com/plant.git"),
        ("paused", "false"),
        ("authType", "none"),
        ("gatewayPort", "8088"),
        ("gatewayTLS", "false"),
    ];
    for (key, value) in expected {
        assert_eq!(data[key], value, "{key}");
    }
    let profiles: serde_json::Value = serde_json::from_str(&data["profiles"]).unwrap();
    assert_eq!(profiles["default"]["syncPeriod"], 30);
    assert_eq!(
        profiles["default"]["excludePatterns"],
        json!(["**/.git/", "**/.gitkeep", "**/.resources/**"])
    );
    assert_eq!(data.len(), expected.len() + 1, "what is new is left out while it says nothing");
}

#[test]
fn policy_and_requires_come_with_what_needs_them() {
    let windows = json!([{ "kind": "allow", "schedule": "0 2 * * *", "duration": "1h" }]);
    let spec =
        |spec: &mut GatewaySyncSpec| spec.sync_windows = serde_json::from_value(windows.clone()).unwrap();
    let data = metadata(&decide(&with_spec(spec, observed())));
    assert!(data["policy"].contains("0 2 * * *"));
    assert_eq!(data["requires"], r#"["windows"]"#);
}

#[test]
fn a_pause_is_written_to_the_metadata() {
    let data = metadata(&decide(&with_spec(|spec| spec.paused = true, observed())));
    assert_eq!(data["paused"], "true");
}

#[test]
fn a_requested_ref_that_agrees_can_go_with_the_value_that_was_seen() {
    assert_eq!(
        decide(&annotated(annotations::REQUESTED_REF, "vmain", observed())).fulfilled.as_deref(),
        Some("vmain")
    );
    let followed = decide(&annotated(annotations::REQUESTED_REF, "v2", observed()));
    assert_eq!(followed.fulfilled, None);
    assert_eq!(metadata(&followed)["ref"], "v2");
}

#[test]
fn a_refused_request_is_said_and_not_followed() {
    let decision = decide(&annotated(annotations::REQUESTED_REF, "refs/pull/1/head", observed()));
    assert_eq!(metadata(&decision)["ref"], "main");
    assert!(decision.events.iter().any(|event| event.note.contains("allowedRefs")));
}

#[test]
fn profiles_that_cannot_be_used_keep_the_last_metadata_but_a_pause_and_a_hold_pass() {
    let mut observed = observed();
    observed.metadata = Some(Arc::new(metadata(&decide(&observed))));
    observed.resolution = Resolution::Resolved { commit: B.into() };
    let broken = |spec: &mut GatewaySyncSpec| {
        spec.sync.profiles.get_mut("default").unwrap().mappings[0].destination = "../..".into();
        spec.paused = true;
    };
    let observed = annotated(annotations::HOLD, "wait", with_spec(broken, observed));
    let decision = decide(&observed);
    let data = metadata(&decision);
    assert_eq!((data["commit"].as_str(), data["paused"].as_str()), (A, "true"));
    assert!(data["targets"].contains("wait") && data["requires"].contains("hold"));
    assert_eq!(condition(&decision.status, "ProfilesValid").unwrap().reason, reasons::PROFILES_INVALID);
}

#[test]
fn a_resource_that_does_not_parse_is_reported_and_nothing_of_it_is_touched() {
    let mut observed = observed();
    let before = decide(&observed).status;
    let mut resource = Resource::clone(&observed.resource);
    resource.status = before;
    resource.spec = Err("missing field `git`".into());
    observed.resource = Arc::new(resource);
    let decision = decide(&observed);
    assert_eq!(decision.objects, None);
    assert_eq!(decision.status.last_sync_commit.as_deref(), Some(A), "what was known stays");
    let ready = condition(&decision.status, "Ready").unwrap();
    assert_eq!(ready.status, ConditionStatus::False);
    assert!(ready.message.contains("missing field `git`"));
    assert!(condition(&decision.status, "Stalled").is_some());
}

#[test]
fn the_status_names_what_the_gateways_are_told() {
    let status = decide(&observed()).status;
    assert_eq!(status.last_sync_commit.as_deref(), Some(A));
    assert_eq!(status.last_sync_commit_short.as_deref(), Some("aaaaaaa"));
    assert_eq!(status.last_sync_ref.as_deref(), Some("main"));
    assert_eq!(status.ref_resolution_status, Some(RefResolutionStatus::Resolved));
    assert_eq!((status.observed_generation, status.profile_count), (Some(3), Some(1)));
}

#[test]
fn accounts_of_pods_are_bound_and_none_is_dropped_because_a_pod_is_not_known_yet() {
    let mut observed = observed();
    let mut unknown = pod("gw-1", &[]);
    unknown.facts = None;
    observed.pods = vec![Arc::new(pod("gw-0", &[])), Arc::new(unknown)];
    observed.bound = ["of-gw-1".to_owned()].into();
    let accounts = decide(&observed).objects.unwrap().accounts;
    assert_eq!(accounts.into_iter().collect::<Vec<_>>(), ["gateway", "of-gw-1"]);
}

#[test]
fn a_service_account_that_two_resources_share_is_warned_of() {
    let mut observed = observed();
    observed.pods = vec![Arc::new(pod("gw-0", &[]))];
    observed.foreign_accounts.insert("gateway".into(), "other".into());
    let warning = decide(&observed).events.into_iter().find(|event| event.reason == "RBACError").unwrap();
    assert!(warning.note.contains("not isolated") || warning.note.contains("\"other\""));
}

#[test]
fn an_interval_below_five_seconds_is_warned_of() {
    let short = |spec: &mut GatewaySyncSpec| spec.polling.interval = "1s".parse().unwrap();
    let decision = decide(&with_spec(short, observed()));
    assert!(decision.events.iter().any(|event| event.note.contains("counts as 5s")));
}

#[test]
fn a_silent_agent_is_looked_for_in_time() {
    let mut observed = observed();
    observed.pods = vec![Arc::new(pod("gw-0", &[(annotations::INJECTED, "true")]))];
    assert_eq!(decide(&observed).again, Some(Duration::from_mins(150)));
}
