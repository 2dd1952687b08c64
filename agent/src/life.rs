//! The agent's life: wake, look, sync, report, sleep. A wake-up only says *look again*.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stoker_api::Reason;
use stoker_ignition::{Gateway, Pause, Ping};
use stoker_object::ObjectId;
use stoker_sync::{Mark, Trust, Volume};

use crate::backoff::Backoff;
use crate::cli::Options;
use crate::designers::RECHECK;
use crate::failure::{Code, Failure};
use crate::fetch::Repository;
use crate::mailbox::{Mail, Mailbox};
use crate::report::{Reporter, Shared};
use crate::rules::LayoutRules;
use crate::settings::Settings;
use crate::startup::Facts;
use crate::sync::{Done, Outcome, Sync};
use crate::watch::Watcher;
use crate::{log, scan, serve, signals};

/// A gateway that does not run yet is asked this often whether it does.
const PING_EVERY: Duration = Duration::from_secs(5);
/// Everything is looked at this often, although nothing signalled a change.
const FULL_LOOK: Duration = Duration::from_hours(6);
/// A writer is given this long to finish before its change is looked at.
const SETTLE: Duration = Duration::from_millis(300);
/// A walk takes at most one part in this many of a core.
const WALK_SHARE: u32 = 100;
/// A server that asks to wait is obeyed up to this.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// A fetch has time limits of its own; until it ends the sync thread counts as alive.
const BUSY: Duration = Duration::from_hours(24);

/// Runs until it is told to stop, or once.
pub fn run(options: &Options) -> Result<ExitCode, Failure> {
    log::init();
    let mailbox = Arc::new(Mailbox::default());
    signals::listen(&mailbox)?;
    let settings = match Settings::load(options) {
        Ok(settings) => settings,
        Err(failure) => {
            leave_nothing_unfinished(options, &mailbox);
            return Err(failure);
        }
    };
    let mut agent = Agent::start(options, settings, &mailbox)?;
    if options.once {
        return agent.once();
    }
    agent.live();
    Ok(ExitCode::SUCCESS)
}

struct Agent<'a> {
    options: &'a Options,
    settings: Settings,
    rules: LayoutRules,
    volume: Volume,
    repository: Repository,
    gateway: Gateway,
    gateway_runs: bool,
    mailbox: Arc<Mailbox>,
    shared: Arc<Shared>,
    reporter: Reporter,
    watcher: Option<Watcher>,
    /// Every managed directory is watched.
    covered: bool,
    /// Directories in which something changed since the last look.
    dirty: BTreeSet<String>,
    /// The commit that the ref means, and when to ask again.
    wanted: Option<ObjectId>,
    resolve_at: Instant,
    /// The commit that the volume was last found equal to, or made so.
    settled: Option<ObjectId>,
    look_at: Instant,
    ping_at: Option<Instant>,
    retry_at: Option<Instant>,
    backoff: Backoff,
    waiting_since: Option<Instant>,
    projects: BTreeSet<String>,
    /// Bytes received from Git, up to the last sync that was reported.
    received: u64,
}

impl<'a> Agent<'a> {
    fn start(options: &'a Options, settings: Settings, mailbox: &Arc<Mailbox>) -> Result<Self, Failure> {
        let volume = Volume::open(&options.data, &holder(&settings.gateway_name))?;
        let synced = volume.synced()?;
        let shared = Arc::new(Shared::new(Facts {
            finishing: true,
            synced_before: synced.is_some_and(|synced| synced.identity == settings.identity()),
            succeeded: false,
            failed: false,
            suspended: settings.paused() || settings.dry_run || volume.hold()?.is_some(),
            elapsed: Duration::ZERO,
            deadline: Duration::from_secs(u64::from(settings.profile.start_deadline_seconds)),
        }));
        if let Some(address) = options.listen {
            serve::start(address, Arc::clone(&shared))?;
        }
        finish_interrupted(&volume, mailbox)?;
        shared.start(|facts| facts.finishing = false);
        let repository = Repository::open(
            &settings.resource.spec.git.repo,
            &settings.git_options(volume.state_dir()),
            &volume.trees_dir(),
        )?;
        let now = Instant::now();
        Ok(Self {
            rules: settings.rules(),
            gateway: gateway(&settings, mailbox)?,
            gateway_runs: false,
            watcher: if options.once {
                None
            } else {
                Watcher::start(volume.data_dir(), Arc::clone(mailbox))?
            },
            reporter: Reporter::new(Arc::clone(&shared), options.status.clone()),
            options,
            settings,
            volume,
            repository,
            mailbox: Arc::clone(mailbox),
            shared,
            covered: false,
            dirty: BTreeSet::new(),
            wanted: None,
            resolve_at: now,
            settled: None,
            look_at: now,
            ping_at: Some(now),
            retry_at: None,
            backoff: Backoff::default(),
            waiting_since: None,
            projects: BTreeSet::new(),
            received: 0,
        })
    }

