//! What can be made to go wrong.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use stoker_test_gateway::{Break, Gateway, Kind, State};

use crate::client::Client;
use crate::data::Data;
use crate::{SOON, gateway, scan};

const INFO: &str = "/data/api/v1/gateway-info";
const SCAN: &str = "/data/api/v1/scan/projects";

fn requested_scans(gateway: &Gateway) -> usize {
    gateway.scans().iter().filter(|scan| scan.trigger == stoker_test_gateway::Trigger::Requested).count()
}

#[test]
fn a_slow_gateway_answers_late_and_still_stops_at_once() {
    let data = Data::new();
    let gateway = gateway(&data);
    gateway.faults().slow(Duration::from_millis(200));
    let asked = Instant::now();
    assert_eq!(Client::of(&gateway).get(INFO).status, 200);
    assert!(asked.elapsed() >= Duration::from_millis(200));

    gateway.faults().slow(Duration::from_hours(1));
    let client = Client::of(&gateway);
    let waiting = std::thread::spawn(move || client.call("GET", INFO, ""));
    let stopped = Instant::now();
    drop(gateway);
    assert!(stopped.elapsed() < SOON / 2);
    // It may have been too late even to connect; an answer it may get too, on the way out.
    let _ = waiting.join().unwrap();
}

#[test]
fn statuses_can_be_forced_by_prefix_for_ever_or_for_the_next_requests() {
    let data = Data::new();
    let gateway = gateway(&data);
    let client = Client::of(&gateway);
    gateway.faults().status("/data/api/v1/designers", 500);
    gateway.faults().statuses("/data/api/v1/scan/", &[500, 503]);
    let forced = client.get("/data/api/v1/designers");
    assert!(forced.status == 500 && forced.is_html());
    let statuses: Vec<u16> = (0..3).map(|_| client.post(SCAN, "").status).collect();
    assert_eq!(statuses, [500, 503, 200]);
    assert_eq!(client.get("/data/api/v1/designers").status, 500);
    assert!(gateway.faults().clear());
    assert_eq!(client.get("/data/api/v1/designers").status, 200);
}

#[test]
fn a_connection_breaks_before_within_or_after_the_work() {
    let data = Data::new();
    let gateway = gateway(&data);
    let client = Client::of(&gateway);
    for (how, error, scans) in [
        (Break::Before, ErrorKind::ConnectionReset, 0),
        (Break::After, ErrorKind::ConnectionReset, 1),
        (Break::Within, ErrorKind::UnexpectedEof, 2),
    ] {
        gateway.faults().breaks(Some(how));
        assert_eq!(client.call("POST", SCAN, "").unwrap_err().kind(), error, "{how:?}");
        gateway.wait_for(SOON, "scans", |gateway| (requested_scans(gateway) == scans).then_some(())).unwrap();
    }
    assert_eq!(gateway.log().iter().map(|request| request.status).collect::<Vec<_>>(), [0, 200, 200]);
    gateway.faults().breaks(None);
    assert_eq!(client.get(INFO).status, 200);
}

#[test]
fn a_stuck_scan_stays_active_and_moves_no_time() {
    let data = Data::new();
    let gateway = gateway(&data);
    let client = Client::of(&gateway);
    let before = client.get(SCAN).json();
    gateway.faults().stuck_scan(true);
    client.post(SCAN, "");
    for _ in 0..3 {
        let status = client.get(SCAN).json();
        assert_eq!(status["scanActive"], true);
        assert_eq!(status["lastScanTimestamp"], before["lastScanTimestamp"]);
    }
    let asked = std::time::SystemTime::now();
    gateway.faults().stuck_scan(false);
    gateway.wait_for_scan(Kind::Projects, asked, SOON).unwrap();
    gateway
        .wait_for(SOON, "an idle scanner", |_| (client.get(SCAN).json()["scanActive"] == false).then_some(()))
        .unwrap();
}

#[test]
fn a_gateway_with_a_stuck_scan_can_be_dropped() {
    let data = Data::new();
    let gateway = gateway(&data);
    gateway.faults().stuck_scan(true);
    Client::of(&gateway).post(SCAN, "");
    let stopped = Instant::now();
    drop(gateway);
    assert!(stopped.elapsed() < SOON / 2);
}

#[test]
fn a_scan_can_be_promised_and_not_done() {
    let data = Data::new();
    let gateway = gateway(&data);
    gateway.faults().no_scan(true);
    assert_eq!(Client::of(&gateway).post(SCAN, "").status, 200);
    assert_eq!(Client::of(&gateway).get(SCAN).json()["scanActive"], false);
    gateway.faults().no_scan(false);
    scan(&gateway, Kind::Projects);
    assert_eq!(requested_scans(&gateway), 1);
}

#[test]
fn a_gateway_that_is_down_refuses_connections_and_comes_back_on_its_port() {
    let data = Data::new();
    let gateway = gateway(&data);
    let client = Client::of(&gateway);
    for _ in 0..3 {
        let mut idle = client.connect().unwrap();
        assert!(gateway.faults().down(true));
        assert_eq!(client.connect().unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let stolen = TcpListener::bind(("127.0.0.1", gateway.port()));
        assert_eq!(stolen.unwrap_err().kind(), ErrorKind::AddrInUse, "its port is kept for it");
        assert!(crate::client::read(&mut idle).is_err());
        assert!(gateway.faults().down(false));
        assert_eq!(client.get(INFO).status, 200);
    }
}

#[test]
fn a_restarting_gateway_is_starting_before_it_runs() {
    let data = Data::new();
    let gateway = gateway(&data);
    gateway.restart(Duration::from_millis(200)).unwrap();
    assert_eq!(Client::of(&gateway).get(INFO).status, 503);
    gateway.wait_for_state(State::Running, SOON).unwrap();
    assert_eq!(Client::of(&gateway).get(INFO).status, 200);
}
