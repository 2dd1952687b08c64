//! `cargo xtask test`: formatting, lints, the agent's dependency tree, and every test of the workspace.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use lexopt::Parser;
use lexopt::prelude::{Long, Value};
use stoker_test_apiserver::tools::KUBE_BIN;
use stoker_test_gitserver::gitea;

use super::{Verb, unknown};
use crate::progress::Progress;
use crate::suite::{Outcome, Reader, Tally};
use crate::{kube, needs, process, tree, workspace};

pub(super) const VERB: Verb = Verb {
    name: "test",
    usage: "[--no-lint] [--kube-bin DIR] [FILTER]",
    summary: "formatting, lints, tests, also against real Git and API servers",
    run,
};

#[derive(Debug, Default)]
struct Options {
    no_lint: bool,
    /// Where kube-apiserver and etcd are.
    kube_bin: Option<PathBuf>,
    filter: Option<String>,
}

fn run(mut arguments: Parser) -> Result<ExitCode> {
    let mut options = Options::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("no-lint") => options.no_lint = true,
            Long("kube-bin") => options.kube_bin = Some(arguments.value()?.into()),
            Value(filter) if options.filter.is_none() => {
                options.filter = Some(filter.into_string().ok().context("a filter is plain text")?);
            }
            other => return unknown(&other, &VERB),
        }
    }
    needs::satisfy(&[
        needs::GIT,
        needs::GIT_DAEMON,
        needs::TAR,
        needs::C_COMPILER,
        needs::SSHD,
        needs::TINYPROXY,
        needs::GIT_LFS,
        needs::GNUPG,
    ])?;
    let tally = run_all(&options)?;
    println!("{tally}");
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run_all(options: &Options) -> Result<Tally> {
    let mut progress = Progress::new();
    let mut tally = Tally::default();
    let kube_bin = kubernetes(options.kube_bin.as_deref(), &mut progress)?;
    forge(&mut progress)?;
    if !options.no_lint {
        tally = tally
            .plus(formatting(&mut progress)?)
            .plus(lints(&mut progress)?)
            .plus(dependencies(&mut progress)?);
    }
    let built = build(&mut progress)?;
    if built.failed > 0 {
        return Ok(tally.plus(built));
    }
    let tests = tests(&mut progress, options.filter.as_deref(), kube_bin.as_deref())?;
    if tests.total() == 0 {
        bail!("no test matches {:?}", options.filter.as_deref().unwrap_or_default());
    }
    Ok(tally.plus(tests))
}

/// Where kube-apiserver and etcd are, built if need be; `None` where that cannot be, which is said once here and counted
/// with each test that needs them.
fn kubernetes(named: Option<&Path>, progress: &mut Progress) -> Result<Option<PathBuf>> {
    let scope = kube::Scope::ApiServer;
    let ready = kube::ready(scope, named)?;
    if ready.is_none() && !kube::can_build() {
        progress.line(
            "skip  tests against a Kubernetes API server: there is no Go to build it with; install Go (https://go.dev/dl), \
             or name a directory with kube-apiserver and etcd by --kube-bin or KUBEBUILDER_ASSETS",
        );
        return Ok(None);
    }
    ready.map_or_else(|| kube::provide(scope, None, progress), Ok).map(Some)
}

/// Makes sure that there is a forge for the tests that need one; where it cannot be built, that is said here.
fn forge(progress: &mut Progress) -> Result<()> {
    if gitea::program().is_some() {
        return Ok(());
    }
    if !gitea::can_build() {
        progress.line(
            "skip  tests against Gitea: there is no Go (https://go.dev/dl) or no C compiler to build it with; \
             or name a ready program by STOKER_GITEA",
        );
        return Ok(());
    }
    progress.begin("build gitea, once: this takes some minutes");
    let built = gitea::build(&mut |line| progress.detail(line));
    progress.end(if built.is_ok() { "ok" } else { "FAIL" });
    built.map(drop)
}

fn formatting(progress: &mut Progress) -> Result<Tally> {
    let arguments = ["fmt", "--all", "--", "--check", "--color", "never"];
    cargo_check(progress, "formatting", "`cargo fmt --all` puts it right", &arguments)
}

fn lints(progress: &mut Progress) -> Result<Tally> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    cargo_check(progress, "lints", "", &arguments)
}

fn cargo_check(progress: &mut Progress, name: &str, advice: &str, arguments: &[&str]) -> Result<Tally> {
    progress.begin(name);
    let finished = process::watched(&mut workspace::cargo(arguments), |line| progress.detail(line))?;
    let holds = finished.status.success();
    progress.end(if holds { "ok" } else { "FAIL" });
    if !holds {
        println!("{}\n{advice}", without_progress(&finished.output));
    }
    Ok(Tally::check(holds))
}

