//! Row one: a journal is found. It is finished first, offline.

use std::fs;
use std::process::Stdio;

use stoker_test_gitserver::HttpServer;

use crate::support::{Ended, Manifest, SOON, STATE, Site, Tree, assert_same, until};

/// A site with so many files that an apply takes a while, over http.
fn large() -> (Site, HttpServer, Manifest) {
    let site = Site::new();
    for file in 0..300 {
        site.repository.write(&format!("projects/line/many/{file}.txt"), "0").unwrap();
    }
    site.repository.commit("many").unwrap();
    let server = site.server();
    let manifest = Manifest::new(&server.url("plant.git"));
    site.sync(&manifest);
    (site, server, manifest)
}

/// Pushes and kills the agent while it puts files in place, until a journal is left; the commit.
fn interrupt(site: &Site, manifest: &Manifest) -> String {
    let journal = site.data.join(STATE).join("journal");
    site.write_manifest(&manifest.text());
    for attempt in 1..100 {
        for file in 0..300 {
            let path = format!("projects/line/many/{file}.txt");
            site.repository.write(&path, format!("{attempt} {file}")).unwrap();
        }
        let commit = site.repository.commit(&format!("attempt {attempt}")).unwrap();
        let mut child = site.command(&[]).arg("--once").stderr(Stdio::null()).spawn().unwrap();
        until("the journal", SOON, String::new, || {
            (journal.exists() || child.try_wait().unwrap().is_some()).then_some(())
        });
        child.kill().unwrap();
        child.wait().unwrap();
        if journal.exists() {
            return commit;
        }
    }
    panic!("no attempt was hit");
}

fn is_whole(site: &Site, commit: &str) {
    assert_same(&site.archive(commit), &site.live(), "the commit is not whole");
    assert!(!site.data.join(STATE).join("journal").exists());
    let ended = site.volume("history", &["--json"]);
    assert!(ended.stdout.contains(&format!("\"commit\":\"{commit}\"")), "{}", ended.stdout);
}

#[test]
fn an_apply_that_was_killed_is_finished_offline_before_the_gateway_may_start() {
    let (site, server, manifest) = large();
    let commit = interrupt(&site, &manifest);
    server.set_down(true).unwrap();
    let agent = site.start_again(&[]);
    agent.wait_for_start();
    // At the very first 200, not some time after it.
    is_whole(&site, &commit);
    agent.wait_for_status("the commit on disk", |status| status["syncedCommit"] == commit.as_str());
    assert!(agent.log().contains("finished an interrupted sync"), "{}", agent.log());
}

#[test]
fn a_pause_a_dry_run_and_a_missing_secret_do_not_leave_an_apply_unfinished() {
    let (site, server, manifest) = large();
    let secret = Manifest::new(&server.url("plant.git")).with_token().with_authority();
    for (manifest, arguments) in [
        (manifest.clone().with("paused", true), &[][..]),
        (manifest.clone(), &["--dry-run"]),
        (secret, &[]),
        (manifest.clone().with("git.ref", "gone"), &[]),
        (manifest.clone().with("git.repo", "file:///nowhere/plant.git"), &[]),
    ] {
        let commit = interrupt(&site, &Manifest::new(&server.url("plant.git")));
        let agent = site.start(&manifest, arguments);
        agent.wait_for_start();
        is_whole(&site, &commit);
    }
}

#[test]
fn a_broken_manifest_does_not_leave_an_apply_unfinished() {
    let (site, _server, manifest) = large();
    let commit = interrupt(&site, &manifest);
    site.write_manifest("kind: GatewaySink");
    let ended = Ended::of(&mut site.command(&[]));
    assert_eq!(ended.code, 78, "{}", ended.stderr);
    is_whole(&site, &commit);
}

#[test]
fn what_was_changed_on_the_gateway_meanwhile_is_kept_and_named() {
    let (site, _server, manifest) = large();
    let commit = interrupt(&site, &manifest);
    let changed = site.data.join("projects/line/many/299.txt");
    fs::write(&changed, "an operator's change").unwrap();
    let agent = site.start_again(&[]);
    agent.wait_for_start();
    is_whole(&site, &commit);
    assert!(agent.log().contains("many/299.txt"), "{}", agent.log());
    let kept = Tree::of(&site.data.join(STATE).join("local"));
    assert!(format!("{kept:?}").contains("an operator's change"), "{kept:?}");
}
