//! What a scan loads, and what it calls an incident.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use stoker_test_gateway::{Gateway, Kind, Settings, Trigger, What};

use crate::client::Client;
use crate::data::{DATABASE, Data, VIEW, inode, sha256};
use crate::{SOON, gateway, scan, settings};

/// What the gateway complained about: path and kind.
fn incidents(gateway: &Gateway) -> Vec<(String, What)> {
    gateway.incidents().into_iter().map(|incident| (incident.path, incident.what)).collect()
}

fn view(file: &str) -> String {
    format!("{VIEW}/{file}")
}

#[test]
fn a_start_loads_what_is_there() {
    let data = Data::new();
    data.resource("config/resources/core/ignition/tag-definition/default", &[("udts.json", "{}")]);
    data.write(
        "config/resources/core/ignition/tag-definition/default/unary-resource.json",
        r#"{"files":["tags.json"]}"#,
    );
    data.write("config/resources/core/ignition/tag-definition/default/tags.json", "[]");
    let gateway = gateway(&data);
    let loaded = gateway.loaded();
    assert_eq!(loaded.projects["line"].title, "Line");
    assert_eq!(loaded.resource(VIEW).unwrap().name, "main");
    assert_eq!(loaded.resource(DATABASE).unwrap().kind, "database-connection");
    for file in ["view.json", "code.py", "resource.json"] {
        assert_eq!(loaded.file(&view(file)).unwrap(), sha256(&data.bytes(&view(file))), "{file}");
    }
    assert!(loaded.file("config/resources/core/ignition/tag-definition/default/tags.json").is_some());
    assert_eq!(loaded.resources.len(), 4);
    assert_eq!(
        gateway.scans().iter().map(|scan| scan.trigger).collect::<Vec<_>>(),
        [Trigger::Boot, Trigger::Boot]
    );
    assert!(gateway.incidents().is_empty());
}

