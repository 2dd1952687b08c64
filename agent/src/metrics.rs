//! The agent's figures (contract, section 6), and their text as Prometheus reads it.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stoker_api::names::metrics::{self as names, labels, skipped};
use stoker_api::status::SyncStatus;
use stoker_api::{GatewayStatus, Reason};

use crate::cluster::Requests;

/// Upper bounds in seconds of everything that is measured: from a push of one file to a first sync over a thin line.
const BOUNDS: [f64; 12] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0];

/// What was counted and measured since the program started.
#[derive(Debug, Default)]
pub struct Metrics {
    figures: Mutex<Figures>,
    pub requests: Arc<Requests>,
}

#[derive(Debug, Default)]
struct Figures {
    syncs: BTreeMap<(String, &'static str, &'static str), u64>,
    sync_seconds: BTreeMap<String, Histogram>,
    /// Files added, modified and deleted by the last sync that changed any.
    files: BTreeMap<String, [u64; 3]>,
    fetches: BTreeMap<(&'static str, &'static str), u64>,
    fetch_seconds: BTreeMap<&'static str, Histogram>,
    fetched_bytes: u64,
    scans: BTreeMap<&'static str, u64>,
    scan_seconds: Histogram,
    skipped: BTreeMap<&'static str, u64>,
    rollbacks: BTreeMap<&'static str, u64>,
    designers: u64,
    undo_bytes: u64,
    startup: Option<Duration>,
}

/// One number of the files added, modified and deleted.
type Count = fn(&[u64; 3]) -> u64;

#[derive(Debug, Default, Clone)]
struct Histogram {
    buckets: [u64; BOUNDS.len()],
    count: u64,
    sum: f64,
}

impl Histogram {
    fn add(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        for (bucket, bound) in self.buckets.iter_mut().zip(BOUNDS) {
            *bucket += u64::from(seconds <= bound);
        }
        self.count += 1;
        self.sum += seconds;
    }
}

impl Metrics {
    /// A sync that changed files has ended well.
    pub fn synced(&self, profile: &str, took: Duration, files: [u64; 3]) {
        self.with(|figures| {
            figures.sync_seconds.entry(profile.to_owned()).or_default().add(took);
            *figures.syncs.entry((profile.to_owned(), "success", "")).or_default() += 1;
            figures.files.insert(profile.to_owned(), files);
        });
    }

    /// An attempt has failed.
    pub fn failed(&self, profile: &str, reason: Reason) {
        self.with(|figures| {
            *figures.syncs.entry((profile.to_owned(), "error", reason.as_str())).or_default() += 1;
            let skipped = match reason {
                Reason::LimitExceeded => skipped::LIMIT,
                Reason::SignatureInvalid | Reason::PolicyMismatch => skipped::SIGNATURE,
                Reason::DesignerSessions => skipped::DESIGNER_BLOCKED,
                Reason::WindowClosed => skipped::WINDOW_CLOSED,
                _ => return,
            };
            *figures.skipped.entry(skipped).or_default() += 1;
        });
    }

    /// Nothing was done, for one of the reasons of [`skipped`].
    pub fn skipped(&self, reason: &'static str) {
        self.with(|figures| *figures.skipped.entry(reason).or_default() += 1);
    }

    /// Something came from the repository, or should have. `first`: nothing was synced to the volume before.
    pub fn fetched(&self, first: bool, took: Duration, bytes: u64, is_ok: bool) {
        let operation = if first { "clone" } else { "fetch" };
        self.with(|figures| {
            figures.fetch_seconds.entry(operation).or_default().add(took);
            let result = if is_ok { "success" } else { "error" };
            *figures.fetches.entry((operation, result)).or_default() += 1;
            figures.fetched_bytes += bytes;
        });
    }

    /// The gateway was asked to scan.
    pub fn scanned(&self, took: Duration, result: &'static str) {
        self.with(|figures| {
            figures.scan_seconds.add(took);
            *figures.scans.entry(result).or_default() += 1;
        });
    }

    /// So many Designers were open when that was asked last.
    pub fn designers(&self, open: usize) {
        self.with(|figures| figures.designers = open as u64);
    }

    /// A rollback was made.
    pub fn rolled_back(&self, reason: &'static str) {
        self.with(|figures| *figures.rollbacks.entry(reason).or_default() += 1);
    }

    /// What the undo generations take up.
    pub fn undo(&self, bytes: u64) {
        self.with(|figures| figures.undo_bytes = bytes);
    }

