//! `cargo xtask demo`: a real Git server, a simulated gateway and the real agent, step by step, each verified.

mod agent;
mod configuration;
mod gatewaysync;
mod host;
mod live;
mod patience;
mod resource;
mod stage;
mod steps;
mod tree;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use lexopt::Parser;
use lexopt::prelude::Long;
use serde_json::Value;

use super::{Verb, unknown};
use crate::{needs, process, workspace};
use live::{short, shown};
use patience::Patience;
use stage::Stage;
use world::World;

pub(super) const VERB: Verb = Verb {
    name: "demo",
    usage: "[--once] [--json] [--keep]",
    summary: "a push goes live on a gateway, then an outage, a rollback and more",
    run,
};

/// What a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

#[derive(Debug, Default)]
struct Options {
    /// Ends after the steps, also on a terminal.
    once: bool,
    json: bool,
    /// Leaves the directory.
    keep: bool,
}

fn run(mut arguments: Parser) -> Result<ExitCode> {
    let mut options = Options::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("once") => options.once = true,
            Long("json") => options.json = true,
            Long("keep") => options.keep = true,
            other => return unknown(&other, &VERB),
        }
    }
    needs::satisfy(&[needs::GIT, needs::TAR])?;
    let mut stage = Stage::new(options.json);
    stage.line("Stoker: a real Git server, a simulated Ignition gateway, the real agent.\n")?;
    let program = build(&stage)?;
    let patience = Patience::with_signals()?;
    match play(&options, &mut stage, program, &patience) {
        Err(_) if patience.is_over() => {
            stage.note("\nStopped; everything that was started has ended.")?;
            Ok(ExitCode::from(INTERRUPTED))
        }
        played => played,
    }
}

/// Starts everything, runs the steps, stops everything.
fn play(options: &Options, stage: &mut Stage, program: PathBuf, patience: &Patience) -> Result<ExitCode> {
    let mut world = World::create(program, patience.clone(), options.keep)?;
    let all_held = show(options, stage, &mut world);
    if options.keep {
        stage.note(&format!("\nKept: {}", world.dir().display()))?;
    }
    let closed = world.close();
    if all_held? { closed.map(|()| ExitCode::SUCCESS) } else { Ok(ExitCode::FAILURE) }
}

/// Builds the agent as quickly as can be for a program that is to be fast.
fn build(stage: &Stage) -> Result<PathBuf> {
    stage.working("building the agent (profile release; the first time takes a minute or two)")?;
    let started = Instant::now();
    let mut command = workspace::cargo(&["build", "--release", "--package", "stoker-agent"]);
    process::checked(&mut command, |line| {
        // A terminal that went away is noticed by the next line that matters.
        let _ = stage.waiting(&format!("building the agent, profile release: {}", short_line(line)));
    })?;
    let program = agent::program(&workspace::target());
    ensure!(program.is_file(), "cargo built no {}", program.display());
    stage
        .line(&format!("   built the agent (profile release) in {:.1} s", started.elapsed().as_secs_f64()))?;
    Ok(program)
}

/// As much of a line of cargo's as fits beside our own words.
fn short_line(line: &str) -> String {
    line.trim().chars().take(36).collect()
}

/// Runs the steps; whether all held.
fn show(options: &Options, stage: &mut Stage, world: &mut World) -> Result<bool> {
    stage.line(&format!("   repository  {}", world.host.url()))?;
    stage.line(&format!("   gateway     {}", world.gateway.url()))?;
    stage.line(&format!("   data        {}", world.data.display()))?;
    for step in &steps::STEPS {
        stage.begin(step.title)?;
        let figures = (step.run)(world, stage);
        match figures {
            Ok(figures) => stage.passed(step.name, figures)?,
            Err(error) => {
                stage.failed(step.name, &error)?;
                if world.patience.is_over() {
                    return Err(error);
                }
                stage.line(
                    "\nThose after it build on it and were not run. --keep leaves agent.log to look at.",
                )?;
                return Ok(false);
            }
        }
    }
    if !options.once && stage.has_viewer() {
        stay(stage, world)?;
    } else {
        stage.line("\nNext:")?;
        stage.line("   cargo xtask demo                      on a terminal, to push to it yourself")?;
        stage.line("   cargo xtask test                      everything that is checked, and how")?;
        stage.line("   target/release/stoker-agent --help    the program that was shown")?;
    }
    Ok(true)
}

/// Leaves everything running for the viewer, and says what becomes of each push, until Ctrl-C.
fn stay(stage: &Stage, world: &mut World) -> Result<()> {
    stage.line("\nYour turn: it goes on running. In another terminal:")?;
    stage.line(&format!("   git clone {} && cd plant", world.host.url()))?;
    stage.line("   $EDITOR gateways/north/projects/WaterTreatment/project.json")?;
    stage.line("   git commit -am \"My change\" && git push")?;
    stage.line(&format!("   curl {}/status", world.agent.url()))?;
    stage.line("Ctrl-C ends it and leaves nothing behind.\n")?;
    let mut last = world.agent.status()?;
    while !world.patience.is_over() {
        world.agent.must_run()?;
        let status = world.agent.status()?;
        if let Some(commit) = changed(&last, &status, "syncedCommit") {
            stage.fact(&news(short(commit), &last, &status))?;
        }
        if let Some(error) = changed(&last, &status, "errorMessage") {
            stage.line(&format!("   the agent says: {error}"))?;
        }
        last = status;
        let _ = world.patience.throughout(Duration::from_millis(200), || Ok(()));
    }
    let stopped = world.agent.stop()?;
    stage.line(&format!("\nStopped in {}.", shown(stopped)))
}

/// The text of a status' field, if it is another one than before.
fn changed<'a>(last: &Value, status: &'a Value, field: &str) -> Option<&'a str> {
    status[field].as_str().filter(|_| status[field] != last[field])
}

/// What became of a commit. The time of a sync moves only when it changed files.
fn news(commit: &str, last: &Value, status: &Value) -> String {
    if status["lastSyncTime"] == last["lastSyncTime"] {
        return format!("{commit} changes nothing for this gateway");
    }
    let took = status["lastSyncDuration"].as_str().unwrap_or("no time");
    let files = status["filesChanged"].as_u64().unwrap_or_default();
    format!("{commit} is live: {files} {} in {took}", if files == 1 { "file" } else { "files" })
}
