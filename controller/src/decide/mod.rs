//! What is to be done about one `GatewaySync`: a pure function of what was observed.
//!
//! It knows the contract and nothing else: no client, no clock, no network. Everything that it needs is in
//! [`Observed`]; everything that is to happen is in [`Decision`].

mod cleanup;
mod conditions;
pub mod discover;
pub mod document;
mod events;
mod gateways;
mod input;
mod shards;
mod source;
mod targets;
#[cfg(test)]
pub mod testkit;
#[cfg(test)]
mod tests;
mod trim;
mod updates;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use stoker_api::metadata::{Metadata, Policy, Target};
use stoker_api::names::metadata_keys as keys;
use stoker_api::profile::resolve_all;
use stoker_api::spec::GatewaySyncSpec;
use stoker_api::{manifest, names};

use document::{Gateway, ResourceStatus};

pub use events::Event;
pub use gateways::read_entry;
pub use input::{Failure, Gone, Observed, Pod, PodFacts, Report, Resolution, Resource};
pub use shards::number as shard_number;
pub use updates::Update;
pub use wanted::{Request, Wanted, wanted};

/// What is to happen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// The objects that belong to the resource; `None` leaves those that exist as they are.
    pub objects: Option<Objects>,
    /// The resource's status.
    pub status: ResourceStatus,
    /// The gateways with all their details, for metrics.
    pub gateways: Vec<Gateway>,
    /// How many of them are at the commit that they were told.
    pub synced: usize,
    pub events: Vec<Event>,
    /// The value of `stoker.io/requested-ref` that can go, if it is still that.
    pub fulfilled: Option<String>,
    /// Keys to remove, with the number of their status `ConfigMap`.
    pub expired_keys: Vec<(usize, String)>,
    pub updates: Vec<Update>,
    pub gone: Gone,
    /// When to decide again although nothing was observed.
    pub again: Option<Duration>,
}

/// The objects of a resource, but for what is the same in all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objects {
    /// The data of the metadata `ConfigMap`; `None` where it must stay as it is.
    pub metadata: Option<BTreeMap<String, String>>,
    /// Number of status (and of changes) `ConfigMap`s.
    pub shards: usize,
    /// Service accounts that the agents' `RoleBinding` binds.
    pub accounts: BTreeSet<String>,
    /// The token Secret's content, for GitHub Apps.
    pub token: Option<Arc<str>>,
    /// The resource uses a GitHub App: the token Secret is its.
    pub has_token: bool,
}

/// Decides. A resource that is being deleted is none of its business.
pub fn decide(observed: &Observed) -> Decision {
    match &observed.resource.spec {
        Ok(spec) => Deciding { observed, spec }.decide(),
        Err(problem) => unreadable(observed, problem),
    }
}

/// A resource that does not parse: it is reported, and nothing that exists is touched.
fn unreadable(observed: &Observed, problem: &str) -> Decision {
    let before = &observed.resource.status;
    let generation = observed.resource.generation;
    let mut status = before.clone();
    status.observed_generation = Some(generation);
    let news = conditions::unreadable(generation, problem);
    let kept = before.conditions.iter().filter(|condition| {
        condition.condition_type != names::conditions::RECONCILING
            && news.iter().all(|new| new.condition_type != condition.condition_type)
    });
    let all = news.iter().chain(kept).cloned().collect();
    status.conditions = conditions::with_times(all, before, &observed.now.to_string());
    let events = events::events(
        &ResourceStatus { discovered_gateways: Vec::new(), ..before.clone() },
        &ResourceStatus { discovered_gateways: Vec::new(), ..status.clone() },
        &[],
    );
    Decision {
        gateways: status.discovered_gateways.clone(),
        status,
        events,
        gone: observed.gone.clone(),
        ..Decision::default()
    }
}

struct Deciding<'a> {
    observed: &'a Observed,
    spec: &'a GatewaySyncSpec,
}

