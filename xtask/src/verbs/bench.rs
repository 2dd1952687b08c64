//! `cargo xtask bench agent`: what the agent costs, next to git on the same repositories, beside the goals; `controller`:
//! what that costs with 1,000 gateways; `render`: what templates, patches and globs cost by themselves.

mod agent;
mod cgroup;
mod controller;
mod cost;
mod figures;
mod goals;
mod interrupt;
mod lab;
mod limits;
mod machine;
mod proc;
mod render;
mod report;
mod rivals;
mod run;
mod scenario;
mod side;
mod source;
mod words;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use lexopt::Parser;
use lexopt::prelude::{Long, Value};

use self::figures::{Figures, Program};
use self::lab::Lab;
use self::scenario::{Extent, Scenario};
use super::{Verb, unknown};
use crate::estates::Estate;
use crate::musl::{self, Arch};
use crate::progress::Progress;
use crate::{needs, workspace};

pub(super) const VERB: Verb = Verb {
    name: "bench",
    usage: "agent|controller|render [--json FILE] [--estates S,M,D,L,H] [--quick] [--program FILE]",
    summary: "size, memory, bytes and times, beside git's and the goals",
    run,
};

/// What tables are written for, when everything was measured.
const DOCUMENT: &str = "docs/benchmarks.md";

struct Options {
    json: Option<PathBuf>,
    estates: Vec<Estate>,
    /// One run of each, no limits and no idle minute.
    quick: bool,
    /// An agent that is there already, in place of the one that ships.
    program: Option<PathBuf>,
}

fn run(arguments: Parser) -> Result<ExitCode> {
    let mut rest = arguments.clone();
    if let Some(Value(subject)) = rest.next()?
        && let Some(run) = other_subject(&subject)
    {
        return run(rest, &VERB);
    }
    let Some(options) = options(arguments)? else { return Ok(ExitCode::SUCCESS) };
    ensure!(cfg!(target_os = "linux"), "the figures come from /proc: this needs Linux");
    lab::isolate_mounts()?;
    interrupt::listen()?;
    needs::satisfy(&[needs::GIT])?;
    let (program, path) = program(options.program.as_deref())?;
    let figures = measure(&options, program, &path)?;
    let table = report::table(&figures);
    println!("{table}");
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(&figures)? + "\n";
        fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))?;
    }
    if figures.program.as_it_ships && !options.quick && options.estates == Estate::ALL {
        let path = workspace::root().join(DOCUMENT);
        fs::write(&path, report::document(&figures))
            .with_context(|| format!("failed to write {}", path.display()))?;
        eprintln!("written to {DOCUMENT}");
    } else {
        eprintln!("{DOCUMENT} stays: it takes a run of everything with the program that ships");
    }
    Ok(ExitCode::SUCCESS)
}

/// What is measured by its own means.
fn other_subject(subject: &OsStr) -> Option<fn(Parser, &Verb) -> Result<ExitCode>> {
    match subject.to_str()? {
        "render" => Some(render::run),
        "controller" => Some(controller::run),
        _ => None,
    }
}

fn options(mut arguments: Parser) -> Result<Option<Options>> {
    let mut subject = None;
    let mut options = Options { json: None, estates: Estate::ALL.to_vec(), quick: false, program: None };
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(name) if subject.is_none() => subject = Some(name),
            Long("json") => options.json = Some(arguments.value()?.into()),
            Long("estates") => {
                let list = arguments.value()?.into_string().ok().context("--estates takes letters")?;
                options.estates = estates(&list)?;
            }
            Long("quick") => options.quick = true,
            Long("program") => options.program = Some(arguments.value()?.into()),
            other => return unknown(&other, &VERB).map(|_| None),
        }
    }
    match subject {
        Some(subject) if subject == "agent" => Ok(Some(options)),
        Some(other) => {
            bail!(
                "there is nothing to measure by the name {}; there are agent, controller and render",
                other.display()
            )
        }
        None => bail!("what is to be measured? cargo xtask {} {}", VERB.name, VERB.usage),
    }
}

/// By their letters; `D` is the one with a delta.
fn estates(list: &str) -> Result<Vec<Estate>> {
    let letter = |estate: &Estate| if *estate == Estate::M_DELTA { "D" } else { estate.name };
    let found = list.split(',').map(|name| {
        let estate = Estate::ALL.into_iter().find(|estate| letter(estate) == name);
        estate.with_context(|| format!("there is no estate {name:?}; there are S, M, D, L and H"))
    });
    found.collect()
}

fn program(given: Option<&Path>) -> Result<(Program, PathBuf)> {
    if let Some(path) = given {
        let path = path.canonicalize().with_context(|| format!("there is no {}", path.display()))?;
        let bytes = fs::read(&path)?;
        let gzipped_bytes = musl::gzip_9(&bytes)?;
        return Ok((Program { bytes: bytes.len() as u64, gzipped_bytes, as_it_ships: false }, path));
    }
    let arch =
        Arch::host().context("the agent is not built for this machine; --program FILE measures another")?;
    let built = musl::build("stoker-agent", arch, &mut Progress::new())?;
    Ok((Program { bytes: built.bytes, gzipped_bytes: built.gzipped, as_it_ships: true }, built.path))
}

fn measure(options: &Options, program: Program, path: &Path) -> Result<Figures> {
    let mut lab = Lab::new()?;
    let machine = machine::describe(&lab);
    let (mut estates, mut skipped) = (Vec::new(), Vec::new());
    for estate in &options.estates {
        let extent = extent(estate, options.quick);
        let mut scenario = Scenario { program: path, estate, extent, lab: &mut lab, skipped: &mut skipped };
        estates.push(scenario.run()?);
    }
    Ok(Figures { machine, program, estates, skipped })
}

/// The smallest estate is quick, the largest is for memory only.
fn extent(estate: &Estate, quick: bool) -> Extent {
    let git = *estate != Estate::H;
    let runs = match *estate {
        _ if quick => 1,
        Estate::S => 5,
        Estate::H => 1,
        _ => 3,
    };
    Extent { runs, git, long: !quick && git }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Options>> {
        options(Parser::from_args(line.split_whitespace()))
    }

    #[test]
    fn estates_are_chosen_by_their_letters() {
        let options = parsed("agent --estates S,D --quick").unwrap().unwrap();
        assert_eq!(options.estates, [Estate::S, Estate::M_DELTA]);
        assert!(options.quick);
        let error = parsed("agent --estates S,X").map(|_| ()).unwrap_err().to_string();
        assert_eq!(error, "there is no estate \"X\"; there are S, M, D, L and H");
    }

    #[test]
    fn what_is_measured_has_to_be_said() {
        for (line, words) in
            [("", "what is to be measured?"), ("fleet", "there are agent, controller and render")]
        {
            let error = parsed(line).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        assert_eq!(parsed("agent").unwrap().unwrap().estates, Estate::ALL);
    }

    #[test]
    fn the_largest_estate_is_measured_once_and_alone() {
        let Extent { runs, git, long } = extent(&Estate::H, false);
        assert_eq!((runs, git, long), (1, false, false));
    }
}