    fn once(&mut self) -> Result<ExitCode, Failure> {
        let result = self.turn(&Mail::default());
        if let Err(failure) = &result {
            // The program ends with it, and says it then.
            self.reporter.note(failure);
        }
        self.refresh_report();
        result?;
        match self.shortfall() {
            Some(failure) => Err(failure),
            None => Ok(ExitCode::SUCCESS),
        }
    }

    /// What keeps a single run from having synced, although nothing failed.
    fn shortfall(&self) -> Option<Failure> {
        if self.settings.dry_run {
            return None;
        }
        let held = self.volume.hold().ok().flatten().map(|hold| format!("held: {}", hold.reason));
        let paused = self.settings.paused().then(|| "paused".to_owned());
        let waiting = self.waiting_since.map(|_| "waiting for Designers to close".to_owned());
        let why = held.or(paused).or(waiting)?;
        Some(Failure::new(Reason::Held, Code::NotNow, format!("nothing was applied: {why}")))
    }

    fn live(&mut self) {
        let mut mail = Mail::default();
        // What is on the volume is told before anybody is asked for anything.
        self.refresh_report();
        while !self.mailbox.stopping() {
            self.shared.alive(BUSY);
            let result = self.turn(&mail);
            if self.mailbox.stopping() {
                break;
            }
            self.after(result);
            self.refresh_report();
            let until = self.next_turn();
            self.shared.alive(until.saturating_duration_since(Instant::now()));
            mail = self.mailbox.wait(until);
            if !mail.is_empty() && !self.mailbox.sleep(SETTLE) {
                break;
            }
        }
    }

    fn after(&mut self, result: Result<(), Failure>) {
        match result {
            Ok(()) => {
                self.backoff.reset();
                self.retry_at = None;
            }
            Err(failure) => {
                self.reporter.failed(&failure);
                self.shared.start(|facts| facts.failed = true);
                let entropy = u64::from(std::process::id()) ^ Instant::now().elapsed().as_nanos() as u64;
                let wait = self.backoff.next(entropy.wrapping_mul(2_654_435_761));
                let wait = wait.max(failure.retry_after.unwrap_or_default().min(LONGEST_WAIT));
                tracing::debug!(
                    seconds = wait.as_secs(),
                    failures = self.backoff.failures(),
                    "trying again later"
                );
                self.retry_at = Some(Instant::now() + wait);
                if failure.reason == Reason::RefGone {
                    self.resolve_at = Instant::now();
                }
            }
        }
    }

    fn refresh_report(&mut self) {
        self.note_on_disk();
        self.reporter.publish();
    }

    fn note_on_disk(&mut self) {
        let (synced, hold) = (self.volume.synced().ok().flatten(), self.volume.hold().ok().flatten());
        self.reporter.on_disk(synced.as_ref(), hold.as_ref(), &self.settings);
    }

    /// When to look again, if nothing happens before.
    fn next_turn(&self) -> Instant {
        // A period costs one look at the manifest's own file, and no walk.
        let period = Instant::now() + self.settings.period();
        let polls = self.polls() && !is_commit(self.settings.reference());
        [polls.then_some(self.resolve_at), Some(self.look_at), self.ping_at, self.retry_at]
            .into_iter()
            .flatten()
            .fold(period, Instant::min)
            .max(self.retry_at.unwrap_or_else(Instant::now))
    }

