//! When the gateway may start: the table of the design, section 3, row by row, with the real program.

mod interrupted;

use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::json;
use stoker_test_gitserver::{HttpOptions, HttpServer};

use crate::support::tree::Entry;
use crate::support::{Manifest, Mount, Site, assert_same};

/// Longer than any test: the server has accepted the connection and says nothing.
const SILENCE: Duration = Duration::from_hours(1);

/// A site whose volume is synced over http to its first commit, with a second one pushed.
fn with_a_new_commit() -> (Site, HttpServer, Manifest, String) {
    let site = Site::new();
    let server = site.server();
    let manifest = Manifest::new(&server.url("plant.git"));
    site.sync(&manifest);
    site.view("main", "two");
    let commit = site.repository.commit("two").unwrap();
    (site, server, manifest, commit)
}

/// The words of a row, and that the data directory is as it was.
#[track_caller]
fn starts_as_it_is(site: &Site, manifest: &Manifest, words: &str) -> crate::support::Agent {
    let before = site.live();
    let agent = site.start(manifest, &[]);
    let told = agent.wait_for_start();
    assert!(told.contains(words), "{told}\n{}", agent.log());
    assert_same(&before, &site.live(), "the data directory has changed");
    assert_eq!(agent.get("/healthz").0, 200);
    agent
}

#[test]
fn a_volume_that_holds_the_wanted_commit_starts_with_one_look_at_the_server() {
    let site = Site::new();
    let server = site.server();
    let manifest = Manifest::new(&server.url("plant.git"));
    site.sync(&manifest);
    server.reset_counters();
    let agent = starts_as_it_is(&site, &manifest, "synced");
    agent.wait_for_commit(&site.repository.head().unwrap());
    let asked: Vec<String> = server.log().iter().map(|request| request.path.clone()).collect();
    // The handshake and one question; a fetch would be a third request.
    assert!(asked.len() <= 2, "{asked:?}");
    assert_eq!(agent.get("/readyz").0, 200);
}

#[test]
fn a_volume_whose_commit_is_given_starts_without_any_server() {
    let site = Site::new();
    let server = site.server();
    let manifest = Manifest::new(&server.url("plant.git")).with("git.ref", site.repository.head().unwrap());
    site.sync(&manifest);
    server.set_down(true).unwrap();
    let agent = starts_as_it_is(&site, &manifest, "synced");
    agent.wait_for_commit(&site.repository.head().unwrap());
}

#[test]
fn a_synced_volume_waits_for_a_sync_that_succeeds() {
    let (site, server, manifest, commit) = with_a_new_commit();
    server.update(|options| options.delay = Duration::from_millis(700));
    let agent = site.start(&manifest, &[]);
    let (may, words) = agent.may_start();
    assert!(!may && words.contains("syncing"), "{words}");
    assert_eq!(agent.wait_for_start(), "synced\n");
    // At the very first 200, not some time after it.
    assert_same(&site.archive(&commit), &site.live(), "the new commit is not there");
}

#[test]
fn a_synced_volume_starts_when_the_sync_fails() {
    let failed = "the sync failed";
    let (site, server, manifest, _) = with_a_new_commit();
    server.update(|options| options.status_override = Some(401));
    let agent = starts_as_it_is(&site, &manifest, failed);
    agent.wait_for_status("AuthFailed", |status| status["reason"] == "AuthFailed");
    drop(agent);
    server.update(|options| options.status_override = Some(500));
    drop(starts_as_it_is(&site, &manifest, failed));
    server.update(|options| options.status_override = None);
    drop(starts_as_it_is(&site, &manifest.clone().with("git.ref", "gone"), failed));
    drop(starts_as_it_is(&site, &manifest.clone().with("sync.limits.maxFiles", 1), failed));
    drop(starts_as_it_is(&site, &manifest.clone().with_token(), failed));
    server.set_down(true).unwrap();
    drop(starts_as_it_is(&site, &manifest, failed));
}

#[test]
fn a_synced_volume_starts_when_the_deadline_has_passed() {
    let (site, server, manifest, _) = with_a_new_commit();
    server.update(|options| options.delay = SILENCE);
    let manifest = manifest.with("sync.defaults.startDeadlineSeconds", 2);
    let started = Instant::now();
    let agent = site.start(&manifest, &[]);
    let (may, words) = agent.may_start();
    assert!(!may && words.contains("at the latest when the start deadline passes"), "{words}");
    let words = agent.wait_for_start();
    assert!(words.contains("the start deadline passed"), "{words}");
    let took = started.elapsed();
    assert!((Duration::from_secs(2)..Duration::from_secs(10)).contains(&took), "{took:?}");
    drop(agent);
    let manifest = manifest.with("sync.defaults.startDeadlineSeconds", 0);
    drop(starts_as_it_is(&site, &manifest, "the start deadline passed"));
}

