//! The tables, in Markdown, which a terminal shows as well.

use std::collections::BTreeMap;

use stoker_test_controllerbench::figures::{Idle, Push, Reports, Start, Way};

use super::super::report::{aligned, busy};
use super::super::words::{mebibytes, megabytes, time};
use super::Run;
use super::goals::Goal;

/// `docs/benchmarks-controller.md`.
pub(super) fn document(run: &Run, goals: &[Goal]) -> String {
    let estate = run.figures.estate;
    format!(
        "# Benchmarks of the controller

Written by `cargo xtask bench controller`. The controller as it ships ({}, static, x86-64 or arm64 as the machine), with a lease and
a service account that has the rights of its own table; etcd, kube-apiserver and the Git server are real and run on the same {}
cores. There are {} GatewaySyncs with {} gateways in {} namespaces, and {} pods of others. \"Today\" is what a kubebuilder-style
controller took on such an estate.{}

{}{METHOD}",
        megabytes(run.program_bytes),
        run.cores,
        estate.gateway_syncs,
        estate.gateways,
        estate.sites,
        estate.unrelated_pods,
        busy(run.busy_cores),
        table(run, goals),
    )
}

const METHOD: &str = "
## How it is measured

- There is no kubelet and no agent: pods are made and the agents' keys of the status ConfigMaps are patched by the benchmark, in
  turns over all resources, 16 requests at a time. Pods carry the managed fields that a kubelet leaves.
- Every resource polls once a minute (the default), over https with a private authority and a token. At first all follow `main` of
  one repository; in the end ten repositories, `main` and `release` of each, with two tokens.
- Memory is the kernel's (`VmRSS`, `VmHWM`); processor time is that of the process, its ended threads included.
- Writes and reads are counted in the API server's audit log, `ls-refs` at the Git server. Idle times include the lease (a read and a
  write every five seconds), the renewal of every watch and the polls.
- A push begins when the commit is in the repository. A receiver's call is the annotation that the receiver writes. It ends when the
  last metadata ConfigMap with the commit was seen by a watch, as an agent would see it.
";

/// The goals and all figures.
pub(super) fn table(run: &Run, goals: &[Goal]) -> String {
    let figures = &run.figures;
    let mut text = goals_table(goals);
    text.push_str("\n## Starts\n\n");
    text.push_str(&starts(&[("nothing there yet", &figures.first_start), ("restart", &figures.restart)]));
    text.push_str("\n## Idle\n\n");
    let mut idle = vec![("a minute", &figures.minute)];
    idle.extend(figures.five_minutes.iter().map(|idle| ("five minutes", idle)));
    idle.push(("ten repositories", &figures.ten_repositories));
    text.push_str(&idles(&idle));
    for (name, idle) in &idle {
        text.push_str(&format!("\nReads, {name}: {}.\n", counts(&idle.reads)));
        if !idle.writes.is_empty() {
            text.push_str(&format!("\nWrites, {name}: {}.\n", counts(&idle.writes)));
        }
    }
    text.push_str("\n## Pushes\n\n");
    text.push_str(&pushes(&figures.pushes));
    text.push_str("\n## Reports of 1,000 agents\n\n");
    text.push_str(&reports(&figures.first_reports, &figures.pushes));
    text
}

fn goals_table(goals: &[Goal]) -> String {
    let rows = goals.iter().map(|goal| {
        let verdict = match goal.is_met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None if goal.limit == "–" => "",
            None => "not measured",
        };
        [
            goal.what.clone(),
            goal.today.to_owned(),
            goal.limit.to_owned(),
            goal.figure.clone(),
            verdict.to_owned(),
        ]
    });
    format!("## Goals\n\n{}", aligned(&["what", "today", "goal", "figure", ""].map(str::to_owned), rows))
}

fn starts(starts: &[(&str, &Start)]) -> String {
    let head = ["", "listed after", "all metadata after", "processor", "peak", "writes"].map(str::to_owned);
    let rows = starts.iter().map(|(name, start)| {
        [
            (*name).to_owned(),
            time(start.listed_seconds),
            start.metadata_seconds.map_or_else(|| "–".to_owned(), time),
            time(start.cpu_seconds),
            mebibytes(start.peak_bytes),
            counts(&start.writes),
        ]
    });
    aligned(&head, rows)
}

fn idles(idles: &[(&str, &Idle)]) -> String {
    let head = [
        "",
        "seconds",
        "processor a minute",
        "resident",
        "anonymous",
        "threads",
        "writes",
        "reads",
        "lease",
        "`ls-refs`",
    ];
    let rows = idles.iter().map(|(name, idle)| {
        [
            (*name).to_owned(),
            format!("{:.0}", idle.seconds),
            time(idle.cpu_seconds_a_minute()),
            mebibytes(idle.memory.resident),
            mebibytes(idle.memory.anonymous),
            idle.threads.to_string(),
            idle.write_count().to_string(),
            idle.reads.values().sum::<u64>().to_string(),
            idle.lease.to_string(),
            format!(
                "{} for {} repositories and credentials",
                idle.ls_refs.values().sum::<u64>(),
                idle.repositories_and_credentials
            ),
        ]
    });
    aligned(&head.map(str::to_owned), rows)
}

