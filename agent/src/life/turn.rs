//! One turn: what may have changed is looked at, and put right.

use std::time::{Duration, Instant};

use stoker_api::Reason;
use stoker_api::names::metrics::skipped;
use stoker_ignition::Ping;
use stoker_object::ObjectId;
use stoker_sync::{Mark, Trust};

use super::ground::{self, gateway};
use super::{Agent, FULL_LOOK, PING_EVERY};
use crate::backoff::spread;
use crate::designers::RECHECK;
use crate::failure::{Code, Failure};
use crate::mailbox::Mail;
use crate::report::Place;
use crate::settings::{Settings, Wish};
use crate::source::Source;
use crate::sync::{Outcome, Sync};

impl Agent<'_> {
    /// One look at everything that may have changed.
    pub(super) fn turn(&mut self, mail: &Mail) -> Result<(), Failure> {
        self.take_in(mail);
        self.reload();
        self.look_at_desk();
        self.look_at_gateway();
        self.heed()?;
        self.note_on_disk();
        let suspended = self.suspended()?;
        self.shared.start(|facts| facts.suspended = suspended.is_some() || self.settings.dry_run);
        if let Some((reason, why)) = suspended {
            self.shared.metrics.skipped(if reason.is_some() { skipped::HELD } else { skipped::PAUSED });
            self.reporter.suspended(reason, Some(why));
            self.resolve_at = self.next_poll();
            self.look_at = Instant::now() + self.settings.period();
            self.scan_if_pending()?;
            self.keep_saying_what_is_wrong();
            return Ok(());
        }
        if let Some(failure) = self.settings.refusal.clone() {
            return Err(failure);
        }
        let commit = self.resolve()?;
        self.note_synced_before(commit)?;
        if self.needs_look(commit) {
            self.sync(commit)?;
        } else {
            self.shared.metrics.skipped(skipped::COMMIT_UNCHANGED);
        }
        // The gateway first: it has been changed, and what is left to do here can wait.
        let scanned = self.scan_if_pending();
        self.tidy(commit)?;
        scanned?;
        self.note_first_run()?;
        if !self.keep_saying_what_is_wrong() && self.settled == Some(commit) {
            self.note_recovered();
        }
        Ok(())
    }

    /// What this turn did not get over stays in the status; false if nothing did.
    fn keep_saying_what_is_wrong(&mut self) -> bool {
        let wrong = self.refused.as_ref().or(self.scan.refusal());
        if let Some(failure) = wrong {
            self.reporter.note(failure);
        }
        wrong.is_some()
    }

    /// Whatever failed before, nothing is wrong now, although there may have been nothing to do.
    fn note_recovered(&mut self) {
        if self.settings.dry_run {
            self.reporter.suspended(None, None);
        } else {
            self.reporter.synced(&self.settings.reference, None);
        }
    }

    /// Where to report, and whether what was reported is still there.
    fn look_at_desk(&mut self) {
        let Source::Cluster(metadata) = &self.source else { return };
        if std::mem::replace(&mut self.objects, metadata.objects()) != self.objects {
            self.reporter.anew();
        }
        let (target, name) = (&self.settings.target, &self.settings.name);
        let place = Place { status: target.status_map(name), changes: target.changes_map(name) };
        self.reporter.move_to(place);
    }

    fn take_in(&mut self, mail: &Mail) {
        self.dirty.extend(mail.dirty.iter().cloned());
        if mail.inputs || mail.wishes {
            // What was refused may be let in now.
            self.retry_at = None;
            self.resolve_at = Instant::now();
        }
        if mail.overflow {
            (self.covered, self.looked) = (false, false);
            self.look_at = Instant::now();
        }
    }

    /// The wishes may change while we run. Those that are wrong are refused and the ones before stay in force.
    fn reload(&mut self) {
        let Some(fresh) = self.source.look() else {
            self.refused = None;
            return;
        };
        let before = self.refused.take().map(|refused| refused.message);
        if let Err(failure) = fresh.and_then(|settings| self.take_up(settings)) {
            if before.as_ref() != Some(&failure.message) {
                let name = self.source.name();
                tracing::error!(reason = %failure.reason, "the {name} is refused, the one before stays in force: {failure}");
            }
            self.refused = Some(failure);
        }
    }

    fn take_up(&mut self, settings: Settings) -> Result<(), Failure> {
        if settings == self.settings {
            return Ok(());
        }
        let (old, new) = (&self.settings, &settings);
        let gateway = (old.gateway != new.gateway).then(|| gateway(new, &self.mailbox)).transpose()?;
        if (&old.repository, &old.git, &old.verify) != (&new.repository, &new.git, &new.verify) {
            self.repository = ground::repository(new, &self.volume)?;
            self.received = 0;
        }
        tracing::info!("the {} changed", self.source.name());
        if let Some(gateway) = gateway {
            self.gateway = gateway;
        }
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
            self.shared.metrics.gateway_runs(self.shared.age());
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
                format!("held: {}; {}", hold.reason, self.source.way_on(&hold)),
            )));
        }
        Ok(self.settings.paused.then(|| (None, "paused".to_owned())))
    }

    /// The commit that is wanted now.
    fn resolve(&mut self) -> Result<ObjectId, Failure> {
        let reference = self.settings.reference.clone();
        let commit = match self.settings.wish {
            Wish::Commit(commit) => commit,
            Wish::Unresolved => {
                let message = format!(
                    "the controller has not found the commit of ref {reference:?} yet; see the GatewaySync's condition RefResolved"
                );
                return Err(Failure::new(Reason::RefGone, Code::NotNow, message));
            }
            Wish::Follow(poll) => {
                let known = self.wanted.filter(|_| self.resolve_at > Instant::now() || poll.is_none());
                if let Some(commit) = known {
                    return Ok(commit);
                }
                let commit = self.repository.resolve(&reference)?;
                self.resolve_at = self.next_poll();
                commit
            }
        };
        if self.wanted != Some(commit) {
            tracing::info!(reference, %commit, "resolved");
            self.waiting_since = None;
        }
        self.wanted = Some(commit);
        Ok(commit)
    }

    fn next_poll(&self) -> Instant {
        Instant::now() + spread(self.poll().unwrap_or(FULL_LOOK))
    }

    /// How often the ref is asked for, if it is followed here.
    pub(super) fn poll(&self) -> Option<Duration> {
        match self.settings.wish {
            Wish::Follow(poll) => poll,
            Wish::Commit(_) | Wish::Unresolved => None,
        }
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

    pub(super) fn sync(&mut self, commit: ObjectId) -> Result<(), Failure> {
        let started = Instant::now();
        let previous = self.volume.synced()?.map(|synced| synced.commit);
        // Until the gateway has run once, what the image or its commissioning wrote is no drift; nor is
        // what was different before this commit came.
        let restore = !self.volume.has_mark(Mark::Ran) || self.settling == Some(commit);
        let dirty = std::mem::take(&mut self.dirty);
        // A push goes live at once: where changes are not signalled, the last look is trusted for what
        // Git did not change, and everything is looked at right afterwards.
        let known = self.covered || (self.looked && self.settled != Some(commit));
        let full = !known || self.look_at <= started || restore;
        let trust = if full { Trust::Nothing } else { Trust::AllBut(&dirty) };
        let mut sync = Sync {
            settings: &self.settings,
            rules: &self.rules,
            volume: &self.volume,
            repository: &mut self.repository,
            gateway: &self.gateway,
            mailbox: &self.mailbox,
            metrics: &self.shared.metrics,
            gateway_runs: self.gateway_runs,
            waited: self.waiting_since.map_or(Duration::ZERO, |since| since.elapsed()),
        };
        let outcome = sync.run(commit, restore, trust);
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(failure) => {
                (self.covered, self.looked) = (false, false);
                return Err(failure);
            }
        };
        match outcome {
            Outcome::Done { summary, applied } => {
                self.untidy |= applied.is_some();
                if let Some(done) = applied.filter(|done| done.files > 0) {
                    self.report_change(*done, previous, started.elapsed());
                }
                self.settled = Some(commit);
                self.settling = (!full && !self.covered).then_some(commit);
                self.waiting_since = None;
                self.reporter.synced(&self.settings.reference, Some(&summary));
                self.shared.start(|facts| facts.succeeded = true);
                self.watch(full, summary.drifted == 0, started.elapsed())?;
            }
            Outcome::DryRun { summary, changes: listed, counts: [added, modified, deleted] } => {
                self.settled = Some(commit);
                tracing::info!(commit = commit.short(), added, modified, deleted, "dry run");
                for change in &listed {
                    tracing::info!(path = change.path, change = ?change.kind, "would change");
                }
                self.reporter.looked(&summary);
                self.reporter.listed(commit.to_string(), &listed, [added, modified, deleted], true);
                self.reporter.dry_run(added, modified, deleted);
                self.look_at = Instant::now() + FULL_LOOK;
            }
            Outcome::Waiting(why) => {
                if self.waiting_since.is_none() {
                    tracing::warn!("{why}; waiting for them to close");
                    self.waiting_since = Some(Instant::now());
                }
                self.shared.metrics.skipped(skipped::DESIGNER_BLOCKED);
                self.reporter.designers(true);
                self.reporter.suspended(Some(Reason::DesignerSessions), Some(why));
                self.look_at = Instant::now() + RECHECK;
            }
        }
        Ok(())
    }
}
