//! Who follows what, what is known, and what is due. Without I/O: time comes in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Id;
use super::access::{Access, Auth};
use super::host::host_of;
use super::look::Seen;
use super::schedule::{self, BETWEEN_PUSHES, Outcome};
use crate::decide::{Failure, Resolution};

/// Looks at one time.
const MOST_AT_ONCE: usize = 16;
/// Of those, looks at repositories that did not answer last time, or never did: a dead server must not take all places.
const MOST_UNPROVEN: usize = 12;
/// Of those, looks at one server.
const MOST_AT_ONE_HOST: usize = 4;
/// An installation token is replaced so long before it expires.
const RENEW_BEFORE: Duration = Duration::from_mins(10);

/// What a resource wants of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follow {
    pub reference: String,
    /// Time between two looks; `None`: only when asked.
    pub interval: Option<Duration>,
    /// Anything new means: look at once.
    pub nudge: String,
    /// The commit that a push names. It is never believed, but anything new means: look at once, unless the server's own
    /// last answer was this very commit. One push is told to everybody who follows the repository and is one look.
    pub hint: String,
    /// A commit that the reference was known to mean, for a resource that does not poll: a restart of this program must
    /// not move its gateways.
    pub known: Option<String>,
}

/// An installation token.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    pub value: Arc<str>,
    pub expires: Timestamp,
    pub app_id: i64,
    pub installation_id: i64,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// A look to do.
#[derive(Clone)]
pub struct Work {
    pub access: Arc<Access>,
    pub references: Vec<String>,
}

/// Alive as long as a look's thread is, also beyond its time.
pub type Running = Arc<()>;

/// All repositories.
#[derive(Default)]
pub struct Board {
    repositories: BTreeMap<Arc<Access>, Repository>,
    of: BTreeMap<Id, Arc<Access>>,
}

#[derive(Default)]
struct Repository {
    followers: BTreeMap<Id, Follow>,
    answers: BTreeMap<String, Result<String, Failure>>,
    /// Why nothing at all could be asked, last time.
    failure: Option<Failure>,
    token: Option<Token>,
    failures: u32,
    is_proven: bool,
    due: Option<Instant>,
    /// Looked at right now.
    is_looked_at: bool,
    /// Something new was wanted meanwhile.
    again: bool,
    /// Refs that pushes moved meanwhile, and the commits that they name.
    hints: Vec<(String, String)>,
    last_began: Option<Instant>,
    running: Option<std::sync::Weak<()>>,
}

impl Repository {
    fn want_now(&mut self, now: Instant) {
        if self.is_looked_at {
            self.again = true;
            return;
        }
        let soonest = self.last_began.map_or(now, |began| now.max(began + BETWEEN_PUSHES));
        self.due = Some(self.due.map_or(soonest, |due| due.min(soonest)));
    }

    /// A push names a commit of this reference.
    fn hear(&mut self, follow: &Follow, now: Instant) {
        if self.is_looked_at {
            self.hints.push((follow.reference.clone(), follow.hint.clone()));
        } else if !self.answered(&follow.reference, &follow.hint) {
            self.want_now(now);
        }
    }

    fn answered(&self, reference: &str, commit: &str) -> bool {
        matches!(self.answers.get(reference), Some(Ok(known)) if known == commit)
    }

    fn interval(&self) -> Option<Duration> {
        self.followers.values().filter_map(|follow| follow.interval).min()
    }

    /// The refs that somebody follows and that no one knows without asking.
    fn references(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .followers
            .values()
            .map(|follow| follow.reference.clone())
            .filter(|reference| !is_commit(reference))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// A thread of an earlier look still hangs at the server.
    fn is_lingering(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.strong_count() > 0)
    }
}

