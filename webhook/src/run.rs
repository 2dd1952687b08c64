//! Wiring: what the program consists of when it serves, and how it ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kube::{Client, Config};
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::NoServerSessionStorage;
use stoker_api::names::env;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::admission::{Admission, Mutate};
use crate::certificates::{Clock, Keeper, Place, Served};
use crate::cli::Options;
use crate::cluster::{self, Cache, GATEWAY_SYNC, Lookup, Secrets, follow};
use crate::inject;
use crate::metrics::Metrics;
use crate::receiver::{self, Keys, Receiver, Writer};
use crate::server::{Handler, Health, Limits, Listener, Probes};

/// A dead API server must not keep a push or a pod waiting for a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// The API server closes idle connections after 90 s. Whoever closes first may lose a request that is on its way, and with
/// it a pod's sidecar: so it must not be us.
const ADMISSION: Limits = Limits { connections: 128, per_source: 64, head: Duration::from_mins(2) };
const RECEIVER: Limits = Limits { connections: 128, per_source: 64, head: Duration::from_secs(10) };
const PROBES: Limits = Limits { connections: 32, per_source: 16, head: Duration::from_secs(10) };

/// Why the program cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no cluster to ask.
    #[error("no cluster is configured: {0}; run it in a pod, or with a kubeconfig")]
    NoCluster(String),
    /// The system refused.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// TLS cannot be had.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// What comes from outside the command line.
pub struct Surroundings {
    /// How the cluster is reached.
    pub config: Config,
    /// Image of the sidecar where the resource names none.
    pub default_image: Option<String>,
    /// What opens the receiver.
    pub keys: Keys,
    /// The wall clock.
    pub clock: Clock,
}

impl Surroundings {
    /// From the environment.
    pub async fn from_environment(clock: Clock) -> Result<Self, RunError> {
        let config = Config::infer().await.map_err(|error| RunError::NoCluster(error.to_string()))?;
        let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.trim().is_empty());
        let secret = |name| variable(name).map(|value| receiver::Secret::from(value.trim().as_bytes()));
        Ok(Self {
            config,
            default_image: variable(env::DEFAULT_AGENT_IMAGE),
            keys: Keys { hmac: secret(env::WEBHOOK_HMAC_SECRET), token: secret(env::WEBHOOK_BEARER_TOKEN) },
            clock,
        })
    }
}

/// Where a running program listens.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Addresses {
    pub admission: SocketAddr,
    pub receiver: Option<SocketAddr>,
    pub probes: SocketAddr,
}

