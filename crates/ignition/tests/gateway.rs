//! What the gateway is asked, and what its answers mean, against the simulated gateway.

mod common;

use std::time::Duration;

use common::{Plant, quick};
use stoker_ignition::{Error, Gateway, NodeRole, Options, Ping, ScanKind};
use stoker_test_gateway::{Break, Forbid, Redundancy, Settings, State};

#[test]
fn a_running_gateway_is_told_from_one_that_comes_up() {
    let plant = Plant::new();
    assert_eq!(plant.gateway.status_ping(), Ping::Running);
    plant.simulated.set_state(State::Starting).unwrap();
    assert_eq!(plant.gateway.status_ping(), Ping::Starting { state: "STARTING".to_owned() });
    assert!(matches!(plant.gateway.gwinfo(), Err(Error::Starting { .. })));
    assert!(matches!(plant.gateway.gateway_info(), Err(Error::Starting { .. })));
    plant.simulated.set_state(State::Commissioning).unwrap();
    assert_eq!(plant.gateway.status_ping(), Ping::Commissioning { details: "COMMISSIONING".to_owned() });
    plant.simulated.set_state(State::Running).unwrap();
    assert_eq!(plant.gateway.status_ping(), Ping::Running);
}

#[test]
fn a_gateway_that_is_down_is_down_and_comes_back() {
    let plant = Plant::new();
    assert!(plant.simulated.faults().down(true));
    let Ping::Down(words) = plant.gateway.status_ping() else { panic!("it is down") };
    assert!(words.contains("/StatusPing") && words.contains("gateway.port"), "{words}");
    assert!(plant.simulated.faults().down(false));
    assert_eq!(plant.gateway.status_ping(), Ping::Running);
}

#[test]
fn who_the_gateway_is_needs_no_token() {
    let plant = Plant::with(|settings| Settings { redundancy: Redundancy::Backup, ..settings });
    plant.without_token_file();
    let info = plant.gateway.gwinfo().unwrap();
    assert_eq!(info.version.as_deref(), Some("8.3.7"));
    assert_eq!((info.role, info.active), (Some(NodeRole::Backup), Some(false)));
    assert_eq!(plant.gateway.status_ping(), Ping::Running);
}

#[test]
fn gateway_info_proves_the_token() {
    let plant = Plant::new();
    let info = plant.gateway.gateway_info().unwrap();
    assert_eq!((info.name.as_str(), info.ignition_version.as_str()), ("Ignition-test", "8.3.7"));
    assert_eq!(info.deployment_mode, None);
}

#[test]
fn the_token_file_is_read_anew_for_every_request() {
    let plant = Plant::new();
    plant.set_token("stoker:wrong");
    assert!(matches!(plant.gateway.gateway_info(), Err(Error::Unauthorized { .. })));
    plant.set_token("stoker:c2VjcmV0");
    assert!(plant.gateway.gateway_info().is_ok());
    plant.without_token_file();
    let message = plant.gateway.gateway_info().unwrap_err().to_string();
    assert!(message.contains(plant.secrets.path().to_str().unwrap()), "{message}");
    assert!(message.contains("gateway.api.secretName"), "{message}");
    plant.set_token("stoker:c2VjcmV0\n");
    assert!(plant.gateway.gateway_info().is_ok());
}

#[test]
fn the_secret_alone_never_leaves_the_machine() {
    let plant = Plant::new();
    plant.set_token("c2VjcmV0");
    let error = plant.gateway.gateway_info().unwrap_err();
    assert!(error.to_string().contains("name:secret"), "{error}");
    assert_eq!(plant.asked(), Vec::<String>::new());
}

#[test]
fn the_token_is_in_no_message_and_no_debug_output() {
    let plant = Plant::new();
    plant.set_token("stoker:c2VjcmV0LXdyb25n");
    let error = plant.gateway.gateway_info().unwrap_err();
    let shown = format!("{error} {error:?} {:?}", plant.gateway);
    assert!(!shown.contains("c2VjcmV0"), "{shown}");
}

#[test]
fn a_call_that_needs_a_token_is_not_sent_without() {
    let plant = Plant::new();
    let bare = Gateway::new(quick(plant.simulated.port())).unwrap();
    assert!(matches!(bare.designers(), Err(Error::NoToken { .. })));
    assert_eq!(plant.asked(), Vec::<String>::new());
}

#[test]
fn a_bad_token_is_told_on_reads_and_on_writes() {
    let plant = Plant::new();
    plant.set_token("nobody:c2VjcmV0");
    // HTML on reads, empty on writes.
    for error in [plant.gateway.designers().unwrap_err(), plant.gateway.scan(ScanKind::Projects).unwrap_err()]
    {
        assert!(matches!(error, Error::Unauthorized { .. }), "{error}");
        assert_eq!(error.reason(), "AuthFailed");
        assert!(error.to_string().contains("/data/api/v1/"), "{error}");
    }
}