fn words(way: Way) -> &'static str {
    match way {
        Way::OneReceiver => "one receiver called",
        Way::AllReceivers => "all receivers called",
        Way::NextPoll => "next poll",
    }
}

fn pushes(pushes: &[Push]) -> String {
    let head =
        ["", "annotated after", "first `ls-refs` after", "last metadata after", "processor", "`ls-refs`"];
    let rows = pushes.iter().map(|push| {
        [
            words(push.way).to_owned(),
            if push.annotated_seconds > 0.0 { time(push.annotated_seconds) } else { "–".to_owned() },
            time(push.asked_seconds),
            time(push.metadata_seconds),
            time(push.cpu_seconds),
            push.ls_refs.to_string(),
        ]
    });
    aligned(&head.map(str::to_owned), rows)
}

fn reports(first: &Reports, pushes: &[Push]) -> String {
    let head = ["", "all reported after", "all synced after", "after the last report", "processor", "writes"];
    let all = std::iter::once(("first sync", first))
        .chain(pushes.iter().map(|push| (words(push.way), &push.reports)));
    let rows = all.map(|(name, reports)| {
        [
            name.to_owned(),
            time(reports.reported_seconds),
            time(reports.synced_seconds),
            time(reports.after_last_report_seconds),
            time(reports.cpu_seconds),
            reports.writes.to_string(),
        ]
    });
    aligned(&head.map(str::to_owned), rows)
}

/// `patch configmaps 300, watch pods 1`; `none`.
fn counts(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    counts.iter().map(|(what, count)| format!("{what} {count}")).collect::<Vec<_>>().join(", ")
}

/// A quick run that met every goal.
#[cfg(test)]
pub(super) fn sample() -> stoker_test_controllerbench::figures::Figures {
    use stoker_test_controllerbench::figures::{Estate, Figures, Memory};
    let start = Start {
        listed_seconds: 1.0,
        metadata_seconds: Some(5.0),
        peak_bytes: 30 << 20,
        cpu_seconds: 2.0,
        writes: BTreeMap::new(),
    };
    let idle = |pairs: usize, count: u64| Idle {
        seconds: 60.0,
        cpu_seconds: 0.05,
        memory: Memory { resident: 20 << 20, anonymous: 15 << 20, peak: 30 << 20 },
        threads: 2,
        writes: BTreeMap::new(),
        reads: BTreeMap::from([("watch pods".to_owned(), 1)]),
        lease: 24,
        ls_refs: (0..pairs).map(|pair| (format!("plant-{pair} a"), count)).collect(),
        repositories_and_credentials: pairs,
        polling_seconds: 60.0,
    };
    let reports = Reports {
        reported_seconds: 2.0,
        synced_seconds: 3.0,
        after_last_report_seconds: 1.0,
        writes: 300,
        cpu_seconds: 1.0,
    };
    let push = |way| Push {
        way,
        annotated_seconds: 0.01,
        asked_seconds: 0.1,
        metadata_seconds: 1.0,
        ls_refs: 1,
        cpu_seconds: 0.5,
        reports,
    };
    Figures {
        estate: Estate { sites: 20, gateway_syncs: 100, gateways: 1000, unrelated_pods: 5000 },
        first_start: start.clone(),
        first_reports: reports,
        restart: Start { metadata_seconds: None, ..start },
        minute: idle(1, 1),
        five_minutes: None,
        pushes: [Way::OneReceiver, Way::AllReceivers, Way::NextPoll].map(push).to_vec(),
        ten_repositories: idle(20, 1),
        peak_bytes: 35 << 20,
    }
}

#[cfg(test)]
mod tests {
    use super::super::goals::goals;
    use super::*;

    fn run() -> Run {
        Run { cores: 2, busy_cores: 1.5, program_bytes: 8_000_000, as_it_ships: true, figures: sample() }
    }

    #[test]
    fn each_goal_is_a_line_with_todays_figure_and_a_verdict() {
        let run = run();
        let goals = goals(&run.figures);
        let text = table(&run, &goals);
        for goal in &goals {
            let lines = text.lines().filter(|line| line.starts_with(&format!("| {} ", goal.what)));
            assert_eq!(lines.count(), 1, "{}", goal.what);
        }
        let idle = text.lines().find(|line| line.starts_with("| resident, idle")).unwrap();
        let cells: Vec<&str> = idle.split('|').map(str::trim).collect();
        assert_eq!(cells[2..6], ["92 MiB", "≤ 40 MiB", "20.00 MiB", "met"]);
    }

    #[test]
    fn a_busy_machine_is_owned_up_to() {
        let run = run();
        assert!(document(&run, &goals(&run.figures)).contains("kept 1.5 cores busy"));
    }
}
