//! One sync: fetch, plan, want, render, gate, apply. Every step's result is kept on the volume, so that
//! what is interrupted goes on where it was.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use stoker_api::Reason;
use stoker_api::spec::DesignerSessionPolicy;
use stoker_git::Traffic;
use stoker_ignition::Gateway;
use stoker_object::{CommitHeader, ObjectId};
use stoker_sync::{Applied, Change, ChangeKind, Prepared, Staging, Summary, Trust, Volume};

use crate::designers::{self, Sessions, Verdict};
use crate::failure::{Code, Failure};
use crate::fetch::Repository;
use crate::mailbox::Mailbox;
use crate::metrics::Metrics;
use crate::progress::{Progress, megabytes};
use crate::rules::LayoutRules;
use crate::scan;
use crate::settings::Settings;
use crate::verify::Wanted;

/// What one sync works with.
pub struct Sync<'a> {
    pub settings: &'a Settings,
    pub rules: &'a LayoutRules,
    pub volume: &'a Volume,
    pub repository: &'a mut Repository,
    pub gateway: &'a Gateway,
    pub mailbox: &'a Mailbox,
    /// The gateway answers as one that runs.
    pub gateway_runs: bool,
    pub metrics: &'a Metrics,
    /// How long this commit has waited for Designers to close.
    pub waited: Duration,
}

/// How a sync ended, if nothing failed.
#[derive(Debug)]
pub enum Outcome {
    /// The volume is as wanted.
    Done { summary: Box<Summary>, applied: Option<Box<Done>> },
    /// This is what would change.
    DryRun { summary: Box<Summary>, changes: Vec<Change>, counts: [u64; 3] },
    /// Designers are open, and the policy is to wait.
    Waiting(String),
}

/// What an apply did, for the report.
#[derive(Debug)]
pub struct Done {
    pub applied: Applied,
    pub header: CommitHeader,
    pub files: u64,
    /// Projects with changed files.
    pub projects: BTreeSet<String>,
    /// Changed files that only a restart of the gateway applies.
    pub restart: Vec<String>,
    /// The first of the changes, and how many files are added, modified and deleted.
    pub changes: Vec<Change>,
    pub counts: [u64; 3],
}

/// What a prepared sync touches.
#[derive(Debug, Default)]
struct Touched {
    projects: BTreeSet<String>,
    restart: Vec<String>,
    changes: Vec<Change>,
    counts: [u64; 3],
}

/// So many changes of a dry run are listed.
const LISTED: usize = 200;

