//! From the metadata to the gateway, and back to the status.

use std::fs;

use serde_json::json;

use crate::stage::{Stage, UID};

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn what_the_metadata_names_goes_live_and_is_reported() {
    let stage = Stage::new();
    let mark = stage.server.audit_mark().unwrap();
    let first = stage.tell_head();
    let agent = stage.start();
    let entry = stage.wait_for_commit(&agent, &first);
    assert_eq!((&entry["podUID"], &entry["profileName"]), (&json!(UID), &json!("default")), "{entry:#}");
    assert_eq!(entry["syncedRef"], "main");
    assert!(entry["lastSeen"].is_string(), "{entry:#}");
    stage.wait_for_report(&agent, "the scan", |entry| entry["lastScanResult"] == "projects=200 config=200");

    let second = stage.push("two");
    stage.tell(&json!({"commit": second}));
    let entry = stage.wait_for_commit(&agent, &second);
    assert_eq!(stage.shown().as_deref(), Some("two"));
    assert_eq!(entry["previousCommit"], first, "{entry:#}");
    let changes = agent.wait("the changes", |_| {
        stage.entry("stoker-changes-plant").filter(|entry| entry["lastSync"]["commit"] == second)
    });
    let modified = &changes["lastSync"]["modified"];
    assert!(modified["paths"].to_string().contains("views/main/view.json"), "{changes:#}");

    let (code, metrics) = agent.get("/metrics");
    assert_eq!(code, 200);
    for part in [
        "stoker_agent_sync_total{profile=\"default\",result=\"success\",reason=\"\"} 2\n",
        "stoker_agent_git_fetch_total{operation=\"clone\",result=\"success\"} 1\n",
        "stoker_agent_git_fetch_total{operation=\"fetch\",result=\"success\"} 1\n",
        "stoker_agent_api_requests_total{verb=\"get\"} 1\n",
        "stoker_agent_api_requests_total{verb=\"watch\"} 1\n",
        "stoker_agent_last_sync_success 1\n",
    ] {
        assert!(metrics.contains(part), "{part} is not in\n{metrics}");
    }
    // Nothing was asked for but what the Role gives, and nothing was refused.
    let mut asked = stage.server.audit_since(mark).unwrap();
    asked.retain(|entry| entry.user == stage.user());
    for entry in &asked {
        let name = if entry.verb == "watch" { "stoker-metadata-plant" } else { &entry.name };
        let kind = (entry.verb.as_str(), name);
        assert!(
            matches!(
                kind,
                ("get" | "watch", "stoker-metadata-plant")
                    | ("patch", "stoker-status-plant" | "stoker-changes-plant")
            ),
            "{entry:?}"
        );
        assert!(entry.code.is_none_or(|code| code < 300), "{entry:?}");
    }
    assert!(stage.gateway.incidents().is_empty(), "{:?}", stage.gateway.incidents());
}

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn what_changes_nothing_for_this_pod_writes_nothing() {
    let stage = Stage::new();
    let commit = stage.tell_head();
    let agent = stage.start();
    stage.wait_for_report(&agent, "the scan", |entry| {
        entry["syncedCommit"] == commit
            && entry["lastScanResult"].is_string()
            && entry["syncStatus"] == "Synced"
    });
    let version = |name: &str| stage.api.get(&stage.map_path(name))["metadata"]["resourceVersion"].clone();
    let before = version("stoker-status-plant");
    stage.tell(&json!({"targets": json!({"gw-9": {"syncNow": "1"}}).to_string()}));
    // A pause is reported; by then the other change would have been, too.
    stage.tell(&json!({"something": "of a later version"}));
    let seen = stage.api.get(&stage.map_path("stoker-metadata-plant"))["metadata"]["resourceVersion"].clone();
    assert_ne!(seen, before);
    assert_eq!(version("stoker-status-plant"), before);
    assert_eq!(agent.status()["syncedCommit"], commit);
}

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn a_pause_stops_syncing_and_says_so_without_a_restart() {
    let stage = Stage::new();
    let first = stage.tell_head();
    let agent = stage.start();
    stage.wait_for_commit(&agent, &first);
    let second = stage.push("two");
    stage.tell(&json!({"commit": second, "paused": "true"}));
    stage.wait_for_report(&agent, "the pause", |entry| entry["errorMessage"] == "paused");
    assert_eq!(stage.reported().unwrap()["syncedCommit"], first);
    assert_eq!(stage.shown().as_deref(), Some("one"));
    assert!(agent.get("/metrics").1.contains("stoker_agent_sync_skipped_total{reason=\"paused\"}"));
    stage.tell(&json!({"paused": "false"}));
    stage.wait_for_commit(&agent, &second);
    assert_eq!(stage.shown().as_deref(), Some("two"));
}

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn an_unknown_requirement_stops_syncing_and_is_named() {
    let stage = Stage::new();
    let first = stage.tell_head();
    let agent = stage.start();
    stage.wait_for_commit(&agent, &first);
    let second = stage.push("two");
    stage.tell(&json!({"commit": second, "requires": "[\"hold\",\"teleport\"]"}));
    let entry = stage.wait_for_report(&agent, "the refusal", |entry| entry["reason"] == "UnsupportedFeature");
    assert_eq!((&entry["syncStatus"], &entry["syncedCommit"]), (&json!("Error"), &json!(first)), "{entry:#}");
    assert!(entry["errorMessage"].as_str().unwrap().contains("teleport"), "{entry:#}");
    assert_eq!(stage.shown().as_deref(), Some("one"));
    stage.tell(&json!({"requires": null}));
    stage.wait_for_commit(&agent, &second);
}

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn a_profile_and_labels_that_change_are_taken_up_without_a_restart() {
    let stage = Stage::new();
    stage.site.repository.write("notes/{{site}}.txt", "").unwrap();
    stage.site.repository.write("notes/north/a.txt", "from the north").unwrap();
    stage.site.repository.write("notes/south/a.txt", "from the south").unwrap();
    stage.site.repository.commit("notes").unwrap();
    let commit = stage.tell_head();
    let agent = stage.start();
    stage.wait_for_commit(&agent, &commit);
    let profile = json!({"syncPeriod": 5, "mappings": [
        {"source": "notes/{{ .Labels.site }}", "destination": "notes"},
    ]});
    stage.tell(&json!({"profiles": json!({"default": profile}).to_string()}));
    let note = stage.site.data.join("notes/a.txt");
    let reads = |words: &'static str| {
        agent.wait(words, |_| fs::read_to_string(&note).ok().filter(|text| text == words));
    };
    reads("from the north");
    fs::write(stage.site.path("labels"), "site=\"south\"\n").unwrap();
    reads("from the south");
}

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn a_dry_run_lists_what_it_would_change() {
    let stage = Stage::new();
    let first = stage.tell_head();
    let agent = stage.start();
    stage.wait_for_commit(&agent, &first);
    let second = stage.push("two");
    let mut wishes = stage.wishes(&second);
    let mut profiles: serde_json::Value = serde_json::from_str(wishes["profiles"].as_str().unwrap()).unwrap();
    profiles["default"]["dryRun"] = json!(true);
    wishes["profiles"] = json!(profiles.to_string());
    stage.tell(&wishes);
    let entry = stage.wait_for_report(&agent, "the dry run", |entry| entry["dryRunDiffModified"].is_u64());
    assert_eq!((&entry["dryRun"], &entry["syncedCommit"]), (&json!(true), &json!(first)), "{entry:#}");
    let changes = agent.wait("the list", |_| {
        stage.entry("stoker-changes-plant").filter(|entry| entry["dryRun"]["commit"] == second)
    });
    assert!(changes["dryRun"]["modified"].to_string().contains("view.json"), "{changes:#}");
    assert_eq!(stage.shown().as_deref(), Some("one"));
}