impl Board {
    /// See [`super::Resolver::follow`].
    pub fn follow(&mut self, id: &Id, access: Access, follow: &Follow, now: Instant) {
        let before = self.of.get(id).cloned();
        let access = if let Some(same) = before.filter(|before| **before == access) {
            same
        } else {
            self.leave(id);
            let known = self.repositories.keys().find(|known| ***known == access);
            known.cloned().unwrap_or_else(|| Arc::new(access))
        };
        self.of.insert(id.clone(), Arc::clone(&access));
        let needs_token = matches!(access.auth, Auth::GitHubApp(_));
        let repository = self.repositories.entry(access).or_default();
        let before = repository.followers.insert(id.clone(), follow.clone());
        if before.as_ref() == Some(follow) {
            return;
        }
        if let Some(known) = &follow.known
            && !repository.answers.contains_key(&follow.reference)
        {
            repository.answers.insert(follow.reference.clone(), Ok(known.clone()));
        }
        let is_known = if is_commit(&follow.reference) {
            !needs_token || repository.token.is_some()
        } else {
            repository.answers.contains_key(&follow.reference)
        };
        let is_nudged = before.as_ref().is_some_and(|before| before.nudge != follow.nudge);
        let is_hinted = before.is_some_and(|before| before.hint != follow.hint);
        if !is_known || is_nudged {
            repository.want_now(now);
        } else if is_hinted {
            repository.hear(follow, now);
        } else if let Some(interval) = follow.interval
            && !is_commit(&follow.reference)
        {
            let at =
                now + schedule::pause(Outcome::Answered, Some(interval), 0, chance()).unwrap_or(interval);
            repository.due = Some(repository.due.map_or(at, |due| due.min(at)));
        }
    }

    /// See [`super::Resolver::leave`].
    pub fn leave(&mut self, id: &Id) {
        let Some(access) = self.of.remove(id) else { return };
        if let Some(repository) = self.repositories.get_mut(&access) {
            repository.followers.remove(id);
            if repository.followers.is_empty() && !repository.is_looked_at {
                self.repositories.remove(&access);
            }
        }
    }

    /// See [`super::Resolver::resolution`].
    pub fn resolution(&self, id: &Id) -> Resolution {
        let Some((access, repository)) = self.repository(id) else { return Resolution::Idle };
        let Some(follow) = repository.followers.get(id) else { return Resolution::Idle };
        if let Some(failure) = &repository.failure {
            return Resolution::Failed(failure.clone());
        }
        if is_commit(&follow.reference) {
            let waits = matches!(access.auth, Auth::GitHubApp(_)) && repository.token.is_none();
            let commit = follow.reference.to_ascii_lowercase();
            return if waits { Resolution::Pending } else { Resolution::Resolved { commit } };
        }
        match repository.answers.get(&follow.reference) {
            None => Resolution::Pending,
            Some(Ok(commit)) => Resolution::Resolved { commit: commit.clone() },
            Some(Err(failure)) => Resolution::Failed(failure.clone()),
        }
    }

    /// See [`super::Resolver::token`].
    pub fn token(&self, id: &Id) -> Option<Token> {
        self.repository(id).and_then(|(_, repository)| repository.token.clone())
    }

    fn repository(&self, id: &Id) -> Option<(&Arc<Access>, &Repository)> {
        self.repositories.get_key_value(self.of.get(id)?)
    }

