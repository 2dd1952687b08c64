//! What each call answers, and to whom.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::Digest as _;
use stoker_test_gateway::{Forbid, Gateway, Kind, Level, Redundancy, ScanAnswer, Settings};

use crate::client::{self, Client};
use crate::data::{DATABASE, Data};
use crate::{gateway, scan, settings};

const INFO: &str = "/data/api/v1/gateway-info";
const SCAN: &str = "/data/api/v1/scan/projects";

#[test]
fn ping_and_gwinfo_need_no_token() {
    let data = Data::new();
    let gateway = Gateway::start(Settings { redundancy: Redundancy::Backup, ..settings(&data) }).unwrap();
    let client = Client::of(&gateway).with(None);
    assert_eq!(client.get("/StatusPing").body, r#"{"state":"RUNNING"}"#);
    let info = client.get("/system/gwinfo");
    let pairs: Vec<&str> = info.body.split(';').collect();
    for pair in [
        "ContextStatus=RUNNING",
        "RedundancyStatus=Backup",
        "RedundantNodeActiveStatus=Cold",
        "Version=8.3.7",
    ] {
        assert!(pairs.contains(&pair), "{info:?}");
    }
}

#[test]
fn without_a_known_token_reads_get_a_page_and_writes_nothing() {
    let data = Data::new();
    let gateway = gateway(&data);
    for token in [None, Some("secret"), Some("ci:wrong"), Some("ci"), Some("other:secret"), Some("")] {
        let client = Client::of(&gateway).with(token);
        let read = client.get(INFO);
        assert!(read.status == 401 && read.is_html(), "{token:?}: {read:?}");
        let write = client.post(SCAN, "");
        assert!(write.status == 401 && write.body.is_empty(), "{token:?}: {write:?}");
    }
    assert_eq!(Client::of(&gateway).get(INFO).status, 200);
}

#[test]
fn a_token_may_lack_the_permission() {
    let data = Data::new();
    let gateway = gateway(&data);
    let client = Client::of(&gateway);
    gateway.faults().forbid(Forbid::Writes);
    assert_eq!((client.get(INFO).status, client.post(SCAN, "").status), (200, 403));
    gateway.faults().forbid(Forbid::Everything);
    assert_eq!((client.get(INFO).status, client.get("/StatusPing").status), (403, 200));
}

#[test]
fn a_seeded_token_works_from_the_scan_that_loads_it_to_the_scan_that_misses_it() {
    let data = Data::new();
    let gateway = gateway(&data);
    let directory = "config/resources/core/ignition/api-token/robot";
    let secret = [7; 32];
    let hash = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(secret));
    let robot = Client::of(&gateway).with(Some(&format!("robot:{}", URL_SAFE_NO_PAD.encode(secret))));
    data.resource(
        directory,
        &[("config.json", &format!(r#"{{"profile":{{}},"settings":{{"tokenHash":"{hash}"}}}}"#))],
    );
    assert_eq!(robot.get(INFO).status, 401);
    scan(&gateway, Kind::Config);
    assert_eq!(robot.get(INFO).status, 200);
    let other = robot.clone().with(Some(&format!("other:{}", URL_SAFE_NO_PAD.encode(secret))));
    assert_eq!(other.get(INFO).status, 401, "a secret goes with its name");

    data.remove(&format!("{directory}/resource.json"));
    scan(&gateway, Kind::Config);
    assert_eq!(robot.get(INFO).status, 401);
}

#[test]
fn what_is_not_a_path_of_the_api_has_no_route() {
    let data = Data::new();
    let gateway = gateway(&data);
    let client = Client::of(&gateway).with(None);
    for (method, path) in [
        ("GET", "/data/api/v1/nonsense"),
        ("POST", "/data/api/v1/gateway-info"),
        ("GET", "/data/api/v1/scan/tags"),
        ("GET", "/data/api/v1/resources/find/ignition/database-connection"),
    ] {
        let answer = client.call(method, path, "").unwrap();
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.json()["message"].as_str().unwrap().starts_with("No route match"), "{answer:?}");
    }
    let outside = client.get("/nonsense");
    assert!(outside.status == 404 && outside.is_html());
}

#[test]
fn a_gateway_before_8_3_has_no_api() {
    let data = Data::new();
    for (version, status) in [("8.1.48", 404), ("7.9.21", 404), ("8.3.0-rc1", 200), ("8.10.0", 200)] {
        let gateway = Gateway::start(Settings { version: version.to_owned(), ..settings(&data) }).unwrap();
        assert_eq!(Client::of(&gateway).get(INFO).status, status, "{version}");
        assert_eq!(Client::of(&gateway).get("/system/gwinfo").status, 200, "{version}");
    }
}

#[test]
fn gateway_info_says_who_it_is() {
    let data = Data::new();
    let gateway = Gateway::start(Settings { redundancy: Redundancy::Master, ..settings(&data) }).unwrap();
    let info = Client::of(&gateway).get(INFO).json();
    assert_eq!(info["redundancyRole"], "Master");
    assert_eq!(info["ignitionVersion"], "8.3.7");
    assert_eq!(info["name"], "Ignition-test");
}

#[test]
fn every_scan_moves_the_time_of_the_last_one() {
    let data = Data::new();
    let gateway = gateway(&data);
    let client = Client::of(&gateway);
    let mut last = client.get(SCAN).json()["lastScanTimestamp"].as_u64().unwrap();
    for _ in 0..5 {
        scan(&gateway, Kind::Projects);
        let status = client.get(SCAN).json();
        assert!(
            status["lastScanTimestamp"].as_u64().unwrap() > last && status["lastScanDuration"].is_u64(),
            "{status}"
        );
        last = status["lastScanTimestamp"].as_u64().unwrap();
    }
}

#[test]
fn a_scan_post_answers_a_status_or_true() {
    let data = Data::new();
    let first = gateway(&data);
    assert!(Client::of(&first).post(SCAN, "").json()["scanActive"].is_boolean());
    let second = Gateway::start(Settings { scan_answer: ScanAnswer::True, ..settings(&data) }).unwrap();
    assert_eq!(Client::of(&second).post(SCAN, "").body, "true");
}

#[test]
fn find_tells_what_is_loaded_and_what_is_not() {
    let data = Data::new();
    let gateway = gateway(&data);
    let client = Client::of(&gateway);
    let project = client.get("/data/api/v1/projects/find/line").json();
    assert_eq!(project["parent"], "base");
    assert_eq!(project["enabled"], true);
    let resource = client.get("/data/api/v1/resources/find/ignition/database-connection/mes").json();
    assert_eq!(resource["collection"], "core");
    assert_eq!(resource["enabled"], true);
    assert_eq!(resource["signature"].as_str().unwrap().len(), 64);
    for path in ["projects/find/other", "resources/find/ignition/database-connection/other"] {
        let answer = client.get(&format!("/data/api/v1/{path}"));
        assert_eq!(answer.status, 404);
        assert!(!answer.body.contains("No route"), "not the 404 of an old gateway: {answer:?}");
    }
}

#[test]
fn later_collections_override_earlier_ones_and_other_modes_do_not_count() {
    let data = Data::new();
    for collection in ["external", "dev", "prod"] {
        data.resource(&DATABASE.replace("core", collection), &[("config.json", "{}")]);
    }
    let of = |mode: Option<&str>| {
        let gateway =
            Gateway::start(Settings { deployment_mode: mode.map(str::to_owned), ..settings(&data) }).unwrap();
        let found =
            Client::of(&gateway).get("/data/api/v1/resources/find/ignition/database-connection/mes").json();
        found["collection"].as_str().unwrap().to_owned()
    };
    assert_eq!((of(None), of(Some("prod"))), ("core".to_owned(), "prod".to_owned()));
}

#[test]
fn names_with_spaces_and_slashes_are_found() {
    let data = Data::new();
    data.resource("config/resources/core/ignition/theme/sub dir/größe", &[("config.json", "{}")]);
    let gateway = gateway(&data);
    let found =
        Client::of(&gateway).get("/data/api/v1/resources/find/ignition/theme/sub%20dir/gr%C3%B6%C3%9Fe");
    assert_eq!(found.json()["name"], "sub dir/größe");
}

#[test]
fn designers_are_listed_while_they_are_open() {
    let data = Data::new();
    let gateway = gateway(&data);
    let client = Client::of(&gateway);
    assert_eq!(client.get("/data/api/v1/designers").body, r#"{"items":[]}"#);
    let id = gateway.add_designer("ada", "line");
    let items = client.get("/data/api/v1/designers").json()["items"].clone();
    assert_eq!((items[0]["user"].as_str(), items[0]["project"].as_str()), (Some("ada"), Some("line")));
    for key in ["id", "address", "timezone", "uptime"] {
        assert!(!items[0][key].is_null(), "{key}: {items}");
    }
    gateway.remove_designer(id);
    assert_eq!(client.get("/data/api/v1/designers").body, r#"{"items":[]}"#);
}

#[test]
fn logs_are_narrowed_by_level_time_and_limit() {
    let data = Data::new();
    let gateway = gateway(&data);
    let client = Client::of(&gateway);
    gateway.add_log(Level::Info, "gateway.Test", "well");
    for n in 1..=3 {
        gateway.add_log(Level::Error, "gateway.Test", &format!("failure {n}"));
    }
    let messages = |query: &str| -> Vec<String> {
        let items = client.get(&format!("/data/api/v1/logs?{query}")).json()["items"].clone();
        items.as_array().unwrap().iter().map(|item| item["message"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(messages("minLevel=ERROR&startTime=0&limit=2"), ["failure 3", "failure 2"]);
    assert_eq!(messages("limit=50").len(), 4);
    assert!(messages(&format!("startTime={}&limit=50", u64::MAX)).is_empty());
    assert_eq!(client.get("/data/api/v1/logs?minLevel=LOUD").status, 400);
}

#[test]
fn lists_of_modules_restarts_and_scripts_have_their_shapes() {
    let data = Data::new();
    let gateway = gateway(&data);
    let client = Client::of(&gateway);
    assert_eq!(client.get("/data/api/v1/modules/quarantined").body, r#"{"items":[]}"#);
    assert_eq!(client.get("/data/api/v1/restart-tasks/pending").body, r#"{"pending":[]}"#);
    gateway.add_script("TIMER", "line", Some("NameError: x"));
    let scripts = client.get("/data/api/v1/scripts/diagnostics/TIMER").json();
    assert_eq!(scripts["items"][0]["projectName"], "line");
    assert_eq!(scripts["items"][0]["error"], "NameError: x");
    assert_eq!(client.get("/data/api/v1/scripts/diagnostics/STARTUP").body, r#"{"items":[]}"#);
    assert_eq!(client.get("/data/api/v1/scripts/diagnostics/OTHER").status, 400);
}

#[test]
fn the_log_has_every_request_and_no_token() {
    let data = Data::new();
    let gateway = gateway(&data);
    Client::of(&gateway).post("/data/api/v1/scan-lock/config?x=1", r#"{"acquireTimeout":1,"holdTimeout":1}"#);
    let log = gateway.log();
    assert_eq!(log.len(), 1);
    assert_eq!(
        (log[0].method.as_str(), log[0].path.as_str(), log[0].status),
        ("POST", "/data/api/v1/scan-lock/config", 200)
    );
    assert_eq!((log[0].query.as_str(), log[0].body.len()), ("x=1", 36));
    assert!(!format!("{log:?}").contains("secret"));
}

#[test]
fn a_connection_serves_many_requests() {
    let data = Data::new();
    let gateway = gateway(&data);
    let client = Client::of(&gateway);
    let mut stream = client.connect().unwrap();
    for path in [INFO, "/nonsense", "/StatusPing"] {
        client.send(stream.get_mut(), "GET", path, "").unwrap();
        client::read(&mut stream).unwrap();
    }
    client.send(stream.get_mut(), "HEAD", "/StatusPing", "").unwrap();
    client.send(stream.get_mut(), "POST", SCAN, "").unwrap();
    let heads: Vec<u16> = gateway
        .wait_for(crate::SOON, "five requests", |gateway| {
            let log = gateway.log();
            (log.len() == 5).then(|| log.iter().map(|request| request.status).collect())
        })
        .unwrap();
    assert_eq!(heads, [200, 404, 200, 200, 200]);
}

#[test]
fn nothing_listens_once_the_gateway_is_dropped() {
    let data = Data::new();
    let gateway = gateway(&data);
    let client = Client::of(&gateway);
    let mut idle = client.connect().unwrap();
    client.send(idle.get_mut(), "GET", INFO, "").unwrap();
    client::read(&mut idle).unwrap();
    drop(gateway);
    assert!(client.connect().is_err());
    assert!(client::read(&mut idle).is_err(), "an idle connection is closed");
}
