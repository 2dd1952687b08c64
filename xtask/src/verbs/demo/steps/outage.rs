//! The Git server goes away, and the plant does not care.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};

use super::super::gatewaysync::POLLING_SECONDS;
use super::super::live::{self, short, shown};
use super::super::stage::Stage;
use super::super::tree::Stamps;
use super::super::world::World;

/// A polling interval, and slow machines.
const REPORTED: Duration = Duration::from_secs(30);
const RESTARTED: Duration = Duration::from_secs(20);

pub(super) fn run(world: &mut World, stage: &Stage) -> Result<Value> {
    let stamps = Stamps::read(&world.data)?;
    world.host.set_down(true)?;
    let down = Instant::now();
    stage.waiting(&format!("the server is down; the agent looks every {POLLING_SECONDS}\u{a0}s"))?;
    let reason = world.patience.until(REPORTED, "the failure in the agent's status", || {
        let status = world.agent.status()?;
        Ok((status["syncStatus"] == "Error").then(|| status["reason"].clone()))
    })?;
    let reported = down.elapsed();
    ensure!(reason == "GitUnreachable", "the agent's reason is {reason}");
    let probes = probes(world)?;
    world.gateway_must_be_well()?;
    stage.fact(&format!(
        "the server is down: after {} the agent's status says GitUnreachable; /healthz {}, /startupz {}, the gateway runs",
        shown(reported),
        probes[0],
        probes[1]
    ))?;

    world.agent.stop()?;
    let started = world.agent.start(&world.patience)?;
    world.patience.until(RESTARTED, "a 200 of /startupz after the restart", || {
        world.agent.must_run()?;
        Ok((world.agent.probe("/startupz")?.0 == 200).then_some(()))
    })?;
    let restart = started.elapsed();
    stage.fact(&format!(
        "the agent restarts without Git: /startupz 200 {} after its start, so the gateway's pod would start",
        shown(restart)
    ))?;
    stamps.must_hold(&world.data)?;
    world.gateway_must_be_well()?;

    let (source, live_dir) = super::view("Intake Pumps");
    world.plant.change_view(&source, "Intake pumps 1 to 3")?;
    let commit = world.plant.commit("Number the intake pumps")?;
    if world.push().is_ok() {
        bail!("a push succeeded while the server was down");
    }
    let back = SystemTime::now();
    world.host.set_down(false)?;
    world.push()?;
    stage.waiting("the server is back, and pushed to")?;
    let timing = live::follow(world, &commit, &format!("{live_dir}/view.json"), back)?;
    let found = live::verify(world, &commit, back)?;
    let took = timing.noticed + timing.live;
    stage.fact(&format!(
        "the server is back: {} \"Number the intake pumps\" goes live {} later, nobody had to do anything",
        short(&commit),
        shown(took)
    ))?;
    Ok(json!({
        "reason": reason,
        "reportedMs": live::ms(reported),
        "healthz": probes[0],
        "startupz": probes[1],
        "restartToStartupzMs": live::ms(restart),
        "commit": commit,
        "backToLiveMs": live::ms(took),
        "files": found.files,
        "incidents": world.gateway.incidents().len(),
    }))
}

/// The answers of `/healthz` and `/startupz`, which must be 200.
fn probes(world: &World) -> Result<[u16; 2]> {
    let mut codes = [0; 2];
    for (code, path) in codes.iter_mut().zip(["/healthz", "/startupz"]) {
        let (answer, words) = world.agent.probe(path)?;
        ensure!(answer == 200, "{path} answered {answer} without Git: {words}");
        *code = answer;
    }
    Ok(codes)
}