#[test]
fn a_synced_volume_starts_at_once_when_nothing_is_applied_on_purpose() {
    let (site, server, manifest, _) = with_a_new_commit();
    server.update(|options| options.delay = SILENCE);
    let words = "on purpose";
    drop(starts_as_it_is(&site, &manifest.clone().with("paused", true), words));
    drop(starts_as_it_is(&site, &manifest.clone().profile("paused", true), words));
    drop(starts_as_it_is(&site, &manifest.clone().profile("dryRun", true), words));
    server.update(|options| *options = HttpOptions::default());
    site.sync(&manifest);
    server.update(|options| options.delay = SILENCE);
    assert_eq!(site.volume("rollback", &[]).code, 0);
    let agent = starts_as_it_is(&site, &manifest, words);
    let status = agent.wait_for_status("Held", |status| status["reason"] == "Held");
    assert!(status["held"]["reason"].is_string(), "{status:#}");
}

#[test]
fn a_full_disk_does_not_keep_a_synced_gateway_from_starting() {
    let site = Site::new();
    let Some(mount) = Mount::tmpfs(&site.data, "size=4m") else { return };
    let server = site.server();
    let manifest = Manifest::new(&server.url("plant.git"));
    site.sync(&manifest);
    let synced = site.repository.head().unwrap();
    let filler = site.data.join("logs");
    // In small pieces, so that not a page is left.
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 512]).is_ok() {}
    drop(file);
    assert_eq!(mount.free(), 0);
    site.view("main", "two");
    let commit = site.repository.commit("two").unwrap();
    let agent = site.start(&manifest, &[]);
    assert!(agent.wait_for_start().contains("the sync failed"));
    let status = agent.wait_for_status("DiskFull", |status| status["reason"] == "DiskFull");
    assert_eq!(status["syncedCommit"], synced, "{status:#}");
    // And it goes on by itself when there is room again.
    fs::remove_file(&filler).unwrap();
    agent.wait_for_commit(&commit);
}

#[test]
fn an_empty_volume_starts_at_once_and_says_so_when_nothing_is_applied_on_purpose() {
    let site = Site::new();
    let server = site.server();
    server.update(|options| options.delay = SILENCE);
    let manifest = Manifest::new(&server.url("plant.git"));
    let words = "on purpose";
    let agent = starts_as_it_is(&site, &manifest.clone().with("paused", true), words);
    let status = agent.wait_for_status("paused", |status| status["errorMessage"] == "paused");
    assert_eq!(status["syncStatus"], "Pending", "{status:#}");
    assert_eq!(agent.get("/readyz").0, 503);
    drop(agent);
    let agent = starts_as_it_is(&site, &manifest.clone().profile("dryRun", true), words);
    let status = agent.wait_for_status("dry run", |status| status["dryRun"] == true);
    assert_eq!(status["syncStatus"], "Pending", "{status:#}");
    assert_eq!(agent.get("/readyz").0, 503);
    drop(agent);
    // Held: back to before the first sync.
    server.update(|options| options.delay = Duration::ZERO);
    site.sync(&manifest);
    assert_eq!(site.volume("rollback", &["--to", "0"]).code, 0);
    let files = site.live().0.into_values().filter(|entry| *entry != Entry::Directory).count();
    assert_eq!(files, 0, "what was there before the first sync");
    server.update(|options| options.delay = SILENCE);
    let agent = starts_as_it_is(&site, &manifest, words);
    let status = agent.wait_for_status("Held", |status| status["reason"] == "Held");
    assert_eq!((&status["syncStatus"], &status["syncedCommit"]), (&json!("Pending"), &json!(null)));
}

#[test]
fn an_empty_volume_waits_for_its_first_sync_whatever_fails() {
    let site = Site::new();
    let server = site.server();
    let manifest = Manifest::new(&server.url("plant.git")).with("sync.defaults.startDeadlineSeconds", 0);
    server.set_down(true).unwrap();
    let agent = site.start(&manifest, &[]);
    agent.wait_for_status("GitUnreachable", |status| status["reason"] == "GitUnreachable");
    let (may, words) = agent.may_start();
    assert!(!may && words.contains("waiting for the first sync"), "{words}");
    assert!(site.live().0.is_empty());
    assert_eq!((agent.get("/healthz").0, agent.get("/readyz").0), (200, 503));
    server.set_down(false).unwrap();
    agent.wait_for_start();
    assert_same(&site.archive("main"), &site.live(), "the first sync is not there");
    agent.wait_for_commit(&site.repository.head().unwrap());
}

#[test]
fn a_volume_of_another_gateway_counts_as_empty() {
    let site = Site::new();
    let server = site.server();
    let manifest = Manifest::new(&server.url("plant.git"));
    site.sync(&manifest);
    let edge = json!([{"source": "projects", "destination": "projects"}]);
    let manifest = manifest.with("sync.profiles.edge.mappings", edge);
    server.set_down(true).unwrap();
    for other in [&["--gateway-name", "gw2"][..], &["--namespace", "site2"], &["--profile", "edge"]] {
        let agent = site.start(&manifest, other);
        agent.wait_for_status("GitUnreachable", |status| status["reason"] == "GitUnreachable");
        let (may, words) = agent.may_start();
        assert!(!may && words.contains("waiting for the first sync"), "{other:?}: {words}");
    }
    // The very same again starts.
    drop(starts_as_it_is(&site, &manifest, "the sync failed"));
}
