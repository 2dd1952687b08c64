//! The gateway's status: what lies on disk, never what is wanted; written only when it changed.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use stoker_api::changes::{self, ChangeSet, GatewayChanges};
use stoker_api::status::{Held, MAX_ENTRY_BYTES, PathList, SyncStatus};
use stoker_api::{GatewayStatus, Reason};
use stoker_sync::{Change, ChangeKind, Hold, Summary, Synced};

use crate::clock;
use crate::cluster::Reports;
use crate::failure::Failure;
use crate::metrics::Metrics;
use crate::startup::{self, Facts};

/// `lastSeen` is written at least this often.
const HOURLY: Duration = Duration::from_mins(55);
/// So many paths go into a status; the counts are of all.
const PATHS: usize = 10;

/// What the probes and `/status` show.
#[derive(Debug)]
pub struct Shared {
    status: Mutex<GatewayStatus>,
    start: Mutex<Facts>,
    started: Instant,
    heartbeat: Mutex<Instant>,
    pub metrics: Metrics,
}

impl Shared {
    pub fn new(start: Facts) -> Self {
        Self {
            status: Mutex::default(),
            start: Mutex::new(start),
            started: Instant::now(),
            heartbeat: Mutex::new(Instant::now()),
            metrics: Metrics::default(),
        }
    }

    /// The status as JSON.
    pub fn json(&self) -> String {
        lock(&self.status).to_json(MAX_ENTRY_BYTES)
    }

    /// Whether the gateway may start, and the words: where it waits, for what.
    pub fn may_start(&self) -> (bool, String) {
        let (may, words) = startup::decide(Facts { elapsed: self.started.elapsed(), ..*lock(&self.start) });
        let why = lock(&self.status).error_message.clone().filter(|_| !may);
        (may, why.map_or_else(|| words.to_owned(), |why| format!("{words}: {why}")))
    }

    /// Since this program started.
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// The figures of the contract, section 6.
    pub fn metrics(&self) -> String {
        let status = lock(&self.status).clone();
        self.metrics.text(&status)
    }

    /// Whether the gateway is at the wanted commit.
    pub fn is_synced(&self) -> bool {
        lock(&self.status).sync_status == SyncStatus::Synced
    }

    /// The last time the sync thread was seen at work or asleep on purpose.
    pub fn heartbeat(&self) -> Duration {
        lock(&self.heartbeat).elapsed()
    }

    /// The sync thread is alive and will be until `then` at least.
    pub fn alive(&self, for_at_least: Duration) {
        *lock(&self.heartbeat) = Instant::now() + for_at_least;
    }

    /// Changes what the start depends on.
    pub fn start(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut lock(&self.start));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who is told.
pub enum Sink {
    /// Only who asks for it.
    Nobody,
    /// A file.
    File(PathBuf),
    /// The cluster.
    Cluster { reports: Reports, place: Place },
}

/// The `ConfigMap`s of this gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub status: String,
    pub changes: String,
}

impl Sink {
    /// A file, if one is named.
    pub fn file(path: Option<PathBuf>) -> Self {
        path.map_or(Self::Nobody, Self::File)
    }
}

/// Keeps the status, and tells it.
pub struct Reporter {
    shared: Arc<Shared>,
    sink: Sink,
    status: GatewayStatus,
    changes: GatewayChanges,
    written: Option<(String, Instant)>,
    last_failure: Option<(String, u32)>,
}

impl Reporter {
    pub fn new(shared: Arc<Shared>, sink: Sink) -> Self {
        let status =
            GatewayStatus { agent_version: Some(env!("CARGO_PKG_VERSION").to_owned()), ..Default::default() };
        Self { shared, sink, status, changes: GatewayChanges::default(), written: None, last_failure: None }
    }

    /// Whose status it is.
    pub fn is_pod(&mut self, uid: Option<String>) {
        self.status.pod_uid = uid;
    }

    /// The profile in use.
    pub fn for_profile(&mut self, profile: &str, dry_run: bool) {
        self.status.profile_name = Some(profile.to_owned());
        self.status.dry_run = dry_run;
    }

    /// The commit before the one on disk.
    pub fn previous(&mut self, commit: Option<String>) {
        self.status.previous_commit = commit.filter(|commit| !commit.is_empty());
    }

    /// What the last dry run would change, or the last sync did.
    pub fn listed(&mut self, commit: String, changes: &[Change], counts: [u64; 3], dry_run: bool) {
        let Sink::Cluster { reports, place } = &self.sink else { return };
        let of = |kind: ChangeKind, count| PathList {
            count,
            paths: changes.iter().filter(|one| one.kind == kind).map(|one| one.path.clone()).collect(),
        };
        let [added, modified, deleted] = counts;
        let set = ChangeSet {
            commit,
            time: clock::now(),
            added: of(ChangeKind::Added, added),
            modified: of(ChangeKind::Modified, modified),
            deleted: of(ChangeKind::Deleted, deleted),
        };
        if dry_run {
            self.changes.dry_run = Some(set);
        } else {
            self.changes = GatewayChanges { dry_run: None, last_sync: Some(set) };
        }
        reports.changes(place.changes.clone(), self.changes.to_json(changes::MAX_ENTRY_BYTES));
    }

    /// The `ConfigMap`s to write to. What was written elsewhere is written here too.
    pub fn move_to(&mut self, to: Place) {
        if let Sink::Cluster { place, .. } = &mut self.sink
            && *place != to
        {
            *place = to;
            self.anew();
        }
    }

