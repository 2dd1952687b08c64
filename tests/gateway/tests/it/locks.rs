//! The scan-lock.

use std::time::{Duration, Instant, SystemTime};

use stoker_test_gateway::{Gateway, Kind, Settings, Trigger};

use crate::client::Client;
use crate::data::Data;
use crate::{SOON, gateway, scan, settings};

const LOCK: &str = "/data/api/v1/scan-lock/projects";

fn claim(acquire: u32, hold: u32) -> String {
    format!(r#"{{"acquireTimeout":{acquire},"holdTimeout":{hold}}}"#)
}

#[test]
fn a_lock_without_a_body_fails_the_gateway() {
    let data = Data::new();
    let gateway = gateway(&data);
    let client = Client::of(&gateway);
    for body in ["", "{}", "not json"] {
        assert_eq!(client.post(LOCK, body).status, 500, "{body:?}");
    }
    assert_eq!(client.get(LOCK).status, 204);
}

#[test]
fn a_lock_is_held_once_until_the_next_scan_post_of_its_kind() {
    let data = Data::new();
    let gateway = gateway(&data);
    let client = Client::of(&gateway);
    assert_eq!(client.get(LOCK).status, 204);
    assert_eq!(client.post(LOCK, &claim(0, 60)).status, 200);
    assert_eq!(client.get(LOCK).status, 200);
    assert_eq!(client.post(LOCK, &claim(0, 60)).status, 409);
    scan(&gateway, Kind::Config);
    assert_eq!(client.get(LOCK).status, 200, "a scan of the other kind does not release it");
    scan(&gateway, Kind::Projects);
    assert_eq!(client.get(LOCK).status, 204);
}

#[test]
fn a_lock_expires() {
    let data = Data::new();
    let gateway = gateway(&data);
    let client = Client::of(&gateway);
    assert_eq!(client.post(LOCK, &claim(0, 1)).status, 200);
    let taken = Instant::now();
    gateway.wait_for(SOON, "a free lock", |_| (client.get(LOCK).status == 204).then_some(())).unwrap();
    assert!(taken.elapsed() > Duration::from_millis(900));
}

#[test]
fn a_lock_waits_for_a_running_scan_and_gives_up() {
    let data = Data::new();
    let gateway = gateway(&data);
    let client = Client::of(&gateway);
    gateway.faults().stuck_scan(true);
    assert_eq!(client.post("/data/api/v1/scan/projects", "").status, 200);
    assert_eq!(client.post(LOCK, &claim(0, 60)).status, 408);
    gateway.faults().stuck_scan(false);
    assert_eq!(client.post(LOCK, &claim(20, 60)).status, 200);
}

#[test]
fn the_gateways_own_scan_waits_for_the_lock_to_go() {
    let data = Data::new();
    let every = Some(Duration::from_millis(20));
    let gateway = Gateway::start(Settings { scan_interval: every, ..settings(&data) }).unwrap();
    let by_itself =
        |gateway: &Gateway| gateway.scans().iter().filter(|scan| scan.trigger == Trigger::Interval).count();
    gateway.wait_for(SOON, "scans of its own", |gateway| (by_itself(gateway) >= 2).then_some(())).unwrap();
    let taken = SystemTime::now();
    assert!(gateway.hold_scan_lock(Kind::Projects, Duration::from_millis(500)));
    let first = gateway.wait_for(SOON, "a scan after the lock", |gateway| {
        // One may have been on its way when the lock was taken.
        let later = taken + Duration::from_millis(100);
        gateway.scans().into_iter().find(|scan| scan.started > later)
    });
    assert!(first.unwrap().started.duration_since(taken).unwrap() >= Duration::from_millis(500));
}

#[test]
fn somebody_elses_lock_is_in_the_way() {
    let data = Data::new();
    let gateway = gateway(&data);
    assert!(gateway.hold_scan_lock(Kind::Projects, SOON));
    assert_eq!(Client::of(&gateway).post(LOCK, &claim(0, 60)).status, 409);
    assert!(!gateway.hold_scan_lock(Kind::Projects, SOON));
}
