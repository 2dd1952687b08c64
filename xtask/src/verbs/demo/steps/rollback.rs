//! Back without Git, and forward again when a person says so.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::super::gatewaysync::POLLING_SECONDS;
use super::super::live::{self, short, shown};
use super::super::stage::Stage;
use super::super::tree::Stamps;
use super::super::world::World;

pub(super) fn run(world: &mut World, stage: &Stage) -> Result<Value> {
    let repository = world.plant.repository();
    let (left, previous) = (repository.head()?, repository.rev_parse("HEAD~1")?);
    let path = format!("{}/view.json", super::view("Intake Pumps").1);

    world.agent.stop()?;
    let began = SystemTime::now();
    world.agent.succeed(&["rollback"])?;
    let took = began.elapsed().unwrap_or_default();
    let files = world.files_must_equal(&previous).context("after the rollback")?.len();
    stage.fact(&format!(
        "agent stopped, `stoker-agent rollback`: {} → {} in {} from the volume alone; all {files} files equal that commit",
        short(&left),
        short(&previous),
        shown(took)
    ))?;

    world.agent.start(&world.patience)?;
    live::verify(world, &previous, began)?;
    let (stamps, held) = (Stamps::read(&world.data)?, hold(world)?);
    let watched = Duration::from_millis(POLLING_SECONDS * 1000 + 500);
    stage.waiting("whether it comes back by itself, for longer than a polling interval")?;
    world.patience.throughout(watched, || stamps.must_hold(&world.data))?;
    ensure!(hold(world)? == held, "the hold is gone");
    stage.fact(&format!(
        "the agent starts: the gateway runs {}; the branch still says {}, yet it stays away ({}\u{a0}s, held: {held})",
        short(&previous),
        short(&left),
        watched.as_secs_f64()
    ))?;

    world.agent.stop()?;
    world.agent.succeed(&["resume"])?;
    let resumed = SystemTime::now();
    world.agent.start(&world.patience)?;
    let timing = live::follow(world, &left, &path, resumed)?;
    let found = live::verify(world, &left, resumed)?;
    let forward = timing.noticed + timing.live;
    stage.fact(&format!(
        "`stoker-agent resume`, and it goes forward: {} live {} after the start, all {} files equal",
        short(&left),
        shown(forward),
        found.files
    ))?;
    Ok(json!({
        "from": left,
        "to": previous,
        "rollbackMs": live::ms(took),
        "heldForMs": live::ms(watched),
        "held": held,
        "resumeToLiveMs": live::ms(forward),
        "files": found.files,
        "incidents": world.gateway.incidents().len(),
    }))
}

/// Why the agent applies nothing.
fn hold(world: &World) -> Result<String> {
    let status = world.agent.status()?;
    let reason = status["held"]["reason"].as_str();
    Ok(reason.with_context(|| format!("the agent does not say that it is held: {status}"))?.to_owned())
}
