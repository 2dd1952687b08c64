//! Somebody saves in a Designer, past Git.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::super::configuration;
use super::super::gatewaysync::POLLING_SECONDS;
use super::super::live::{self, short, shown};
use super::super::stage::Stage;
use super::super::world::World;

/// inotify tells the agent at once; `syncPeriod` is what it falls back to.
const NOTICED: Duration = Duration::from_secs(20);

pub(super) fn run(world: &mut World, stage: &Stage) -> Result<Value> {
    let (_, by_hand) = super::view("Intake Pumps");
    let (_, touched) = super::view("Overview");
    let (path, edit) =
        (format!("{by_hand}/view.json"), configuration::view("Intake Pumps", "changed by hand"));
    let saved = Instant::now();
    world.gateway.save_resource(&by_hand, &[("view.json", edit.as_bytes())])?;
    world.gateway.touch_resource(&touched)?;
    world.patience.until(NOTICED, "the change in the agent's status", || {
        let drift = &world.agent.status()?["drift"];
        Ok((drift["count"] == 1 && drift["paths"] == json!([path])).then_some(()))
    })?;
    let reported = saved.elapsed();
    stage.fact("in a Designer one view is changed and another one saved as it was: the gateway rewrites both manifests")?;

    let diff = diff(world)?;
    ensure!(diff == [json!({"path": path, "difference": "changed"})], "`diff` said {diff:?}");
    stage.fact(&format!(
        "`stoker-agent diff` names the one view that differs, and no manifest for a new time and signature; the running agent's status did after {}",
        shown(reported)
    ))?;

    let (source, live_dir) = super::view("Filters/Filter Bank");
    world.plant.change_view(&source, "Filter bank, four cells")?;
    let (commit, pushed) = super::push(world, "Count the filter cells")?;
    stage.waiting(&format!("pushed; the agent looks every {POLLING_SECONDS}\u{a0}s"))?;
    live::follow(world, &commit, &format!("{live_dir}/view.json"), pushed)?;
    let found = live::verify(world, &commit, pushed)?;
    ensure!(is_kept(&world.data.join(".stoker/local"), edit.as_bytes())?, "the version by hand is lost");
    stage.fact(&format!(
        "the next commit, {}, brings Git's version back: all {} files equal it; the version by hand is kept in .stoker/local",
        short(&commit),
        found.files
    ))?;
    Ok(json!({
        "drift": [path],
        "reportedMs": live::ms(reported),
        "commit": commit,
        "localVersionKept": true,
        "files": found.files,
        "incidents": world.gateway.incidents().len(),
    }))
}

/// What `diff` finds. It must end with 1, as `diff` does where something differs.
fn diff(world: &World) -> Result<Vec<Value>> {
    let output = world.agent.command(&["diff", "--json"])?;
    ensure!(output.status.code() == Some(1), "`diff` ended with {}", output.status);
    let lines = String::from_utf8(output.stdout)?;
    lines.lines().map(|line| serde_json::from_str(line).context("`diff --json` printed no JSON")).collect()
}

/// Whether a file of these bytes is somewhere below `dir`.
fn is_kept(dir: &Path, bytes: &[u8]) -> Result<bool> {
    let entries = fs::read_dir(dir).with_context(|| format!("failed to list {}", dir.display()))?;
    for entry in entries {
        let entry = entry?;
        let found = if entry.file_type()?.is_dir() {
            is_kept(&entry.path(), bytes)?
        } else {
            fs::read(entry.path())? == bytes
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}
