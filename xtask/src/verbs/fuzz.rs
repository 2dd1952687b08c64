//! `cargo xtask fuzz TARGET`: one of the targets in `fuzz/`, for so many seconds.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};
use lexopt::Parser;
use lexopt::prelude::{Long, Value};

use super::{Verb, unknown};
use crate::progress::Progress;
use crate::{needs, process, workspace};

pub(super) const VERB: Verb = Verb {
    name: "fuzz",
    usage: "[TARGET|all] [--seconds N] [INPUT]",
    summary: "libFuzzer on the parsers, with a nightly compiler; without a word, the targets",
    run,
};

/// Of `cargo-fuzz`.
const VERSION: &str = "0.13";

#[derive(Debug, Default)]
struct Options {
    target: Option<String>,
    seconds: Option<u64>,
    /// One input to be run again.
    input: Option<OsString>,
}

fn run(mut arguments: Parser) -> Result<ExitCode> {
    let mut options = Options::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("seconds") => {
                let seconds = arguments.value()?.into_string().ok().and_then(|text| text.parse().ok());
                options.seconds = Some(seconds.context("--seconds takes a number")?);
            }
            Value(target) if options.target.is_none() => {
                options.target = Some(target.into_string().ok().context("a target is plain text")?);
            }
            Value(input) if options.input.is_none() => options.input = Some(input),
            other => return unknown(&other, &VERB),
        }
    }
    let targets = targets(&root())?;
    let chosen: Vec<&String> = match options.target.as_deref() {
        None => {
            println!("{}", targets.join("\n"));
            return Ok(ExitCode::SUCCESS);
        }
        Some("all") => targets.iter().collect(),
        Some(name) => vec![
            targets
                .iter()
                .find(|target| *target == name)
                .with_context(|| format!("there is no target {name:?}; there is {}", targets.join(", ")))?,
        ],
    };
    needs::satisfy(&[needs::CXX_COMPILER])?;
    let tools = install(&mut Progress::new())?;
    let mut held = true;
    for target in chosen {
        held &= fuzz(&tools, target, &options)?;
    }
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn root() -> PathBuf {
    workspace::root().join("fuzz")
}

/// By their files.
fn targets(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join("fuzz_targets"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// Makes sure of the compiler and of `cargo-fuzz`; gives the directory of the latter.
fn install(progress: &mut Progress) -> Result<PathBuf> {
    if !needs::on_path("rustup") {
        bail!(
            "missing: rustup, which brings the nightly compiler beside the stable one; see https://rustup.rs"
        );
    }
    if process::output(&mut nightly(&["rustc", "--version"])).is_err() {
        progress.begin("installing the nightly toolchain");
        let mut command = Command::new("rustup");
        command.args(["toolchain", "install", "nightly", "--profile", "minimal"]);
        process::checked(&mut command, |line| progress.detail(line))?;
        progress.end("ok");
    }
    let bin = workspace::tools().join("bin");
    if !bin.join("cargo-fuzz").is_file() && !needs::on_path("cargo-fuzz") {
        progress.begin("installing cargo-fuzz");
        let mut command =
            workspace::cargo(&["install", "cargo-fuzz", "--locked", "--version", VERSION, "--root"]);
        command.arg(workspace::tools());
        process::checked(&mut command, |line| progress.detail(line))?;
        progress.end("ok");
    }
    Ok(bin)
}

/// A program of the nightly toolchain.
fn nightly(arguments: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO").args(["run", "nightly"]).args(arguments);
    command
}

/// False if the target found something.
fn fuzz(tools: &Path, target: &str, options: &Options) -> Result<bool> {
    let root = root();
    let learned = workspace::target().join("fuzz/corpus").join(target);
    fs::create_dir_all(&learned)?;
    let mut command = nightly(&["cargo", "fuzz", "run", "--fuzz-dir"]);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(tools.to_owned()).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(paths)?).current_dir(&root);
    command.arg(&root).arg("--target-dir").arg(workspace::target().join("fuzz")).arg(target);
    match &options.input {
        Some(input) => command.arg(input),
        // The first is where new inputs go.
        None => command.arg(learned).arg(root.join("corpus").join(target)),
    };
    command.args(["--", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"]);
    if let Some(seconds) = options.seconds {
        command.arg(format!("-max_total_time={seconds}"));
    }
    let status =
        command.status().with_context(|| format!("failed to start `{}`", process::shown(&command)))?;
    if !status.success() {
        eprintln!("{target}: it ended with {status}; what it found lies in fuzz/artifacts/{target}");
    }
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_corpus_that_is_small_and_a_line_in_the_readme() {
        let readme = fs::read_to_string(root().join("README.md")).unwrap();
        let targets = targets(&root()).unwrap();
        assert!(targets.len() >= 3);
        for target in targets {
            assert!(readme.contains(&format!("| `{target}` |")), "{target}");
            let corpus = fs::read_dir(root().join("corpus").join(&target)).unwrap();
            let bytes: u64 = corpus.map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
            assert!((1..100_000).contains(&bytes), "{target}: {bytes} bytes");
        }
    }
}