    /// One look at everything that may have changed.
    fn turn(&mut self, mail: &Mail) -> Result<(), Failure> {
        self.take_in(mail);
        self.reload()?;
        self.look_at_gateway();
        self.note_on_disk();
        let suspended = self.suspended()?;
        self.shared.start(|facts| facts.suspended = suspended.is_some() || self.settings.dry_run);
        if let Some((reason, why)) = suspended {
            self.reporter.suspended(reason, Some(why));
            self.resolve_at = Instant::now() + self.settings.resource.spec.polling.effective_interval();
            self.look_at = Instant::now() + self.settings.period();
            return self.scan_if_pending();
        }
        let commit = self.resolve()?;
        self.note_synced_before(commit)?;
        if self.needs_look(commit) {
            self.sync(commit)?;
        }
        self.scan_if_pending()?;
        self.note_first_run()
    }

    fn take_in(&mut self, mail: &Mail) {
        self.dirty.extend(mail.dirty.iter().cloned());
        if mail.overflow {
            self.covered = false;
            self.look_at = Instant::now();
        }
    }

    /// The manifest may change while we run. One that is wrong is refused and the one before stays in force.
    fn reload(&mut self) -> Result<(), Failure> {
        if !self.settings.is_stale(&self.options.config) {
            return Ok(());
        }
        let settings = Settings::load(self.options)?;
        tracing::info!("the manifest changed");
        let (old, new) = (&self.settings.resource.spec.git, &settings.resource.spec.git);
        if old != new {
            self.repository = Repository::open(
                &new.repo,
                &settings.git_options(self.volume.state_dir()),
                &self.volume.trees_dir(),
            )?;
            self.received = 0;
        }
        self.gateway = gateway(&settings, &self.mailbox)?;
        self.rules = settings.rules();
        self.settings = settings;
        self.wanted = None;
        self.settled = None;
        self.resolve_at = Instant::now();
        Ok(())
    }

    fn look_at_gateway(&mut self) {
        if self.ping_at.is_none_or(|at| at > Instant::now()) {
            return;
        }
        let ping = self.gateway.status_ping();
        self.gateway_runs = ping == Ping::Running;
        if self.gateway_runs {
            tracing::info!("the gateway runs");
            self.ping_at = None;
        } else {
            tracing::debug!(?ping, "the gateway does not run yet");
            self.ping_at = Some(Instant::now() + PING_EVERY);
        }
    }

    /// Why nothing is applied on purpose, if so.
    fn suspended(&self) -> Result<Option<(Option<Reason>, String)>, Failure> {
        if let Some(hold) = self.volume.hold()? {
            return Ok(Some((
                Some(Reason::Held),
                format!("held: {}; stoker-agent resume ends it", hold.reason),
            )));
        }
        Ok(self.settings.paused().then(|| (None, "paused".to_owned())))
    }

    fn resolve(&mut self) -> Result<ObjectId, Failure> {
        if let Some(commit) = self.wanted.filter(|_| self.resolve_at > Instant::now() || !self.polls()) {
            return Ok(commit);
        }
        let reference = self.settings.reference().to_owned();
        let commit = self.repository.resolve(&reference)?;
        self.resolve_at = Instant::now() + self.settings.resource.spec.polling.effective_interval();
        if self.wanted != Some(commit) {
            tracing::info!(reference, %commit, "resolved");
            self.waiting_since = None;
        }
        self.wanted = Some(commit);
        Ok(commit)
    }

    fn polls(&self) -> bool {
        self.settings.resource.spec.polling.enabled
    }

    /// A volume that holds the wanted commit already lets its gateway start at once.
    fn note_synced_before(&mut self, commit: ObjectId) -> Result<(), Failure> {
        if self.settled.is_some() {
            return Ok(());
        }
        let synced = self.volume.synced()?;
        let here = synced.is_some_and(|synced| {
            synced.commit == commit.to_string() && synced.identity == self.settings.identity()
        });
        if here {
            self.shared.start(|facts| facts.succeeded = true);
        }
        Ok(())
    }

