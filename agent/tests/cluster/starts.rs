//! When the gateway may start, in a cluster.

use serde_json::json;

use crate::stage::Stage;
use crate::support::Agent;

/// A port where nobody listens.
const NOBODY: &str = "1";

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn without_the_api_server_a_synced_volume_starts_and_an_empty_one_waits_and_says_for_what() {
    let stage = Stage::new();
    let away = || Agent::start(stage.command().env("KUBERNETES_SERVICE_PORT", NOBODY));
    let agent = away();
    agent.wait("what it waits for", |agent| {
        let (may, words) = agent.may_start();
        assert!(!may, "{words}");
        words.contains("the Kubernetes API at").then_some(())
    });
    drop(agent);

    let commit = stage.tell_head();
    let agent = stage.start();
    stage.wait_for_commit(&agent, &commit);
    drop(agent);
    let agent = away();
    let words = agent.wait_for_start();
    assert!(words.contains("the sync failed"), "{words}");
    let status = agent.wait_for_status("the commit on disk", |status| status["syncedCommit"] == commit);
    assert_eq!(status["syncStatus"], "Error", "{status:#}");
    assert!(agent.log().lines().count() < 200, "it does not ask without a pause");
    let (code, took) = agent.terminate();
    assert_eq!(code, Some(0));
    assert!(took.as_secs() < 3, "{took:?}");
}

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn a_pause_starts_an_empty_volume_as_it_is() {
    let stage = Stage::new();
    let commit = stage.site.repository.head().unwrap();
    stage.tell(&stage.wishes(&commit));
    stage.tell(&json!({"paused": "true"}));
    let agent = stage.start();
    let words = agent.wait_for_start();
    assert!(words.contains("on purpose"), "{words}");
    stage.wait_for_report(&agent, "the pause", |entry| entry["errorMessage"] == "paused");
    assert_eq!(stage.shown(), None);
}

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn what_is_not_resolved_or_not_understood_is_waited_for_and_named() {
    let stage = Stage::new();
    let agent = stage.start();
    let wait = |words: &str| {
        agent.wait(words, |agent| {
            let (may, told) = agent.may_start();
            assert!(!may, "{told}");
            told.contains(words).then_some(())
        });
    };
    // The controller has made the object, and written nothing into it yet.
    wait("there are none");
    let commit = stage.site.repository.head().unwrap();
    let mut wishes = stage.wishes("");
    wishes["gitURL"] = json!("gopher://git.example/plant");
    stage.tell(&wishes);
    wait("gopher");
    stage.tell(&stage.wishes(""));
    wait("RefResolved");
    let spare = json!({"spare": {"mappings": [{"source": "projects", "destination": "projects"}]}});
    stage.tell(&json!({"commit": commit, "profiles": spare.to_string()}));
    let entry = stage.wait_for_report(&agent, "the profile", |entry| {
        entry["errorMessage"].as_str().is_some_and(|message| message.contains("spare"))
    });
    assert_eq!(entry["syncStatus"], "Error");
    stage.tell_head();
    assert_eq!(agent.wait_for_start(), "synced\n");
    stage.wait_for_commit(&agent, &commit);
}
