//! A gateway whose volume is empty may not start before it has its configuration.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::super::live::{self, shown};
use super::super::stage::Stage;
use super::super::tree::Tree;
use super::super::world::World;

const FIRST_SYNC: Duration = Duration::from_mins(1);

pub(super) fn run(world: &mut World, stage: &Stage) -> Result<Value> {
    let commit = world.plant.repository().head()?;
    // The server's first answer waits until the probe was seen, however fast the sync is.
    world.host.hold();
    let began = SystemTime::now();
    world.agent.start(&world.patience)?;
    let (before, words) = world.agent.probe("/startupz")?;
    ensure!(before == 503, "/startupz answered {before} ({words}) before anything was synced");
    Tree::read(&world.data)?.must_equal(world.seeded())?;
    stage.fact(&format!("the volume is empty, so /startupz answers {before}: {words}"))?;

    let released = Instant::now();
    world.host.release();
    let after = world.patience.until(FIRST_SYNC, "a 200 of /startupz", || {
        world.agent.must_run()?;
        let (code, _) = world.agent.probe("/startupz")?;
        Ok((code == 200).then_some(code))
    })?;
    let took = released.elapsed();
    let expected = world.files_must_equal(&commit).context("when /startupz said 200")?;
    stage.fact(&format!(
        "{after} after {}: {} files ({}\u{a0}kB) equal `git archive` of {}, mapped for this gateway, byte for byte",
        shown(took),
        expected.len(),
        expected.bytes().div_ceil(1000),
        live::short(&commit)
    ))?;
    stage.fact(&format!(
        "among them a file rendered from a template and one with a JSON patch; the gateway's own {} files are as they were",
        world.seeded().len()
    ))?;

    let found = live::verify(world, &commit, began)?;
    stage.fact(&format!(
        "scan requested: the gateway runs {} projects with {} resources, and saw nothing half-written",
        found.projects, found.resources
    ))?;
    Ok(json!({
        "commit": commit,
        "startupzBefore": before,
        "startupzAfter": after,
        "firstSyncMs": live::ms(took),
        "files": found.files,
        "bytes": found.bytes,
        "projects": found.projects,
        "resources": found.resources,
        "incidents": world.gateway.incidents().len(),
    }))
}