#[test]
fn a_token_without_the_permission_is_told_with_the_three_causes() {
    let plant = Plant::new();
    plant.simulated.faults().forbid(Forbid::Writes);
    assert!(plant.gateway.gateway_info().is_ok());
    let error = plant.gateway.scan(ScanKind::Config).unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }));
    for cause in ["gateway write", "HTTPS", "security-properties"] {
        assert!(error.to_string().contains(cause), "{error}");
    }
}

#[test]
fn a_gateway_before_8_3_is_told_by_its_missing_api() {
    let plant = Plant::with(|settings| Settings { version: "8.1.44".to_owned(), ..settings });
    let error = plant.gateway.gateway_info().unwrap_err();
    assert!(matches!(error, Error::NoApi { .. }), "{error}");
    assert!(plant.gateway.find_project("Line 1").is_err());
    assert_eq!(plant.gateway.gwinfo().unwrap().version.as_deref(), Some("8.1.44"));
}

#[test]
fn before_commissioning_every_call_says_so() {
    let plant = Plant::new();
    plant.simulated.set_state(State::Commissioning).unwrap();
    for error in [
        plant.gateway.gateway_info().unwrap_err(),
        plant.gateway.designers().unwrap_err(),
        plant.gateway.scan(ScanKind::Projects).unwrap_err(),
    ] {
        assert!(matches!(error, Error::NotCommissioned { .. }), "{error}");
    }
    // Redirects are not followed: /welcome was not asked for.
    assert!(plant.asked().iter().all(|line| !line.contains("/welcome")), "{:?}", plant.asked());
}

#[test]
fn designers_are_listed() {
    let plant = Plant::new();
    assert_eq!(plant.gateway.designers().unwrap(), []);
    let ann = plant.simulated.add_designer("ann", "Line 1");
    plant.simulated.add_designer("bob", "Line 2");
    let designers = plant.gateway.designers().unwrap();
    let seen: Vec<_> =
        designers.iter().map(|designer| (designer.user.as_str(), designer.project.as_str())).collect();
    assert_eq!(seen, [("ann", "Line 1"), ("bob", "Line 2")]);
    plant.simulated.remove_designer(ann);
    assert_eq!(plant.gateway.designers().unwrap().len(), 1);
}

#[test]
fn a_plant_full_of_designers_fits() {
    let plant = Plant::new();
    for number in 0..1000 {
        plant.simulated.add_designer(&format!("engineer-{number}"), "Line 1");
    }
    assert_eq!(plant.gateway.designers().unwrap().len(), 1000);
}

#[test]
fn what_is_loaded_is_found_and_what_is_not_is_not() {
    let plant = Plant::new();
    let project = plant.gateway.find_project("Line 1").unwrap().unwrap();
    assert_eq!(
        (project.name.as_str(), project.enabled, project.inheritable),
        ("Line 1", Some(true), Some(false))
    );
    assert_eq!(plant.gateway.find_project("Line 2").unwrap(), None);
    let db = plant.gateway.find_resource("ignition", "database-connection", "db").unwrap().unwrap();
    assert_eq!((db.enabled, db.collection.as_deref()), (Some(true), Some("core")));
    let image = plant.gateway.find_resource("ignition", "images", "Builtin/about & more.png").unwrap();
    assert!(image.is_some());
    assert_eq!(plant.gateway.find_resource("ignition", "database-connection", "other").unwrap(), None);
    assert_eq!(plant.gateway.find_resource("ignition", "no-such-type", "x").unwrap(), None);
}

#[test]
fn a_name_that_looks_like_a_path_asks_for_nothing_else() {
    let plant = Plant::new();
    assert_eq!(plant.gateway.find_project("../../gateway-info?x#y").unwrap(), None);
    assert_eq!(plant.simulated.log().len(), 1);
}

#[test]
fn a_connection_that_breaks_is_an_error_that_may_pass() {
    let plant = Plant::new();
    for how in [Break::Before, Break::After, Break::Within] {
        plant.simulated.faults().breaks(Some(how));
        let error = plant.gateway.gateway_info().unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{how:?}: {error}");
        assert!(error.is_transient());
    }
    plant.simulated.faults().breaks(None);
    assert!(plant.gateway.gateway_info().is_ok());
}

#[test]
fn a_gateway_that_restarts_is_asked_again_on_a_new_connection() {
    let plant = Plant::new();
    assert!(plant.gateway.gateway_info().is_ok());
    plant.simulated.restart(Duration::ZERO).unwrap();
    plant.simulated.wait_for_state(State::Running, Duration::from_secs(10)).unwrap();
    assert!(plant.gateway.gateway_info().is_ok());
}

#[test]
fn a_slow_gateway_is_given_up_in_time() {
    let plant = Plant::new();
    let token_file = Some(plant.secrets.path().join("apiKey"));
    let options = Options { token_file, timeouts: common::impatient(), ..quick(plant.simulated.port()) };
    let impatient = Gateway::new(options).unwrap();
    plant.simulated.faults().slow(Duration::from_millis(1500));
    let started = std::time::Instant::now();
    let error = impatient.gateway_info().unwrap_err();
    assert!(error.to_string().contains("no answer in time"), "{error}");
    assert!(started.elapsed() < Duration::from_millis(1400), "{:?}", started.elapsed());
}
