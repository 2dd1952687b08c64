//! What people ask of one gateway, or of all, by annotations: to hold, to go back, to resume, to look again (contract,
//! section 8). What was done is kept on the volume: an annotation that stays is not followed twice.

use std::fs;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use stoker_api::metadata::Target;
use stoker_object::ObjectId;
use stoker_sync::{Hold, Mark, Volume};

use super::{Agent, Source};
use crate::failure::{Code, Failure};
use stoker_api::Reason;

/// The file in the state directory. Whoever can write the volume can hold the gateway by it, and nothing else.
const FILE: &str = "asked.json";
/// The largest that is read.
const LARGEST: u64 = 4096;
/// How the reason of a hold begins that an annotation asked for, and that goes with it.
const HOLD: &str = "stoker.io/hold: ";
/// The reason of the hold that a rollback leaves.
const ROLLED_BACK: &str = "RolledBack";

/// What was done of that which people asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Asked {
    resume: Option<String>,
    sync_now: Option<String>,
    /// The commit that was gone back to.
    rollback_to: Option<String>,
}

/// Whether a hold was asked for by an annotation.
pub fn is_asked(hold: &Hold) -> bool {
    hold.reason.starts_with(HOLD)
}

/// What has to be done.
#[derive(Debug, Default, PartialEq, Eq)]
struct Orders {
    hold: Option<String>,
    release: bool,
    look: bool,
    rollback: Option<String>,
    /// What is remembered when that is done.
    then: Asked,
}

/// Decides, from what is asked now, what was done, and the hold that there is.
fn decide(target: &Target, done: &Asked, hold: Option<&Hold>) -> Orders {
    let mut then = done.clone();
    let is_new = |now: &Option<String>, before: &Option<String>| now.is_some() && now != before;
    let resumes = is_new(&target.resume, &done.resume);
    if target.resume.is_some() {
        then.resume.clone_from(&target.resume);
    }
    let look = is_new(&target.sync_now, &done.sync_now);
    if target.sync_now.is_some() {
        then.sync_now.clone_from(&target.sync_now);
    }
    // Gone with its annotation, so that the same commit can be asked for again.
    if target.rollback_to.is_none() {
        then.rollback_to = None;
    }
    let rollback = target.rollback_to.clone().filter(|commit| done.rollback_to.as_ref() != Some(commit));
    let asked = target.hold.as_ref().map(|why| format!("{HOLD}{why}"));
    let release = match (hold, &asked) {
        (Some(hold), Some(asked)) => is_asked(hold) && hold.reason != *asked,
        (Some(hold), None) => resumes || is_asked(hold),
        (None, _) => false,
    };
    let is_free = release || hold.is_none();
    Orders { hold: asked.filter(|_| is_free), release, look: look || resumes, rollback, then }
}

impl Asked {
    /// What was done before this program started; what cannot be read was not.
    pub fn read(volume: &Volume) -> Self {
        let path = volume.state_dir().join(FILE);
        let small = fs::metadata(&path).is_ok_and(|found| found.is_file() && found.len() <= LARGEST);
        let text = small.then(|| fs::read(&path).ok()).flatten().unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    fn write(&self, volume: &Volume) -> Result<(), Failure> {
        let path = volume.state_dir().join(FILE);
        let fresh = path.with_extension("new");
        let text = serde_json::to_vec(self).unwrap_or_default();
        let written = fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, &path));
        written.map_err(|error| Failure::system(format!("failed to write {}: {error}", path.display())))
    }
}