    /// Whoever kept what was reported may have lost it.
    pub fn anew(&mut self) {
        self.written = None;
    }

    /// What is on the volume at the start, or after a change.
    pub fn on_disk(&mut self, synced: Option<&Synced>, hold: Option<&Hold>) {
        let commit = synced.map(|synced| synced.commit.clone()).filter(|commit| !commit.is_empty());
        if self.status.last_sync_time.is_none() {
            self.status.last_sync_time =
                synced.filter(|_| commit.is_some()).map(|synced| clock::of_millis(synced.at));
        }
        self.status.synced_commit = commit;
        self.status.held =
            hold.map(|hold| Held { reason: hold.reason.clone(), since: clock::of_millis(hold.since) });
        let left = hold.map(|hold| hold.left_commit.clone()).filter(|commit| !commit.is_empty());
        self.status.rolled_back_from = left;
    }

    /// A sync carried out its plan, or there was nothing to do.
    pub fn synced(&mut self, reference: &str, summary: Option<&Summary>) {
        self.status.sync_status = SyncStatus::Synced;
        self.status.synced_ref = Some(reference.to_owned());
        self.status.error_message = None;
        self.status.reason = None;
        self.status.dry_run_diff_added = None;
        self.status.dry_run_diff_modified = None;
        self.status.dry_run_diff_deleted = None;
        self.status.designer_sessions_blocked = false;
        self.last_failure = None;
        if let Some(summary) = summary {
            self.looked(summary);
        }
    }

    /// A sync that changed files has ended.
    pub fn changed(&mut self, previous: Option<String>, files: u64, took: Duration) {
        self.previous(previous);
        self.status.files_changed = Some(files);
        self.status.last_sync_time = Some(clock::now());
        self.status.last_sync_duration = Some(clock::duration(took));
    }

    /// What a look at the volume found besides.
    pub fn looked(&mut self, summary: &Summary) {
        let list =
            |count, paths: &[String]| PathList { count, paths: paths.iter().take(PATHS).cloned().collect() };
        self.status.drift = list(summary.drifted, &summary.drift);
        self.status.unmanaged = list(summary.unmanaged, &summary.unmanaged_paths);
    }

    pub fn projects(&mut self, projects: Vec<String>) {
        self.status.projects_synced = projects;
    }

    pub fn restart_required(&mut self, files: Vec<String>) {
        self.status.restart_required = files;
    }

    pub fn scanned(&mut self, result: String) {
        self.status.last_scan_result = Some(result);
    }

    pub fn dry_run(&mut self, added: u64, modified: u64, deleted: u64) {
        self.status.dry_run_diff_added = Some(added);
        self.status.dry_run_diff_modified = Some(modified);
        self.status.dry_run_diff_deleted = Some(deleted);
        self.status.error_message = None;
        self.status.reason = None;
    }

    pub fn designers(&mut self, blocked: bool) {
        self.status.designer_sessions_blocked = blocked;
    }

    /// Nothing is applied on purpose.
    pub fn suspended(&mut self, reason: Option<Reason>, message: Option<String>) {
        self.status.error_message = message;
        self.status.reason = reason;
        self.status.sync_status =
            if self.status.synced_commit.is_some() { SyncStatus::Synced } else { SyncStatus::Pending };
    }

    /// The same failure again is logged once, with a count when it ends or changes.
    pub fn failed(&mut self, failure: &Failure) {
        self.note(failure);
        match &mut self.last_failure {
            Some((message, count)) if *message == failure.message => {
                *count += 1;
                tracing::debug!(error = %failure, count = *count, "failed again");
            }
            last => {
                tracing::error!(reason = %failure.reason, "{failure}");
                *last = Some((failure.message.clone(), 1));
            }
        }
    }

    /// A failure that somebody else tells people of.
    pub fn note(&mut self, failure: &Failure) {
        self.status.sync_status = SyncStatus::Error;
        self.status.error_message = Some(failure.message.clone());
        self.status.reason = Some(failure.reason);
    }

    /// What is said to be wrong.
    pub fn message(&self) -> Option<String> {
        self.status.error_message.clone()
    }

    /// Shows the status, and writes it where it changed or an hour has passed.
    pub fn publish(&mut self) {
        let json = self.status.to_json(MAX_ENTRY_BYTES);
        let due =
            self.written.as_ref().is_none_or(|(written, at)| *written != json || at.elapsed() >= HOURLY);
        if !due {
            return;
        }
        let mut fresh = self.status.clone();
        fresh.last_seen = Some(clock::now());
        match &self.sink {
            Sink::Nobody => {}
            Sink::File(path) => {
                if let Err(error) = write(path, &fresh.to_json(MAX_ENTRY_BYTES)) {
                    tracing::error!(%error, path = %path.display(), "failed to write the status file");
                }
            }
            Sink::Cluster { reports, place } => {
                reports.status(place.status.clone(), fresh.to_json(MAX_ENTRY_BYTES));
            }
        }
        *lock(&self.shared.status) = fresh;
        self.written = Some((json, Instant::now()));
    }
}

/// A reader sees the old status or the new one, never a half.
fn write(path: &std::path::Path, json: &str) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    let mut file = File::create(&fresh)?;
    file.write_all(json.as_bytes())?;
    file.write_all(b"\n")?;
    std::fs::rename(fresh, path)
}
