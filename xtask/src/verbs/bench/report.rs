//! The tables, in Markdown, which a terminal shows as well.

use super::cost::Cost;
use super::figures::{Figures, Least, OnEstate};
use super::goals::{self, Goal};
use super::words::{mebibytes, megabytes, time};

/// So much goes on in a machine that has nothing to do.
const QUIET_CORES: f64 = 0.1;

/// The goals and all figures.
pub(super) fn table(figures: &Figures) -> String {
    let mut text = goals_table(&goals::goals(figures));
    for estate in &figures.estates {
        text.push_str(&on_estate(estate));
    }
    if !figures.skipped.is_empty() {
        let lines: Vec<String> = figures.skipped.iter().map(|line| format!("- {line}\n")).collect();
        text.push_str(&format!("\n## Not measured\n\n{}", lines.concat()));
    }
    text
}

/// `docs/benchmarks.md`.
pub(super) fn document(figures: &Figures) -> String {
    format!("{}{}{METHOD}", opening(figures), table(figures))
}

const METHOD: &str = "
## How it is measured

- Times are taken from outside. A first sync and a restart end when `/startupz` answers 200, ten files from the line \"resolved\" to
  the line \"synced\" of the agent's log, by its own clock.
- Processor time is the scheduler's, of all threads; git's is that of all its processes, in ticks of 10 ms. The Git server (`git
  http-backend` behind a server in the benchmark's process) runs on the same cores, for the agent as for git: none of its time is
  charged, but it slows both.
- Peaks are looked at every 2 ms: for the agent the kernel's own high-water mark, for git the sum of its processes, in which
  libraries that they share count as often as they are used. *Anonymous* is what no file backs. Written are the pages of files that
  were dirtied, received the bytes from the server with HTTP's headers.
- Medians; of memory the largest. Everything lies in the page cache of the server. The agent makes what it writes durable (`fsync`)
  before it says that it is done, git and `cp` do not.
- Memory cgroups count the page cache too, and the agent's program is evicted before. The smallest that completes is the smallest of
  4, 6, 8, 10, 12, 16, 24, 32, 48, 64, 96, 128, 192 and 256 MiB in which a first sync succeeds twice in a row.
- Estate H is for memory only. Its first sync, as all of them, goes over http with protocol v2 and `filter=blob:none`.
";

fn opening(figures: &Figures) -> String {
    let machine = &figures.machine;
    let program = &figures.program;
    format!(
        "# Benchmarks

Written by `cargo xtask bench agent`. The agent as it ships ({}, {} compressed), next to git {} with a copy, on the same repositories,
server and filesystem, in the same run. The machine: {} cores ({}), {} GiB of memory, {}; data directories on {}.{}

",
        megabytes(program.bytes),
        megabytes(program.gzipped_bytes),
        machine.git,
        machine.cores,
        machine.architecture,
        machine.memory_gib,
        machine.kernel,
        machine.data_on,
        busy(machine.busy_cores),
    )
}

/// What a reader must know of a machine that had other work.
pub(super) fn busy(cores: f64) -> String {
    if cores <= QUIET_CORES {
        return String::new();
    }
    format!(
        " **Other programs kept {cores:.1} cores busy when it began: times are longer than they need be.**"
    )
}

fn goals_table(goals: &[Goal]) -> String {
    let rows = goals.iter().map(|goal| {
        let verdict = match goal.met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "not measured",
        };
        [goal.what.clone(), goal.limit.clone(), goal.figure.clone(), verdict.to_owned()]
    });
    format!("## Goals\n\n{}", aligned(&["what", "goal", "figure", ""].map(str::to_owned), rows))
}

fn on_estate(estate: &OnEstate) -> String {
    let &OnEstate { estate: name, files, bytes, runs, ref agent, ref git, ref limits } = estate;
    let head = ["", "time", "processor", "peak", "anonymous", "written", "received", "requests"];
    let mut rows = vec![
        row("first sync", &agent.first_sync),
        row("volume lost", &agent.restart_lost),
        row("ten files changed", &agent.ten_files),
        row("restart", &agent.restart),
        row("restart, server refuses", &agent.restart_refused),
        row("nothing to do", &agent.nothing),
    ];
    for way in git.iter().flat_map(|git| &git.ways) {
        rows.push(row(&format!("git clone, {}", way.copying), &way.first_sync));
        rows.push(row(&format!("git fetch, {}", way.copying), &way.ten_files));
    }
    let mut text = format!("\n## {name}: {files} files, {}\n\n", megabytes(bytes));
    text.push_str(&aligned(&head.map(str::to_owned), rows.into_iter()));
    let change = &agent.ten_files_change;
    let mut notes = vec![
        format!(
            "Idle: {} resident, {} of it anonymous.",
            mebibytes(agent.idle_resident_bytes),
            mebibytes(agent.idle_anonymous_bytes)
        ),
        format!(
            "Ten files and their trees are {} compressed, {} in pages; until the gateway has scanned and all is quiet, they take {} of processor time.",
            megabytes(change.compressed_bytes),
            megabytes(change.page_bytes),
            time(agent.ten_files_whole_cpu_seconds)
        ),
        format!("After a restart everything was looked at in {}.", time(agent.restart_looked_seconds)),
    ];
    if let Some(seconds) = agent.idle_minute_cpu_seconds {
        notes.push(format!("An idle minute takes {} of processor time.", time(seconds)));
    }
    if let Some(git) = git {
        notes.push(format!("A bare walk with `stat` takes {}.", time(git.walk_seconds)));
    }
    let both = |agent: Option<String>, git: Option<String>| Some((agent?, git?));
    if let Some((agent, git)) =
        both(limits.processor_200m_agent_seconds.map(time), limits.processor_200m_git_seconds.map(time))
    {
        notes.push(format!("With a fifth of a core (200m) a first sync takes {agent}, git and `cp` {git}."));
    }
    if let Some((agent, git)) = both(limits.least_memory_agent.map(least), limits.least_memory_git.map(least))
    {
        notes
            .push(format!("The smallest memory cgroup for a first sync is {agent}, for git and `cp` {git}."));
    }
    let middle = if runs == 1 { "One run.".to_owned() } else { format!("Of {runs} runs.") };
    text.push_str(&format!("\n{middle} {}\n", notes.join(" ")));
    text
}

