//! `cargo xtask bench controller`: what the controller costs for a fleet on a real API server, beside what people use today.
//! The measuring is in `controller/tests/fleet`; here it is started with the program that ships and shown.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use lexopt::Parser;
use lexopt::prelude::Long;
use serde_json::Value as Json;

use super::machine::busy_cores;
use super::{Verb, unknown};
use crate::kube::{self, Scope};
use crate::musl::{self, Arch};
use crate::progress::Progress;
use crate::{needs, process, workspace};

/// What the table is written to, when everything was measured.
const DOCUMENT: &str = "docs/benchmarks-controller.md";

/// One line of the table.
struct Row {
    what: &'static str,
    figure: fn(&Json) -> Option<f64>,
    unit: &'static str,
    /// Measured on a kubebuilder-style controller with the same work, where that has it.
    today: &'static str,
    /// At most.
    goal: Option<f64>,
}

fn field(figures: &Json, name: &str) -> Option<f64> {
    figures[name].as_f64()
}

const ROWS: [Row; 12] = [
    Row {
        what: "memory, idle",
        figure: |f| Some(field(f, "idle_kib")? / 1024.0),
        unit: "MiB",
        today: "92",
        goal: Some(40.0),
    },
    Row {
        what: "memory, peak while listing",
        figure: |f| Some(field(f, "peak_listing_kib")? / 1024.0),
        unit: "MiB",
        today: "–",
        goal: Some(40.0),
    },
    Row {
        what: "memory, peak of everything",
        figure: |f| Some(field(f, "peak_kib")? / 1024.0),
        unit: "MiB",
        today: "–",
        goal: None,
    },
    Row {
        what: "idle minute, processor time",
        figure: |f| field(f, "idle_cpu_ms_per_minute"),
        unit: "ms",
        today: "665",
        goal: Some(60.0),
    },
    Row {
        what: "idle minute, API writes (lease aside)",
        figure: |f| field(f, "writes"),
        unit: "",
        today: "129",
        goal: Some(0.0),
    },
    Row {
        what: "idle minute, API reads (lease aside)",
        figure: |f| field(f, "reads"),
        unit: "",
        today: "–",
        goal: None,
    },
    Row {
        what: "idle minute, ls-refs at the Git server",
        figure: |f| field(f, "ls_refs"),
        unit: "",
        today: "100",
        goal: Some(2.0),
    },
    Row {
        what: "start to the last metadata written",
        figure: |f| field(f, "start_to_all_metadata_ms"),
        unit: "ms",
        today: "–",
        goal: None,
    },
    Row {
        what: "push to the last metadata written",
        figure: |f| field(f, "push_to_last_metadata_ms"),
        unit: "ms",
        today: "–",
        goal: Some(2000.0),
    },
    Row {
        what: "ls-refs of that push",
        figure: |f| field(f, "ls_refs_of_a_push"),
        unit: "",
        today: "–",
        goal: Some(1.0),
    },
    Row {
        what: "1,000 agents report, until all are Synced",
        figure: |f| field(f, "all_synced_ms"),
        unit: "ms",
        today: "–",
        goal: None,
    },
    Row {
        what: "the same after the push",
        figure: |f| field(f, "all_synced_again_ms"),
        unit: "ms",
        today: "–",
        goal: None,
    },
];

pub(super) fn run(mut arguments: Parser, verb: &Verb) -> Result<ExitCode> {
    let (mut program, mut is_quick) = (None, false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("program") => program = Some(PathBuf::from(arguments.value()?)),
            Long("quick") => is_quick = true,
            other => return unknown(&other, verb),
        }
    }
    ensure!(cfg!(target_os = "linux"), "the figures come from /proc: this needs Linux");
    needs::satisfy(&[needs::GIT])?;
    let mut progress = Progress::new();
    let tools = kube::provide(Scope::ApiServer, None, &mut progress)?;
    let as_it_ships = program.is_none();
    let program = if let Some(program) = program {
        program.canonicalize().context("there is no such program")?
    } else {
        let arch = Arch::host();
        let arch =
            arch.context("the controller is not built for this machine; --program FILE measures another")?;
        musl::build("stoker-controller", arch, &mut progress)?.path
    };
    let busy = busy_cores();
    progress.begin("100 resources, 1,000 gateways, 5,000 other pods");
    let arguments = ["test", "-p", "stoker-controller", "--test", "fleet", "--", "--ignored", "--nocapture"];
    let mut cargo = workspace::cargo(&arguments);
    cargo.env(stoker_test_apiserver::tools::KUBE_BIN, tools).env("STOKER_CONTROLLER", &program);
    if is_quick {
        cargo.env("STOKER_FLEET", "small");
    }
    let output = process::checked(&mut cargo, |line| progress.detail(line))?;
    progress.end("ok");
    let line = output
        .lines()
        .find_map(|line| Some(line.split_once("figures: ")?.1))
        .context("there were no figures")?;
    let figures: Json = serde_json::from_str(line)?;
    let (table, is_reached) = table(&figures);
    println!("{table}");
    if as_it_ships && !is_quick {
        let path = workspace::root().join(DOCUMENT);
        let bytes = fs::metadata(&program)?.len();
        fs::write(&path, document(&table, &figures, bytes, busy))
            .with_context(|| format!("failed to write {}", path.display()))?;
        eprintln!("written to {DOCUMENT}");
    }
    Ok(if is_reached { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The table, and whether every goal was reached.
fn table(figures: &Json) -> (String, bool) {
    let mut text =
        format!("| {:42} | {:>9} | {:>5} | {:>6} | {:8} |\n", "what", "measured", "today", "goal", "");
    text.push_str("| ------------------------------------------ | --------: | ----: | -----: | -------- |\n");
    let mut is_reached = true;
    for Row { what, figure, unit, today, goal } in &ROWS {
        let value = figure(figures);
        let shown = value.map_or_else(
            || "–".to_owned(),
            |value| {
                format!(
                    "{} {unit}",
                    if *unit == "MiB" { format!("{value:.1}") } else { format!("{value:.0}") }
                )
            },
        );
        let goal_shown = goal.map_or_else(|| "–".to_owned(), |goal| format!("≤ {goal:.0}"));
        let verdict = match (value, goal) {
            (Some(value), Some(goal)) if value <= *goal => "met",
            (_, Some(_)) => {
                is_reached = false;
                "**missed**"
            }
            _ => "",
        };
        _ = writeln!(
            text,
            "| {what:42} | {:>9} | {today:>5} | {goal_shown:>6} | {verdict:8} |",
            shown.trim()
        );
    }
    (text, is_reached)
}

fn document(table: &str, figures: &Json, bytes: u64, busy: f64) -> String {
    format!(
        "# What the controller costs\n\n\
        Written by `cargo xtask bench controller`. {} GatewaySyncs with {} gateway pods among {} other pods, one repository, polled \
        every minute, on a real kube-apiserver and etcd in the same machine; the pods and their agents' reports are made by the bench. \
        `today` is a kubebuilder-style controller that people use, measured on the same work. The program that ships has \
        {:.1} MB. Cores that were busy with something else at the beginning: {busy:.1}.\n\n{table}",
        figures["resources"],
        figures["gateways"],
        figures["other_pods"],
        bytes as f64 / 1e6,
    )
}
