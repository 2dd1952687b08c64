//! Who of the replicas writes the CA bundle.

use std::time::{Duration, Instant};

use kube::api::{DynamicObject, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::cluster::{self, LEASE};

/// How long a holder that is not heard of stays the holder.
const GOOD_FOR: Duration = Duration::from_secs(30);
/// How often it is renewed, or looked at.
pub const EVERY: Duration = Duration::from_secs(10);
const DEADLINE: Duration = Duration::from_secs(5);

/// One replica's view of the lease.
pub struct Lease {
    api: Api<DynamicObject>,
    name: String,
    /// Who we are.
    identity: String,
    /// The version that was seen last, and since when: clocks of other machines are not believed.
    seen: Option<(String, Instant)>,
}

/// What is to be done about the lease.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Create,
    Renew,
    TakeOver,
    Wait,
}

fn step(holder: Option<&str>, me: &str, unchanged_for: Duration) -> Step {
    match holder {
        None => Step::Create,
        Some(holder) if holder == me => Step::Renew,
        Some("") => Step::TakeOver,
        Some(_) if unchanged_for > GOOD_FOR => Step::TakeOver,
        Some(_) => Step::Wait,
    }
}

impl Lease {
    /// The lease of this name, not held yet.
    pub fn new(client: &Client, namespace: &str, name: &str, identity: &str) -> Self {
        let api = cluster::api(client, LEASE, Some(namespace));
        Self { api, name: name.to_owned(), identity: identity.to_owned(), seen: None }
    }

    /// Looks, renews or takes over; whether we hold it now.
    pub async fn hold(&mut self) -> bool {
        let held = tokio::time::timeout(DEADLINE, self.try_hold()).await;
        match held {
            Ok(Ok(held)) => held,
            // Another was quicker.
            Ok(Err(kube::Error::Api(refusal))) if refusal.code == 409 => false,
            Ok(Err(error)) => {
                tracing::debug!(%error, "the lease cannot be had");
                false
            }
            Err(_) => false,
        }
    }

    async fn try_hold(&mut self) -> Result<bool, kube::Error> {
        let found = self.api.get_opt(&self.name).await?;
        let version =
            found.as_ref().and_then(|lease| lease.metadata.resource_version.clone()).unwrap_or_default();
        let since = match &self.seen {
            Some((seen, since)) if *seen == version => *since,
            _ => Instant::now(),
        };
        self.seen = Some((version, since));
        let holder = found.as_ref().map(|lease| {
            lease.data.pointer("/spec/holderIdentity").and_then(Value::as_str).unwrap_or_default()
        });
        match step(holder, &self.identity, since.elapsed()) {
            Step::Wait => Ok(false),
            Step::Create => {
                let lease = Self::object(&json!({"name": self.name}), &self.identity, None);
                self.api.create(&PostParams::default(), &lease).await.map(|_| true)
            }
            Step::Renew | Step::TakeOver => {
                let lease = self.changed(found, &self.identity);
                self.api.replace(&self.name, &PostParams::default(), &lease).await.map(|_| true)
            }
        }
    }

    /// Gives it back, so that the next leader need not wait.
    pub async fn release(&mut self) {
        let release = async {
            let found = self.api.get_opt(&self.name).await?;
            let held = found.as_ref().and_then(|lease| lease.data.pointer("/spec/holderIdentity"));
            if held.is_some_and(|holder| *holder == *self.identity) {
                let lease = self.changed(found, "");
                self.api.replace(&self.name, &PostParams::default(), &lease).await?;
            }
            Ok::<(), kube::Error>(())
        };
        // Whoever comes next waits a little longer if this fails.
        _ = tokio::time::timeout(Duration::from_secs(1), release).await;
    }

    /// The lease as it was found, held by `holder`; its version makes a lost race a conflict.
    fn changed(&self, found: Option<DynamicObject>, holder: &str) -> DynamicObject {
        let version = found.as_ref().and_then(|lease| lease.metadata.resource_version.clone());
        let before = found.map(|lease| lease.data["spec"].clone());
        Self::object(&json!({"name": self.name, "resourceVersion": version}), holder, before)
    }

    fn object(metadata: &Value, holder: &str, before: Option<Value>) -> DynamicObject {
        let now = format!("{:.6}", jiff::Timestamp::now());
        let before = before.unwrap_or_default();
        let is_ours = before["holderIdentity"] == holder;
        let acquired = if is_ours { before["acquireTime"].clone() } else { json!(now) };
        let transitions = before["leaseTransitions"].as_i64().unwrap_or(0) + i64::from(!is_ours);
        let spec = json!({
            "holderIdentity": holder,
            "leaseDurationSeconds": GOOD_FOR.as_secs(),
            "acquireTime": acquired,
            "renewTime": now,
            "leaseTransitions": transitions,
        });
        let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec});
        serde_json::from_value(lease).expect("a lease is an object")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lease_that_nobody_renews_is_taken_over() {
        let quiet = GOOD_FOR + Duration::from_secs(1);
        assert_eq!(step(None, "me", Duration::ZERO), Step::Create);
        assert_eq!(step(Some("me"), "me", quiet), Step::Renew);
        assert_eq!(step(Some("other"), "me", GOOD_FOR / 2), Step::Wait);
        assert_eq!(step(Some("other"), "me", quiet), Step::TakeOver);
        assert_eq!(step(Some(""), "me", Duration::ZERO), Step::TakeOver);
    }
}
