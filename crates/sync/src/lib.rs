//! The sync engine: makes a gateway's data directory equal to a commit, and back again.
//!
//! Desired tree → plan → stage → journal → apply → manifest, so that a kill or a power cut at any
//! moment leaves every resource whole, and the next start finishes what was begun without Git.
//!
//! It knows files and Git's object model. It must not know Kubernetes, HTTP, Git's transports, nor
//! Ignition: which paths are sacred and which file declares a resource it asks of [`Rules`], where
//! trees come from of [`Trees`], and blobs are put into its [`Staging`] by whoever fetched them.

mod apply;
mod clock;
mod desired;
mod diff;
mod error;
mod fs;
mod path;
mod plan;
mod prepare;
mod render;
mod resign;
mod reuse;
mod rollback;
mod seen;
mod state;
mod volume;

use std::sync::atomic::AtomicBool;

pub use apply::Applied;
pub use desired::{
    Desired, Identity, Limits, Mapping, MappingKind, MaxDeletes, OpenPayload, Patch, Prune, Rules,
    TemplateData, Trees, UndoPolicy, Version,
};
pub use diff::Difference;
pub use error::Error;
pub use plan::{Change, ChangeKind, Plan, Summary, Trust, Wants};
pub use prepare::Prepared;
pub use rollback::Generation;
pub use state::staging::Staging;
pub use volume::{Hold, Mark, STATE_DIR, Synced, Volume};

impl TemplateData {
    /// Renders a short template with this data: a field of the resource. `name` is for messages.
    pub fn render(&self, name: &str, template: &str) -> Result<String, Error> {
        render::Context::new(self).text(name, template)
    }
}

impl Volume {
    /// Finishes an apply that a kill or a power cut interrupted; `None` if there was none.
    ///
    /// Fails with [`Error::ObjectMissing`] where the staged files are gone: then only
    /// [`Volume::abandon`] and a new sync help.
    pub fn finish(&self, rules: &dyn Rules, stop: &AtomicBool) -> Result<Option<Applied>, Error> {
        let applied = apply::finish(self, rules, stop)?;
        if applied.is_some() {
            self.staging()?.clear()?;
        }
        Ok(applied)
    }

    /// Sets an interrupted apply that cannot be finished aside, as `journal.abandoned`. The next plan
    /// looks at every file that it may have touched: none of them bears what the manifest remembers.
    pub fn abandon(&self) -> Result<(), Error> {
        let (journal, aside) = (self.journal_path(), self.state_dir().join("journal.abandoned"));
        std::fs::rename(&journal, aside).map_err(Error::io("rename", journal))
    }

    /// Finds out what a sync would do. Only the state directory is written.
    pub fn plan(
        &self,
        desired: &Desired,
        trees: &mut dyn Trees,
        rules: &dyn Rules,
        trust: Trust<'_>,
    ) -> Result<Plan, Error> {
        plan::plan(self, desired, trees, rules, trust)
    }

    /// Stages what the plan wants and the volume has already: moved files, reverted commits. Returns how
    /// many blobs that were; the rest are [`Plan::wants`].
    pub fn reuse(&self, plan: &Plan, staging: &mut Staging) -> Result<u64, Error> {
        reuse::stage(self, plan, staging)
    }

    /// Renders, stages and checks everything that the plan writes; its blobs must be staged by now.
    pub fn prepare(
        &self,
        staging: &mut Staging,
        plan: Plan,
        desired: &Desired,
        rules: &dyn Rules,
    ) -> Result<Prepared, Error> {
        prepare::prepare(self, staging, plan, desired, rules)
    }

    /// Puts everything in place. What a kill interrupts, [`Volume::finish`] completes. [`Volume::tidy`] comes after it,
    /// when there is time.
    pub fn apply(
        &self,
        staging: &mut Staging,
        prepared: Prepared,
        rules: &dyn Rules,
        stop: &AtomicBool,
    ) -> Result<Applied, Error> {
        apply::apply(self, staging, prepared, rules, stop)
    }

    /// Does what can wait: old undo generations and local versions go, many changes of the manifest are written together
    /// with its base. Nothing depends on it, and a kill in between costs nothing. True if there was a new base to write.
    pub fn tidy(&self, undo: UndoPolicy, rules: &dyn Rules) -> Result<bool, Error> {
        apply::tidy(self, undo, rules)
    }

    /// Goes back to what was there before generation `to` (by default the newest) was applied, and
    /// holds there. The kept files are checked first: nothing moves unless all are what they were.
    pub fn rollback(&self, to: Option<u64>, rules: &dyn Rules, stop: &AtomicBool) -> Result<Applied, Error> {
        let mut staging = self.staging()?;
        let prepared = rollback::prepare(self, &mut staging, to, rules)?;
        rollback::begin(self, &prepared)?;
        Ok(self.finish(rules, stop)?.unwrap_or_default())
    }

    /// The generations that can be gone back to, newest first.
    pub fn history(&self) -> Result<Vec<Generation>, Error> {
        rollback::history(self)
    }

    /// Names the managed files that differ from what was synced; returns how many there are in all.
    pub fn diff(&self, rules: &dyn Rules, each: &mut dyn FnMut(&str, Difference)) -> Result<u64, Error> {
        diff::diff(self, rules, each)
    }
}
