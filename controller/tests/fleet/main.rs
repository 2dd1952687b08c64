//! What a fleet costs: 100 resources and 1,000 gateways among 5,000 other pods, on a real API server and a real Git
//! server. `cargo xtask bench controller` runs it with the program that ships and prints the table; the figures come as one
//! line of JSON behind `figures: `.
//!
//! `STOKER_FLEET=small` is a tenth of it, to see that it works.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement that cannot go on has failed")]

mod process;
mod stage;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;

use process::Controller;
use stage::Stage;

#[tokio::test]
#[ignore = "measures for three minutes: cargo xtask bench controller"]
async fn what_a_fleet_costs() -> Result<()> {
    let stage = Stage::set().await?;
    let began = Instant::now();
    let controller = Controller::start(&stage.kubeconfig)?;
    stage.wait_commit(&stage.repository.head()?).await?;
    let first = began.elapsed();
    let peak_listing = controller.peak()?;

    let first_commit = stage.repository.head()?;
    let began = Instant::now();
    stage.report_all(&first_commit).await?;
    let reported = began.elapsed();
    stage.wait_ready().await?;
    let all_synced = began.elapsed();

    // What the burst left to do (statuses at most once a second) is done before the quiet minute.
    tokio::time::sleep(Duration::from_secs(5)).await;
    stage.git.reset_counters();
    let mark = stage.server.audit_mark()?;
    let before = controller.cpu()?;
    let minute = Duration::from_secs(if stage.is_small { 20 } else { 60 });
    tokio::time::sleep(minute).await;
    let cpu = controller.cpu()?.checked_sub(before).unwrap_or_default();
    let asked = stage.server.audit_since(mark)?;
    let ours: Vec<_> = asked.iter().filter(|entry| entry.user == stage.user).collect();
    let lease = |name: &str| name == "leases";
    let writes = ours.iter().filter(|entry| entry.is_write() && !lease(&entry.resource)).count();
    let reads = ours.iter().filter(|entry| !entry.is_write() && !lease(&entry.resource)).count();
    let looks = stage.git.log().iter().filter(|request| request.path.ends_with("info/refs")).count();
    let idle = controller.resident()?;

    let second = stage.repository.commit("second")?;
    stage.git.reset_counters();
    let began = Instant::now();
    stage.push(&second).await?;
    stage.wait_commit(&second).await?;
    let push = began.elapsed();
    let looks_of_push = stage.git.log().iter().filter(|request| request.path.ends_with("info/refs")).count();
    let began = Instant::now();
    stage.report_all(&second).await?;
    stage.wait_ready().await?;
    let all_again = began.elapsed();

    let figures = json!({
        "resources": stage.resources, "gateways": stage.gateways, "other_pods": stage.strangers,
        "start_to_all_metadata_ms": first.as_millis(),
        "peak_listing_kib": peak_listing,
        "agents_reported_ms": reported.as_millis(),
        "all_synced_ms": all_synced.as_millis(),
        "idle_kib": idle,
        "idle_cpu_ms_per_minute": cpu.as_millis() * 60_000 / minute.as_millis(),
        "writes": writes,
        "reads": reads,
        "seconds": minute.as_secs(),
        "ls_refs": looks,
        "push_to_last_metadata_ms": push.as_millis(),
        "ls_refs_of_a_push": looks_of_push,
        "all_synced_again_ms": all_again.as_millis(),
        "peak_kib": controller.peak()?,
    });
    println!("figures: {figures}");
    ensure!(
        writes == 0,
        "{writes} writes in a steady state: {:#?}",
        ours.iter().filter(|e| e.is_write()).take(5).collect::<Vec<_>>()
    );
    Ok(())
}
