//! Starting, and being commissioned.

use std::time::{Duration, SystemTime};

use stoker_test_gateway::{Commissioning, Gateway, Kind, Lockout, Settings, State};

use crate::client::Client;
use crate::data::{Data, VIEW};
use crate::{SOON, scan, settings};

const INFO: &str = "/data/api/v1/gateway-info";
const SCAN: &str = "/data/api/v1/scan/config";
const SECURITY: &str = "config/resources/core/ignition/security-properties";

fn overwriting(data: &Data, lockout: Lockout) -> Settings {
    Settings {
        commissioning: Some(Commissioning { lasts: None, overwrites: Some(lockout) }),
        ..settings(data)
    }
}

#[test]
fn a_starting_gateway_answers_503_and_then_runs() {
    let data = Data::new();
    let gateway =
        Gateway::start(Settings { starting_for: Duration::from_millis(300), ..settings(&data) }).unwrap();
    let client = Client::of(&gateway);
    assert_eq!(client.get("/StatusPing").body, r#"{"state":"STARTING"}"#);
    for path in ["/system/gwinfo", INFO, "/data/api/v1/nonsense"] {
        assert_eq!(client.get(path).status, 503, "{path}");
    }
    assert_eq!(client.post(SCAN, "").status, 503);
    assert!(gateway.loaded().resource(VIEW).is_none());
    gateway.wait_for_state(State::Running, SOON).unwrap();
    assert_eq!(client.get(INFO).status, 200);
    assert!(gateway.loaded().resource(VIEW).is_some());
}

#[test]
fn a_gateway_that_is_not_commissioned_redirects_and_refuses_scans() {
    let data = Data::new();
    let commissioning = Some(Commissioning::default());
    let gateway = Gateway::start(Settings { commissioning, ..settings(&data) }).unwrap();
    let client = Client::of(&gateway);
    assert_eq!(client.get("/StatusPing").body, r#"{"state":"RUNNING","details":"COMMISSIONING"}"#);
    let info = client.get(INFO);
    assert_eq!((info.status, info.header("location")), (302, Some("/welcome")));
    assert_eq!(client.post(SCAN, "").status, 400);
    assert_eq!(client.get("/welcome").status, 200);
    gateway.set_state(State::Running).unwrap();
    assert_eq!(client.get("/StatusPing").body, r#"{"state":"RUNNING"}"#);
    assert_eq!(client.get(INFO).status, 200, "nothing was overwritten");
}

#[test]
fn commissioning_ends_by_itself_when_it_is_told_to() {
    let data = Data::new();
    let commissioning = Some(Commissioning { lasts: Some(Duration::from_millis(100)), overwrites: None });
    let gateway = Gateway::start(Settings { commissioning, ..settings(&data) }).unwrap();
    assert_eq!(gateway.state(), State::Commissioning);
    gateway.wait_for_state(State::Running, SOON).unwrap();
}

#[test]
fn commissioning_overwrites_security_properties_when_the_gateway_goes_to_running() {
    let data = Data::new();
    data.resource(SECURITY, &[("config.json", r#"{"ours":true}"#)]);
    let gateway = Gateway::start(overwriting(&data, Lockout::UntilPutBack)).unwrap();
    assert_eq!(data.bytes(&format!("{SECURITY}/config.json")), br#"{"ours":true}"#);
    gateway.set_state(State::Running).unwrap();
    let client = Client::of(&gateway);
    let read = client.get(INFO);
    assert!(read.status == 403 && read.is_html());
    assert_eq!(client.post(SCAN, "").status, 403);

    data.resource(SECURITY, &[("config.json", r#"{"ours":true}"#)]);
    scan(&gateway, Kind::Config);
    assert_eq!(client.get(INFO).status, 200);
    assert!(gateway.incidents().is_empty(), "{:?}", gateway.incidents());
}

#[test]
fn it_may_take_a_scan_of_the_gateways_own_to_let_tokens_in_again() {
    let data = Data::new();
    let gateway = Gateway::start(overwriting(&data, Lockout::UntilScanned)).unwrap();
    gateway.set_state(State::Running).unwrap();
    data.resource(SECURITY, &[("config.json", r#"{"ours":true}"#)]);
    assert_eq!(Client::of(&gateway).post(SCAN, "").status, 403);
    drop(gateway);

    let config_scan_interval = Some(Duration::from_millis(50));
    let data = Data::new();
    let gateway =
        Gateway::start(Settings { config_scan_interval, ..overwriting(&data, Lockout::UntilScanned) })
            .unwrap();
    gateway.set_state(State::Running).unwrap();
    let client = Client::of(&gateway);
    assert_eq!(client.get(INFO).status, 403);
    let put_back = SystemTime::now();
    data.resource(SECURITY, &[("config.json", r#"{"ours":true}"#)]);
    gateway.wait_for_scan(Kind::Config, put_back + Duration::from_millis(1), SOON).unwrap();
    gateway.wait_for(SOON, "the token", |_| (client.get(INFO).status == 200).then_some(())).unwrap();
}

#[test]
fn a_second_start_is_no_first_boot() {
    let data = Data::new();
    let first = Gateway::start(overwriting(&data, Lockout::UntilPutBack)).unwrap();
    first.set_state(State::Running).unwrap();
    drop(first);
    data.resource(SECURITY, &[("config.json", r#"{"ours":true}"#)]);
    let second = Gateway::start(overwriting(&data, Lockout::UntilPutBack)).unwrap();
    assert_eq!(second.state(), State::Running);
    assert_eq!(Client::of(&second).get(INFO).status, 200);
}