    /// The looks to begin now, and when to come again.
    pub fn take_due(&mut self, now: Instant) -> (Vec<(Work, Running)>, Option<Instant>) {
        let mut in_flight = 0;
        let mut unproven = 0;
        let mut hosts: BTreeMap<String, usize> = BTreeMap::new();
        for (access, repository) in self.repositories.iter().filter(|(_, repository)| repository.is_looked_at)
        {
            in_flight += 1;
            unproven += usize::from(!repository.is_proven);
            *hosts.entry(host(access)).or_default() += 1;
        }
        let mut due: Vec<(bool, Instant, Arc<Access>)> = self
            .repositories
            .iter()
            .filter(|(_, repository)| !repository.is_looked_at && !repository.is_lingering())
            .filter_map(|(access, repository)| {
                repository
                    .due
                    .filter(|due| *due <= now)
                    .map(|due| (!repository.is_proven, due, Arc::clone(access)))
            })
            .collect();
        due.sort();
        let mut works = Vec::new();
        for (is_unproven, _, access) in due {
            let at_host = hosts.entry(host(&access)).or_default();
            if in_flight == MOST_AT_ONCE
                || *at_host == MOST_AT_ONE_HOST
                || (is_unproven && unproven == MOST_UNPROVEN)
            {
                continue;
            }
            let Some(repository) = self.repositories.get_mut(&access) else { continue };
            in_flight += 1;
            unproven += usize::from(is_unproven);
            *at_host += 1;
            let running = Running::default();
            repository.is_looked_at = true;
            repository.due = None;
            repository.last_began = Some(now);
            repository.running = Some(Arc::downgrade(&running));
            works.push((Work { access, references: repository.references() }, running));
        }
        // What is due and found no place is looked for again when a look ends; a lingering thread tells nobody.
        let waits = self.repositories.values().filter(|repository| !repository.is_looked_at);
        let next = waits.filter_map(|repository| match repository.due {
            Some(due) if due <= now => repository.is_lingering().then(|| now + Duration::from_secs(1)),
            due => due,
        });
        (works, next.min())
    }

    /// Takes what a look has seen; names those who follow the repository, and says whether anything is different now.
    pub fn finish(&mut self, work: &Work, seen: Seen, now: Instant) -> (Vec<Id>, bool) {
        let Some(repository) = self.repositories.get_mut(&work.access) else { return (Vec::new(), false) };
        repository.is_looked_at = false;
        if repository.followers.is_empty() {
            self.repositories.remove(&work.access);
            return (Vec::new(), false);
        }
        let Seen { answers, failure, token, outcome } = seen;
        let before = (repository.answers.clone(), repository.failure.clone(), repository.token.clone());
        repository.is_proven = matches!(outcome, Outcome::Answered | Outcome::RefMissing);
        repository.failures = match outcome {
            Outcome::Answered => 0,
            _ => repository.failures.saturating_add(1),
        };
        repository.failure = failure;
        repository.token = token.or(repository.token.take());
        let wanted = repository.references();
        repository.answers.retain(|reference, _| wanted.contains(reference));
        repository.answers.extend(answers.into_iter().filter(|(reference, _)| wanted.contains(reference)));
        let is_news =
            before != (repository.answers.clone(), repository.failure.clone(), repository.token.clone());

        let interval = repository.interval().filter(|_| !wanted.is_empty());
        let pause = schedule::pause(outcome, interval, repository.failures, chance());
        repository.due = pause.map(|pause| now + pause);
        if let Some(token) = &repository.token {
            let left = token.expires.duration_since(Timestamp::now());
            let left = Duration::try_from(left).unwrap_or_default().saturating_sub(RENEW_BEFORE);
            // Never at once again: a server that hands out expired tokens must not be asked in a circle.
            let renewal = now + left.max(Duration::from_secs(30));
            repository.due = Some(repository.due.map_or(renewal, |due| due.min(renewal)));
        }
        let is_unanswered = wanted.iter().any(|reference| !repository.answers.contains_key(reference));
        let hints = std::mem::take(&mut repository.hints);
        let is_hinted = hints.iter().any(|(reference, commit)| !repository.answered(reference, commit));
        if std::mem::take(&mut repository.again)
            || is_hinted
            || (is_unanswered && repository.failure.is_none())
        {
            repository.want_now(now);
        }
        (repository.followers.keys().cloned().collect(), is_news)
    }
}

fn host(access: &Access) -> String {
    host_of(&access.url).map(|host| host.name).unwrap_or_default()
}

/// Whether a reference needs no repository to be a commit.
pub fn is_commit(reference: &str) -> bool {
    reference.len() == 40 && reference.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A number from 0 to 1 that is different in each process and at each call: only for jitter.
pub fn chance() -> f64 {
    use std::hash::{BuildHasher as _, RandomState};
    f64::from((RandomState::new().hash_one(0) >> 40) as u32) / f64::from(1_u32 << 24)
}

#[cfg(test)]
mod tests;
