//! Gateways that come late, or do not answer as they should.

use std::thread;

use stoker_test_gateway::{Forbid, Gateway, Settings, State};

use super::Plant;
use crate::support::{Manifest, SOON, Site};

#[test]
fn a_gateway_that_starts_later_gets_its_scan_when_it_runs() {
    let plant = Plant::new();
    plant.gateway.set_state(State::Starting).unwrap();
    let agent = plant.site.start(&plant.manifest, &[]);
    let commit = plant.site.repository.head().unwrap();
    let status = agent.wait_for_commit(&commit);
    assert!(status["lastScanResult"].is_null(), "nobody is there to scan: {status:#}");
    assert!(plant.scans_asked().is_empty());
    plant.gateway.set_state(State::Running).unwrap();
    plant.wait_for_scanned(&agent, &commit);
    let status = agent.wait_for_status("the scan", |status| status["lastScanResult"].is_string());
    assert_eq!(status["lastScanResult"], "projects=200 config=200", "{status:#}");
    plant.assert_no_incident();
}

#[test]
fn a_scan_that_is_owed_survives_the_agent() {
    let plant = Plant::new();
    assert!(plant.gateway.faults().down(true));
    plant.site.sync(&plant.manifest);
    assert!(plant.gateway.faults().clear());
    let agent = plant.site.start(&plant.manifest, &[]);
    plant.wait_for_scanned(&agent, &plant.site.repository.head().unwrap());
    assert_eq!(plant.scans_asked().len(), 2);
    drop(agent);
    // And it is owed no more.
    plant.gateway.clear_records();
    plant.site.sync(&plant.manifest);
    assert_eq!(plant.scans_asked().len(), 0, "nothing changed");
}

/// How a gateway refuses, and what the status says then.
struct Refusal {
    name: &'static str,
    begin: fn(&Plant),
    end: fn(&Plant),
    words: &'static [&'static str],
}

const SCAN: &str = "/data/api/v1/scan/";

const REFUSALS: [Refusal; 5] = [
    Refusal {
        name: "401",
        begin: |plant| plant.site.secret("ignition-api", "apiKey", "stoker:wrong"),
        end: |plant| plant.site.secret("ignition-api", "apiKey", "stoker:gateway-secret-4711"),
        words: &["401", "/data/api/v1/scan/projects", "token file"],
    },
    Refusal {
        name: "a token that is not there",
        begin: |plant| std::fs::remove_file(plant.site.path("secrets/ignition-api/apiKey")).unwrap(),
        end: |plant| plant.site.secret("ignition-api", "apiKey", "stoker:gateway-secret-4711"),
        words: &["secrets/ignition-api/apiKey"],
    },
    Refusal {
        name: "403",
        begin: |plant| plant.gateway.faults().forbid(Forbid::Writes),
        end: |plant| assert!(plant.gateway.faults().clear()),
        words: &["403", "/data/api/v1/scan/projects"],
    },
    Refusal {
        name: "500 and a page of HTML",
        begin: |plant| plant.gateway.faults().status(SCAN, 500),
        end: |plant| assert!(plant.gateway.faults().clear()),
        words: &["500", "/data/api/v1/scan/projects"],
    },
    Refusal {
        name: "404",
        begin: |plant| plant.gateway.faults().status(SCAN, 404),
        end: |plant| assert!(plant.gateway.faults().clear()),
        words: &["404", "/data/api/v1/scan/projects"],
    },
];

#[test]
fn a_refused_scan_is_in_the_status_and_made_up_for_when_it_is_accepted_again() {
    thread::scope(|scope| {
        for refusal in &REFUSALS {
            scope.spawn(|| refused_and_made_up_for(refusal));
        }
    });
}

