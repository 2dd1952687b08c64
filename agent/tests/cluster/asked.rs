//! What people ask for by annotations, as the controller passes it on: hold, rollback, resume, sync-now.

use serde_json::{Value, json};

use crate::stage::{POD, Stage};

fn target(target: &Value) -> Value {
    json!({"targets": json!({POD: target}).to_string()})
}

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn a_hold_lasts_as_long_as_its_annotation_and_outlives_the_agent() {
    let stage = Stage::new();
    let first = stage.tell_head();
    let agent = stage.start();
    stage.wait_for_commit(&agent, &first);
    stage.tell(&target(&json!({"hold": "audit"})));
    let entry = stage.wait_for_report(&agent, "the hold", |entry| entry["held"].is_object());
    assert_eq!(
        (&entry["held"]["reason"], &entry["reason"]),
        (&json!("stoker.io/hold: audit"), &json!("Held"))
    );
    let second = stage.push("two");
    stage.tell(&json!({"commit": second}));
    drop(agent);
    let agent = stage.start();
    assert!(agent.wait_for_start().contains("on purpose"));
    stage.wait_for_report(&agent, "the hold", |entry| entry["held"].is_object());
    assert_eq!(stage.shown().as_deref(), Some("one"));
    stage.tell(&json!({"targets": null}));
    let entry = stage.wait_for_commit(&agent, &second);
    assert!(entry["held"].is_null(), "{entry:#}");
}

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn a_rollback_is_made_from_the_volume_and_holds_until_resumed() {
    let stage = Stage::new();
    let first = stage.tell_head();
    let agent = stage.start();
    stage.wait_for_commit(&agent, &first);
    let second = stage.push("two");
    stage.tell(&json!({"commit": second}));
    stage.wait_for_commit(&agent, &second);
    stage.tell(&target(&json!({"rollbackTo": first})));
    let entry = stage.wait_for_report(&agent, "the rollback", |entry| {
        entry["syncedCommit"] == first && entry["held"].is_object()
    });
    assert_eq!(
        (&entry["syncStatus"], &entry["rolledBackFrom"]),
        (&json!("Synced"), &json!(second)),
        "{entry:#}"
    );
    assert_eq!(stage.shown().as_deref(), Some("one"));
    assert!(agent.get("/metrics").1.contains("stoker_agent_rollbacks_total{reason=\"requested\"} 1\n"));
    // The annotation stays, and a commit comes: nothing moves.
    let third = stage.push("three");
    stage.tell(&json!({"commit": third}));
    stage.tell(&target(&json!({"rollbackTo": first, "resume": "now"})));
    let entry = stage.wait_for_commit(&agent, &third);
    assert!(entry["held"].is_null(), "{entry:#}");
    assert_eq!(stage.shown().as_deref(), Some("three"));
}

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn a_pod_follows_its_own_target_and_others_do_not_concern_it() {
    let stage = Stage::new();
    let first = stage.site.repository.head().unwrap();
    let second = stage.push("two");
    let mut wishes = stage.wishes(&second);
    wishes["targets"] =
        json!(json!({POD: {"commit": first, "ref": "v1"}, "gw-1": {"hold": "x"}}).to_string());
    stage.tell(&wishes);
    let agent = stage.start();
    let entry = stage.wait_for_commit(&agent, &first);
    assert_eq!(entry["syncedRef"], "v1");
    stage.tell(&json!({"targets": null}));
    stage.wait_for_commit(&agent, &second);
}
