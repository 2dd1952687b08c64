//! One look at one resource: observe, decide, act.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use stoker_api::names::conditions::reasons;
use stoker_api::names::{annotations, metadata_keys, objects};
use stoker_api::spec::{AuthType, GatewaySyncSpec};

use crate::access::{NotYet, access};
use crate::act::{Actor, Error, Recorder};
use crate::decide::document::ResourceStatus;
use crate::decide::{self, Decision, Event, Failure, Gone, Observed, Resolution};
use crate::metrics::{Metrics, Shown};
use crate::observe::index::Snapshot;
use crate::observe::secrets::{self, Watches};
use crate::observe::{Index, Key};
use crate::resolve::host::HostPolicy;
use crate::resolve::{Follow, Resolver};

/// A status is written at most so often.
const BETWEEN_STATUSES: Duration = Duration::from_secs(1);

/// Everything that a reconcile works with.
pub struct Reconciler {
    pub index: Arc<Index>,
    pub actor: Actor,
    pub recorder: Arc<Recorder>,
    pub resolver: Arc<Resolver>,
    pub secrets: Watches,
    pub metrics: Arc<Metrics>,
    pub policy: HostPolicy,
    pub agent_image: Option<String>,
    pub began: Instant,
    pub memory: Mutex<BTreeMap<Key, Memory>>,
}

/// What is remembered of a resource from one reconcile to the next. Losing it costs ten minutes of patience, no more.
#[derive(Debug, Default)]
pub struct Memory {
    gone: Gone,
    status_written: Option<Instant>,
    /// The last look told the agents something new and left the rest for the next one.
    has_told: bool,
}

impl Reconciler {
    /// Looks at a resource; says when to look again although nothing happened.
    pub async fn reconcile(&self, id: &Key) -> Result<Option<Duration>, Error> {
        let Some(mut seen) = self.index.snapshot(id) else {
            self.forget(id);
            return Ok(None);
        };
        if seen.resource.deleting {
            if seen.resource.has_finalizer {
                self.actor.remove_all(&seen).await?;
            }
            self.forget(id);
            return Ok(None);
        }
        if seen.resource.spec.is_ok() && !seen.resource.has_finalizer {
            self.actor.add_finalizer(&seen).await?;
            seen = self.index.snapshot(id).unwrap_or(seen);
        }
        if self.actor.adopt(&seen).await? {
            seen = self.index.snapshot(id).unwrap_or(seen);
        }
        let observed = self.observe(id, &seen);
        let decision = decide::decide(&observed);
        self.act(id, &seen, &decision).await
    }

    /// A resource that is gone, or of which another replica takes care.
    fn forget(&self, id: &Key) {
        self.resolver.leave(id);
        self.secrets.refer(id, &[]);
        self.recorder.forget(id);
        self.metrics.forget(id);
        self.memory().remove(id);
    }