impl Agent<'_> {
    /// Does what people ask for, as far as that needs no sync.
    pub(super) fn heed(&mut self) -> Result<(), Failure> {
        // Without a cluster the commands on the volume are how people ask; an annotation in the manifest only lets an older
        // commit pass the signature's policy.
        if matches!(self.source, Source::Manifest(_)) {
            return Ok(());
        }
        let hold = self.volume.hold()?;
        let orders = decide(&self.settings.target, &self.asked, hold.as_ref());
        if orders.release {
            self.volume.release_hold()?;
            tracing::info!("the hold is ended");
        }
        if let Some(reason) = &orders.hold {
            self.volume.set_hold(reason, "")?;
            tracing::warn!("{reason}: nothing is applied");
        }
        if orders.look {
            self.look_at = Instant::now();
        }
        let mut then = orders.then;
        if let Some(commit) = orders.rollback {
            match self.go_back(&commit) {
                Ok(()) => then.rollback_to = Some(commit),
                Err(failure) => {
                    self.remember(then)?;
                    return Err(failure);
                }
            }
        }
        self.remember(then)
    }

    fn remember(&mut self, then: Asked) -> Result<(), Failure> {
        if then != self.asked {
            then.write(&self.volume)?;
            self.asked = then;
        }
        Ok(())
    }

    /// Goes back to a commit, from what the volume keeps of it or else from Git, and holds there. The way is free of a
    /// hold meanwhile.
    fn go_back(&mut self, asked: &str) -> Result<(), Failure> {
        let commit: ObjectId = asked.parse().map_err(|_| {
            Failure::new(
                Reason::RefGone,
                Code::Data,
                format!("stoker.io/rollback-to: {asked:?} is no commit"),
            )
        })?;
        let left = self.volume.synced()?.map(|synced| synced.commit).unwrap_or_default();
        if left != asked {
            tracing::warn!(from = left, to = asked, "rolling back");
            let kept =
                self.volume.history()?.into_iter().find(|one| one.from_commit.as_deref() == Some(asked));
            if let Some(generation) = kept {
                self.volume.rollback(Some(generation.number), &self.rules, self.mailbox.stop_flag())?;
                self.volume.set_mark(Mark::ScanPending, true)?;
                self.scan.anew();
            } else {
                self.sync(commit)?;
                if self.volume.synced()?.is_none_or(|synced| synced.commit != asked) {
                    // Designers are waited for, or it is a dry run: it is tried again at the next turn.
                    return Ok(());
                }
            }
            self.shared.metrics.rolled_back("requested");
        }
        self.settled = None;
        Ok(self.volume.set_hold(ROLLED_BACK, if left == asked { "" } else { &left })?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "every field of a target is optional")]
    fn text(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    fn held(reason: &str) -> Hold {
        Hold { reason: reason.to_owned(), ..Hold::default() }
    }

    #[test]
    fn an_annotation_holds_as_long_as_it_is_there() {
        let asks = Target { hold: text("audit"), ..Target::default() };
        let done = Asked::default();
        assert_eq!(decide(&asks, &done, None).hold, text("stoker.io/hold: audit"));
        let held_so = held("stoker.io/hold: audit");
        assert_eq!(decide(&asks, &done, Some(&held_so)), Orders::default(), "once");
        assert!(decide(&Target::default(), &done, Some(&held_so)).release);
        let other = decide(&Target { hold: text("harvest"), ..Target::default() }, &done, Some(&held_so));
        assert!(other.release && other.hold == text("stoker.io/hold: harvest"));
        // The hold of a rollback is stronger, and stays when the annotation goes.
        assert_eq!(decide(&asks, &done, Some(&held(ROLLED_BACK))), Orders::default());
        assert!(!decide(&Target::default(), &done, Some(&held(ROLLED_BACK))).release);
    }

    #[test]
    fn a_resume_ends_a_hold_once() {
        let asks = Target { resume: text("1"), ..Target::default() };
        let first = decide(&asks, &Asked::default(), Some(&held(ROLLED_BACK)));
        assert!(first.release && first.look);
        let again = decide(&asks, &first.then, Some(&held(ROLLED_BACK)));
        assert!(!again.release, "the same value means the same wish");
        // The word of who still asks for a hold counts more.
        let both = Target { hold: text("audit"), ..asks };
        assert!(!decide(&both, &Asked::default(), Some(&held("stoker.io/hold: audit"))).release);
    }

    #[test]
    fn a_rollback_is_made_once_until_its_annotation_goes() {
        let asks = Target { rollback_to: text("c1"), ..Target::default() };
        assert_eq!(decide(&asks, &Asked::default(), None).rollback, text("c1"));
        let done = Asked { rollback_to: text("c1"), ..Asked::default() };
        assert_eq!(decide(&asks, &done, None).rollback, None);
        assert_eq!(decide(&Target::default(), &done, None).then, Asked::default());
    }

    #[test]
    fn a_sync_now_is_one_more_look() {
        let asks = Target { sync_now: text("a"), ..Target::default() };
        let first = decide(&asks, &Asked::default(), None);
        assert!(first.look);
        assert!(!decide(&asks, &first.then, None).look);
    }
}