impl Sync<'_> {
    /// Makes the volume equal to the commit.
    pub fn run(&mut self, commit: ObjectId, restore: bool, trust: Trust<'_>) -> Result<Outcome, Failure> {
        let mut staging = self.volume.staging()?;
        let fresh = staging.is_empty();
        staging.set_limits(self.settings.desired(commit, commit, restore).limits);
        let mut progress = Progress::new(0);
        let (began, before) = (Instant::now(), self.repository.traffic());
        let header = self.fetch_commit(commit, &mut staging, &mut progress);
        if header.is_err() {
            self.count_fetch(began.elapsed(), before, false)?;
        }
        let (header, trees_took) = (header?, began.elapsed());
        drop(progress);
        let desired = self.settings.desired(commit, header.tree, restore);
        let plan = self.volume.plan(&desired, &mut self.repository.trees(), self.rules, trust)?;
        let summary = Box::new(plan.summary.clone());
        for source in summary.skipped.iter().filter(|_| !summary.same) {
            tracing::warn!(
                source,
                commit = commit.short(),
                "the mapping's source is not in the commit; it is skipped"
            );
        }
        if plan.is_nothing() {
            return Ok(Outcome::Done { summary, applied: None });
        }
        let certain = summary.changes.iter().all(|change| !change.perhaps);
        if self.settings.dry_run && certain {
            return Ok(Outcome::dry_run(summary));
        }
        let reused = self.volume.reuse(&plan, &mut staging).map_err(Failure::from);
        let reused = make_room(&mut staging, reused)?;
        let mut progress = Progress::new(summary.writes());
        let began = Instant::now();
        let mut fetched = self.repository.fetch_blobs(&plan, &mut staging, &mut progress);
        if fetched.is_ok() {
            let look = !fresh || reused > 0;
            fetched = self.repository.fetch_lfs(&plan, &mut staging, &mut progress, look);
        }
        drop(progress);
        self.count_fetch(trees_took + began.elapsed(), before, fetched.is_ok())?;
        make_room(&mut staging, fetched)?;
        let prepared = self.volume.prepare(&mut staging, plan, &desired, self.rules);
        let prepared = make_room(&mut staging, prepared.map_err(Failure::from))?;
        let touched = touched(&prepared)?;
        if self.settings.dry_run {
            staging.clear()?;
            return Ok(Outcome::DryRun { summary, changes: touched.changes, counts: touched.counts });
        }
        if !prepared.touches_no_file() {
            match self.designers(&touched.projects) {
                Verdict::Go => {}
                Verdict::Wait(why) => return Ok(Outcome::Waiting(why)),
                Verdict::Refuse(why) => {
                    return Err(Failure::new(Reason::DesignerSessions, Code::NotNow, why));
                }
            }
        }
        let files = touched.counts.iter().sum();
        let applied = self.apply(&mut staging, prepared, commit, files)?;
        let Touched { projects, restart, changes, counts } = touched;
        let done = Done { applied, header, files, projects, restart, changes, counts };
        Ok(Outcome::Done { summary, applied: Some(Box::new(done)) })
    }

    /// Counts what went over the network, if something did: as a clone where nothing was synced before.
    fn count_fetch(&self, took: Duration, before: Traffic, is_ok: bool) -> Result<(), Failure> {
        let now = self.repository.traffic();
        if now.requests > before.requests {
            let first = self.volume.synced()?.is_none();
            self.metrics.fetched(first, took, now.received.saturating_sub(before.received), is_ok);
        }
        Ok(())
    }

    /// The commit with its trees; verified, where the resource says so.
    fn fetch_commit(
        &mut self,
        commit: ObjectId,
        staging: &mut Staging,
        progress: &mut Progress,
    ) -> Result<CommitHeader, Failure> {
        let Some(verifier) = self.settings.verifier()? else {
            return self.repository.fetch_commit(commit, staging, progress);
        };
        let applied = self.volume.synced()?.filter(|synced| synced.identity == self.settings.identity());
        let wanted = Wanted {
            repository: &self.settings.repository,
            reference: &self.settings.reference,
            commit,
            applied: applied.and_then(|synced| synced.commit.parse().ok()),
            rollback: self.settings.asks_for_rollback_to(commit),
        };
        verifier.fetch(&wanted, self.repository, staging, progress)
    }

    fn apply(
        &self,
        staging: &mut Staging,
        prepared: Prepared,
        commit: ObjectId,
        files: u64,
    ) -> Result<Applied, Failure> {
        if files > 0 {
            self.volume.set_scan_pending()?;
            if self.gateway_runs {
                scan::lock(self.gateway);
            }
        }
        let bytes = prepared.bytes;
        let applied = self.volume.apply(staging, prepared, self.rules, self.mailbox.stop_flag())?;
        if files > 0 {
            tracing::info!(
                commit = commit.short(),
                written = applied.written,
                deleted = applied.deleted,
                bytes = megabytes(bytes),
                "applied"
            );
        }
        for path in &applied.displaced {
            tracing::warn!(path, "it was changed on the gateway; that version is kept in .stoker/local");
        }
        Ok(applied)
    }

    fn designers(&self, projects: &BTreeSet<String>) -> Verdict {
        let policy = self.settings.profile.designer_session_policy;
        if policy == DesignerSessionPolicy::Proceed || !self.gateway_runs || projects.is_empty() {
            return Verdict::Go;
        }
        let asked = self.gateway.designers();
        self.metrics.designers(asked.as_ref().map_or(0, Vec::len));
        let sessions = match asked {
            Ok(open) => Sessions::Open(
                open.iter()
                    .filter(|designer| projects.contains(&designer.project))
                    .map(|designer| format!("{} in {}", designer.user, designer.project))
                    .collect(),
            ),
            Err(stoker_ignition::Error::Unreachable { .. }) => Sessions::NoGateway,
            Err(error) => Sessions::Unclear(error.to_string()),
        };
        designers::decide(policy, &sessions, self.waited)
    }
}

impl Outcome {
    /// A dry run whose plan had no unknowns.
    fn dry_run(summary: Box<Summary>) -> Self {
        let counts = [summary.added, summary.modified, summary.deleted];
        Self::DryRun { changes: summary.changes.clone(), counts, summary }
    }
}

/// A full volume must not stay full of what we staged: the gateway needs the room.
fn make_room<T>(staging: &mut Staging, result: Result<T, Failure>) -> Result<T, Failure> {
    if result.as_ref().is_err_and(|failure| failure.reason == Reason::DiskFull) {
        staging.clear()?;
    }
    result
}

fn touched(prepared: &Prepared) -> Result<Touched, Failure> {
    let mut touched = Touched::default();
    prepared.changes(&mut |change| {
        if let Some(project) = stoker_layout::project_of(&change.path)
            && !touched.projects.contains(project)
        {
            touched.projects.insert(project.to_owned());
        }
        if stoker_layout::restart_only(&change.path) && touched.restart.len() < LISTED {
            touched.restart.push(change.path.clone());
        }
        touched.counts[match change.kind {
            ChangeKind::Added => 0,
            ChangeKind::Modified => 1,
            ChangeKind::Deleted => 2,
        }] += 1;
        if touched.changes.len() < LISTED {
            touched.changes.push(change);
        }
    })?;
    Ok(touched)
}
