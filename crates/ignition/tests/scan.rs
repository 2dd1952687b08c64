//! Scans and the scan-lock, against the simulated gateway.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use common::{Plant, quick, write};
use stoker_ignition::{Error, Gateway, Lock, Options, Pause, ScanKind, ScanOutcome, ScanWait};
use stoker_test_gateway::{Break, Forbid, Kind, ScanAnswer, Settings, State};

const PROJECTS: &str = "/data/api/v1/scan/projects";

fn wait() -> ScanWait {
    ScanWait { deadline: Duration::from_secs(20), movement: Duration::from_secs(10) }
}

/// So long that the slowest machine needs less, for what must be seen to end.
fn short() -> ScanWait {
    ScanWait { deadline: Duration::from_millis(600), movement: Duration::from_millis(300) }
}

#[test]
fn what_was_written_is_loaded_when_the_scans_are_finished() {
    let plant = Plant::new();
    write(plant.data.path(), "projects/Line 2/project.json", r#"{"title":"Line 2","enabled":true}"#);
    common::resource(plant.data.path(), "config/resources/core/ignition/database-connection/new");
    assert_eq!(plant.gateway.find_project("Line 2").unwrap(), None);
    let report = plant.gateway.scan_and_wait(wait());
    assert!(matches!(report.projects, ScanOutcome::Finished { status: 200 }), "{report:?}");
    assert!(matches!(report.config, ScanOutcome::Finished { status: 200 }), "{report:?}");
    assert_eq!(report.last_scan_result(), "projects=200 config=200");
    assert!(plant.gateway.find_project("Line 2").unwrap().is_some());
    assert!(plant.gateway.find_resource("ignition", "database-connection", "new").unwrap().is_some());
}

#[test]
fn projects_are_scanned_before_the_configuration() {
    let plant = Plant::new();
    let report = plant.gateway.scan_and_wait(wait());
    assert!(report.error().is_none());
    let posts: Vec<_> = plant.asked().into_iter().filter(|line| line.starts_with("POST")).collect();
    assert_eq!(posts, ["POST /data/api/v1/scan/projects 200", "POST /data/api/v1/scan/config 200"]);
}

#[test]
fn the_body_of_the_answer_does_not_matter() {
    let plant = Plant::with(|settings| Settings { scan_answer: ScanAnswer::True, ..settings });
    assert_eq!(plant.gateway.scan(ScanKind::Projects).unwrap(), 200);
    assert!(matches!(plant.gateway.scan_and_wait(wait()).config, ScanOutcome::Finished { .. }));
}

#[test]
fn a_scan_that_takes_its_time_is_waited_for() {
    let plant = Plant::with(|settings| Settings { scan_takes: Duration::from_millis(400), ..settings });
    let before = SystemTime::now();
    let report = plant.gateway.scan_and_wait(wait());
    assert!(matches!(report.projects, ScanOutcome::Finished { .. }), "{report:?}");
    assert!(matches!(report.config, ScanOutcome::Finished { .. }), "{report:?}");
    for kind in [Kind::Projects, Kind::Config] {
        let seen =
            plant.simulated.scans().into_iter().any(|scan| scan.kind == kind && scan.started >= before);
        assert!(seen, "{kind:?}");
    }
}

#[test]
fn a_scan_that_began_before_is_not_taken_for_ours() {
    let plant = Plant::with(|settings| Settings { scan_takes: Duration::from_millis(500), ..settings });
    plant.gateway.scan(ScanKind::Projects).unwrap();
    plant
        .simulated
        .wait_for(Duration::from_secs(5), "a scan that runs", |_| {
            plant.gateway.scan_status(ScanKind::Projects).ok().filter(|status| status.scan_active)
        })
        .unwrap();
    let posted = SystemTime::now();
    let report = plant.gateway.scan_and_wait(wait());
    assert!(matches!(report.projects, ScanOutcome::Finished { .. }), "{report:?}");
    let ours =
        plant.simulated.scans().into_iter().any(|scan| scan.kind == Kind::Projects && scan.started >= posted);
    assert!(ours, "{:?}", plant.simulated.scans());
}

#[test]
fn a_scan_that_never_comes_is_unknown_and_not_failed() {
    let plant = Plant::new();
    plant.simulated.faults().no_scan(true);
    let report = plant.gateway.scan_and_wait(short());
    let ScanOutcome::Unknown { status: 200, why } = &report.projects else { panic!("{report:?}") };
    assert!(why.contains("shows none since"), "{why}");
    assert!(report.error().is_none());
    assert_eq!(report.last_scan_result(), "projects=200 config=200");
}

#[test]
fn a_stuck_scan_is_unknown_at_the_deadline() {
    let plant = Plant::new();
    plant.simulated.faults().stuck_scan(true);
    let started = Instant::now();
    let report = plant.gateway.scan_and_wait(short());
    let ScanOutcome::Unknown { why, .. } = &report.config else { panic!("{report:?}") };
    assert!(why.contains("still runs"), "{why}");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    plant.simulated.faults().clear();
}

#[test]
fn a_scan_is_tried_three_times() {
    let plant = Plant::new();
    plant.simulated.faults().statuses(PROJECTS, &[500, 503]);
    assert_eq!(plant.gateway.scan(ScanKind::Projects).unwrap(), 200);
    assert_eq!(plant.asked().len(), 3, "{:?}", plant.asked());
    plant.simulated.clear_records();
    plant.simulated.faults().statuses(PROJECTS, &[500, 503, 502, 500]);
    let error = plant.gateway.scan(ScanKind::Projects).unwrap_err();
    assert!(matches!(error, Error::Status { status: 502, .. }), "{error}");
    assert_eq!(plant.asked().len(), 3, "{:?}", plant.asked());
}

#[test]
fn what_cannot_pass_by_itself_is_tried_once() {
    let plant = Plant::new();
    plant.simulated.faults().forbid(Forbid::Writes);
    assert!(matches!(plant.gateway.scan(ScanKind::Projects), Err(Error::Forbidden { .. })));
    plant.simulated.faults().clear();
    plant.simulated.set_state(State::Commissioning).unwrap();
    assert!(matches!(
        plant.gateway.scan(ScanKind::Projects),
        Err(Error::NotCommissioned { status: 400, .. })
    ));
    assert_eq!(plant.asked().len(), 2, "{:?}", plant.asked());
}

#[test]
fn a_lost_answer_is_asked_for_again() {
    let plant = Plant::new();
    plant.simulated.faults().breaks(Some(Break::After));
    assert!(matches!(plant.gateway.scan(ScanKind::Config), Err(Error::Unreachable { .. })));
    assert_eq!(plant.asked().len(), 3, "{:?}", plant.asked());
    plant.simulated.faults().clear();
    assert_eq!(plant.gateway.scan(ScanKind::Config).unwrap(), 200);
}

#[test]
fn after_a_failed_scan_the_other_is_not_asked_for() {
    let plant = Plant::new();
    plant.set_token("stoker:wrong");
    let report = plant.gateway.scan_and_wait(wait());
    assert!(matches!(report.projects, ScanOutcome::Failed(Error::Unauthorized { .. })), "{report:?}");
    assert!(matches!(report.config, ScanOutcome::Skipped), "{report:?}");
    let result = report.last_scan_result();
    assert!(result.starts_with("error: ") && result.contains(PROJECTS) && result.contains("401"), "{result}");
    assert!(plant.asked().iter().all(|line| !line.contains("config")), "{:?}", plant.asked());
}

#[test]
fn a_status_that_may_not_be_read_leaves_the_scan_unknown_at_once() {
    let plant = Plant::new();
    // The status before and the first after each POST; the POSTs pass.
    plant.simulated.faults().statuses(PROJECTS, &[403, 200, 403]);
    plant.simulated.faults().statuses("/data/api/v1/scan/config", &[403, 200, 403]);
    let started = Instant::now();
    let report = plant.gateway.scan_and_wait(wait());
    let ScanOutcome::Unknown { why, .. } = &report.projects else { panic!("{report:?}") };
    assert!(why.contains("cannot be read") && why.contains("403"), "{why}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn a_stop_ends_the_waiting() {
    let plant = Plant::new();
    plant.simulated.faults().stuck_scan(true);
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    let pause = Pause::new(move |_| !asked.load(Ordering::SeqCst));
    let token_file = Some(plant.secrets.path().join("apiKey"));
    let gateway = Gateway::new(Options { token_file, pause, ..quick(plant.simulated.port()) }).unwrap();
    stop.store(true, Ordering::SeqCst);
    let started = Instant::now();
    let report = gateway.scan_and_wait(wait());
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(!matches!(report.projects, ScanOutcome::Finished { .. }), "{report:?}");
    plant.simulated.faults().statuses(PROJECTS, &[500]);
    assert!(matches!(gateway.scan(ScanKind::Projects), Err(Error::Stopped)));
    plant.simulated.faults().clear();
}

#[test]
fn the_lock_is_held_until_the_next_scan() {
    let plant = Plant::new();
    let lock = || {
        plant.gateway.scan_lock(ScanKind::Projects, Duration::from_secs(1), Duration::from_mins(1)).unwrap()
    };
    assert!(!plant.gateway.is_scan_locked(ScanKind::Projects).unwrap());
    assert_eq!(lock(), Lock::Held);
    assert!(plant.gateway.is_scan_locked(ScanKind::Projects).unwrap());
    assert!(!plant.gateway.is_scan_locked(ScanKind::Config).unwrap());
    assert_eq!(lock(), Lock::Busy);
    plant.gateway.scan(ScanKind::Projects).unwrap();
    assert!(!plant.gateway.is_scan_locked(ScanKind::Projects).unwrap());
    let sent = plant.simulated.log().into_iter().find(|request| request.method == "POST").unwrap();
    assert_eq!(sent.body, r#"{"acquireTimeout":1,"holdTimeout":60}"#);
}

#[test]
fn somebody_else_s_lock_is_busy() {
    let plant = Plant::new();
    assert!(plant.simulated.hold_scan_lock(Kind::Config, Duration::from_mins(1)));
    let lock = plant.gateway.scan_lock(ScanKind::Config, Duration::from_secs(1), Duration::from_secs(10));
    assert_eq!(lock.unwrap(), Lock::Busy);
}

#[test]
fn a_lock_that_a_long_scan_keeps_away_times_out_at_the_gateway_and_not_here() {
    let plant = Plant::new();
    plant.simulated.faults().stuck_scan(true);
    plant.gateway.scan(ScanKind::Projects).unwrap();
    let token_file = Some(plant.secrets.path().join("apiKey"));
    let options = Options { token_file, timeouts: common::impatient(), ..quick(plant.simulated.port()) };
    let gateway = Gateway::new(options).unwrap();
    // One second at the gateway, three tenths here on top of it.
    let lock = gateway.scan_lock(ScanKind::Projects, Duration::from_secs(1), Duration::from_secs(10));
    assert_eq!(lock.unwrap(), Lock::TimedOut);
    plant.simulated.faults().clear();
}

#[test]
fn a_gateway_without_the_lock_is_no_error() {
    let plant = Plant::new();
    plant.simulated.faults().status("/data/api/v1/scan-lock/", 404);
    let lock = plant.gateway.scan_lock(ScanKind::Projects, Duration::from_secs(1), Duration::from_secs(1));
    assert_eq!(lock.unwrap(), Lock::Unsupported);
    assert!(plant.gateway.is_scan_locked(ScanKind::Projects).is_err());
}