    /// This replica stopped being the leader.
    pub fn forget_all(&self) {
        self.resolver.clear();
        self.metrics.clear();
        self.memory().clear();
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Memory>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn observe(&self, id: &Key, seen: &Snapshot) -> Observed {
        let references = match &seen.resource.spec {
            Ok(spec) => secrets::references(spec),
            Err(_) => Vec::new(),
        };
        self.secrets.refer(id, &references);
        let resolution = match &seen.resource.spec {
            Ok(spec) if !spec.paused => self.resolution(id, seen, spec),
            _ => {
                self.resolver.leave(id);
                Resolution::Idle
            }
        };
        let map = |name: String| seen.maps.get(name.as_str());
        let bound = seen.binding.iter().flat_map(|binding| &binding.body.1);
        Observed {
            now: Timestamp::now(),
            uptime: self.began.elapsed(),
            resource: Arc::clone(&seen.resource),
            pods: seen.pods.clone(),
            foreign_accounts: seen.foreign_accounts.clone(),
            resolution,
            missing_secrets: secrets::missing(&references, &seen.secrets),
            metadata: map(objects::metadata(&id.1)).map(|map| Arc::clone(&map.data)),
            reports: seen.reports.clone(),
            bound: bound.map(|subject| subject.name.clone()).collect::<BTreeSet<_>>(),
            gone: self.memory().get(id).map(|memory| memory.gone.clone()).unwrap_or_default(),
            default_agent_image: self.agent_image.clone(),
            token: self.resolver.token(id).map(|token| token.value),
        }
    }

    /// Says to the resolver what is wanted, and gives what it knows.
    fn resolution(&self, id: &Key, seen: &Snapshot, spec: &GatewaySyncSpec) -> Resolution {
        let failed = |message: String| {
            self.resolver.leave(id);
            let reason = match spec.git.auth_type() {
                AuthType::GitHubApp => reasons::GITHUB_APP_EXCHANGE_FAILED,
                _ => reasons::REF_RESOLUTION_FAILED,
            };
            Resolution::Failed(Failure { reason, message, transient: false })
        };
        if let Err(refusal) = self.policy.check_url(&spec.git.repo) {
            self.resolver.leave(id);
            let failure = Failure {
                reason: reasons::REF_RESOLUTION_FAILED,
                message: refusal.to_string(),
                transient: false,
            };
            return Resolution::Failed(failure);
        }
        let access = match access(&spec.git, &seen.secrets) {
            Ok(access) => access,
            Err(NotYet::Unseen) => return Resolution::Pending,
            Err(NotYet::Missing(words)) => return failed(words),
        };
        let wanted = decide::wanted(&seen.resource, &spec.git.git_ref, spec.receiver.as_ref());
        if wanted.reference.is_empty() {
            return failed("spec.git.ref is empty; write a branch, a tag or a commit".to_owned());
        }
        let follow = follow(seen, spec, wanted.reference);
        self.resolver.follow(id, access, &follow);
        self.resolver.resolution(id)
    }

    async fn act(&self, id: &Key, seen: &Snapshot, decision: &Decision) -> Result<Option<Duration>, Error> {
        self.show(id, seen, decision);
        self.memory().entry(id.clone()).or_default().gone.clone_from(&decision.gone);
        let mut failure = None;
        let told = match &decision.objects {
            Some(objects) => self.actor.objects(seen, objects).await,
            None => Ok(false),
        };
        // A push concerns many resources: all agents are told before the first status is written. Not twice in a row, so
        // that somebody who writes to the metadata again and again does not keep the status from being written.
        let is_new = matches!(told, Ok(true));
        let had_told = {
            let mut memory = self.memory();
            std::mem::replace(&mut memory.entry(id.clone()).or_default().has_told, is_new)
        };
        if is_new && !had_told {
            return Ok(Some(Duration::ZERO));
        }
        if let Err(error) = told {
            if error.is_rbac && !error.is_conflict() {
                let event = Event {
                    reason: stoker_api::names::events::RBAC_ERROR,
                    is_warning: true,
                    is_transition: false,
                    note: error.to_string(),
                    pod: None,
                };
                self.recorder.tell(seen, &[event]).await;
            }
            failure = Some(error);
        }
        self.recorder.tell(seen, &decision.events).await;
        let again = match self.write_status(id, seen, &decision.status).await {
            Ok(again) => again,
            Err(error) => {
                failure.get_or_insert(error);
                None
            }
        };
        for error in self.actor.rest(seen, decision).await {
            failure.get_or_insert(error);
        }
        match failure {
            Some(error) => Err(error),
            None => Ok([again, decision.again].into_iter().flatten().min()),
        }
    }

    /// Writes the status if it changed, at most once a second.
    async fn write_status(
        &self,
        id: &Key,
        seen: &Snapshot,
        status: &ResourceStatus,
    ) -> Result<Option<Duration>, Error> {
        if seen.resource.status == *status {
            return Ok(None);
        }
        let written = self.memory().get(id).and_then(|memory| memory.status_written);
        let wait = written.map(|at| BETWEEN_STATUSES.saturating_sub(at.elapsed()));
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            return Ok(Some(wait));
        }
        self.memory().entry(id.clone()).or_default().status_written = Some(Instant::now());
        self.actor.status(seen, status).await?;
        Ok(None)
    }

    fn show(&self, id: &Key, seen: &Snapshot, decision: &Decision) {
        let shown = match &seen.resource.spec {
            Ok(spec) => Shown::new(spec),
            Err(_) => Shown::default(),
        };
        self.metrics.show(
            id,
            Shown {
                conditions: decision.status.conditions.clone(),
                gateways: decision.gateways.clone(),
                synced: decision.synced,
                token: self.resolver.token(id),
                ..shown
            },
        );
    }
}

fn follow(seen: &Snapshot, spec: &GatewaySyncSpec, reference: String) -> Follow {
    let annotation = |name: &str| seen.resource.annotations.get(name).map_or("", String::as_str);
    let hint = annotation(annotations::REQUESTED_COMMIT);
    let interval = spec.polling.enabled.then(|| spec.polling.effective_interval());
    let metadata = seen.maps.get(objects::metadata(&seen.resource.name).as_str());
    let known = metadata.filter(|_| interval.is_none()).and_then(|map| {
        let text = |key: &str| map.data.get(key).map_or("", String::as_str);
        let commit = text(metadata_keys::COMMIT);
        let is_same = text(metadata_keys::REF) == reference && text(metadata_keys::GIT_URL) == spec.git.repo;
        // A push that came while nobody looked names another commit.
        (is_same && !commit.is_empty() && (hint.is_empty() || hint == commit)).then(|| commit.to_owned())
    });
    // Whatever makes people expect a look at once.
    let nudge = [
        &seen.resource.generation.to_string(),
        annotation(annotations::REQUESTED_AT),
        annotation(annotations::SYNC_NOW),
    ];
    Follow { reference, interval, nudge: nudge.join("\n"), hint: hint.to_owned(), known }
}