    fn needs_look(&self, commit: ObjectId) -> bool {
        self.settled != Some(commit)
            || !self.dirty.is_empty()
            || self.look_at <= Instant::now()
            || (self.gateway_runs && !self.volume.has_mark(Mark::Ran))
    }

    fn sync(&mut self, commit: ObjectId) -> Result<(), Failure> {
        let started = Instant::now();
        let previous = self.volume.synced()?.map(|synced| synced.commit);
        // Until the gateway has run once, what the image or its commissioning wrote is no drift.
        let restore = !self.volume.has_mark(Mark::Ran);
        let dirty = std::mem::take(&mut self.dirty);
        let full = !self.covered || self.look_at <= started || restore;
        let trust = if full { Trust::Nothing } else { Trust::AllBut(&dirty) };
        let mut sync = Sync {
            settings: &self.settings,
            rules: &self.rules,
            volume: &self.volume,
            repository: &mut self.repository,
            gateway: &self.gateway,
            mailbox: &self.mailbox,
            gateway_runs: self.gateway_runs,
            waited: self.waiting_since.map_or(Duration::ZERO, |since| since.elapsed()),
        };
        let outcome = sync.run(commit, restore, trust);
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(failure) => {
                self.covered = false;
                return Err(failure);
            }
        };
        match outcome {
            Outcome::Done { summary, applied } => {
                if let Some(done) = applied.filter(|done| done.files > 0) {
                    self.report_change(*done, previous, started.elapsed());
                }
                self.settled = Some(commit);
                self.waiting_since = None;
                self.reporter.synced(self.settings.reference(), Some(&summary));
                self.shared.start(|facts| facts.succeeded = true);
                self.watch(full, summary.drifted == 0, started.elapsed())?;
            }
            Outcome::DryRun { summary, changes, counts: [added, modified, deleted] } => {
                self.settled = Some(commit);
                tracing::info!(commit = commit.short(), added, modified, deleted, "dry run");
                for change in changes {
                    tracing::info!(path = change.path, change = ?change.kind, "would change");
                }
                self.reporter.looked(&summary);
                self.reporter.dry_run(added, modified, deleted);
                self.look_at = Instant::now() + FULL_LOOK;
            }
            Outcome::Waiting(why) => {
                if self.waiting_since.is_none() {
                    tracing::warn!("{why}; waiting for them to close");
                    self.waiting_since = Some(Instant::now());
                }
                self.reporter.designers(true);
                self.reporter.suspended(Some(Reason::DesignerSessions), Some(why));
                self.look_at = Instant::now() + RECHECK;
            }
        }
        Ok(())
    }

    fn report_change(&mut self, done: Done, previous: Option<String>, took: Duration) {
        let Done { applied, header, files, projects, restart } = done;
        let received = self.repository.traffic().received - self.received;
        self.received += received;
        tracing::info!(
            commit = applied.commit,
            author = header.author,
            subject = header.subject,
            files,
            received,
            took = crate::clock::duration(took),
            "synced"
        );
        self.reporter.changed(previous, files, took);
        self.reporter.projects(projects.iter().cloned().collect());
        if !restart.is_empty() {
            tracing::warn!(?restart, "only a restart of the gateway applies these");
        }
        self.reporter.restart_required(restart);
        self.projects.extend(projects);
    }

    /// Sees to it that the next change is signalled, and decides when to look without one.
    fn watch(&mut self, full: bool, clean: bool, took: Duration) -> Result<(), Failure> {
        let now = Instant::now();
        let unsignalled = now + self.settings.period().max(took * WALK_SHARE);
        let Some(watcher) = &mut self.watcher else {
            self.look_at = unsignalled;
            return Ok(());
        };
        let mut directories = BTreeSet::new();
        self.volume.managed_dirs(&mut |directory| {
            directories.insert(directory.to_owned());
        })?;
        let Some(fresh) = watcher.cover(&directories) else {
            self.covered = false;
            self.look_at = unsignalled;
            return Ok(());
        };
        // What happened in a directory before it was watched is not known: it is looked at once more.
        self.dirty.extend(fresh);
        // Known drift must be seen by every look until it is settled: nothing vouches for those files.
        self.covered = clean;
        if full {
            self.look_at = if clean { now + FULL_LOOK } else { unsignalled };
        }
        if !self.dirty.is_empty() {
            self.mailbox.post(|mail| mail.dirty.append(&mut self.dirty));
        }
        Ok(())
    }

    /// Asks the gateway to load what was put in place, as soon as it runs.
    fn scan_if_pending(&mut self) -> Result<(), Failure> {
        if !self.volume.has_mark(Mark::ScanPending) {
            return Ok(());
        }
        if !self.gateway_runs {
            self.ping_at.get_or_insert_with(Instant::now);
            return Ok(());
        }
        let started = Instant::now();
        // A project that was removed, or that is another team's to declare, is not expected to be loaded.
        let data_dir = self.volume.data_dir();
        self.projects.retain(|project| data_dir.join("projects").join(project).join("project.json").exists());
        match scan::run(&self.gateway, &self.projects) {
            Ok(result) => {
                tracing::info!(result, took = crate::clock::duration(started.elapsed()), "scanned");
                self.reporter.scanned(result);
                self.projects.clear();
                Ok(self.volume.set_mark(Mark::ScanPending, false)?)
            }
            Err(scan::Failed { result, failure, gateway_down }) => {
                self.reporter.scanned(result);
                // It is asked whether it runs before the next try.
                self.gateway_runs = false;
                self.ping_at = Some(Instant::now() + PING_EVERY);
                // A gateway that does not run loads everything when it starts: nothing has failed.
                if gateway_down { Ok(()) } else { Err(failure) }
            }
        }
    }

    /// The gateway has run with what was synced: from now on a difference is drift.
    fn note_first_run(&mut self) -> Result<(), Failure> {
        if self.gateway_runs
            && self.settled.is_some()
            && !self.settings.dry_run
            && !self.volume.has_mark(Mark::Ran)
        {
            self.volume.set_mark(Mark::Ran, true)?;
        }
        Ok(())
    }
}

