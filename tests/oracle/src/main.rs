//! `stoker-oracle`: what `cargo xtask gen oracle` and `cargo xtask fuzz-oracle` run.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use lexopt::prelude::{Long, Value};
use stoker_test_oracle::{Answer, Disagreement, Engine, Known, Original, Report, fuzz, widen};

const USAGE: &str =
    "usage: stoker-oracle widen|fuzz ENGINE CASES [--seed S] [--count N] [--seconds N] [--original PROGRAM]";

struct Options {
    engine: Engine,
    cases: PathBuf,
    seed: u64,
    count: usize,
    seconds: u64,
    original: Option<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let mut arguments = lexopt::Parser::from_env();
    let (mut words, mut options) = (Vec::new(), (1, 0, 10, None));
    while let Some(argument) = arguments.next()? {
        let number = |arguments: &mut lexopt::Parser| -> Result<u64> {
            Ok(arguments.value()?.to_str().context("a number")?.parse()?)
        };
        match argument {
            Value(word) => words.push(word.into_string().ok().context(USAGE)?),
            Long("seed") => options.0 = number(&mut arguments)?,
            Long("count") => options.1 = number(&mut arguments)? as usize,
            Long("seconds") => options.2 = number(&mut arguments)?,
            Long("original") => options.3 = Some(arguments.value()?.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    let [verb, engine, cases] = words.as_slice() else { bail!(USAGE) };
    let (seed, count, seconds, original) = options;
    let engine = Engine::named(engine).context(USAGE)?;
    let options = Options { engine, cases: cases.into(), seed, count, seconds, original };
    let text = fs::read_to_string(&options.cases).with_context(|| format!("failed to read {cases}"))?;
    let known = Known::read(engine, &text)?;
    match verb.as_str() {
        "widen" => questions(&options, &known),
        "fuzz" => compare(&options, &known),
        _ => bail!(USAGE),
    }
}

/// Prints new questions.
fn questions(options: &Options, known: &Known) -> Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    for case in widen(options.engine, options.seed, options.count, known) {
        writeln!(out, "{}", case.question(options.engine))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the questions that the two sides answer differently, and to people what each side says.
fn compare(options: &Options, known: &Known) -> Result<ExitCode> {
    let program = options.original.as_deref().context(USAGE)?;
    let name = options.engine.name();
    let mut original = Original::start(options.engine, program, known)?;
    let mut told = Instant::now();
    let mut shown = 0;
    let mut progress = |report: &Report| {
        // As they are found: a run may be stopped before its end.
        for Disagreement { case, ours, theirs } in &report.disagreements[shown..] {
            let question = case.question(options.engine);
            eprintln!("  {question}\n    Go:   {}\n    here: {}", said(theirs), said(ours));
            println!("{question}");
        }
        shown = report.disagreements.len();
        if told.elapsed() > Duration::from_mins(1) {
            told = Instant::now();
            eprintln!("{name}: {} cases, {} differ", report.compared, report.disagreements.len());
        }
    };
    let time = Duration::from_secs(options.seconds);
    let report = fuzz(options.engine, options.seed, known, &mut original, time, &mut progress)?;
    eprintln!(
        "{name}, seed {}: {} cases compared, {} of them errors on both sides; {} beyond a bound; {} differ",
        options.seed,
        report.compared,
        report.errors,
        report.skipped,
        report.disagreements.len()
    );
    Ok(if report.disagreements.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn said(answer: &Answer) -> String {
    match answer {
        Answer::Output(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
        Answer::Error => "an error".to_owned(),
        Answer::Skip => "beyond a bound".to_owned(),
    }
}
