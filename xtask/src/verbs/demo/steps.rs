//! The steps, in order: each shows one thing and verifies it by itself.

mod drift;
mod dry_run;
mod first_sync;
mod outage;
mod push;
mod rollback;

use std::time::SystemTime;

use anyhow::Result;
use serde_json::Value;

use super::stage::Stage;
use super::world::World;

/// One step.
pub(super) struct Step {
    /// Its name in JSON.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// Shows it and gives its figures, an object.
    pub(super) run: fn(&mut World, &Stage) -> Result<Value>,
}

pub(super) const STEPS: [Step; 6] = [
    Step { name: "first-sync", title: "First sync", run: first_sync::run },
    Step { name: "push", title: "A push goes live", run: push::run },
    Step { name: "dry-run", title: "A dry run of the next commit", run: dry_run::run },
    Step { name: "drift", title: "A change by hand is found", run: drift::run },
    Step { name: "outage", title: "A broken Git server stops nothing", run: outage::run },
    Step { name: "rollback", title: "A rollback, and forward again", run: rollback::run },
];

const VIEWS: &str = "com.inductiveautomation.perspective/views";
const WATER: &str = "projects/WaterTreatment";

/// The repository's directory and the gateway's for a view of the water treatment project.
fn view(name: &str) -> (String, String) {
    let live = format!("{WATER}/{VIEWS}/{name}");
    (format!("gateways/{}/{live}", super::gatewaysync::GATEWAY), live)
}

/// Commits and pushes; the commit and when the push was through.
fn push(world: &World, message: &str) -> Result<(String, SystemTime)> {
    let commit = world.plant.commit(message)?;
    world.push()?;
    Ok((commit, SystemTime::now()))
}

/// Joins two objects of figures.
fn joined(mut one: Value, other: Value) -> Value {
    if let (Value::Object(one), Value::Object(mut other)) = (&mut one, other) {
        one.append(&mut other);
    }
    one
}