fn refused_and_made_up_for(refusal: &Refusal) {
    let Refusal { name, begin, end, words } = refusal;
    let plant = Plant::new();
    let agent = plant.start();
    begin(&plant);
    let commit = plant.push("two");
    plant.give(&plant.manifest);
    let status = agent.wait_for_status(name, |status| status["reason"] == "ScanFailed");
    assert_eq!(status["syncStatus"], "Error", "{name}: {status:#}");
    assert_eq!(status["syncedCommit"], commit, "{name}: the files are there");
    let (told, result) =
        (status["errorMessage"].as_str().unwrap(), status["lastScanResult"].as_str().unwrap());
    for word in *words {
        assert!(told.contains(word), "{name}: {word} is not in {told}");
    }
    assert!(result.starts_with("error: "), "{name}: {result}");
    // It stays in the status until a scan was accepted, however often is looked meanwhile.
    plant.wake();
    end(&plant);
    let status = plant.wait_for_scanned(&agent, &commit);
    assert!(status["errorMessage"].is_null(), "{name}: {status:#}");
    agent.wait_for_status("the result", |status| status["lastScanResult"] == "projects=200 config=200");
    plant.assert_no_incident();
}

#[test]
fn a_gateway_that_keeps_refusing_is_asked_ever_more_rarely() {
    let plant = Plant::new();
    let agent = plant.start();
    plant.gateway.faults().status(SCAN, 403);
    plant.push("two");
    plant.gateway.clear_records();
    plant.give(&plant.manifest);
    agent.wait_for_status("the refusal", |status| status["reason"] == "ScanFailed");
    // Pauses of about 1, 2 and 4 s, each at most a quarter shorter.
    let asked = agent.wait("four scans", |_| Some(plant.scans_asked()).filter(|asked| asked.len() >= 4));
    let times: Vec<_> = asked.iter().map(|request| request.at).collect();
    let pauses: Vec<_> = times.windows(2).map(|pair| pair[1].duration_since(pair[0]).unwrap()).collect();
    assert!(pauses[0] < pauses[1] && pauses[1] < pauses[2], "{pauses:?}");
    plant.assert_no_incident();
}

#[test]
fn a_gateway_that_goes_away_in_between_is_no_failure() {
    let plant = Plant::new();
    let agent = plant.start();
    plant.gateway.set_state(State::Starting).unwrap();
    let commit = plant.push("two");
    plant.give(&plant.manifest);
    let status = agent.wait_for_commit(&commit);
    assert!(status["reason"].is_null(), "{status:#}");
    plant.gateway.clear_records();
    plant.gateway.set_state(State::Running).unwrap();
    plant.wait_for_scanned(&agent, &commit);
    assert!(plant.scans_asked().iter().any(|request| request.status == 200), "a scan is made up for");
}

#[test]
fn a_gateway_that_is_busy_starting_is_no_failure_and_gets_its_scan_later() {
    let plant = Plant::new();
    let agent = plant.start();
    plant.gateway.faults().status(SCAN, 503);
    let commit = plant.push("two");
    plant.give(&plant.manifest);
    let status = agent.wait_for_status("a scan", |status| {
        status["lastScanResult"].as_str().is_some_and(|result| result.contains("503"))
    });
    assert_eq!((&status["syncStatus"], status["syncedCommit"].as_str()), (&"Synced".into(), Some(&*commit)));
    assert!(plant.gateway.faults().clear());
    plant.wait_for_scanned(&agent, &commit);
    agent.wait_for_status("the result", |status| status["lastScanResult"] == "projects=200 config=200");
}

#[test]
fn a_single_run_says_when_the_gateway_refused_its_scan() {
    let site = Site::new();
    let gateway = Gateway::start(Settings::new(&site.data).with_token("stoker", "another-secret")).unwrap();
    let manifest = Manifest::new(&site.repository.file_url()).with("gateway.port", gateway.port());
    let ended = site.once(&manifest, &[]);
    assert_eq!(ended.code, 77, "{}", ended.stderr);
    assert!(ended.message().contains("401") && ended.message().contains("token file"), "{}", ended.stderr);
    gateway.faults().status(SCAN, 500);
    let ended = site.once(&manifest, &[]);
    assert_eq!(ended.code, 69, "{}", ended.stderr);
    assert!(gateway.faults().clear());
    site.secret("ignition-api", "apiKey", "stoker:another-secret");
    site.sync(&manifest);
    gateway.wait_for_state(State::Running, SOON).unwrap();
    assert!(!site.data.join(".stoker/scan-pending").exists());
}
