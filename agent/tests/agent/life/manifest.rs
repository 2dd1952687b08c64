//! The manifest may change while the agent runs.

use serde_json::json;

use super::Plant;
use crate::support::assert_same;

#[test]
fn a_changed_manifest_is_taken_up_without_being_told() {
    let plant = Plant::new();
    let agent = plant.start();
    let mappings = json!([{"source": "projects", "destination": "projects"}]);
    plant.site.write_manifest(&plant.manifest.clone().mappings(mappings).text());
    // What a mapping brought that is gone stays, and is reported.
    let status = agent.wait_for_status("unmanaged files", |status| status["unmanaged"]["count"] == 3);
    assert_eq!(status["syncStatus"], "Synced", "{status:#}");
    assert_same(&plant.site.archive("main"), &plant.site.live(), "nothing is removed");
}

#[test]
fn a_broken_manifest_is_refused_and_the_one_before_stays_in_force() {
    let plant = Plant::new();
    let agent = plant.start();
    plant.site.write_manifest(&plant.manifest.text().replace("\"mappings\"", "\"mapings\""));
    plant.wake();
    let refused = |status: &serde_json::Value| {
        status["errorMessage"].as_str().is_some_and(|told| told.contains("did you mean \"mappings\"?"))
    };
    let status = agent.wait_for_status("a refusal", refused);
    assert_eq!(
        (&status["syncStatus"], &status["reason"]),
        (&json!("Error"), &json!("Internal")),
        "{status:#}"
    );
    // A push goes live all the same, and the refusal stays in the status.
    let commit = plant.push("two");
    let status = agent.wait_for_status("the push", |status| status["syncedCommit"] == commit.as_str());
    assert!(refused(&status), "{status:#}");
    assert_same(&plant.site.archive(&commit), &plant.site.live(), "the push is not live");
    plant.give(&plant.manifest);
    let status = agent.wait_for_commit(&commit);
    assert!(status["errorMessage"].is_null(), "{status:#}");
    let told = agent.logged().iter().filter(|line| line["level"] == "ERROR").count();
    assert_eq!(told, 1, "{}", agent.log());
}

#[test]
fn another_repository_a_pause_and_its_end_are_taken_up() {
    let plant = Plant::new();
    let agent = plant.start();
    let first = plant.site.repository.head().unwrap();
    plant.give(&plant.manifest.clone().with("paused", true));
    agent.wait_for_status("the pause", |status| status["errorMessage"] == "paused");
    let commit = plant.push("two");
    plant.give(&plant.manifest.clone().with("paused", true).with("polling.interval", "6s"));
    // The agent has looked again when it has seen the wake-up; nothing must have come of it.
    let paused = agent.logged().iter().filter(|line| line["message"] == "the manifest changed").count();
    agent.wait("a look", |agent| {
        let now = agent.logged().iter().filter(|line| line["message"] == "the manifest changed").count();
        (now > paused || now >= 2).then_some(())
    });
    assert_eq!(agent.status()["syncedCommit"], first);
    // From its directory instead of the server, and no longer paused.
    plant.server.set_down(true).unwrap();
    plant.give(&plant.manifest.clone().with("git.repo", plant.site.repository.file_url()));
    let status = agent.wait_for_commit(&commit);
    assert!(status["errorMessage"].is_null(), "{status:#}");
}