/// A journal is finished before anything else, without Git or network, also when paused.
fn finish_interrupted(volume: &Volume, mailbox: &Mailbox) -> Result<(), Failure> {
    let rules = LayoutRules::new(&volume.destinations()?);
    match volume.finish(&rules, mailbox.stop_flag()) {
        Ok(None) => Ok(()),
        Ok(Some(applied)) => {
            tracing::info!(commit = applied.commit, "finished an interrupted sync");
            for path in &applied.displaced {
                tracing::warn!(path, "it was changed on the gateway; that version is kept in .stoker/local");
            }
            Ok(volume.set_mark(Mark::ScanPending, true)?)
        }
        Err(error @ (stoker_sync::Error::ObjectMissing { .. } | stoker_sync::Error::Damaged { .. })) => {
            tracing::warn!(%error, "an interrupted sync cannot be finished; it is done anew");
            Ok(volume.abandon()?)
        }
        Err(error) => Err(error.into()),
    }
}

/// A manifest that is wrong is no reason to leave a volume half-written.
fn leave_nothing_unfinished(options: &Options, mailbox: &Mailbox) {
    if !Volume::is_interrupted(&options.data) {
        return;
    }
    let finished = Volume::open(&options.data, &holder(options.gateway_name.as_deref().unwrap_or_default()))
        .map_err(Failure::from)
        .and_then(|volume| finish_interrupted(&volume, mailbox));
    if let Err(failure) = finished {
        tracing::error!(reason = %failure.reason, "an interrupted sync cannot be finished: {failure}");
    }
}

/// What others read who find the volume in use.
fn holder(gateway: &str) -> String {
    format!("stoker-agent for gateway {gateway:?}, process {}", std::process::id())
}

fn gateway(settings: &Settings, mailbox: &Arc<Mailbox>) -> Result<Gateway, Failure> {
    let mut options = settings.gateway_options()?;
    let sleeper = Arc::clone(mailbox);
    options.pause = Pause::new(move |time| sleeper.sleep(time));
    Ok(Gateway::new(options)?)
}

fn is_commit(reference: &str) -> bool {
    reference.parse::<ObjectId>().is_ok()
}
