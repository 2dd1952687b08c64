//! The end: within two seconds, whatever is going on.

use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use stoker_test_gateway::Settings;

use super::Plant;
use crate::support::{Manifest, SOON, STATE, Site, assert_same, noise, until};

/// Native sidecars may have two seconds left.
const GRACE: Duration = Duration::from_secs(2);
const SILENCE: Duration = Duration::from_hours(1);

#[test]
fn an_idle_agent_stops_at_once() {
    let plant = Plant::new();
    let agent = plant.start();
    let (code, took) = agent.terminate();
    assert_eq!(code, Some(0));
    assert!(took < GRACE, "{took:?}");
}

#[test]
fn an_agent_that_waits_for_a_silent_server_stops_in_time() {
    let site = Site::new();
    let server = site.server();
    let agent = {
        server.update(|options| options.delay = SILENCE);
        site.start(&Manifest::new(&server.url("plant.git")), &[])
    };
    agent.wait("a request", |_| (server.requests() > 0).then_some(()));
    let (code, took) = agent.terminate();
    assert_eq!(code, Some(0));
    assert!(took < GRACE, "{took:?}");
}

#[test]
fn an_agent_whose_server_falls_silent_in_the_middle_of_a_file_stops_in_time() {
    let site = Site::new();
    site.repository.write("projects/line/large.bin", noise(400_000, 1)).unwrap();
    site.repository.commit("large").unwrap();
    let server = site.server();
    server.update(|options| options.stall_after = Some(100_000));
    let agent = site.start(&Manifest::new(&server.url("plant.git")), &[]);
    agent.wait("half a file", |_| (server.bytes_out() > 90_000).then_some(()));
    let (code, took) = agent.terminate();
    assert_eq!(code, Some(0));
    assert!(took < GRACE, "{took:?}");
    assert!(site.live().0.is_empty(), "nothing is there before all is there");
    server.update(|options| options.stall_after = None);
    site.sync(&Manifest::new(&server.url("plant.git")));
}

#[test]
fn an_agent_that_waits_for_a_scan_without_end_stops_in_time() {
    let plant = Plant::with(|settings| Settings {
        scan_interval: None,
        config_scan_interval: None,
        scan_takes: SILENCE,
        ..settings
    });
    let agent = plant.site.start(&plant.manifest, &[]);
    agent.wait("a scan", |_| (!plant.scans_asked().is_empty()).then_some(()));
    let (code, took) = agent.terminate();
    assert_eq!(code, Some(0));
    assert!(took < GRACE, "{took:?}");
}

#[test]
fn an_agent_that_is_stopped_while_it_puts_files_in_place_leaves_the_rest_to_the_next_start() {
    let site = Site::new();
    let journal = site.data.join(STATE).join("journal");
    let mut left = false;
    for attempt in 0..20 {
        for file in 0..600 {
            let path = format!("projects/line/many/{file}.txt");
            site.repository.write(&path, format!("{attempt} {file}")).unwrap();
        }
        let commit = site.repository.commit("many").unwrap();
        let agent = site.start(&site.manifest(), &[]);
        agent.wait("the journal", |agent| {
            let done = agent.status()["syncedCommit"] == commit.as_str();
            (journal.exists() || done).then_some(())
        });
        let (code, took) = agent.terminate();
        assert_eq!(code, Some(0));
        assert!(took < GRACE, "{took:?}");
        left = journal.exists();
        // Offline, as after any other kill.
        let elsewhere = site.manifest().with("git.repo", "file:///nowhere/plant.git");
        assert_eq!(site.once(&elsewhere, &[]).code, 69);
        assert_same(&site.archive(&commit), &site.live(), "the rest was not put in place");
        if left {
            break;
        }
    }
    assert!(left, "no stop came while files were put in place");
}

#[test]
fn a_single_run_that_is_stopped_does_not_claim_to_have_synced() {
    let site = Site::new();
    let server = site.server();
    server.update(|options| options.delay = SILENCE);
    site.write_manifest(&Manifest::new(&server.url("plant.git")).text());
    let mut child = site.command(&[]).arg("--once").stderr(Stdio::null()).spawn().unwrap();
    until("a request", SOON, String::new, || (server.requests() > 0).then_some(()));
    let started = Instant::now();
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
    let status = until("the end", SOON, String::new, || child.try_wait().unwrap());
    assert!(started.elapsed() < GRACE);
    assert_eq!(status.code(), Some(75), "75: not now");
}
