//! The goals of `design.md`, section 7, and what controllers of this kind take today, beside what was measured.

use stoker_test_controllerbench::figures::{Figures, Idle, Push, Way};

use super::super::words::{mebibytes, time};

const MIB: u64 = 1024 * 1024;

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Goal {
    pub(super) what: String,
    /// A kubebuilder-style controller on the same estate; "–" where nobody measured.
    pub(super) today: &'static str,
    pub(super) limit: &'static str,
    pub(super) figure: String,
    /// None where it was not measured.
    pub(super) is_met: Option<bool>,
}

/// Every goal about the controller.
pub(super) fn goals(figures: &Figures) -> Vec<Goal> {
    let mut goals = memory(figures);
    goals.push(idle_cpu(figures));
    goals.push(writes("writes in an idle minute, lease aside", Some(&figures.minute)));
    goals.push(writes("writes in five idle minutes, lease aside", figures.five_minutes.as_ref()));
    let longest = figures.five_minutes.as_ref().unwrap_or(&figures.minute);
    goals.push(ls_refs("`ls-refs` a minute, one repository", "100", longest));
    goals.push(ls_refs(
        "`ls-refs` a minute, ten repositories, two refs of each",
        "–",
        &figures.ten_repositories,
    ));
    for push in &figures.pushes {
        goals.push(metadata(push));
        goals.push(asked_once(push));
    }
    goals.extend(reports(figures));
    goals
}

fn memory(figures: &Figures) -> Vec<Goal> {
    let idle = figures.five_minutes.as_ref().unwrap_or(&figures.minute).memory.resident;
    let listing = figures.first_start.peak_bytes.max(figures.restart.peak_bytes);
    [
        ("resident, idle", "92 MiB", idle),
        ("resident, at most while it starts", "–", listing),
        ("resident, at most with pushes and reports", "–", figures.peak_bytes),
    ]
    .map(|(what, today, bytes)| Goal {
        what: what.to_owned(),
        today,
        limit: "≤ 40 MiB",
        figure: mebibytes(bytes),
        is_met: Some(bytes <= 40 * MIB),
    })
    .to_vec()
}

fn idle_cpu(figures: &Figures) -> Goal {
    let seconds = figures.five_minutes.as_ref().unwrap_or(&figures.minute).cpu_seconds_a_minute();
    Goal {
        what: "processor time of an idle minute".to_owned(),
        today: "665 ms",
        limit: "≤ 60 ms",
        figure: time(seconds),
        is_met: Some(seconds <= 0.06),
    }
}

fn writes(what: &str, idle: Option<&Idle>) -> Goal {
    let writes = idle.map(Idle::write_count);
    Goal {
        what: what.to_owned(),
        today: if what.contains("five") { "–" } else { "129" },
        limit: "0",
        figure: writes.map_or_else(|| "–".to_owned(), |writes| writes.to_string()),
        is_met: writes.map(|writes| writes == 0),
    }
}

/// One for each repository and credential; half a look more is what jitter and the edges of the time may add.
fn ls_refs(what: &str, today: &'static str, idle: &Idle) -> Goal {
    let pairs = idle.repositories_and_credentials;
    let most = idle.most_ls_refs_an_interval();
    let total = idle.ls_refs.values().sum::<u64>() as f64 * idle.polling_seconds / idle.seconds;
    let looks = idle.seconds / idle.polling_seconds;
    Goal {
        what: what.to_owned(),
        today,
        limit: "one for each repository and credential",
        figure: format!("{total:.1} for {pairs}"),
        is_met: Some(idle.ls_refs.len() == pairs && most <= 1.0 + 1.0 / looks),
    }
}

fn way(push: &Push) -> &'static str {
    match push.way {
        Way::OneReceiver => "one receiver called",
        Way::AllReceivers => "100 receivers called",
        Way::NextPoll => "by polling, from the look on",
    }
}

fn metadata(push: &Push) -> Goal {
    let seconds = match push.way {
        Way::NextPoll => push.after_asking_seconds(),
        Way::OneReceiver | Way::AllReceivers => push.metadata_seconds,
    };
    Goal {
        what: format!("push → last metadata of 1,000 gateways, {}", way(push)),
        today: "–",
        limit: "≤ 2 s",
        figure: time(seconds),
        is_met: Some(seconds <= 2.0),
    }
}

fn asked_once(push: &Push) -> Goal {
    Goal {
        what: format!("`ls-refs` of this push, {}", way(push)),
        today: "–",
        limit: "1",
        figure: push.ls_refs.to_string(),
        is_met: Some(push.ls_refs == 1),
    }
}

/// No goal is stated for these.
fn reports(figures: &Figures) -> Vec<Goal> {
    let first = ("the first sync", figures.first_reports);
    let pushes = figures.pushes.iter().map(|push| (way(push), push.reports));
    std::iter::once(first)
        .chain(pushes)
        .map(|(what, reports)| Goal {
            what: format!("last of 1,000 reports → all `Synced`, {what}"),
            today: "–",
            limit: "–",
            figure: time(reports.after_last_report_seconds),
            is_met: None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::report::sample;
    use super::*;

    fn met(figures: &Figures, what: &str) -> Option<bool> {
        let goals = goals(figures);
        goals.iter().find(|goal| goal.what.starts_with(what)).unwrap_or_else(|| panic!("no {what}")).is_met
    }

    #[test]
    fn a_goal_is_met_up_to_its_limit() {
        let mut figures = sample();
        assert!(goals(&figures).iter().all(|goal| goal.is_met != Some(false)), "{:#?}", goals(&figures));
        figures.minute.memory.resident = 40 * MIB + 1;
        figures.minute.cpu_seconds = 0.061;
        figures.minute.writes.insert("patch configmaps".to_owned(), 1);
        figures.pushes[0].ls_refs = 2;
        figures.pushes[0].metadata_seconds = 2.1;
        for what in [
            "resident, idle",
            "processor time",
            "writes in an idle minute",
            "push →",
            "`ls-refs` of this push",
        ] {
            assert_eq!(met(&figures, what), Some(false), "{what}");
        }
    }

    #[test]
    fn five_minutes_that_were_not_measured_are_neither_met_nor_missed() {
        let mut figures = sample();
        assert_eq!(met(&figures, "writes in five idle minutes"), None);
        figures.five_minutes = Some(figures.minute.clone());
        assert_eq!(met(&figures, "writes in five idle minutes"), Some(true));
    }

    #[test]
    fn a_second_ref_must_not_cost_a_second_question() {
        let mut figures = sample();
        assert_eq!(met(&figures, "`ls-refs` a minute, ten repositories"), Some(true));
        figures.ten_repositories.ls_refs.values_mut().for_each(|count| *count = 4);
        assert_eq!(met(&figures, "`ls-refs` a minute, ten repositories"), Some(false));
    }
}
