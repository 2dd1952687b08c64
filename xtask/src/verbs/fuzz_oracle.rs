//! `cargo xtask fuzz-oracle`: our engines against Go's originals, on cases made from a seed.

use std::process::ExitCode;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use lexopt::Parser;
use lexopt::prelude::Long;

use super::{Verb, unknown};
use crate::oracle::{self, ENGINES, Engine, Programs};
use crate::progress::Progress;

pub(super) const VERB: Verb = Verb {
    name: "fuzz-oracle",
    usage: "[--seconds N] [--engine template|patch|glob] [--seed S]",
    summary: "templates, patches and globs against Go's, on generated cases; needs Go",
    run,
};

#[derive(Debug)]
struct Options {
    seconds: u64,
    engines: Vec<Engine>,
    seed: u64,
}

fn run(arguments: Parser) -> Result<ExitCode> {
    let Some(options) = options(arguments)? else { return Ok(ExitCode::SUCCESS) };
    let programs = Programs::build(&mut Progress::new())?;
    eprintln!("seed {}: `--seed {}` makes the same cases again", options.seed, options.seed);
    let found = thread::scope(|scope| {
        let runs = options.engines.iter().map(|engine| {
            let programs = &programs;
            scope
                .spawn(|| programs.fuzz(*engine, options.seconds, options.seed).map(|count| (*engine, count)))
        });
        let runs: Vec<_> = runs.collect();
        runs.into_iter()
            .map(|run| run.join().unwrap_or_else(|_| bail!("a run has panicked")))
            .collect::<Result<Vec<_>>>()
    })?;
    let mut held = true;
    for (engine, count) in found.into_iter().filter(|(_, count)| *count > 0) {
        held = false;
        programs.write_table(engine)?;
        let cases = oracle::cases(engine);
        println!(
            "{}: {count} cases more, in {} and {}; `cargo xtask test` fails until the engine answers them as Go does",
            engine.name,
            cases.display(),
            engine.table
        );
    }
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn options(mut arguments: Parser) -> Result<Option<Options>> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut options = Options { seconds: 60, engines: Vec::new(), seed: since.as_secs() };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("seconds") => {
                options.seconds = text(&mut arguments)?.parse().context("--seconds takes a number")?;
            }
            Long("seed") => options.seed = text(&mut arguments)?.parse().context("--seed takes a number")?,
            Long("engine") => {
                let name = text(&mut arguments)?;
                let engine = ENGINES.into_iter().find(|engine| engine.name == name);
                options.engines.push(engine.with_context(|| format!("there is no engine {name:?}"))?);
            }
            other => return unknown(&other, &VERB).map(|_| None),
        }
    }
    if options.engines.is_empty() {
        options.engines.extend(ENGINES);
    }
    Ok(Some(options))
}

fn text(arguments: &mut Parser) -> Result<String> {
    arguments.value()?.into_string().ok().context("an option's value is plain text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Options>> {
        options(Parser::from_args(line.split_whitespace()))
    }

    #[test]
    fn all_engines_run_unless_one_is_named() {
        assert_eq!(parsed("--seconds 3").unwrap().unwrap().engines, ENGINES);
        let options = parsed("--engine glob --seed 42").unwrap().unwrap();
        assert_eq!((options.engines.as_slice(), options.seed), (&ENGINES[2..], 42));
        let error = parsed("--engine regex").map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("\"regex\""), "{error}");
    }
}