    /// The gateway runs for the first time, so long after this program started.
    pub fn gateway_runs(&self, after: Duration) {
        self.with(|figures| _ = figures.startup.get_or_insert(after));
    }

    fn with(&self, change: impl FnOnce(&mut Figures)) {
        change(&mut self.figures.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// All of it; what the status says besides is taken from there.
    pub fn text(&self, status: &GatewayStatus) -> String {
        let mut text = Text::default();
        self.with(|figures| figures.write(&mut text));
        let last = status.last_sync_time.as_ref().and_then(|time| time.parse::<jiff::Timestamp>().ok());
        if let Some(last) = last {
            text.family(names::LAST_SYNC, "gauge", "When files were synced last, Unix seconds.");
            text.value(names::LAST_SYNC, &[], last.as_second());
        }
        text.family(names::LAST_SYNC_SUCCESS, "gauge", "Whether the last attempt succeeded.");
        text.value(names::LAST_SYNC_SUCCESS, &[], u8::from(status.sync_status == SyncStatus::Synced));
        text.family(names::DESIGNER_SESSIONS_BLOCKED, "gauge", "Whether open Designers block a sync.");
        text.value(names::DESIGNER_SESSIONS_BLOCKED, &[], u8::from(status.designer_sessions_blocked));
        text.family(names::DRIFT_FILES, "gauge", "Managed files that differ from the commit.");
        text.value(names::DRIFT_FILES, &[], status.drift.count);
        text.family(names::API_REQUESTS, "counter", "Requests to the Kubernetes API.");
        let Requests { get, watch, patch } = &*self.requests;
        for (verb, count) in [("get", get), ("patch", patch), ("watch", watch)] {
            text.value(names::API_REQUESTS, &[(labels::VERB, verb)], count.load(Ordering::Relaxed));
        }
        text.0
    }
}

impl Figures {
    fn write(&self, text: &mut Text) {
        text.family(names::SYNC_DURATION, "histogram", "Seconds of a sync that changed files.");
        for (profile, histogram) in &self.sync_seconds {
            text.histogram(names::SYNC_DURATION, &[(labels::PROFILE, profile)], histogram);
        }
        text.family(names::SYNC_TOTAL, "counter", "Syncs that changed files, and attempts that failed.");
        for ((profile, result, reason), count) in &self.syncs {
            let labels =
                [(labels::PROFILE, profile.as_str()), (labels::RESULT, result), (labels::REASON, reason)];
            text.value(names::SYNC_TOTAL, &labels, count);
        }
        let files: [(&str, Count, &str); 4] = [
            (names::FILES_CHANGED, |files| files.iter().sum(), "Files that the last sync changed."),
            (names::FILES_ADDED, |files| files[0], "Files that the last sync added."),
            (names::FILES_MODIFIED, |files| files[1], "Files that the last sync modified."),
            (names::FILES_DELETED, |files| files[2], "Files that the last sync deleted."),
        ];
        for (name, of, help) in files {
            text.family(name, "gauge", help);
            for (profile, counts) in &self.files {
                text.value(name, &[(labels::PROFILE, profile)], of(counts));
            }
        }
        text.family(names::GIT_FETCH_DURATION, "histogram", "Seconds of a fetch from the repository.");
        for (operation, histogram) in &self.fetch_seconds {
            text.histogram(names::GIT_FETCH_DURATION, &[(labels::OPERATION, operation)], histogram);
        }
        text.family(names::GIT_FETCH_TOTAL, "counter", "Fetches from the repository.");
        for ((operation, result), count) in &self.fetches {
            text.value(
                names::GIT_FETCH_TOTAL,
                &[(labels::OPERATION, operation), (labels::RESULT, result)],
                count,
            );
        }
        text.family(names::FETCH_BYTES, "counter", "Bytes received from the repository by fetches.");
        text.value(names::FETCH_BYTES, &[], self.fetched_bytes);
        text.family(names::SCAN_DURATION, "histogram", "Seconds of a scan that was asked for.");
        text.histogram(names::SCAN_DURATION, &[], &self.scan_seconds);
        text.counters(names::SCAN_TOTAL, "Scans that were asked for.", labels::RESULT, &self.scans);
        text.counters(
            names::SYNC_SKIPPED,
            "Looks at which nothing was applied.",
            labels::REASON,
            &self.skipped,
        );
        text.counters(names::ROLLBACKS, "Rollbacks.", labels::REASON, &self.rollbacks);
        text.family(names::DESIGNER_SESSIONS_ACTIVE, "gauge", "Open Designers, when that was asked last.");
        text.value(names::DESIGNER_SESSIONS_ACTIVE, &[], self.designers);
        text.family(names::UNDO_BYTES, "gauge", "What the undo generations take up.");
        text.value(names::UNDO_BYTES, &[], self.undo_bytes);
        if let Some(startup) = self.startup {
            text.family(names::GATEWAY_STARTUP_DURATION, "gauge", "Seconds until the gateway ran.");
            text.value(names::GATEWAY_STARTUP_DURATION, &[], startup.as_secs_f64());
        }
    }
}

/// Prometheus' text format.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn counters(&mut self, name: &str, help: &str, label: &str, counters: &BTreeMap<&'static str, u64>) {
        self.family(name, "counter", help);
        for (value, count) in counters {
            self.value(name, &[(label, value)], count);
        }
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (number, (label, text)) in labels.iter().enumerate() {
            self.0.push(if number == 0 { '{' } else { ',' });
            _ = write!(self.0, "{label}=\"{}\"", escaped(text));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        _ = writeln!(self.0, " {value}");
    }

    fn histogram(&mut self, name: &str, labels: &[(&str, &str)], histogram: &Histogram) {
        let bucket = format!("{name}_bucket");
        let with = |bound: &str, text: &mut Self, count: u64| {
            let mut all = labels.to_vec();
            all.push(("le", bound));
            text.value(&bucket, &all, count);
        };
        for (bound, count) in BOUNDS.iter().zip(histogram.buckets) {
            with(&bound.to_string(), self, count);
        }
        with("+Inf", self, histogram.count);
        self.value(&format!("{name}_sum"), labels, histogram.sum);
        self.value(&format!("{name}_count"), labels, histogram.count);
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contracts_names_are_all_there() {
        let metrics = Metrics::default();
        metrics.synced("de\"fault", Duration::from_millis(30), [1, 2, 3]);
        metrics.failed("default", Reason::LimitExceeded);
        metrics.fetched(true, Duration::from_secs(2), 4711, true);
        metrics.scanned(Duration::from_millis(5), "success");
        metrics.skipped(skipped::PAUSED);
        metrics.rolled_back("requested");
        metrics.gateway_runs(Duration::from_secs(40));
        let status =
            GatewayStatus { last_sync_time: Some("2025-11-24T16:00:00Z".to_owned()), ..Default::default() };
        let text = metrics.text(&status);
        for line in [
            "stoker_agent_sync_duration_seconds_bucket{profile=\"de\\\"fault\",le=\"0.025\"} 0",
            "stoker_agent_sync_duration_seconds_bucket{profile=\"de\\\"fault\",le=\"0.05\"} 1",
            "stoker_agent_sync_total{profile=\"default\",result=\"error\",reason=\"LimitExceeded\"} 1",
            "stoker_agent_files_changed{profile=\"de\\\"fault\"} 6",
            "stoker_agent_git_fetch_total{operation=\"clone\",result=\"success\"} 1",
            "stoker_agent_git_fetch_duration_seconds_sum{operation=\"clone\"} 2",
            "stoker_agent_fetch_bytes_total 4711",
            "stoker_agent_scan_total{result=\"success\"} 1",
            "stoker_agent_scan_duration_seconds_count 1",
            "stoker_agent_sync_skipped_total{reason=\"limit\"} 1",
            "stoker_agent_sync_skipped_total{reason=\"paused\"} 1",
            "stoker_agent_rollbacks_total{reason=\"requested\"} 1",
            "stoker_agent_designer_sessions_active 0",
            "stoker_agent_designer_sessions_blocked 0",
            "stoker_agent_last_sync_timestamp_seconds 1764000000",
            "stoker_agent_last_sync_success 0",
            "stoker_agent_drift_files 0",
            "stoker_agent_undo_bytes 0",
            "stoker_agent_gateway_startup_duration_seconds 40",
            "stoker_agent_api_requests_total{verb=\"watch\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        let declared = text.lines().filter(|line| line.starts_with("# TYPE")).count();
        let distinct: std::collections::BTreeSet<&str> =
            text.lines().filter(|line| line.starts_with("# TYPE")).collect();
        assert_eq!(declared, distinct.len(), "each family once");
    }
}
