//! The API server restarts, forgets, refuses, and what it keeps goes and comes again.

use std::sync::OnceLock;

use serde_json::json;
use stoker_test_apiserver::{Options, Server};

use crate::stage::Stage;

/// A server that these tests may kill, one at a time.
fn fragile() -> (&'static Server, std::sync::MutexGuard<'static, ()>) {
    static SERVER: OnceLock<Server> = OnceLock::new();
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let options = Options { audit: true, ..Options::default() };
    (SERVER.get_or_init(|| Server::start(&options).unwrap()), turn)
}

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn a_watch_goes_on_after_the_api_server_was_restarted() {
    let (server, _turn) = fragile();
    let stage = Stage::on(server);
    let first = stage.tell_head();
    let agent = stage.start();
    stage.wait_for_commit(&agent, &first);
    server.restart_api_server().unwrap();
    let second = stage.push("two");
    stage.tell(&json!({"commit": second}));
    stage.wait_for_commit(&agent, &second);
    assert_eq!(stage.shown().as_deref(), Some("two"));
}

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn a_watch_that_is_too_far_behind_begins_anew() {
    let (server, _turn) = fragile();
    let stage = Stage::on(server);
    let first = stage.tell_head();
    let agent = stage.start();
    stage.wait_for_commit(&agent, &first);
    // What others do meanwhile is what the watch falls behind of.
    for _ in 0..5 {
        stage.api.merge(&stage.map_path("stoker-changes-plant"), &json!({"data": {"x": "y"}}));
        stage.api.merge(&stage.map_path("stoker-changes-plant"), &json!({"data": {"x": null}}));
    }
    server.expire_watches().unwrap();
    let second = stage.push("two");
    stage.tell(&json!({"commit": second}));
    stage.wait_for_commit(&agent, &second);
    let third = stage.push("three");
    stage.tell(&json!({"commit": third}));
    stage.wait_for_commit(&agent, &third);
}

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn metadata_that_goes_stays_in_force_and_that_which_comes_anew_is_followed() {
    let stage = Stage::new();
    let first = stage.tell_head();
    let agent = stage.start();
    stage.wait_for_commit(&agent, &first);
    for name in ["stoker-metadata-plant", "stoker-status-plant"] {
        stage.api.delete(&stage.map_path(name));
    }
    agent.wait("word of it", |agent| agent.log().contains("stays in force").then_some(()));
    assert_eq!(agent.status()["syncStatus"], "Synced");
    for name in ["stoker-status-plant", "stoker-metadata-plant"] {
        stage.make_map(name);
    }
    // Nothing has changed for the gateway; what was reported is reported again all the same.
    stage.tell_head();
    stage.wait_for_commit(&agent, &first);
    let second = stage.push("two");
    stage.tell(&json!({"commit": second}));
    stage.wait_for_commit(&agent, &second);
}

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn a_token_that_is_refused_is_read_anew() {
    let (server, _turn) = fragile();
    let stage = Stage::on(server);
    let first = stage.tell_head();
    let good = stage.token();
    stage.give_token("of yesterday");
    let agent = stage.start();
    agent.wait("the refusal", |agent| {
        let (may, words) = agent.may_start();
        (!may && words.contains("401")).then_some(())
    });
    stage.give_token(&good);
    stage.wait_for_commit(&agent, &first);
}

#[test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
fn secrets_that_come_late_are_used_when_they_come() {
    let stage = Stage::new();
    std::fs::remove_file(stage.site.path("secrets/ignition-api/apiKey")).unwrap();
    let first = stage.tell_head();
    let agent = stage.start();
    let entry = stage.wait_for_report(&agent, "the missing token", |entry| entry["reason"] == "ScanFailed");
    assert!(entry["errorMessage"].as_str().unwrap().contains("apiKey"), "{entry:#}");
    assert_eq!(entry["syncedCommit"], first, "the files are there all the same");
    stage.site.secret("ignition-api", "apiKey", "stoker:gateway-secret-4711");
    let entry = stage.wait_for_commit(&agent, &first);
    assert!(entry["errorMessage"].is_null(), "{entry:#}");
}
