//! `history`, `rollback`, `resume` on a volume, without Git and network.

use serde_json::{Value, json};

use super::Plant;
use crate::support::{Site, assert_same};

/// A site that went through three commits; they, oldest first.
fn of_three_commits() -> (Site, Vec<String>) {
    let site = Site::new();
    let mut commits = vec![site.repository.head().unwrap()];
    site.sync(&site.manifest());
    for word in ["two", "three"] {
        site.view("main", word);
        site.view(word, "new");
        commits.push(site.repository.commit(word).unwrap());
        site.sync(&site.manifest());
    }
    (site, commits)
}

fn history(site: &Site) -> Value {
    let ended = site.volume("history", &["--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn a_rollback_brings_the_commit_before_and_holds_until_resume() {
    let (site, commits) = of_three_commits();
    let server_is_never_asked = site.manifest().with("git.repo", "file:///nowhere/plant.git");
    let ended = site.volume("rollback", &[]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let words = format!("rolled back from {} to {}", &commits[2][..7], &commits[1][..7]);
    assert!(ended.stdout.contains(&words) && ended.stdout.contains("resume"), "{}", ended.stdout);
    assert_same(&site.archive(&commits[1]), &site.live(), "the commit before is not there");
    assert_eq!(site.volume("diff", &[]).code, 0);

    // It holds: the commit that was left does not come back by itself.
    let held = site.once(&site.manifest(), &[]);
    assert_eq!(held.code, 75, "{}", held.stderr);
    assert!(held.message().contains("held"), "{}", held.stderr);
    assert_same(&site.archive(&commits[1]), &site.live(), "it was applied again");
    let at = history(&site);
    assert_eq!(at["commit"], commits[1], "{at:#}");
    assert!(at["held"]["reason"].is_string(), "{at:#}");
    let status = crate::support::site::status_file(&site.path("status.json")).unwrap();
    assert_eq!(status["rolledBackFrom"], commits[2], "{status:#}");
    assert_eq!(site.once(&server_is_never_asked, &[]).code, 75);

    assert_eq!(site.volume("resume", &[]).stdout, "the hold is ended: the next sync applies again\n");
    assert_eq!(site.volume("resume", &[]).stdout, "there was no hold\n");
    site.sync(&site.manifest());
    assert_same(&site.archive(&commits[2]), &site.live(), "the wanted commit is not there again");
}

#[test]
fn a_rollback_goes_as_far_back_as_it_is_told() {
    let (site, commits) = of_three_commits();
    let before = history(&site);
    let numbers: Vec<u64> = before["generations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|generation| generation["generation"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [2, 1, 0], "{before:#}");
    assert_eq!(before["generations"][0]["from"], commits[1], "{before:#}");
    assert_eq!(before["generations"][2]["from"], json!(null), "{before:#}");
    let text = site.volume("history", &[]).stdout;
    assert!(text.starts_with(&format!("10 files at commit {}, since ", &commits[2][..7])), "{text}");
    assert_eq!(text.lines().count(), 6, "a summary, a blank line, a head and three generations: {text}");

    let refused = site.volume("rollback", &["--to", "9"]);
    assert_eq!(refused.code, 65, "{}", refused.stderr);
    assert!(refused.message().contains('9') && refused.message().contains("0, 1, 2"), "{}", refused.stderr);
    assert_same(&site.archive(&commits[2]), &site.live(), "a refused rollback has changed something");

    assert_eq!(site.volume("rollback", &["--to", "1"]).code, 0);
    assert_same(&site.archive(&commits[0]), &site.live(), "the first commit is not there");
    assert_eq!(history(&site)["commit"], commits[0]);
}

#[test]
fn what_was_there_before_the_first_sync_comes_back() {
    let site = Site::new();
    let view = site.live_view("main");
    std::fs::create_dir_all(view.parent().unwrap()).unwrap();
    std::fs::write(&view, "{\"word\":\"before\"}").unwrap();
    std::fs::write(site.data.join("projects/theirs"), "theirs").unwrap();
    let before = site.live();
    site.sync(&site.manifest());
    site.view("main", "two");
    site.repository.commit("two").unwrap();
    site.sync(&site.manifest());
    assert_eq!(site.volume("rollback", &["--to", "0"]).code, 0);
    let after = site.live();
    for (path, entry) in &before.0 {
        assert_eq!(after.0.get(path), Some(entry), "{path}");
    }
    let files = |tree: &crate::support::Tree| {
        tree.0.values().filter(|entry| **entry != crate::support::tree::Entry::Directory).count()
    };
    assert_eq!(files(&after), files(&before), "nothing of ours is left");
}

#[test]
fn a_volume_without_a_sync_has_no_history_and_nothing_is_made() {
    let site = Site::new();
    for verb in ["history", "diff"] {
        let ended = site.volume(verb, &[]);
        assert_eq!(ended.code, 0, "{verb}: {}", ended.stderr);
    }
    assert!(site.volume("history", &[]).stdout.contains("nothing is synced here"));
    assert_eq!(std::fs::read_dir(&site.data).unwrap().count(), 0, "who looks makes nothing");
    let ended = site.volume("rollback", &[]);
    assert_eq!(ended.code, 65, "{}", ended.stderr);
    assert!(ended.message().contains("no generation"), "{}", ended.stderr);
}

#[test]
fn a_path_inside_the_local_collection_that_a_mapping_names_is_rolled_back_like_any_other() {
    let site = Site::new();
    let destination = "config/resources/local/ignition/database-connection/mes";
    let source = "config/resources/core/ignition/database-connection/mes";
    let manifest = site.manifest().mapping(source, destination);
    site.sync(&manifest);
    let live = site.data.join(destination).join("config.json");
    site.resource(source, "config.json", "{\"two\":2}\n");
    site.repository.commit("two").unwrap();
    site.sync(&manifest);
    assert_eq!(std::fs::read_to_string(&live).unwrap(), "{\"two\":2}\n");
    assert_eq!(site.volume("rollback", &[]).code, 0);
    assert_eq!(std::fs::read_to_string(&live).unwrap(), "{}\n");
    assert_eq!(site.volume("diff", &[]).code, 0);
    assert_eq!(site.volume("rollback", &["--to", "0"]).code, 0);
    assert!(!live.exists());
}

#[test]
fn a_rollback_is_scanned_by_the_agent_that_starts_after_it() {
    let plant = Plant::new();
    let agent = plant.start();
    let first = plant.site.repository.head().unwrap();
    let commit = plant.push("two");
    plant.give(&plant.manifest);
    plant.wait_for_scanned(&agent, &commit);
    drop(agent);
    assert_eq!(plant.site.volume("rollback", &[]).code, 0);
    plant.gateway.clear_records();
    let agent = plant.site.start(&plant.manifest, &[]);
    let status = agent.wait_for_status("the hold", |status| status["reason"] == "Held");
    assert_eq!((&status["syncedCommit"], &status["rolledBackFrom"]), (&json!(first), &json!(commit)));
    agent.wait("the scan", |_| (!plant.scans_asked().is_empty()).then_some(()));
    assert_eq!(plant.shown().as_deref(), Some("one"));
    drop(agent);
    assert_eq!(plant.site.volume("resume", &[]).code, 0);
    let agent = plant.site.start(&plant.manifest, &[]);
    plant.wait_for_scanned(&agent, &commit);
    assert_eq!(plant.shown().as_deref(), Some("two"));
    plant.assert_no_incident();
}