impl Deciding<'_> {
    fn decide(&self) -> Decision {
        let Self { observed, spec } = *self;
        let resource = &observed.resource;
        let violations: Vec<String> =
            manifest::check::check_profiles(&spec.sync).iter().map(ToString::to_string).collect();
        let wanted = wanted(resource, &spec.git.git_ref, spec.receiver.as_ref());
        let (source, ref_state) = source::source(observed, &spec.git, &wanted.reference);

        let before = self.published_targets();
        let told = targets::targets(observed, &before, &source.commit);
        let metadata = self.metadata(&source, &told);
        let image = updates::wanted_image(&spec.agent, observed.default_agent_image.as_deref());
        let states = gateways::states(observed, &metadata, image.as_deref());

        let facts = conditions::Facts {
            generation: resource.generation,
            spec,
            reference: &wanted.reference,
            ref_state: &ref_state,
            violations: &violations,
            missing_secrets: &observed.missing_secrets,
            gateways: &states,
        };
        let conditions = conditions::with_times(
            conditions::conditions(&facts),
            &resource.status,
            &observed.now.to_string(),
        );
        let mut status = self.status(&source, &ref_state, conditions, &states);
        let gateways = status.discovered_gateways.clone();
        trim::trim(&mut status);

        let accounts = self.accounts();
        let cleanup = cleanup::cleanup(observed, &accounts);
        let mut events = events::events(&resource.status, &status, &states);
        events.extend(self.warnings(&wanted, &told.problems, &accounts));
        let silent_at = states.iter().filter(|state| !state.silent).filter_map(|state| state.silent_at).min();
        let until_silent = silent_at.and_then(|at| Duration::try_from(at.duration_since(observed.now)).ok());
        Decision {
            objects: Some(Objects {
                // Profiles that cannot be used must not reach an agent together with a new commit.
                metadata: violations
                    .is_empty()
                    .then(|| metadata.to_data())
                    .or_else(|| self.only_paused(&metadata)),
                shards: told.shards,
                accounts: accounts.union(&cleanup.kept_accounts).cloned().collect(),
                token: observed.token.clone(),
                has_token: spec.git.auth_type() == stoker_api::spec::AuthType::GitHubApp,
            }),
            status,
            gateways,
            synced: states.iter().filter(|state| state.at_wanted).count(),
            events,
            fulfilled: match wanted.request {
                Request::Fulfilled(value) => Some(value),
                _ => None,
            },
            expired_keys: cleanup.expired_keys,
            updates: updates::updates(&spec.agent, image.as_deref(), &observed.pods),
            gone: cleanup.gone,
            again: [cleanup.again, until_silent].into_iter().flatten().min(),
        }
    }

    fn published_targets(&self) -> BTreeMap<String, Target> {
        let data = self.observed.metadata.as_deref();
        let text = data.and_then(|data| data.get(keys::TARGETS));
        // What somebody else wrote there is replaced.
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    fn metadata(&self, source: &source::Source, told: &targets::Targets) -> Metadata {
        let spec = self.spec;
        Metadata {
            commit: source.commit.clone(),
            git_ref: source.git_ref.clone(),
            git_url: source.git_url.clone(),
            paused: spec.paused,
            auth_type: source.auth_type.unwrap_or_else(|| spec.git.auth_type()),
            gateway_port: spec.gateway.port,
            gateway_tls: spec.gateway.tls,
            profiles: resolve_all(&spec.sync),
            requires: targets::requires(spec, &told.by_pod),
            targets: told.by_pod.clone(),
            policy: Policy { windows: spec.sync_windows.clone(), limits: spec.sync.limits },
        }
    }

    /// What is published now, with `paused` and `targets` as they are wanted: both must work whatever is wrong with the
    /// rest of the resource.
    fn only_paused(&self, metadata: &Metadata) -> Option<BTreeMap<String, String>> {
        let mut data = self.observed.metadata.as_deref()?.clone();
        let fresh = metadata.to_data();
        for key in [keys::PAUSED, keys::TARGETS, keys::REQUIRES] {
            match fresh.get(key) {
                Some(value) => _ = data.insert(key.to_owned(), value.clone()),
                None => _ = data.remove(key),
            }
        }
        Some(data)
    }

    fn status(
        &self,
        source: &source::Source,
        ref_state: &source::RefState,
        conditions: Vec<document::Condition>,
        states: &[gateways::State],
    ) -> ResourceStatus {
        let before = &self.observed.resource.status;
        let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let has_commit = !source.commit.is_empty();
        let newest = states.iter().filter_map(|state| state.shown.last_sync_time.clone()).max();
        ResourceStatus {
            observed_generation: Some(self.observed.resource.generation),
            // A gateway that leaves does not turn the time back.
            last_sync_time: newest.max(before.last_sync_time.clone()),
            last_sync_ref: said(&source.git_ref).filter(|_| has_commit),
            last_sync_commit: said(&source.commit),
            last_sync_commit_short: said(&crate::text::cut(&source.commit, 7)),
            ref_resolution_status: Some(ref_state.word()),
            profile_count: Some(i32::try_from(self.spec.sync.profiles.len()).unwrap_or(i32::MAX)),
            conditions,
            discovered_gateways: states.iter().map(|state| state.shown.clone()).collect(),
        }
    }

    /// Service accounts of the pods, whatever the pods' phase.
    fn accounts(&self) -> BTreeSet<String> {
        let facts = self.observed.pods.iter().filter_map(|pod| pod.facts.as_ref());
        facts.map(|facts| facts.service_account.clone()).filter(|account| !account.is_empty()).collect()
    }

    /// What is wrong and shows in no condition. The acting side tells each of them once.
    fn warnings(&self, wanted: &Wanted, problems: &[String], accounts: &BTreeSet<String>) -> Vec<Event> {
        let mut warnings = Vec::new();
        let mut warn = |reason, note: String| {
            warnings.push(Event { reason, is_warning: true, is_transition: false, note, pod: None });
        };
        if let Request::Refused(value) = &wanted.request {
            let value = crate::text::cut(value, 100);
            let note = format!(
                "the requested ref {value:?} is not followed: receiver.allowedRefs does not allow it"
            );
            warn(names::events::REF_RESOLUTION_FAILED, note);
        }
        for problem in problems {
            warn(names::events::SYNC_SKIPPED, problem.clone());
        }
        for account in accounts {
            if let Some(other) = self.observed.foreign_accounts.get(account) {
                let note = format!(
                    "service account {account:?} is also used by pods of GatewaySync {other:?}: their agents are not \
                     isolated from each other; give each GatewaySync's pods an account of their own"
                );
                warn(names::events::RBAC_ERROR, note);
            }
        }
        let interval = &self.spec.polling.interval;
        if interval.get() < self.spec.polling.effective_interval() {
            let note = format!("polling.interval {interval} counts as 5s, the shortest there is");
            warn(names::events::SYNC_SKIPPED, note);
        }
        warnings
    }
}
