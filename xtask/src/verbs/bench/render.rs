//! `cargo xtask bench render`: templates, patches and globs by themselves, and the memory of a program that patches a large file.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use lexopt::Parser;
use lexopt::prelude::Long;
use serde_json::{Value as Json, json};

use super::machine::busy_cores;
use super::proc;
use super::words::{mebibytes, time};
use super::{Verb, unknown};
use crate::progress::Progress;
use crate::{process, workspace};

/// What the table is written to.
const DOCUMENT: &str = "docs/benchmarks-render.md";
/// Between two looks at the program's memory: its high-water mark only grows.
const LOOK: Duration = Duration::from_millis(1);
const MAX_PEAK: u64 = 8 << 20;

/// A micro-benchmark, by its name in `tests/oracle/benches/engines.rs`.
struct Micro {
    name: &'static str,
    what: &'static str,
    goal: Duration,
}

const MICRO: [Micro; 3] = [
    Micro {
        name: "templates",
        what: "10,000 files of 2 kB, each parsed and rendered",
        goal: Duration::from_millis(500),
    },
    Micro {
        name: "patches",
        what: "a tag export of 20 MB, three values set",
        goal: Duration::from_millis(300),
    },
    Micro {
        name: "globs",
        what: "10,000 paths by 10 exclude patterns, compiled once",
        goal: Duration::from_millis(50),
    },
];

/// One line of the table.
struct Row {
    what: String,
    measured: String,
    goal: String,
    reached: Option<bool>,
}

