//! The goals that the project set itself, beside what was measured.

use super::figures::{Figures, OnEstate};
use super::words::{mebibytes, megabytes, time};

/// One goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Goal {
    pub(super) what: String,
    pub(super) limit: String,
    /// What was measured; "–" where it was not.
    pub(super) figure: String,
    pub(super) met: Option<bool>,
}

const MIB: f64 = 1024.0 * 1024.0;
/// Resident memory, idle and at most.
const IDLE_MIB: f64 = 4.0;
const PEAK_MIB: f64 = 8.0;
/// The three estates for which goals are stated, and the memory in which each must sync.
const STATED: [(&str, u64); 3] = [("S", 12), ("M", 16), ("L", 16)];

/// Every goal about the agent.
pub(super) fn goals(figures: &Figures) -> Vec<Goal> {
    let mut goals = sizes(figures);
    goals.extend(memory(figures));
    for (name, mebibytes) in STATED {
        goals.extend(on(figures, name).map(|estate| least_memory(estate, mebibytes)));
    }
    goals.extend(stated(figures).filter_map(first_sync));
    goals.extend(stated(figures).flat_map(ten_files));
    goals.extend(on(figures, "L").into_iter().flat_map(of_the_largest));
    goals
}

fn on<'a>(figures: &'a Figures, name: &str) -> Option<&'a OnEstate> {
    figures.estates.iter().find(|estate| estate.estate == name)
}

fn stated(figures: &Figures) -> impl Iterator<Item = &OnEstate> {
    STATED.iter().filter_map(|(name, _)| on(figures, name))
}

fn at_most(what: impl Into<String>, limit: impl Into<String>, figure: String, met: bool) -> Goal {
    Goal { what: what.into(), limit: limit.into(), figure, met: Some(met) }
}

fn sizes(figures: &Figures) -> Vec<Goal> {
    let program = &figures.program;
    vec![
        at_most("program", "≤ 5 MB", megabytes(program.bytes), program.bytes <= 5_000_000),
        at_most(
            "program, compressed: nearly all of the image",
            "≤ 3 MB",
            megabytes(program.gzipped_bytes),
            program.gzipped_bytes <= 3_000_000,
        ),
    ]
}

/// Over all estates: the goal holds whatever the estate.
fn memory(figures: &Figures) -> Vec<Goal> {
    let most = |figure: fn(&OnEstate) -> u64| figures.estates.iter().map(figure).max().unwrap_or(0);
    let idle = most(|estate| estate.agent.idle_resident_bytes);
    let peak = most(|estate| {
        let agent = &estate.agent;
        let works =
            [&agent.first_sync, &agent.ten_files, &agent.restart, &agent.restart_lost, &agent.nothing];
        works.iter().map(|cost| cost.peak_resident_bytes).max().unwrap_or(0)
    });
    let within = |bytes: u64, limit: f64| bytes as f64 <= limit * MIB;
    let names: Vec<&str> = figures.estates.iter().map(|estate| estate.estate).collect();
    let names = names.join(", ");
    vec![
        at_most(
            format!("resident, idle, on the worst of {names}"),
            "≤ 4 MiB",
            mebibytes(idle),
            within(idle, IDLE_MIB),
        ),
        at_most(
            format!("resident, at most, on the worst of {names}"),
            "≤ 8 MiB",
            mebibytes(peak),
            within(peak, PEAK_MIB),
        ),
    ]
}

fn least_memory(estate: &OnEstate, goal: u64) -> Goal {
    let least = estate.limits.least_memory_agent;
    let figure = match least.map(|least| least.mebibytes) {
        None => "–".to_owned(),
        Some(None) => "more than was tried".to_owned(),
        Some(Some(mebibytes)) => format!("{mebibytes} MiB"),
    };
    Goal {
        what: format!("smallest memory cgroup that syncs {}", estate.estate),
        limit: format!("≤ {goal} MiB"),
        figure,
        met: least.map(|least| least.mebibytes.is_some_and(|mebibytes| mebibytes <= goal)),
    }
}

fn first_sync(estate: &OnEstate) -> Option<Goal> {
    let git = estate.git.as_ref()?.ways.first()?;
    let (ours, theirs) = (estate.agent.first_sync.seconds, git.first_sync.seconds);
    Some(at_most(
        format!("first sync of {}", estate.estate),
        format!("≤ git clone and {}: {}", git.copying, time(theirs)),
        time(ours),
        ours <= theirs,
    ))
}

