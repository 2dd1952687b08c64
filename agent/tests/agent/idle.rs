//! Nothing to do costs nothing.

use std::fs;
use std::time::Duration;

use stoker_test_gateway::{Gateway, Settings};

use crate::support::{Manifest, Site};

/// Long enough for a thread that polls to show.
const WHILE: Duration = Duration::from_secs(8);

/// What all threads of a process have used of the processor, and how often one of them woke up.
fn used(process: u32) -> (Duration, u64) {
    let (mut time, mut wakes) = (Duration::ZERO, 0);
    for task in fs::read_dir(format!("/proc/{process}/task")).unwrap() {
        let task = task.unwrap().path();
        let schedule = fs::read_to_string(task.join("schedstat")).unwrap();
        time += Duration::from_nanos(schedule.split(' ').next().unwrap().parse().unwrap());
        let status = fs::read_to_string(task.join("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
        wakes += line.trim().parse::<u64>().unwrap();
    }
    (time, wakes)
}

#[test]
fn an_agent_with_nothing_to_do_sleeps_and_asks_nobody() {
    let site = Site::new();
    let server = site.server();
    let gateway =
        Gateway::start(Settings::new(&site.data).with_token("stoker", "gateway-secret-4711")).unwrap();
    let manifest = Manifest::new(&server.url("plant.git"))
        .with("gateway.port", gateway.port())
        .with("polling.interval", "60s")
        .with("sync.defaults.syncPeriod", 60);
    let agent = site.start(&manifest, &[]);
    agent.wait_for_commit(&site.repository.head().unwrap());
    agent.wait_for_status("a scan", |status| status["lastScanResult"].is_string());
    agent.wait("the first run to be noted", |_| site.data.join(".stoker/ran").exists().then_some(()));
    // The last of the start is over when a second has passed in which no thread woke up.
    let mut last = used(agent.id());
    agent.wait("a quiet second", |agent| {
        std::thread::sleep(Duration::from_secs(1));
        let now = used(agent.id());
        let quiet = now.1 == last.1;
        last = now;
        quiet.then_some(())
    });
    server.reset_counters();
    gateway.clear_records();
    let before = used(agent.id());
    std::thread::sleep(WHILE);
    let after = used(agent.id());
    let (time, wakes) = (after.0.checked_sub(before.0).unwrap(), after.1 - before.1);
    assert!(time < Duration::from_millis(30), "{time:?} of the processor in {WHILE:?}");
    assert!(wakes < 20, "{wakes} wake-ups in {WHILE:?}");
    assert_eq!((server.requests(), gateway.log().len()), (0, 0), "somebody was asked");
    agent.wait_for_commit(&site.repository.head().unwrap());
}
