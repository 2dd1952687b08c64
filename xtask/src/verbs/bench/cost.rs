//! What a piece of work costs, and the middle of several runs.

use std::time::Duration;

use serde::Serialize;

use super::proc::{Memory, Written};

/// The cost of one piece of work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Cost {
    pub(super) seconds: f64,
    pub(super) cpu_seconds: f64,
    pub(super) peak_resident_bytes: u64,
    pub(super) peak_anonymous_bytes: u64,
    /// Pages of files that were dirtied.
    pub(super) written_bytes: u64,
    /// Everything that was written, to sockets and logs too.
    pub(super) passed_bytes: u64,
    /// From the Git server, with HTTP's headers.
    pub(super) received_bytes: u64,
    pub(super) requests: u64,
}

impl Cost {
    pub(super) fn new(took: Duration, cpu: Duration, memory: Memory, written: Written) -> Self {
        Self {
            seconds: took.as_secs_f64(),
            cpu_seconds: cpu.as_secs_f64(),
            peak_resident_bytes: memory.peak,
            peak_anonymous_bytes: memory.anonymous,
            written_bytes: written.files,
            passed_bytes: written.descriptors,
            received_bytes: 0,
            requests: 0,
        }
    }

    pub(super) fn with_traffic(self, received_bytes: u64, requests: u64) -> Self {
        Self { received_bytes, requests, ..self }
    }
}

/// The middle of each figure; of memory the largest, because a limit must hold at every run. None without runs.
pub(super) fn middle(runs: &[Cost]) -> Option<Cost> {
    let most = |figure: fn(&Cost) -> u64| runs.iter().map(figure).max();
    let middle = |figure: fn(&Cost) -> u64| median(runs.iter().map(figure));
    Some(Cost {
        seconds: median_of(runs.iter().map(|run| run.seconds))?,
        cpu_seconds: median_of(runs.iter().map(|run| run.cpu_seconds))?,
        peak_resident_bytes: most(|run| run.peak_resident_bytes)?,
        peak_anonymous_bytes: most(|run| run.peak_anonymous_bytes)?,
        written_bytes: middle(|run| run.written_bytes)?,
        passed_bytes: middle(|run| run.passed_bytes)?,
        received_bytes: middle(|run| run.received_bytes)?,
        requests: middle(|run| run.requests)?,
    })
}

/// The middle of some times; of an even number, the later one.
pub(super) fn median_of(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn median(values: impl Iterator<Item = u64>) -> Option<u64> {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_middle_and_memory_a_maximum() {
        let run = |seconds, memory| Cost {
            seconds,
            peak_resident_bytes: memory,
            requests: memory,
            ..Cost::default()
        };
        let found = middle(&[run(3.0, 1), run(1.0, 9), run(2.0, 5)]).unwrap();
        assert!((found.seconds - 2.0).abs() < f64::EPSILON);
        assert_eq!((found.peak_resident_bytes, found.requests), (9, 5));
        assert_eq!(middle(&[]), None);
    }
}