fn ten_files(estate: &OnEstate) -> Vec<Goal> {
    let cost = &estate.agent.ten_files;
    let change = &estate.agent.ten_files_change;
    let what = format!("ten files changed on {}", estate.estate);
    let mut goals = vec![at_most(&what, "≤ 50 ms", time(cost.seconds), cost.seconds <= 0.05)];
    if estate.estate == "L" {
        let cpu = format!("{what}, processor time");
        goals.push(at_most(cpu, "≤ 30 ms", time(cost.cpu_seconds), cost.cpu_seconds <= 0.03));
    }
    let twice = 2 * change.page_bytes;
    goals.push(at_most(
        format!("{what}, written"),
        format!("≤ 2 × the pages of what changed: {}", megabytes(twice)),
        megabytes(cost.written_bytes),
        cost.written_bytes <= twice,
    ));
    let twice = 2 * change.compressed_bytes;
    goals.push(at_most(
        format!("{what}, received"),
        format!("≤ 2 × what changed, compressed: {}", megabytes(twice)),
        megabytes(cost.received_bytes),
        cost.received_bytes <= twice,
    ));
    goals
}

/// What is stated for many files only.
fn of_the_largest(estate: &OnEstate) -> Vec<Goal> {
    let agent = &estate.agent;
    let within = |what: &str, goal: &str, seconds: f64, limit: f64| {
        at_most(format!("{what}, L"), goal, time(seconds), seconds <= limit)
    };
    let measured = |what: &str, goal: &str, seconds: Option<f64>, limit: f64| Goal {
        what: what.to_owned(),
        limit: goal.to_owned(),
        figure: seconds.map_or_else(|| "–".to_owned(), time),
        met: seconds.map(|seconds| seconds <= limit),
    };
    vec![
        within("restart until the gateway may start", "≤ 0.1 s", agent.restart.seconds, 0.1),
        within("the same while the server refuses", "≤ 0.1 s", agent.restart_refused.seconds, 0.1),
        at_most(
            "restart, received: the ref only, L",
            "≤ 2 kB",
            megabytes(agent.restart.received_bytes),
            agent.restart.received_bytes <= 2_000,
        ),
        measured("first sync with 200m, L", "≤ 10 s", estate.limits.processor_200m_agent_seconds, 10.0),
        within("nothing to do: a look at everything", "≤ 0.3 s", agent.nothing.seconds, 0.3),
        measured("idle minute, processor time, L", "≤ 5 ms", agent.idle_minute_cpu_seconds, 0.005),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::figures::Least;
    use super::super::report::sample;
    use super::*;

    fn met(figures: &Figures, what: &str) -> Option<bool> {
        let goals = goals(figures);
        let goal = goals.iter().find(|goal| goal.what.starts_with(what));
        goal.unwrap_or_else(|| panic!("no goal {what:?} in {goals:#?}")).met
    }

    #[test]
    fn a_goal_is_met_up_to_its_limit() {
        let mut figures = sample();
        figures.program.bytes = 5_000_000;
        figures.estates[0].agent.first_sync.peak_resident_bytes = 8 << 20;
        assert_eq!(met(&figures, "program"), Some(true));
        assert_eq!(met(&figures, "resident, at most"), Some(true));
        figures.program.bytes += 1;
        figures.estates[0].agent.first_sync.peak_resident_bytes += 1;
        assert_eq!(met(&figures, "program"), Some(false));
        assert_eq!(met(&figures, "resident, at most"), Some(false));
    }

    #[test]
    fn git_is_the_measure_of_a_first_sync() {
        let mut figures = sample();
        figures.estates[0].agent.first_sync.seconds = 1.5;
        assert_eq!(met(&figures, "first sync of L"), Some(true));
        figures.estates[0].agent.first_sync.seconds = 2.5;
        assert_eq!(met(&figures, "first sync of L"), Some(false));
    }

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        let mut figures = sample();
        figures.estates[0].limits.least_memory_agent = None;
        assert_eq!(met(&figures, "smallest memory cgroup"), None);
        figures.estates[0].limits.least_memory_agent = Some(Least { mebibytes: Some(16) });
        assert_eq!(met(&figures, "smallest memory cgroup"), Some(true));
        figures.estates[0].limits.least_memory_agent = Some(Least { mebibytes: None });
        assert_eq!(met(&figures, "smallest memory cgroup"), Some(false));
    }
}
