//! Keeps the certificates: watches, asks [`super::decide`], writes, swaps.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use rustls::crypto::CryptoProvider;
use serde_json::json;
use stoker_api::names::labels;
use tokio::sync::{Notify, watch};

use super::decide::{Step, step};
use super::lease::{self, Lease};
use super::material::Material;
use super::trust::{self, Trust};
use super::{Clock, Served, issue, validity};
use crate::cluster::{self, Key, SECRET, Sink, WEBHOOK_CONFIGURATION, follow, single};
use crate::metrics::Metrics;

/// How often the wall clock is looked at, and what could not be done is tried again.
const TICK: Duration = Duration::from_secs(5);
/// How long a new certificate waits for the API server to be told its root, while an old one is good.
const PATIENCE: Duration = Duration::from_secs(30);
const FIELD_MANAGER: &str = "stoker-webhook";

/// Why certificates could not be renewed.
#[derive(Debug, thiserror::Error)]
enum RenewError {
    #[error("they cannot be made: {0}")]
    Made(#[from] rcgen::Error),
    #[error("the Secret cannot be written: {0}")]
    Written(#[from] kube::Error),
    #[error("the Secret is no object: {0}")]
    Object(#[from] serde_json::Error),
}

/// Where things are.
#[derive(Clone, Debug)]
pub struct Place {
    /// Namespace of the Secret and of the lease.
    pub namespace: String,
    /// Name of the Secret.
    pub secret: String,
    /// Name of the `MutatingWebhookConfiguration`.
    pub configuration: String,
    /// Name of the lease.
    pub lease: String,
    /// This replica, such as its pod's name.
    pub identity: String,
    /// What the certificate is for: DNS names and addresses.
    pub names: Vec<String>,
}

/// The object of a watch on one.
#[derive(Default)]
struct One {
    seen: Mutex<Seen>,
    wake: Arc<Notify>,
}

#[derive(Clone, Default)]
struct Seen {
    object: Option<DynamicObject>,
    is_listed: bool,
}

impl One {
    fn new(wake: &Arc<Notify>) -> Self {
        Self { seen: Mutex::default(), wake: Arc::clone(wake) }
    }

    fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake.notify_one();
    }
}

impl Sink for One {
    fn apply(&self, _: Key, mut object: DynamicObject) {
        object.metadata.managed_fields = None;
        self.change(|seen| seen.object = Some(object));
    }

    fn remove(&self, _: &Key) {
        self.change(|seen| seen.object = None);
    }

    fn kept(&self) -> Vec<Key> {
        let seen = self.seen();
        let metadata = seen.object.map(|object| object.metadata);
        let key = |metadata: kube::core::ObjectMeta| {
            cluster::key(&metadata.namespace.unwrap_or_default(), &metadata.name.unwrap_or_default())
        };
        metadata.into_iter().map(key).collect()
    }

    fn listed(&self) {
        self.change(|seen| seen.is_listed = true);
    }
}

/// Keeps the certificates of one replica.
pub struct Keeper {
    client: Client,
    place: Place,
    clock: Clock,
    provider: Arc<CryptoProvider>,
    served: Arc<Served>,
    metrics: Arc<Metrics>,
    /// What is served, and what waits to be.
    current: Option<Material>,
    waiting: Option<(Material, Instant)>,
    trust: Trust,
}

impl Keeper {
    /// Swaps what `served` serves.
    pub fn new(
        client: Client,
        place: Place,
        clock: Clock,
        provider: Arc<CryptoProvider>,
        served: Arc<Served>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let trust = Trust::default();
        Self { client, place, clock, provider, served, metrics, current: None, waiting: None, trust }
    }

    /// Until `stop` is true; then gives the lease back.
    pub async fn keep(mut self, mut stop: watch::Receiver<bool>) {
        let wake = Arc::new(Notify::new());
        let (secret, configuration) = (One::new(&wake), One::new(&wake));
        let secrets = cluster::api(&self.client, SECRET, Some(&self.place.namespace));
        let configurations = cluster::api(&self.client, WEBHOOK_CONFIGURATION, None);
        let watches = futures::future::join(
            follow("certificates", secrets.clone(), single(&self.place.secret), &secret),
            follow(
                "webhook configuration",
                configurations.clone(),
                single(&self.place.configuration),
                &configuration,
            ),
        );
        let mut lease =
            Lease::new(&self.client, &self.place.namespace, &self.place.lease, &self.place.identity);
        let (leads, mut leading) = watch::channel(false);
        let leadership = async {
            loop {
                let held = lease.hold().await;
                leads.send_if_modified(|known| std::mem::replace(known, held) != held);
                tokio::time::sleep(lease::EVERY).await;
            }
        };
        let work = async {
            loop {
                let leads = *leading.borrow_and_update();
                self.work(&secrets, &configurations, &secret.seen(), &configuration.seen(), leads).await;
                tokio::select! {
                    () = wake.notified() => {}
                    _ = leading.changed() => {}
                    () = tokio::time::sleep(TICK) => {}
                }
            }
        };
        tokio::select! {
            _ = watches => {}
            () = leadership => {}
            () = work => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        lease.release().await;
    }

    async fn work(
        &mut self,
        secrets: &Api<DynamicObject>,
        configurations: &Api<DynamicObject>,
        secret: &Seen,
        configuration: &Seen,
        leads: bool,
    ) {
        if !secret.is_listed {
            return;
        }
        let found = secret.object.as_ref();
        let material = found.map(Material::of);
        let now = (self.clock)();
        let facts = material.as_ref().map(|material| material.facts(&self.place.names, now, &self.provider));
        let due = step(facts, now);
        if due != Step::Keep
            && let Err(problem) = self.renew(secrets, found, material.as_ref(), due, now).await
        {
            tracing::error!(%problem, secret = self.place.secret, "the certificates cannot be renewed");
        }
        let told = configuration.object.as_ref().and_then(trust::bundle);
        if let Some(material) = material {
            self.offer(material, told.as_deref(), now);
        }
        let Some(configuration) = configuration.object.as_ref().filter(|_| leads) else { return };
        if trust::is_injected(configuration) {
            return;
        }
        if let (Some(present), Some(wanted)) = (told, self.wanted_roots())
            && let Some(bundle) = self.trust.wanted(&wanted, &present, Instant::now())
            && let Err(problem) = self.tell(configurations, &bundle).await
        {
            tracing::error!(%problem, "the API server cannot be told which roots to trust");
        }
    }

    /// Writes what is due. Another replica may have been quicker: its work arrives by the watch.
    async fn renew(
        &self,
        secrets: &Api<DynamicObject>,
        found: Option<&DynamicObject>,
        material: Option<&Material>,
        due: Step,
        now: i64,
    ) -> Result<(), RenewError> {
        let kept = material.and_then(Material::authority).filter(|_| due == Step::RenewLeaf);
        let authority = match kept {
            Some(authority) => authority,
            None => issue::authority(now)?,
        };
        let leaf = issue::leaf(&authority.key, &self.place.names, now)?;
        let made = Material::made(&authority, leaf);
        let object = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": found.map_or("kubernetes.io/tls", secret_type),
            "metadata": {
                "name": self.place.secret,
                "labels": {labels::MANAGED_BY: labels::MANAGED_BY_STOKER},
                "resourceVersion": found.and_then(|secret| secret.metadata.resource_version.clone()),
            },
            "data": made.data(),
        });
        let object: DynamicObject = serde_json::from_value(object)?;
        let written = match found {
            None => secrets.create(&PostParams::default(), &object).await,
            Some(_) => secrets.replace(&self.place.secret, &PostParams::default(), &object).await,
        };
        match written {
            Ok(_) => tracing::info!(secret = self.place.secret, ?due, "wrote certificates"),
            Err(kube::Error::Api(refusal)) if refusal.code == 409 => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Serves new material: at once where nothing good is served, else as soon as the API server knows its root.
    fn offer(
        &mut self,
        material: Material,
        told: Option<&[rustls::pki_types::CertificateDer<'static>]>,
        now: i64,
    ) {
        if self.current.as_ref() == Some(&material) {
            self.waiting = None;
            return;
        }
        let since = match &self.waiting {
            Some((waiting, since)) if *waiting == material => *since,
            _ => Instant::now(),
        };
        let is_known = told.is_some_and(|told| material.roots().iter().any(|root| told.contains(root)));
        let served = self.served.get();
        let is_good = served
            .and_then(|certified| validity(certified.end_entity_cert().ok()?))
            .is_some_and(|validity| validity.contains(now));
        let has_waited = since.elapsed() > PATIENCE;
        if is_good && !is_known && !has_waited && told.is_some() {
            self.waiting = Some((material, since));
            return;
        }
        match material.certified_key(&self.provider) {
            Ok(certified) => {
                let expiry = certified.end_entity_cert().ok().and_then(|leaf| validity(leaf));
                self.metrics.certificate(expiry.map_or(0, |validity| validity.until));
                self.served.swap(certified);
                tracing::info!(secret = self.place.secret, "serving a new certificate");
            }
            // Said once; whatever is served stays.
            Err(problem) if material.is_foreign() => {
                tracing::error!(%problem, secret = self.place.secret, "the Secret cannot be served");
            }
            Err(_) => return,
        }
        self.current = Some(material);
        self.waiting = None;
    }

    /// The roots of what is served, and of what waits to be.
    fn wanted_roots(&self) -> Option<Vec<rustls::pki_types::CertificateDer<'static>>> {
        let mut roots = self.waiting.as_ref().map(|(material, _)| material.roots()).unwrap_or_default();
        for root in self.current.as_ref()?.roots() {
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
        Some(roots)
    }

    async fn tell(
        &self,
        configurations: &Api<DynamicObject>,
        bundle: &[rustls::pki_types::CertificateDer<'static>],
    ) -> Result<(), kube::Error> {
        let patch = trust::patch(&self.place.configuration, bundle);
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        configurations.patch(&self.place.configuration, &parameters, &Patch::Apply(&patch)).await?;
        tracing::info!(roots = bundle.len(), "told the API server which roots to trust");
        Ok(())
    }
}

/// A Secret's type cannot be changed.
fn secret_type(secret: &DynamicObject) -> &str {
    secret.data.get("type").and_then(serde_json::Value::as_str).unwrap_or("Opaque")
}
