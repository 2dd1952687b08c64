//! A push goes live.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use stoker_test_gateway::Kind;

use super::{Plant, VIEW};
use crate::support::site::status_file;
use crate::support::{SOON, assert_same};

#[test]
fn a_push_goes_live_by_polling_and_is_scanned_once_the_files_are_there() {
    let plant = Plant::new();
    let agent = plant.start();
    let signature = |plant: &Plant| plant.gateway.loaded().resource(VIEW).cloned();
    let before = signature(&plant);
    plant.gateway.clear_records();
    plant.server.reset_counters();
    let pushed = SystemTime::now();
    let commit = plant.push("two");
    let status = plant.wait_for_scanned(&agent, &commit);
    // Its manifest is the same in Git, and was rewritten so that the gateway notices the view.
    assert_eq!(status["filesChanged"], 1, "{status:#}");
    assert_eq!(status["projectsSynced"], serde_json::json!(["line"]));
    assert_eq!(status["lastScanResult"], "projects=200 config=200", "{status:#}");
    let took = pushed.elapsed().unwrap();
    // The interval is 5 s; more is this machine's load.
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert_same(&plant.site.archive(&commit), &plant.site.live(), "the commit is not live");
    // Asked after the last rename, and the gateway runs the new view.
    let written = fs::metadata(plant.site.live_view("main")).unwrap();
    let renamed = std::os::unix::fs::MetadataExt::ctime(&written);
    let asked = plant.scans_asked();
    assert_eq!(asked.len(), 2, "{asked:?}");
    let since = asked[0].at.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert!(since.as_secs() >= u64::try_from(renamed).unwrap());
    plant.gateway.wait_for_scan(Kind::Projects, asked[0].at, SOON).unwrap();
    assert_ne!(signature(&plant), before, "the gateway has not loaded it");
    plant.assert_no_incident();
    // An answer to every poll, and one fetch.
    assert!(plant.server.requests() < 20, "{}", plant.server.requests());
}

#[test]
fn the_status_is_whole_at_every_moment_and_never_names_a_commit_before_it_is_there() {
    let plant = Plant::new();
    let agent = plant.start();
    let (file, done) = (plant.site.path("status.json"), AtomicBool::new(false));
    let commits: Vec<(String, String)> = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = Vec::new();
            while !done.load(Ordering::Relaxed) {
                // Parsing fails the test if a half of it is ever there.
                let status = status_file(&file).expect("it never goes away");
                let commit = status["syncedCommit"].as_str().unwrap().to_owned();
                let word = plant.shown().expect("it never goes away");
                seen.push((commit, word));
            }
            seen
        });
        for word in ["2", "3"] {
            let commit = plant.push(word);
            plant.give(&plant.manifest);
            agent.wait_for_commit(&commit);
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    let words = |commit: &str| plant.site.repository.git(&["log", "-1", "--format=%s", commit]).unwrap();
    let number = |word: &str| word.parse().unwrap_or(1);
    let mut told = std::collections::BTreeMap::new();
    for (commit, word) in &commits {
        let named: u32 = *told.entry(commit).or_insert_with(|| number(&words(commit)));
        assert!(named <= number(word), "the status named {named} when {word} was on disk");
    }
    assert_eq!(told.len(), 3, "every commit was seen: {told:?}");
    plant.assert_no_incident();
}

#[test]
fn an_outage_of_git_stops_nothing_and_is_over_when_it_is_over() {
    let plant = Plant::new();
    let agent = plant.start();
    plant.server.set_down(true).unwrap();
    let commit = plant.site.repository.head().unwrap();
    let status = agent.wait_for_status("GitUnreachable", |status| status["reason"] == "GitUnreachable");
    assert_eq!(status["syncedCommit"], commit, "{status:#}");
    assert!(agent.may_start().0 && agent.get("/healthz").0 == 200);
    assert_eq!(agent.get("/readyz").0, 503);
    agent.wait("a second try", |agent| agent.log().contains("failed again").then_some(()));
    plant.server.set_down(false).unwrap();
    // The same commit as before: there is nothing to sync, and nothing is wrong any more.
    let status = agent.wait_for_commit(&commit);
    assert!(status["reason"].is_null() && status["errorMessage"].is_null(), "{status:#}");
    assert_eq!(agent.get("/readyz").0, 200);
    // The same failure is told once, however often it was tried.
    let mut told = agent.logged();
    told.retain(|line| line["level"] == "ERROR");
    let repeated = told.windows(2).any(|two| two[0]["message"] == two[1]["message"]);
    assert!(!told.is_empty() && !repeated, "{told:#?}");
}
