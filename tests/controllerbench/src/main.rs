//! `stoker-test-controllerbench`: prints figures as JSON, and what goes on to standard error. `cargo xtask bench controller`
//! builds it, runs it and makes tables of it.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use lexopt::prelude::Long;
use stoker_test_controllerbench::scenario::Scenario;

fn main() -> Result<()> {
    let (mut program, mut quick) = (None, false);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("controller") => program = Some(PathBuf::from(parser.value()?)),
            Long("quick") => quick = true,
            Long("help") => {
                println!("Usage: stoker-test-controllerbench --controller FILE [--quick]");
                return Ok(());
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let Some(program) = program else { bail!("which program? --controller FILE") };
    let program = program.canonicalize().with_context(|| format!("there is no {}", program.display()))?;
    let began = Instant::now();
    let tell = |what: &str| eprintln!("{:4} s  {what}", began.elapsed().as_secs());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let scenario = Scenario { program: &program, quick, tell: &tell };
    let figures = runtime.block_on(scenario.run())?;
    println!("{}", serde_json::to_string_pretty(&figures)?);
    Ok(())
}
