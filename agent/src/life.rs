//! The agent's life: wake, look, sync, report, sleep. A wake-up only says *look again*.

mod aftermath;
pub mod asked;
mod cluster;
mod ground;
mod interrupted;
mod owed;
mod turn;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stoker_api::Reason;
use stoker_ignition::Gateway;
use stoker_object::ObjectId;
use stoker_sync::Volume;

use crate::backoff::Backoff;
use crate::cli::Options;
use crate::failure::{Code, Failure};
use crate::fetch::Repository;
use crate::mailbox::{Mail, Mailbox};
use crate::report::{Reporter, Shared, Sink};
use crate::rules::LayoutRules;
use crate::settings::{ManifestFile, Settings};
use crate::source::Source;
use crate::watch::Watcher;
use crate::{log, signals};
use ground::{Ground, Ways};
use interrupted::leave_nothing_unfinished;

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

/// Runs until it is told to stop, or once, on the manifest that the command line names.
pub fn run(options: &Options) -> Result<ExitCode, Failure> {
    log::init();
    let mailbox = Arc::new(Mailbox::default());
    // A single run that is stopped has not synced.
    signals::listen(&mailbox, if options.once { Code::NotNow as u8 } else { 0 })?;
    let mut manifest = ManifestFile::new(options);
    let settings = match manifest.read() {
        Ok(settings) => settings,
        Err(failure) => {
            leave_nothing_unfinished(options, &mailbox);
            return Err(failure);
        }
    };
    let ground = Ground::open(options, &settings.identity(), &mailbox)?;
    let reporter = Reporter::new(Arc::clone(&ground.shared), Sink::file(options.status.clone()));
    let ways = Ways::open(&settings, &ground.volume, &mailbox)?;
    let source = Source::Manifest(manifest);
    let mut agent = Agent::start(options, ground, source, settings, ways, reporter, &mailbox)?;
    if options.once {
        return agent.once();
    }
    agent.live();
    Ok(ExitCode::SUCCESS)
}

/// Runs until it is told to stop, on what the cluster says.
pub fn run_in_cluster(options: &Options) -> Result<ExitCode, Failure> {
    cluster::run(options)
}

#[expect(clippy::struct_excessive_bools, reason = "each is one thing that is known or not")]
struct Agent<'a> {
    source: Source<'a>,
    settings: Settings,
    rules: LayoutRules,
    volume: Volume,
    repository: Repository,
    gateway: Gateway,
    /// What people asked for, and was done.
    asked: asked::Asked,
    gateway_runs: bool,
    mailbox: Arc<Mailbox>,
    shared: Arc<Shared>,
    reporter: Reporter,
    watcher: Option<Watcher>,
    /// Every managed directory is watched.
    covered: bool,
    /// A full look has found every file as it should be.
    looked: bool,
    /// The commit was applied on the word of the last look; the rest is still to be looked at.
    settling: Option<ObjectId>,
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
    /// Why the manifest that lies there is not the one in force.
    refused: Option<Failure>,
    /// The scan that the gateway did not take.
    scan: owed::Scan,
    projects: BTreeSet<String>,
    /// Something was applied, and what can wait was not done yet.
    untidy: bool,
    /// How many objects there were by which we were told.
    objects: u64,
    /// Bytes received from Git, up to the last sync that was reported.
    received: u64,
}

impl<'a> Agent<'a> {
    fn start(
        options: &Options,
        ground: Ground,
        source: Source<'a>,
        settings: Settings,
        ways: Ways,
        mut reporter: Reporter,
        mailbox: &Arc<Mailbox>,
    ) -> Result<Self, Failure> {
        let (Ground { volume, shared }, Ways { repository, gateway }) = (ground, ways);
        let suspended = settings.paused || settings.dry_run || volume.hold()?.is_some();
        shared.start(|facts| {
            facts.suspended = suspended;
            facts.deadline = Duration::from_secs(u64::from(settings.profile.start_deadline_seconds));
        });
        reporter.previous(volume.history().ok().and_then(|history| history.first()?.from_commit.clone()));
        let asked = asked::Asked::read(&volume);
        let now = Instant::now();
        Ok(Self {
            rules: settings.rules(),
            gateway,
            asked,
            gateway_runs: false,
            watcher: if options.once {
                None
            } else {
                Watcher::start(volume.data_dir(), Arc::clone(mailbox))?
            },
            reporter,
            source,
            settings,
            volume,
            repository,
            mailbox: Arc::clone(mailbox),
            shared,
            covered: false,
            looked: false,
            settling: None,
            dirty: BTreeSet::new(),
            wanted: None,
            resolve_at: now,
            settled: None,
            look_at: now,
            ping_at: Some(now),
            retry_at: None,
            backoff: Backoff::default(),
            waiting_since: None,
            refused: None,
            scan: owed::Scan::default(),
            projects: BTreeSet::new(),
            untidy: false,
            objects: 0,
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
        let paused = self.settings.paused.then(|| "paused".to_owned());
        let waiting = self.waiting_since.and_then(|_| self.reporter.message());
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
            // What an SSH connection keeps in memory is not kept while nothing is asked.
            self.repository.rest();
            if let Some(watcher) = &self.watcher {
                watcher.cover_inputs(&self.settings.credentials());
            }
            let until = self.next_turn();
            self.shared.alive(until.saturating_duration_since(Instant::now()));
            mail = self.mailbox.wait(until);
            // Somebody may still be writing; who wishes something has said it all.
            let writing = mail.inputs || mail.overflow || !mail.dirty.is_empty();
            if writing && !self.mailbox.sleep(SETTLE) {
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
                if let Some(refused) = &self.refused {
                    // What is wrong with the wishes is the likelier cause, and the one that people can mend.
                    self.reporter.note(refused);
                }
                self.shared.metrics.failed(&self.settings.profile_name, failure.reason);
                self.shared.start(|facts| facts.failed = true);
                let asked = failure.retry_after.unwrap_or_default().min(LONGEST_WAIT);
                let wait = self.backoff.pause_as_asked(asked);
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
        self.reporter.for_profile(&self.settings.profile_name, self.settings.dry_run);
        self.reporter.on_disk(synced.as_ref(), hold.as_ref());
    }

    /// When to look again, if nothing happens before.
    fn next_turn(&self) -> Instant {
        // A period costs one look at the manifest's own file, and no walk.
        let period = Instant::now() + self.settings.period();
        let polls = self.poll().is_some() && !is_commit(&self.settings.reference);
        [
            polls.then_some(self.resolve_at),
            Some(self.look_at),
            self.ping_at,
            self.retry_at,
            self.scan.again_at(),
        ]
        .into_iter()
        .flatten()
        .fold(period, Instant::min)
        .max(self.retry_at.unwrap_or_else(Instant::now))
    }
}

fn is_commit(reference: &str) -> bool {
    reference.parse::<ObjectId>().is_ok()
}
