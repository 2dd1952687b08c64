//! The golden tables of the three engines.

use anyhow::Result;

use super::Target;
use crate::oracle::{ENGINES, Programs};
use crate::progress::Progress;

pub(super) const TARGET: Target = Target { name: "oracle", run };

fn run(progress: &mut Progress) -> Result<Vec<&'static str>> {
    let programs = Programs::build(progress)?;
    for engine in ENGINES {
        progress.begin(&format!("{}: {}", engine.name, engine.table));
        programs.write_table(engine)?;
        progress.end("ok");
    }
    Ok(ENGINES.map(|engine| engine.table).to_vec())
}