#[test]
fn what_is_written_is_loaded_by_a_scan_of_its_kind_and_not_before() {
    let data = Data::new();
    let gateway = gateway(&data);
    data.resource(VIEW, &[("view.json", r#"{"root":1}"#)]);
    let new = sha256(br#"{"root":1}"#);
    scan(&gateway, Kind::Config);
    assert_ne!(gateway.loaded().file(&view("view.json")).unwrap(), new);
    scan(&gateway, Kind::Projects);
    assert_eq!(gateway.loaded().file(&view("view.json")).unwrap(), new);
    assert_eq!(gateway.loaded().file(&view("code.py")), None);
    assert!(gateway.incidents().is_empty());
}

#[test]
fn a_listed_file_that_is_missing_keeps_the_old_version() {
    let data = Data::new();
    let gateway = gateway(&data);
    let before = gateway.loaded().resource(VIEW).cloned();
    data.manifest(VIEW, &["view.json", "code.py", "new.bin"]);
    scan(&gateway, Kind::Projects);
    assert_eq!(incidents(&gateway), [(view("new.bin"), What::MissingFile)]);
    assert_eq!(gateway.loaded().resource(VIEW).cloned(), before);

    data.remove(&view("code.py"));
    data.manifest(VIEW, &["view.json", "code.py"]);
    scan(&gateway, Kind::Projects);
    assert_eq!(incidents(&gateway)[1..], [(view("code.py"), What::MissingFile)]);
}

#[test]
fn truncated_json_is_an_incident_in_manifests_payloads_and_projects() {
    let data = Data::new();
    let gateway = gateway(&data);
    let before = gateway.loaded().resource(VIEW).cloned();
    data.write(&view("view.json"), r#"{"root":{"#);
    data.write(&view("resource.json"), r#"{"files":["view.json"]} "#);
    data.write("projects/line/project.json", "{");
    data.write(&format!("{DATABASE}/resource.json"), r#"{"files":["#);
    data.write("config/resources/core/config-mode.json", "");
    scan(&gateway, Kind::Projects);
    scan(&gateway, Kind::Config);
    let broken = |path: &str| (path.to_owned(), What::BrokenJson);
    assert_eq!(
        incidents(&gateway),
        [
            broken("projects/line/project.json"),
            broken(&view("view.json")),
            broken("config/resources/core/config-mode.json"),
            broken(&format!("{DATABASE}/resource.json")),
        ]
    );
    assert_eq!(gateway.loaded().resource(VIEW).cloned(), before);
    assert_eq!(gateway.loaded().projects["line"].title, "Line");
    assert!(gateway.loaded().resource(DATABASE).is_some());
}

#[test]
fn a_byte_order_mark_does_not_parse() {
    let data = Data::new();
    data.resource(VIEW, &[("view.json", "\u{feff}{}")]);
    assert_eq!(incidents(&gateway(&data)), [(view("view.json"), What::BrokenJson)]);
}

#[test]
fn a_manifest_must_list_names_inside_its_directory() {
    for files in [
        json!("view.json"),
        json!([1]),
        json!(["../x"]),
        json!(["/etc/passwd"]),
        json!([""]),
        json!(["a/../../b"]),
    ] {
        let data = Data::new();
        data.write(&view("resource.json"), &json!({"files": files}).to_string());
        assert_eq!(incidents(&gateway(&data)), [(view("resource.json"), What::BadManifest)], "{files}");
    }
    let data = Data::new();
    data.write(&view("resource.json"), "[]");
    assert_eq!(incidents(&gateway(&data)), [(view("resource.json"), What::BadManifest)]);
}

#[test]
fn a_payload_that_changes_below_its_manifest_is_an_incident_and_is_not_loaded() {
    let data = Data::new();
    let gateway = gateway(&data);
    let before = gateway.loaded().file(&view("code.py")).map(str::to_owned);
    data.write(&view("code.py"), "fail()\n");
    scan(&gateway, Kind::Projects);
    assert_eq!(incidents(&gateway), [(view("code.py"), What::StaleManifest)]);
    assert_eq!(gateway.loaded().file(&view("code.py")).map(str::to_owned), before);

    data.manifest(VIEW, &["view.json", "code.py"]);
    scan(&gateway, Kind::Projects);
    assert_eq!(
        gateway.loaded().file(&view("code.py")).unwrap(),
        sha256(b"fail()\n"),
        "the same bytes, rewritten, do"
    );
    assert_eq!(gateway.incidents().len(), 1);
}

#[test]
fn a_payload_of_the_same_length_and_time_is_still_seen_to_change() {
    let data = Data::new();
    let gateway = gateway(&data);
    let file = data.at(&view("code.py"));
    let time = std::fs::metadata(&file).unwrap().modified().unwrap();
    data.write_in_place(&view("code.py"), "PASS\n");
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
    scan(&gateway, Kind::Projects);
    assert_eq!(incidents(&gateway), [(view("code.py"), What::StaleManifest)]);
}

#[test]
fn a_scan_that_was_asked_for_waits_for_a_manifest_that_is_on_its_way() {
    let data = Data::new();
    let gateway = Gateway::start(Settings { settle: SOON, ..settings(&data) }).unwrap();
    data.write(&view("code.py"), "late()\n");
    let asked = SystemTime::now();
    Client::of(&gateway).post("/data/api/v1/scan/projects", "");
    data.manifest(VIEW, &["view.json", "code.py"]);
    gateway.wait_for_scan(Kind::Projects, asked, SOON).unwrap();
    assert_eq!(gateway.loaded().file(&view("code.py")).unwrap(), sha256(b"late()\n"));
    assert!(gateway.incidents().is_empty());
}

#[test]
fn the_gateways_own_scans_wait_as_long() {
    let data = Data::new();
    let (scan_interval, settle) = (Some(Duration::from_millis(10)), Duration::from_millis(300));
    let gateway = Gateway::start(Settings { scan_interval, settle, ..settings(&data) }).unwrap();
    let before = SystemTime::now();
    data.write(&view("code.py"), "late()\n");
    let incident =
        gateway.wait_for(SOON, "an incident", |gateway| gateway.incidents().first().cloned()).unwrap();
    assert_eq!((incident.what, incident.seen_by), (What::StaleManifest, Trigger::Interval));
    assert!(incident.at.duration_since(before).unwrap() >= settle);
}

#[test]
fn an_empty_payload_is_an_incident_where_the_signature_is_of_other_bytes() {
    let data = Data::new();
    let gateway = gateway(&data);
    gateway.touch_resource(VIEW).unwrap();
    let signed: Value = serde_json::from_slice(&data.bytes(&view("resource.json"))).unwrap();
    data.write(&view("code.py"), "");
    data.write(&view("resource.json"), &signed.to_string());
    scan(&gateway, Kind::Projects);
    assert_eq!(incidents(&gateway), [(view("code.py"), What::EmptyPayload)]);

    gateway.save_resource(VIEW, &[("code.py", b"")]).unwrap();
    scan(&gateway, Kind::Projects);
    assert_eq!(gateway.incidents().len(), 1, "an empty file that was signed is meant");
    assert_eq!(gateway.loaded().file(&view("code.py")).unwrap(), sha256(b""));
}

#[test]
fn an_empty_payload_below_an_unsigned_manifest_is_taken_as_meant() {
    let data = Data::new();
    data.resource(VIEW, &[("view.json", "{}"), ("code.py", "")]);
    assert!(gateway(&data).incidents().is_empty());
}

#[test]
fn the_same_trouble_is_told_once_and_again_after_it_was_over() {
    let data = Data::new();
    let gateway = gateway(&data);
    let rounds = |n| (0..n).for_each(|_| scan(&gateway, Kind::Projects));
    data.manifest(VIEW, &["view.json", "gone.py"]);
    rounds(3);
    assert_eq!(gateway.incidents().len(), 1);
    data.manifest(VIEW, &["view.json"]);
    rounds(1);
    data.manifest(VIEW, &["view.json", "gone.py"]);
    rounds(3);
    assert_eq!(gateway.incidents().len(), 2);
}

#[test]
fn incidents_show_as_errors_in_the_gateways_log() {
    let data = Data::new();
    data.manifest(VIEW, &["gone.py"]);
    let gateway = gateway(&data);
    let items = Client::of(&gateway).get("/data/api/v1/logs?minLevel=ERROR&limit=50").json()["items"].clone();
    assert!(items[0]["message"].as_str().unwrap().contains("gone.py"), "{items}");
}

#[test]
fn what_is_no_regular_file_cannot_be_read_and_does_not_stop_the_scan() {
    let data = Data::new();
    data.resource(VIEW, &[("view.json", "{}")]);
    let pipe = std::process::Command::new("mkfifo").arg(data.at(&view("pipe"))).status().unwrap();
    assert!(pipe.success());
    std::fs::create_dir(data.at(&view("directory"))).unwrap();
    data.manifest(VIEW, &["view.json", "pipe", "directory"]);
    let gateway = gateway(&data);
    assert_eq!(
        incidents(&gateway),
        [(view("pipe"), What::Unreadable), (view("directory"), What::Unreadable)]
    );
}

#[test]
fn without_its_manifest_a_resource_or_a_project_is_not_there() {
    let data = Data::new();
    let gateway = gateway(&data);
    data.remove(&format!("{DATABASE}/resource.json"));
    scan(&gateway, Kind::Config);
    assert!(gateway.loaded().resource(DATABASE).is_none());
    data.remove("projects/line/project.json");
    scan(&gateway, Kind::Projects);
    assert!(gateway.loaded().projects.is_empty() && gateway.loaded().resources.is_empty());
    assert!(gateway.incidents().is_empty());
}

#[test]
fn hidden_directories_are_nobodys_business() {
    let data = Data::new();
    for directory in
        ["projects/.resources/x", "projects/line/.git/x", ".stoker/staging", "config/resources/.tmp/a/b"]
    {
        data.write(&format!("{directory}/resource.json"), "{");
        data.write(&format!("{directory}/project.json"), "{");
    }
    let gateway = gateway(&data);
    assert!(gateway.incidents().is_empty());
    assert_eq!(gateway.loaded().resources.len(), 2);
}

#[test]
fn an_empty_or_missing_data_directory_loads_nothing() {
    let data = Data::empty();
    assert!(gateway(&data).loaded().resources.is_empty());
    let nowhere = Settings { data_dir: data.at("nowhere"), ..settings(&data) };
    assert!(Gateway::start(nowhere).unwrap().incidents().is_empty());
}

#[test]
fn the_gateway_scans_projects_by_itself() {
    let data = Data::new();
    let gateway =
        Gateway::start(Settings { scan_interval: Some(Duration::from_millis(20)), ..settings(&data) })
            .unwrap();
    data.resource("projects/line/ignition/script-python/util", &[("code.py", "x = 1\n")]);
    gateway
        .wait_for(SOON, "the script", |gateway| {
            gateway.loaded().file("projects/line/ignition/script-python/util/code.py").map(str::to_owned)
        })
        .unwrap();
    assert!(gateway.log().is_empty(), "nobody asked");
}

#[test]
fn a_designers_save_is_run_at_once_and_keeps_the_inode() {
    let data = Data::new();
    let gateway = gateway(&data);
    let before = inode(&data.at(&view("view.json")));
    gateway.save_resource(VIEW, &[("view.json", br#"{"saved":true}"#)]).unwrap();
    assert_eq!(inode(&data.at(&view("view.json"))), before, "a hard link to it sees the save");
    assert_eq!(gateway.loaded().file(&view("view.json")).unwrap(), sha256(br#"{"saved":true}"#));
    scan(&gateway, Kind::Projects);
    assert!(gateway.incidents().is_empty());
    let manifest: Value = serde_json::from_slice(&data.bytes(&view("resource.json"))).unwrap();
    assert_eq!(manifest["attributes"]["lastModification"]["actor"], "designer");
}

#[test]
fn a_saved_manifest_has_the_signature_that_the_product_computes() {
    let data = Data::new();
    let gateway = gateway(&data);
    let attributes = json!({"z": {"b": [1, "x"], "a": null}, "lastModificationSignature": "stale"});
    let odd = json!({"scope": "DG", "version": 3, "documentation": "Größe", "restricted": true,
        "overridable": false, "files": ["view.json", "code.py"], "attributes": attributes});
    data.write(&view("resource.json"), &odd.to_string());
    gateway.touch_resource(VIEW).unwrap();
    let hash_of = |name: &str| Some(Sha256::digest(data.bytes(&view(name))).into());
    assert_eq!(stoker_layout::valid_signature(&data.bytes(&view("resource.json")), hash_of), Some(true));
}

#[test]
fn a_restart_loads_what_is_on_disk_then() {
    let data = Data::new();
    let gateway = gateway(&data);
    data.write(&view("code.py"), "after()\n");
    gateway.restart(Duration::ZERO).unwrap();
    gateway.wait_for_state(stoker_test_gateway::State::Running, SOON).unwrap();
    assert_eq!(gateway.loaded().file(&view("code.py")).unwrap(), sha256(b"after()\n"));
    assert!(gateway.incidents().is_empty());
}