pub(super) fn run(mut arguments: Parser, verb: &Verb) -> Result<ExitCode> {
    let mut program = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("program") => program = Some(PathBuf::from(arguments.value()?)),
            other => return unknown(&other, verb),
        }
    }
    ensure!(cfg!(target_os = "linux"), "the figures come from /proc: this needs Linux");
    let mut progress = Progress::new();
    let busy = busy_cores();
    let mut rows = micro(&mut progress)?;
    let given = program.is_some();
    let program = match program {
        Some(program) => program.canonicalize().context("there is no such program")?,
        None => build(&mut progress)?,
    };
    rows.extend(whole(&program, &mut progress)?);
    let table = table(&rows);
    println!("{table}");
    let path = workspace::root().join(DOCUMENT);
    fs::write(&path, document(&table, busy, given))
        .with_context(|| format!("failed to write {}", path.display()))?;
    eprintln!("written to {DOCUMENT}");
    let missed = rows.iter().any(|row| row.reached == Some(false));
    Ok(if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn micro(progress: &mut Progress) -> Result<Vec<Row>> {
    progress.begin("the three engines by themselves");
    let home = workspace::target().join("criterion");
    let mut cargo = workspace::cargo(&["bench", "-p", "stoker-test-oracle", "--bench", "engines"]);
    process::checked(cargo.env("CRITERION_HOME", &home), |line| progress.detail(line))?;
    progress.end("ok");
    MICRO.iter().map(|micro| row_of(micro, &home)).collect()
}

fn row_of(micro: &Micro, home: &Path) -> Result<Row> {
    let path = home.join("render").join(micro.name).join("new/estimates.json");
    let text = fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
    let estimates: Json = serde_json::from_str(&text)?;
    let nanoseconds = estimates["median"]["point_estimate"].as_f64().context("criterion gave no median")?;
    let took = Duration::from_secs_f64(nanoseconds / 1e9);
    Ok(Row {
        what: format!("{}: {}", micro.name, micro.what),
        measured: format!("{} of CPU", time(took.as_secs_f64())),
        goal: format!("< {}", time(micro.goal.as_secs_f64())),
        reached: Some(took < micro.goal),
    })
}

fn build(progress: &mut Progress) -> Result<PathBuf> {
    progress.begin("building the agent (release)");
    let mut cargo = workspace::cargo(&["build", "--release", "-p", "stoker-agent"]);
    process::checked(&mut cargo, |line| progress.detail(line))?;
    progress.end("ok");
    Ok(workspace::target().join("release/stoker-agent"))
}

/// `stoker-agent render` in a process of its own: the very code of a sync, files and fsync included.
fn whole(program: &Path, progress: &mut Progress) -> Result<Vec<Row>> {
    let temp = tempfile::tempdir()?;
    let (large, many) = (temp.path().join("large"), temp.path().join("many"));
    fs::create_dir_all(large.join("tags"))?;
    fs::write(large.join("tags/tags.json"), export(20_000_000))?;
    for file in 0..10_000 {
        let directory = many.join(format!("views/{}", file / 50));
        fs::create_dir_all(&directory)?;
        fs::write(directory.join(format!("{file}.json")), view(file))?;
    }
    let patch = json!({"source": "tags", "destination": "tags", "patches": [
        {"file": "tags.json", "set": {"name": "{{ .GatewayName }}", "tags.60000.value": "21.5", "tags.-1": "{}"}},
    ]});
    let template = json!({"source": "views", "destination": "views", "template": true});
    let mut rows = Vec::new();
    for (what, source, mapping) in [
        ("stoker-agent render, a 20 MB file patched", large, patch),
        ("stoker-agent render, 10,000 templated files of 2 kB", many, template),
    ] {
        progress.begin(what);
        let cost = rendering(program, temp.path(), &source, &mapping)?;
        progress.end("ok");
        rows.push(Row {
            what: format!("{what}: peak of resident memory"),
            measured: mebibytes(cost.peak),
            goal: format!("< {}", mebibytes(MAX_PEAK)),
            // 10,000 files are listed by a program that reads a checkout, which the agent does not.
            reached: (mapping["template"] != true).then_some(cost.peak < MAX_PEAK),
        });
        rows.push(Row {
            what: format!("{what}: everything, files included"),
            measured: format!("{} of CPU", time(cost.cpu.as_secs_f64())),
            goal: String::new(),
            reached: None,
        });
    }
    Ok(rows)
}

struct Cost {
    peak: u64,
    cpu: Duration,
}

fn rendering(program: &Path, temp: &Path, source: &Path, mapping: &Json) -> Result<Cost> {
    let config = temp.join("gatewaysync.json");
    let manifest = json!({
        "apiVersion": "stoker.io/v1alpha1", "kind": "GatewaySync", "metadata": {"name": "bench"},
        "spec": {
            "git": {"repo": "file:///nowhere", "ref": "main"},
            "gateway": {"api": {"secretName": "none"}},
            "sync": {"defaults": {"vars": {"site": "north", "area": "paint", "port": "8088"}},
                     "profiles": {"default": {"mappings": [mapping]}}},
        },
    });
    fs::write(&config, manifest.to_string())?;
    let mut command = Command::new(program);
    command.arg("render").arg("--config").arg(&config).arg("--source").arg(source);
    command.arg("--out").arg(temp.join("out")).args(["--gateway-name", "line-7", "--pod-name", "line-7-0"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let mut cost = Cost { peak: 0, cpu: Duration::ZERO };
    loop {
        if let Some(memory) = proc::memory(child.id()) {
            cost.peak = cost.peak.max(memory.peak);
            cost.cpu = cost.cpu.max(proc::processor_time(child.id()));
        }
        if let Some(status) = child.try_wait()? {
            if !status.success() {
                bail!("`{}` failed ({status})", process::shown(&command));
            }
            return Ok(cost);
        }
        thread::sleep(LOOK);
    }
}

/// A tag export of so many bytes.
fn export(bytes: usize) -> String {
    let mut text = String::from("{\n  \"name\": \"default\",\n  \"tags\": [");
    for tag in 0.. {
        if text.len() >= bytes {
            break;
        }
        text.push_str(if tag == 0 { "" } else { "," });
        text.push_str(&format!(
            "\n    {{ \"name\": \"Motor_{tag}\", \"tagType\": \"AtomicTag\", \"value\": {tag}.50, \"tooltip\": \"Motor {tag}\" }}"
        ));
    }
    text + "\n  ]\n}\n"
}

fn view(number: usize) -> String {
    let mut text = format!(
        "{{\n  \"name\": \"{{{{ .GatewayName }}}}-{number}\",\n  \"url\": \"http://{{{{ .Vars.site }}}}:{{{{ .Vars.port }}}}/\",\n"
    );
    text.push_str(
        "  \"mode\": \"{{ if eq .Vars.area \"paint\" }}wet{{ else }}dry{{ end }}\",\n  \"children\": [\n",
    );
    for child in 0.. {
        if text.len() >= 1_980 {
            break;
        }
        text.push_str(&format!(
            "    {{ \"name\": \"Label_{child}\", \"x\": {}, \"y\": 0.25 }},\n",
            child * 16
        ));
    }
    text + "    {}\n  ]\n}\n"
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from("| what | measured | goal | |\n| --- | --- | --- | --- |\n");
    for Row { what, measured, goal, reached } in rows {
        let word = match reached {
            Some(true) => "reached",
            Some(false) => "**missed**",
            None => "",
        };
        writeln!(text, "| {what} | {measured} | {goal} | {word} |").expect("a string takes everything");
    }
    text
}

fn document(table: &str, busy: f64, given: bool) -> String {
    let program = if given { "the program that was named" } else { "a release build" };
    format!(
        "# Benchmarks of templates, patches and globs

Written by `cargo xtask bench render` on one core of {}. Processor time, the median of at least ten runs (criterion, with the clock of
the thread); other programs kept {busy:.1} cores busy when it began. The last lines are of `stoker-agent render` ({program}) in a
process of its own, whose peak is the kernel's high-water mark.

{table}",
        std::env::consts::ARCH
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_goal_is_said() {
        let row = |reached| Row { what: "x".into(), measured: "2 s".into(), goal: "< 1 s".into(), reached };
        let table = table(&[row(Some(true)), row(Some(false)), row(None)]);
        let words: Vec<&str> =
            table.lines().skip(2).map(|line| line.split('|').nth(4).unwrap().trim()).collect();
        assert_eq!(words, ["reached", "**missed**", ""]);
    }

    #[test]
    fn what_is_measured_has_the_sizes_that_are_said() {
        assert!((1_900..2_100).contains(&view(7).len()));
        let export = export(100_000);
        assert!((100_000..101_000).contains(&export.len()));
        serde_json::from_str::<Json>(&export).unwrap();
    }
}
