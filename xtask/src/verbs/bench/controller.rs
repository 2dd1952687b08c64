//! `cargo xtask bench controller`: the controller with 100 `GatewaySync`s and 1,000 gateways, against a real API server and a
//! real Git server. The measuring is a program of its own (`tests/controllerbench`), because it speaks to Kubernetes; here its
//! figures become tables.

mod goals;
mod report;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, ensure};
use lexopt::Parser;
use lexopt::prelude::Long;
use serde::Serialize;
use stoker_test_apiserver::tools::KUBE_BIN;
use stoker_test_controllerbench::figures::Figures;

use super::machine::busy_cores;
use super::{Verb, unknown};
use crate::musl::{self, Arch};
use crate::progress::Progress;
use crate::{kube, needs, process, workspace};

/// What the tables are written to.
const DOCUMENT: &str = "docs/benchmarks-controller.md";
/// The program that measures.
const MEASURES: &str = "stoker-test-controllerbench";

#[derive(Default)]
struct Options {
    json: Option<PathBuf>,
    /// No five idle minutes.
    quick: bool,
    /// A controller that is there already, in place of the one that ships.
    program: Option<PathBuf>,
    kube_bin: Option<PathBuf>,
}

/// Everything that is known of a run.
#[derive(Debug, Serialize)]
struct Run {
    /// Cores of the machine.
    cores: usize,
    /// How many cores other programs kept busy just before.
    busy_cores: f64,
    /// The controller's length.
    program_bytes: u64,
    /// Whether it is the one that ships: profile `dist`, static with musl.
    as_it_ships: bool,
    figures: Figures,
}

pub(super) fn run(arguments: Parser, verb: &Verb) -> Result<ExitCode> {
    let Some(options) = options(arguments, verb)? else { return Ok(ExitCode::SUCCESS) };
    ensure!(cfg!(target_os = "linux"), "the figures come from /proc: this needs Linux");
    needs::satisfy(&[needs::GIT, needs::C_COMPILER])?;
    let mut progress = Progress::new();
    let kube_bin = kube::provide(kube::Scope::ApiServer, options.kube_bin.as_deref(), &mut progress)?;
    let (program, as_it_ships) = program(options.program.as_deref(), &mut progress)?;
    let measures = build(&mut progress)?;
    let run = Run {
        cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        busy_cores: busy_cores(),
        program_bytes: fs::metadata(&program)?.len(),
        as_it_ships,
        figures: measure(&measures, &program, &kube_bin, options.quick)?,
    };
    let goals = goals::goals(&run.figures);
    println!("{}", report::table(&run, &goals));
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(&run)? + "\n";
        fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))?;
    }
    if as_it_ships && !options.quick {
        let path = workspace::root().join(DOCUMENT);
        fs::write(&path, report::document(&run, &goals))
            .with_context(|| format!("failed to write {}", path.display()))?;
        eprintln!("written to {DOCUMENT}");
    } else {
        eprintln!("{DOCUMENT} stays: it takes a whole run with the program that ships");
    }
    let is_missed = goals.iter().any(|goal| goal.is_met == Some(false));
    Ok(if is_missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn options(mut arguments: Parser, verb: &Verb) -> Result<Option<Options>> {
    let mut options = Options::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("json") => options.json = Some(arguments.value()?.into()),
            Long("quick") => options.quick = true,
            Long("program") => options.program = Some(arguments.value()?.into()),
            Long("kube-bin") => options.kube_bin = Some(arguments.value()?.into()),
            other => return unknown(&other, verb).map(|_| None),
        }
    }
    Ok(Some(options))
}

/// The controller to measure, and whether it is the one that ships.
fn program(given: Option<&Path>, progress: &mut Progress) -> Result<(PathBuf, bool)> {
    if let Some(path) = given {
        let path = path.canonicalize().with_context(|| format!("there is no {}", path.display()))?;
        return Ok((path, false));
    }
    let arch = Arch::host()
        .context("the controller is not built for this machine; --program FILE measures another")?;
    Ok((musl::build("stoker-controller", arch, progress)?.path, true))
}

fn build(progress: &mut Progress) -> Result<PathBuf> {
    progress.begin("building the program that measures");
    process::checked(&mut workspace::cargo(&["build", "-p", MEASURES]), |line| progress.detail(line))?;
    progress.end("ok");
    Ok(workspace::target().join("debug").join(MEASURES))
}

/// Runs the measuring, which says on standard error what it is at: about seven minutes, or three.
fn measure(measures: &Path, program: &Path, kube_bin: &Path, quick: bool) -> Result<Figures> {
    let mut command = Command::new(measures);
    command.arg("--controller").arg(program).env(KUBE_BIN, kube_bin);
    if quick {
        command.arg("--quick");
    }
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("failed to start {}", measures.display()))?;
    ensure!(output.status.success(), "the measuring failed ({})", output.status);
    serde_json::from_slice(&output.stdout).context("the figures are not understood")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_refused() {
        let parsed = |line: &str| options(Parser::from_args(line.split_whitespace()), &super::super::VERB);
        let given = parsed("--quick --json figures.json").unwrap().unwrap();
        assert!(given.quick && given.json == Some("figures.json".into()));
        let error = parsed("--estates S").map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with("`--estates` is not an argument of this verb"), "{error}");
    }
}
