//! The first boot of a gateway: what seeding and commissioning write over ours is put right, once.

use std::fs;
use std::time::SystemTime;

use stoker_test_gateway::{Commissioning, Kind, Lockout, Settings, State};

use super::Plant;
use crate::support::{SOON, assert_same};

const SECURITY: &str = "config/resources/core/ignition/security-properties";

fn uncommissioned(lockout: Lockout) -> Plant {
    let plant = Plant::with(|settings| Settings {
        commissioning: Some(Commissioning { lasts: None, overwrites: Some(lockout) }),
        ..settings
    });
    plant.site.resource(SECURITY, "config.json", "{\"ours\":true}\n");
    plant.site.repository.commit("security").unwrap();
    plant
}

#[test]
fn what_commissioning_overwrites_is_put_right_and_scanned_when_the_gateway_first_runs() {
    std::thread::scope(|scope| {
        for lockout in [Lockout::UntilPutBack, Lockout::UntilScanned] {
            scope.spawn(move || is_put_right(lockout));
        }
    });
}

fn is_put_right(lockout: Lockout) {
    let plant = uncommissioned(lockout);
    let agent = plant.site.start(&plant.manifest, &[]);
    let commit = plant.site.repository.head().unwrap();
    agent.wait_for_commit(&commit);
    assert_same(&plant.site.archive(&commit), &plant.site.live(), "before the first boot");
    assert_eq!(plant.gateway.state(), State::Commissioning);
    plant.gateway.clear_records();
    let commissioned = SystemTime::now();
    plant.gateway.set_state(State::Running).unwrap();
    // Commissioning has written over it.
    let live = plant.site.data.join(SECURITY).join("config.json");
    let ours = || fs::read(&live).is_ok_and(|bytes| bytes == b"{\"ours\":true}\n");
    agent.wait("our security-properties", |_| ours().then_some(()));
    plant.wait_for_scanned(&agent, &commit);
    plant.gateway.wait_for_scan(Kind::Config, commissioned, SOON).unwrap();
    agent.wait("an accepted scan", |_| {
        plant.scans_asked().iter().any(|request| request.status == 200).then_some(())
    });
    let status = agent.wait_for_commit(&commit);
    assert!(status["drift"].is_null(), "commissioning is no drift: {status:#}");
    plant.assert_no_incident();
    // From now on a difference is drift, and left.
    fs::write(&live, "{\"theirs\":true}\n").unwrap();
    let status = agent.wait_for_status("drift", |status| status["drift"]["count"] == 1);
    assert_eq!(status["drift"]["paths"][0], format!("{SECURITY}/config.json"));
    assert!(!ours());
}

#[test]
fn what_the_seeding_of_the_chart_overwrites_before_the_first_run_is_put_right() {
    let plant = Plant::new();
    plant.gateway.set_state(State::Starting).unwrap();
    let agent = plant.site.start(&plant.manifest, &[]);
    let commit = plant.site.repository.head().unwrap();
    agent.wait_for_commit(&commit);
    // The init container copies the image's directory over ours, and adds its own.
    fs::write(plant.site.live_view("main"), "{\"word\":\"seed\"}\n").unwrap();
    fs::remove_file(plant.site.data.join("projects/line/project.json")).unwrap();
    fs::write(plant.site.data.join(".ignition-seed-complete"), "").unwrap();
    plant.gateway.set_state(State::Running).unwrap();
    plant.wait_for_scanned(&agent, &commit);
    agent.wait("our view", |_| (plant.shown().as_deref() == Some("one")).then_some(()));
    assert!(plant.site.data.join(".ignition-seed-complete").exists(), "it is the chart's");
    let status = agent.wait_for_commit(&commit);
    assert!(status["drift"].is_null(), "seeding is no drift: {status:#}");
}
