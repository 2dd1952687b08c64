//! Which replica writes: the holder of a Lease. Small enough to be our own, and it must be exact about one thing: whoever
//! is not sure to hold the lease does not hold it.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;

/// Without a renewal for so long a lease is free.
pub const LENGTH: Duration = Duration::from_secs(15);
/// The holder stops writing when it could not renew for so long: before anybody else begins.
const TRUSTED: Duration = Duration::from_secs(10);
const RENEW_EVERY: Duration = Duration::from_secs(5);
const RETRY_EVERY: Duration = Duration::from_secs(2);
/// For one request; a hanging API server must not keep us believing.
const PATIENCE: Duration = Duration::from_secs(4);

/// A candidate for the lease.
pub struct Candidate {
    api: Api<Lease>,
    name: String,
    identity: String,
    /// The lease as others wrote it, and when that was first seen: their clocks do not count.
    observed: Option<(LeaseSpec, Instant)>,
    renewed: Option<Instant>,
    /// The lease as we wrote it last, while it is ours: renewing it needs no reading.
    own: Option<Lease>,
}

/// What to do about a lease that was read.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Take,
    Renew,
    Wait,
}

impl Candidate {
    /// A candidate of this name.
    pub fn new(client: Client, namespace: &str, name: &str, identity: String) -> Self {
        let api = Api::namespaced(client, namespace);
        Self { api, name: name.to_owned(), identity, observed: None, renewed: None, own: None }
    }

    /// Holds the lease whenever it can, until `stop`; says in `leads` whether it does.
    pub async fn run(mut self, leads: watch::Sender<bool>, mut stop: watch::Receiver<bool>) {
        loop {
            let attempt = tokio::time::timeout(PATIENCE, self.attempt()).await;
            let now = Instant::now();
            match &attempt {
                Ok(Ok(true)) => self.renewed = Some(now),
                Ok(Ok(false)) => self.renewed = None,
                Ok(Err(error)) => tracing::warn!(%error, "the lease could not be written"),
                Err(_) => tracing::warn!("the lease could not be written: no answer"),
            }
            let is_leader = self.renewed.is_some_and(|renewed| now.duration_since(renewed) < TRUSTED);
            let was_leader = leads.send_replace(is_leader);
            if is_leader != was_leader {
                tracing::info!(identity = self.identity, is_leader, "leadership changed");
            }
            let pause = if is_leader { RENEW_EVERY } else { RETRY_EVERY };
            // A failed renewal is tried again soon, and ends in time if it stays so.
            let pause = if matches!(&attempt, Ok(Ok(_))) { pause } else { RETRY_EVERY.min(pause) };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|is_over| *is_over) => break,
            }
        }
        leads.send_replace(false);
        if self.renewed.is_some() {
            self.release().await;
        }
    }

    /// One try. `true`: the lease is ours.
    async fn attempt(&mut self) -> Result<bool, kube::Error> {
        if let Some(mut lease) = self.own.take() {
            if let Some(spec) = &mut lease.spec {
                spec.renew_time = Some(MicroTime(Timestamp::now()));
            }
            let renewed = self.api.replace(&self.name, &PostParams::default(), &lease).await;
            // Somebody wrote to it, or deleted it: it is read again.
            if !matches!(&renewed, Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409)) {
                return self.won(renewed);
            }
        }
        let Some(mut lease) = self.api.get_opt(&self.name).await? else {
            let lease = Lease {
                metadata: ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
                spec: Some(self.held(None)),
            };
            let created = self.api.create(&PostParams::default(), &lease).await;
            return self.won(created);
        };
        let spec = lease.spec.clone().unwrap_or_default();
        match self.step(&spec, Instant::now()) {
            Step::Wait => return Ok(false),
            Step::Renew => {
                lease.spec = Some(LeaseSpec { renew_time: Some(MicroTime(Timestamp::now())), ..spec });
            }
            Step::Take => lease.spec = Some(self.held(Some(&spec))),
        }
        // With the version that was read: of two candidates one is refused.
        let replaced = self.api.replace(&self.name, &PostParams::default(), &lease).await;
        self.won(replaced)
    }

    fn step(&mut self, spec: &LeaseSpec, now: Instant) -> Step {
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        if holder == self.identity {
            return Step::Renew;
        }
        if holder.is_empty() {
            return Step::Take;
        }
        let since = match &self.observed {
            Some((known, since)) if known == spec => *since,
            _ => now,
        };
        self.observed = Some((spec.clone(), since));
        let length = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let length = length.map_or(LENGTH, Duration::from_secs);
        if now.duration_since(since) > length { Step::Take } else { Step::Wait }
    }

    fn held(&self, before: Option<&LeaseSpec>) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        let transitions = before.and_then(|spec| spec.lease_transitions).unwrap_or(-1);
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(LENGTH.as_secs()).ok(),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions.saturating_add(1)),
            ..LeaseSpec::default()
        }
    }

    fn won(&mut self, result: Result<Lease, kube::Error>) -> Result<bool, kube::Error> {
        match result {
            Ok(lease) => {
                self.own = Some(lease);
                Ok(true)
            }
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Lets go, so that the next one need not wait.
    async fn release(&self) {
        let release = async {
            let Some(mut lease) = self.api.get_opt(&self.name).await? else { return Ok(()) };
            let spec = lease.spec.get_or_insert_default();
            if spec.holder_identity.as_deref() == Some(&self.identity) {
                spec.holder_identity = Some(String::new());
                self.api.replace(&self.name, &PostParams::default(), &lease).await?;
            }
            Ok::<_, kube::Error>(())
        };
        if let Ok(Err(error)) = tokio::time::timeout(PATIENCE, release).await {
            tracing::warn!(%error, "the lease could not be released; it ends by itself");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate() -> Candidate {
        let config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
        Candidate::new(Client::try_from(config).unwrap(), "stoker", "lease", "me".into())
    }

    fn held_by(holder: &str, renewals: i32) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(holder.into()),
            lease_duration_seconds: Some(15),
            lease_transitions: Some(renewals),
            ..LeaseSpec::default()
        }
    }

    #[tokio::test]
    async fn a_lease_of_another_is_waited_for_by_our_own_clock() {
        let mut candidate = candidate();
        let now = Instant::now();
        let later = |seconds| now + Duration::from_secs(seconds);
        assert_eq!(candidate.step(&held_by("other", 1), now), Step::Wait);
        assert_eq!(candidate.step(&held_by("other", 1), later(15)), Step::Wait);
        assert_eq!(candidate.step(&held_by("other", 2), later(16)), Step::Wait, "it was renewed");
        assert_eq!(candidate.step(&held_by("other", 2), later(32)), Step::Take);
        assert_eq!(candidate.step(&held_by("", 2), now), Step::Take, "it was released");
        assert_eq!(candidate.step(&held_by("me", 3), now), Step::Renew);
    }
}
