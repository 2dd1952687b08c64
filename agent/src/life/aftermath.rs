//! After a sync: it is reported, the next change is waited for, and the gateway loads what was written.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use stoker_object::ObjectId;
use stoker_sync::Mark;

use super::{Agent, FULL_LOOK, PING_EVERY, WALK_SHARE};
use crate::failure::Failure;
use crate::scan;
use crate::sync::Done;

impl Agent<'_> {
    pub(super) fn report_change(&mut self, done: Done, previous: Option<String>, took: Duration) {
        let Done { applied, header, files, projects, restart, changes, counts } = done;
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
        self.reporter.listed(applied.commit.clone(), &changes, counts, false);
        self.shared.metrics.synced(&self.settings.profile_name, took, counts);
        self.reporter.projects(projects.iter().cloned().collect());
        if !restart.is_empty() {
            tracing::warn!(?restart, "only a restart of the gateway applies these");
        }
        self.reporter.restart_required(restart);
        self.scan.anew();
        self.projects.extend(projects);
    }

    /// Sees to it that the next change is signalled, and decides when to look without one.
    pub(super) fn watch(&mut self, full: bool, clean: bool, took: Duration) -> Result<(), Failure> {
        let now = Instant::now();
        let unsignalled = now + self.settings.period().max(took * WALK_SHARE);
        if self.settling.is_some() {
            self.look_at = now;
            return Ok(());
        }
        self.looked = clean;
        let Some(watcher) = &mut self.watcher else {
            self.look_at = unsignalled;
            return Ok(());
        };
        let mut directories = BTreeSet::new();
        let listed = self.volume.managed_dirs(&self.rules, &mut |directory| {
            directories.insert(directory.to_owned());
        });
        if listed.is_err() {
            // Nothing is vouched for then: the next look is a full one.
            (self.covered, self.looked, self.look_at) = (false, false, now);
        }
        listed?;
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
    pub(super) fn scan_if_pending(&mut self) -> Result<(), Failure> {
        if !self.volume.has_mark(Mark::ScanPending) {
            return Ok(());
        }
        if !self.gateway_runs {
            self.ping_at.get_or_insert_with(Instant::now);
            return Ok(());
        }
        let token = Some(self.settings.gateway.token_file.clone());
        if !self.scan.is_due(token.as_deref()) {
            return Ok(());
        }
        let started = Instant::now();
        // A project that was removed, or that is another team's to declare, is not expected to be loaded.
        let data_dir = self.volume.data_dir();
        self.projects.retain(|project| data_dir.join("projects").join(project).join("project.json").exists());
        match scan::run(&self.gateway, &self.projects) {
            Ok(result) => {
                tracing::info!(result, took = crate::clock::duration(started.elapsed()), "scanned");
                self.shared.metrics.scanned(started.elapsed(), "success");
                self.reporter.scanned(result);
                self.projects.clear();
                self.scan.forget();
                Ok(self.volume.set_mark(Mark::ScanPending, false)?)
            }
            Err(scan::Failed { result, failure, gateway_down }) => {
                self.shared.metrics.scanned(started.elapsed(), "error");
                self.reporter.scanned(result);
                if gateway_down {
                    // It loads everything when it starts: nothing has failed.
                    self.gateway_runs = false;
                    self.ping_at = Some(Instant::now() + PING_EVERY);
                    self.scan.forget();
                    return Ok(());
                }
                self.scan.refused(failure.clone(), token.as_deref());
                Err(failure)
            }
        }
    }

    /// Does what can wait after an apply.
    pub(super) fn tidy(&mut self, commit: ObjectId) -> Result<(), Failure> {
        if !std::mem::take(&mut self.untidy) {
            return Ok(());
        }
        self.repository.keep_only(commit)?;
        let undo = self.settings.desired(commit, commit, false).undo;
        if self.volume.tidy(undo, &self.rules)? {
            tracing::debug!("the manifest was written anew");
        }
        self.shared.metrics.undo(self.volume.history()?.iter().map(|one| one.bytes).sum());
        Ok(())
    }

    /// The gateway has run with what was synced: from now on a difference is drift.
    pub(super) fn note_first_run(&mut self) -> Result<(), Failure> {
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
