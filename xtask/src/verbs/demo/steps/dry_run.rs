//! What a commit would do, told before it does it.

use std::collections::BTreeSet;
use std::time::SystemTime;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::super::live::{self, short, shown};
use super::super::stage::Stage;
use super::super::tree::{Changes, Stamps, Tree};
use super::super::world::World;

const SUBJECT: &str = "Add the sludge press, drop dosing, lower an alarm";

pub(super) fn run(world: &mut World, stage: &Stage) -> Result<Value> {
    // One agent holds a volume: the one that runs makes room for the one that only looks.
    let stopped = world.agent.stop()?;
    let (added, added_live) = super::view("Sludge Press");
    world.plant.change_view(&added, "Sludge press")?;
    world.plant.change_tags("gateways/north/tags/Tanks", &["Level 1", "Level 2", "Level 3"], 85.0)?;
    world.plant.remove(&super::view("Dosing").0)?;
    let before = Tree::read(&world.data)?;
    let (commit, pushed) = super::push(world, SUBJECT)?;
    let wanted = before.changes_to(&world.seeded().with(&world.expected(&commit)?));
    stage.fact(&format!("agent stopped in {}; pushed {} \"{SUBJECT}\"", shown(stopped), short(&commit)))?;

    let (stamps, asked) = (Stamps::read(&world.data)?, world.gateway.log().len());
    let said = changes_in(&world.agent.dry_run()?)?;
    ensure!(said == wanted, "the dry run said {said:?} instead of {wanted:?}");
    stage.fact(&format!(
        "`stoker-agent --once --dry-run` names these {} files: {} to add, {} to change, {} to delete",
        said.count(),
        said.added.len(),
        said.modified.len(),
        said.deleted.len()
    ))?;
    stamps.must_hold(&world.data)?;
    let scans = posts_since(world, asked);
    ensure!(scans == 0, "the dry run asked the gateway for {scans} changes");
    stage.fact("nothing was written, and the gateway was asked for nothing")?;

    let started = SystemTime::now();
    world.agent.start(&world.patience)?;
    let timing = live::follow(world, &commit, &format!("{added_live}/view.json"), started)?;
    let found = live::verify(world, &commit, pushed)?;
    let done = before.changes_to(&Tree::read(&world.data)?);
    ensure!(done == said, "the sync did {done:?} instead of what the dry run said");
    let took = timing.noticed + timing.live;
    stage
        .fact(&format!("the agent starts again and does just that: live {} after its start", shown(took)))?;
    Ok(json!({
        "commit": commit,
        "added": said.added.len(),
        "modified": said.modified.len(),
        "deleted": said.deleted.len(),
        "writtenByDryRun": 0,
        "scansByDryRun": scans,
        "startToLiveMs": live::ms(took),
        "files": found.files,
        "incidents": world.gateway.incidents().len(),
    }))
}

/// The changes that the log of a dry run names.
fn changes_in(log: &[Value]) -> Result<Changes> {
    let paths = |change: &str| {
        let of_kind = log.iter().filter(|record| record["change"] == change);
        let paths: BTreeSet<String> =
            of_kind.filter_map(|record| Some(record["path"].as_str()?.to_owned())).collect();
        paths.into_iter().collect::<Vec<_>>()
    };
    let changes = Changes { added: paths("Added"), modified: paths("Modified"), deleted: paths("Deleted") };
    ensure!(changes.count() > 0, "the dry run named no file");
    Ok(changes)
}

fn posts_since(world: &World, asked: usize) -> usize {
    world.gateway.log().iter().skip(asked).filter(|request| request.method == "POST").count()
}
