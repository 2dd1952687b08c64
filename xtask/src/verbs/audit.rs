//! `cargo xtask audit`: licences, bans, duplicates and sources of the dependencies, as `deny.toml` says.

use std::process::ExitCode;

use anyhow::Result;
use lexopt::Parser;
use lexopt::prelude::Long;

use super::{Verb, unknown};
use crate::progress::Progress;
use crate::{needs, process, workspace};

pub(super) const VERB: Verb = Verb {
    name: "audit",
    usage: "[--advisories]",
    summary: "licences, bans, duplicates and sources of the dependencies, by cargo-deny",
    run,
};

/// Versions that read `deny.toml` as it is written.
const CARGO_DENY: &str = "^0.20";

fn run(mut arguments: Parser) -> Result<ExitCode> {
    // Advisories are another matter: they need the database from the network, and change without a change of ours.
    let mut checks = vec!["bans", "licenses", "sources"];
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("advisories") => checks.push("advisories"),
            other => return unknown(&other, &VERB),
        }
    }
    needs::satisfy(&[needs::C_COMPILER])?;
    let mut progress = Progress::new();
    install_cargo_deny(&mut progress)?;

    progress.begin(&format!("cargo deny check {}", checks.join(" ")));
    let mut command =
        workspace::cargo(&["deny", "--color", "never", "--workspace", "check", "--hide-inclusion-graph"]);
    command.args(&checks);
    let finished = process::watched(&mut command, |line| progress.detail(line))?;
    let holds = finished.status.success();
    progress.end(if holds { "ok" } else { "FAIL" });
    println!("{}", finished.output.trim_end());
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn install_cargo_deny(progress: &mut Progress) -> Result<()> {
    if workspace::cargo(&["deny", "--version"]).output().is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    progress.begin("installing cargo-deny (once, some minutes)");
    let mut command = workspace::cargo(&["install", "--locked", "cargo-deny", "--version", CARGO_DENY]);
    process::checked(&mut command, |line| progress.detail(line))?;
    progress.end("ok");
    Ok(())
}
