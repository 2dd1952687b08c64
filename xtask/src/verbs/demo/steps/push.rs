//! An engineer pushes, and the gateway runs it.

use anyhow::Result;
use serde_json::{Value, json};

use super::super::gatewaysync::POLLING_SECONDS;
use super::super::live::{self, short, shown};
use super::super::stage::Stage;
use super::super::world::World;

pub(super) fn run(world: &mut World, stage: &Stage) -> Result<Value> {
    let (source, live_dir) = super::view("Tanks/Tank 3");
    world.plant.change_view(&source, "Tank 3, raw water")?;
    let (commit, pushed) = super::push(world, "Say what is in tank 3")?;
    stage.fact(&format!("pushed {} \"Say what is in tank 3\"", short(&commit)))?;
    stage.waiting(&format!("the agent looks every {POLLING_SECONDS}\u{a0}s"))?;
    let timing = live::follow(world, &commit, &format!("{live_dir}/view.json"), pushed)?;
    stage.fact(&format!(
        "noticed after {}: that is the polling interval, here its minimum of {POLLING_SECONDS}\u{a0}s",
        shown(timing.noticed)
    ))?;
    stage.fact(&format!(
        "from there the agent's own work: file live after {}, scan requested after {}",
        shown(timing.live),
        shown(timing.scan_requested)
    ))?;
    let found = live::verify(world, &commit, pushed)?;
    stage.fact(&format!("the gateway runs it; all {} files equal the commit, no incident", found.files))?;
    let figures = json!({
        "commit": commit,
        "pollingIntervalMs": POLLING_SECONDS * 1000,
        "files": found.files,
        "incidents": world.gateway.incidents().len(),
    });
    Ok(super::joined(figures, timing.figures()))
}