fn least(least: Least) -> String {
    least.mebibytes.map_or_else(|| "more than was tried".to_owned(), |mebibytes| format!("{mebibytes} MiB"))
}

fn row(name: &str, cost: &Cost) -> [String; 8] {
    [
        name.to_owned(),
        time(cost.seconds),
        time(cost.cpu_seconds),
        mebibytes(cost.peak_resident_bytes),
        mebibytes(cost.peak_anonymous_bytes),
        megabytes(cost.written_bytes),
        megabytes(cost.received_bytes),
        cost.requests.to_string(),
    ]
}

/// A Markdown table whose columns are as wide as their widest cell.
pub(super) fn aligned<const N: usize>(head: &[String; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = rows.collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count(), 3]).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: &[String; N]| {
        let cells = cells.iter().zip(widths).map(|(cell, width)| format!(" {cell:width$} |"));
        format!("|{}\n", cells.collect::<String>())
    };
    let rule = format!("|{}\n", widths.map(|width| format!(" {} |", "-".repeat(width))).concat());
    format!("{}{rule}{}", line(head), rows.iter().map(line).collect::<String>())
}

/// Figures of one estate, L, for tests of what is made of figures.
#[cfg(test)]
pub(super) fn sample() -> Figures {
    use super::figures::{Change, Limits, Machine, OfAgent, OfGit, Program, Way};
    let cost = |seconds| Cost { seconds, ..Cost::default() };
    let agent = OfAgent {
        first_sync: cost(1.0),
        idle_resident_bytes: 3 << 20,
        idle_anonymous_bytes: 1 << 20,
        ten_files: cost(0.04),
        ten_files_whole_cpu_seconds: 0.02,
        ten_files_change: Change { compressed_bytes: 10_000, page_bytes: 40_000 },
        restart: cost(0.01),
        restart_looked_seconds: 0.2,
        restart_refused: cost(0.01),
        restart_lost: cost(1.0),
        nothing: cost(0.2),
        idle_minute_cpu_seconds: Some(0.004),
    };
    let way = Way { copying: "cp -r", first_sync: cost(2.0), ten_files: cost(1.0) };
    Figures {
        machine: Machine {
            cores: 2,
            architecture: "x86_64",
            kernel: "Linux 6".to_owned(),
            memory_gib: 8,
            busy_cores: 0.02,
            data_on: "a disk",
            git: "2.39.5".to_owned(),
        },
        program: Program { bytes: 3_000_000, gzipped_bytes: 1_500_000, as_it_ships: true },
        estates: vec![OnEstate {
            estate: "L",
            files: 10_000,
            bytes: 69_000_000,
            runs: 3,
            agent,
            git: Some(OfGit { ways: vec![way], walk_seconds: 0.1 }),
            limits: Limits::default(),
        }],
        skipped: vec!["a limit".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_cells_of_equal_width() {
        let rows = [["ä".to_owned(), "1".to_owned()], ["bbbb".to_owned(), "22".to_owned()]];
        let table = aligned(&["x".to_owned(), "y".to_owned()], rows.into_iter());
        assert_eq!(table, "| x    | y   |\n| ---- | --- |\n| ä    | 1   |\n| bbbb | 22  |\n");
    }

    #[test]
    fn other_work_on_the_machine_is_told() {
        let mut figures = sample();
        assert!(!document(&figures).contains("Other programs"));
        figures.machine.busy_cores = 1.5;
        assert!(document(&figures).contains("Other programs kept 1.5 cores busy"));
    }

    #[test]
    fn the_document_has_goals_figures_and_what_is_missing() {
        let text = document(&sample());
        for part in [
            "2 cores (x86_64)",
            "| first sync of L ",
            "| ≤ git clone and cp -r: 2.00 s ",
            "## L: 10000 files, 69.0 MB",
            "| git clone, cp -r ",
            "not measured",
            "- a limit",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }
}