/// Serves until `end` says so; `started` hears where.
pub async fn serve(
    options: &Options,
    mut surroundings: Surroundings,
    end: impl Future<Output = ()>,
    started: impl FnOnce(Addresses),
) -> Result<(), RunError> {
    surroundings.config.connect_timeout = Some(CONNECT);
    let namespace = options
        .namespace
        .clone()
        .or_else(|| std::env::var(env::POD_NAMESPACE).ok())
        .unwrap_or_else(|| surroundings.config.default_namespace.clone());
    let provider = Arc::new(ring::default_provider());
    let client =
        Client::try_from(surroundings.config).map_err(|error| RunError::NoCluster(error.to_string()))?;
    let metrics = Arc::new(Metrics::default());
    let (cache, served) = (Arc::new(Cache::default()), Arc::new(Served::default()));
    let secrets = Arc::new(Secrets::default());
    let acceptor = acceptor(&provider, &served)?;

    let admission = bind(options.address, Some(acceptor.clone()), ADMISSION).await?;
    let receiver = match options.receiver_address {
        None => None,
        Some(address) => Some(bind(address, options.receiver_tls.then_some(acceptor), RECEIVER).await?),
    };
    let probes = bind(options.probe_address, None, PROBES).await?;
    let addresses = Addresses {
        admission: admission.1,
        receiver: receiver.as_ref().map(|(_, address)| *address),
        probes: probes.1,
    };
    tracing::info!(
        admission = %addresses.admission,
        receiver = addresses.receiver.map(tracing::field::display),
        probes = %addresses.probes,
        namespace,
        version = env!("CARGO_PKG_VERSION"),
        "listening"
    );

    let health = Arc::new(Health {
        cache: Arc::clone(&cache),
        served: Arc::clone(&served),
        is_draining: AtomicBool::new(false),
    });
    let settings = inject::Settings {
        default_image: surroundings.default_image,
        when_paused: options.when_paused,
        when_invalid: options.when_invalid,
    };
    let lookup = Lookup::new(client.clone());
    let mutate = Mutate::new(Admission::new(settings, Arc::clone(&cache), lookup, Arc::clone(&metrics)));
    let pushes = Receiver::new(
        receiver_settings(options, surroundings.keys),
        Arc::clone(&cache),
        Arc::clone(&secrets),
        Writer::new(client.clone()),
        Arc::clone(&metrics),
    );
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    spawn(&mut tasks, admission.0, Arc::new(mutate), &stopped);
    if let Some((receiver, _)) = receiver {
        spawn(&mut tasks, receiver, Arc::new(pushes), &stopped);
    }
    let probe_handler = Probes { health: Arc::clone(&health), metrics: Arc::clone(&metrics) };
    spawn(&mut tasks, probes.0, Arc::new(probe_handler), &stopped);
    let keeper = Keeper::new(
        client.clone(),
        place(options, namespace),
        surroundings.clock,
        provider,
        served,
        Arc::clone(&metrics),
    );
    tasks.spawn(keeper.keep(stopped));

    let resources = cluster::api(&client, GATEWAY_SYNC, None);
    let watched = Arc::clone(&cache);
    let watching = tokio::spawn(async move {
        follow("GatewaySyncs", resources, kube::runtime::watcher::Config::default(), &*watched).await;
    });
    let secrets = tokio::spawn(secrets.follow(client, cache));
    started(addresses);

    end.await;
    tracing::info!(seconds = options.drain.as_secs(), "ending: not ready any more, still answering");
    health.is_draining.store(true, Ordering::Release);
    tokio::time::sleep(options.drain).await;
    stop.send_replace(true);
    while tasks.join_next().await.is_some() {}
    watching.abort();
    secrets.abort();
    tracing::info!("ended");
    Ok(())
}

fn receiver_settings(options: &Options, global: Keys) -> receiver::Settings {
    if options.receiver_address.is_some() && options.allow_unauthenticated && global.is_empty() {
        tracing::warn!("the receiver takes pushes of anybody");
    }
    receiver::Settings {
        global,
        allow_unauthenticated: options.allow_unauthenticated,
        rate_per_source: options.rate_per_source,
        rate_per_resource: options.rate_per_resource,
    }
}

fn place(options: &Options, namespace: String) -> Place {
    let service = &options.service;
    let mut names = vec![
        format!("{service}.{namespace}.svc"),
        service.clone(),
        format!("{service}.{namespace}"),
        format!("{service}.{namespace}.svc.cluster.local"),
    ];
    names.extend(options.tls_names.iter().cloned());
    let identity = options.identity.clone().or_else(|| std::env::var(env::POD_NAME).ok());
    let random = || format!("stoker-webhook-{:08x}{:08x}", crate::random::number(), crate::random::number());
    Place {
        namespace,
        secret: options.tls_secret.clone(),
        configuration: options.configuration.clone(),
        lease: options.lease.clone(),
        identity: identity.unwrap_or_else(random),
        names,
    }
}

fn acceptor(provider: &Arc<CryptoProvider>, served: &Arc<Served>) -> Result<TlsAcceptor, rustls::Error> {
    let resolver: Arc<Served> = Arc::clone(served);
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    // Few clients, long connections: resumption would only cost memory.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn bind(
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    limits: Limits,
) -> Result<(Listener, SocketAddr), RunError> {
    let refused = |source| RunError::System { what: format!("cannot listen on {address}"), source };
    let listener = Listener::bind(address, tls, limits).await.map_err(refused)?;
    let bound = listener.address().map_err(refused)?;
    Ok((listener, bound))
}

fn spawn<H: Handler>(
    tasks: &mut JoinSet<()>,
    listener: Listener,
    handler: Arc<H>,
    stopped: &watch::Receiver<bool>,
) {
    tasks.spawn(listener.serve(handler, stopped.clone()));
}