fn dependencies(progress: &mut Progress) -> Result<Tally> {
    let names: Vec<&str> = tree::BANNED.iter().map(|(name, _)| *name).collect();
    progress.begin(&format!(
        "the agent's dependency tree holds no {}, and tokio only below russh in stoker-git",
        names.join(", ")
    ));
    let packages = tree::of_agent()?;
    let (offenders, strays) = (tree::offenders(&packages), tree::strays(&packages));
    let holds = offenders.is_empty() && strays.is_empty();
    progress.end(if holds { "ok" } else { "FAIL" });
    for way in &strays {
        println!("{way}: a runtime outside of the SSH transport");
    }
    for (name, reason) in &offenders {
        println!("{name}: {reason}\n  `cargo tree -p stoker-agent -i {name}` shows who brings it in");
    }
    Ok(Tally::check(holds))
}

/// Builds everything first: programs, because tests of one package start those of another, and the tests themselves,
/// so that a compile error is told from a failed test. Only a failure counts.
fn build(progress: &mut Progress) -> Result<Tally> {
    progress.begin("build");
    for arguments in [["build", "--workspace", "--bins"], ["test", "--workspace", "--no-run"]] {
        let finished = process::watched(&mut workspace::cargo(&arguments), |line| progress.detail(line))?;
        if !finished.status.success() {
            progress.end("FAIL");
            println!("{}", without_progress(&finished.output));
            return Ok(Tally::check(false));
        }
    }
    progress.end("ok");
    Ok(Tally::default())
}

fn tests(progress: &mut Progress, filter: Option<&str>, kube_bin: Option<&Path>) -> Result<Tally> {
    let mut command = workspace::cargo(&["test", "--workspace", "--no-fail-fast"]);
    command.args(filter);
    if let Some(directory) = kube_bin {
        // What is ignored needs these programs, and nothing else does.
        command.env(KUBE_BIN, directory).args(["--", "--include-ignored"]);
    }
    let mut reader = Reader::default();
    let mut outcomes = Vec::new();
    let finished = {
        let mut report = Report { progress, outcomes: &mut outcomes };
        report.progress.begin("tests");
        let finished = process::watched(&mut command, |line| {
            report.progress.detail(line);
            if let Some(outcome) = reader.line(line) {
                report.add(outcome);
            }
        })?;
        if let Some(outcome) = reader.end() {
            report.add(outcome);
        }
        finished
    };
    let tally = outcomes.iter().map(|outcome| outcome.tally).fold(Tally::default(), Tally::plus);
    let holds = finished.status.success();
    progress.end(if holds { "ok" } else { "FAIL" });
    if holds || tally.failed > 0 {
        return Ok(tally);
    }
    // cargo failed and no test did: its own words are all there is.
    println!("{}", without_progress(&finished.output));
    Ok(tally.plus(Tally::check(false)))
}

/// Prints each binary's outcome as it comes, with the output of what failed.
struct Report<'a> {
    progress: &'a mut Progress,
    outcomes: &'a mut Vec<Outcome>,
}

impl Report<'_> {
    fn add(&mut self, outcome: Outcome) {
        if outcome.tally.total() > 0 {
            let word = if outcome.tally.failed == 0 { "ok" } else { "FAIL" };
            // Two spaces keep these lines apart from the one that closes the run.
            self.progress.line(&format!("  {word:5} {}: {}", outcome.name, outcome.tally));
        }
        if outcome.tally.failed > 0 {
            self.progress.line(outcome.output.trim());
        }
        self.outcomes.push(outcome);
    }
}

/// cargo's output without the lines that only say what it is at.
fn without_progress(output: &str) -> String {
    const PROGRESS: [&str; 7] =
        ["Compiling ", "Checking ", "Finished ", "Downloading ", "Downloaded ", "Blocking ", "Fresh "];
    let kept = output.lines().filter(|line| {
        let text = line.trim_start();
        text.len() == line.len() || !PROGRESS.iter().any(|word| text.starts_with(word))
    });
    kept.collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_shown_without_what_was_built() {
        let output = "    Blocking waiting for file lock\n   Compiling a v1.0.0\nerror[E0425]: cannot find x\n  --> a.rs\n";
        assert_eq!(without_progress(output), "error[E0425]: cannot find x\n  --> a.rs");
    }
}
