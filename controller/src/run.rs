//! Wires everything together.

use std::net::{IpAddr, ToSocketAddrs as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use crate::act::{Actor, Recorder};
use crate::cli::Options;
use crate::controller::{self, Hears};
use crate::health::Health;
use crate::lease::Candidate;
use crate::log::Level;
use crate::metrics::Metrics;
use crate::observe::facts;
use crate::observe::index::{Index, Part, component};
use crate::observe::kinds::{
    BindingSeen, ConfigMapMeta, ConfigMapSeen, GatewaySyncSeen, PodMeta, RoleSeen, SecretMeta,
};
use crate::observe::secrets::Watches;
use crate::observe::watch::{self as watches, Watch};
use crate::reconcile::Reconciler;
use crate::resolve::host::HostPolicy;
use crate::resolve::{Looker, Resolver};
use crate::serve::{self, Pages};

/// sysexits: the system refused.
const OS: u8 = 71;
/// sysexits: bad configuration.
const CONFIG: u8 = 78;

/// Threads for looks at repositories: those of the resolver, and a few that hang at dead servers.
const BLOCKING_THREADS: usize = 32;
/// Debug builds need more than the 128 KiB that a look takes.
const STACK: usize = 512 * 1024;
/// For a connection to the API server.
const CONNECT: Duration = Duration::from_secs(10);
/// For a silence on one: longer than a watch, in which nothing may happen.
const SILENCE: Duration = Duration::from_mins(5);
/// For the gateways' pods to be fetched at the start.
const LONGEST_FETCH: Duration = Duration::from_secs(10);
/// From the signal to the end.
const DEADLINE: Duration = Duration::from_secs(10);

/// Why the program cannot run.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("cannot find the cluster: {0}; run in a pod, or give --kubeconfig")]
    Cluster(String),
    #[error("cannot {0}: {1}")]
    System(&'static str, std::io::Error),
}

/// Runs until a signal.
pub fn run(options: &Options, level: Level) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_stack_size(STACK)
        .thread_keep_alive(Duration::from_secs(2))
        .build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(live(options, level));
            // Looks that hang at a server end with the process.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(Problem::System("start a runtime", error)),
    };
    let Err(problem) = result else { return ExitCode::SUCCESS };
    tracing::error!(%problem, "cannot run");
    ExitCode::from(match problem {
        Problem::Cluster(_) => CONFIG,
        Problem::System(..) => OS,
    })
}

async fn live(options: &Options, level: Level) -> Result<(), Problem> {
    let (stop, stopped) = watch::channel(false);
    signals(stop)?;
    let listener = TcpListener::bind(options.listen).await;
    let listener = listener.map_err(|error| Problem::System("listen on --listen", error))?;
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
    }

    let mut config = config(options).await?;
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(SILENCE);
    config.write_timeout = Some(SILENCE);
    let own_namespace = options.lease_namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    let policy = HostPolicy { allowed: options.allowed_hosts.clone(), api_server: api_addresses(&config) };
    let client = Client::try_from(config).map_err(|error| Problem::Cluster(error.to_string()))?;

    let (changed, changes) = mpsc::unbounded_channel();
    let (fetch, fetches) = mpsc::unbounded_channel();
    let (news, looked) = mpsc::unbounded_channel();
    let index = Arc::new(Index::new(changed, fetch));
    let running = watch_all(&client, &index, &options.namespaces);
    let metrics = Arc::new(Metrics::default());
    let health =
        Arc::new(Health::new(running.iter().map(|(what, watch)| (*what, watch.ready.clone())).collect()));
    let pages = Pages { health: Arc::clone(&health), metrics: Arc::clone(&metrics), level };
    tokio::spawn(serve::serve(listener, Arc::new(pages)));
    tokio::spawn(facts::run(client.clone(), Arc::clone(&index), fetches));

    let looker = Looker::new(policy.clone(), options.run_directory.clone());
    let resolver = Arc::new(Resolver::new(looker, news));
    tokio::spawn(Arc::clone(&resolver).run());
    let identity = identity();
    let recorder = Arc::new(Recorder::new(client.clone(), identity.clone()));
    let reconciler = Arc::new(Reconciler {
        actor: Actor::new(client.clone(), Arc::clone(&index), Arc::clone(&recorder)),
        secrets: Watches::new(client.clone(), Arc::clone(&index)),
        index,
        recorder,
        resolver,
        metrics,
        policy,
        agent_image: options.agent_image.clone(),
        began: Instant::now(),
        memory: std::sync::Mutex::default(),
    });

    let (leads, is_leader) = watch::channel(!options.leader_election);
    // The loop's own signal: the lease is let go only after the last write.
    let (finish, finished) = watch::channel(false);
    let elections = options.leader_election.then(|| {
        let candidate = Candidate::new(client, &own_namespace, &options.lease_name, identity);
        tokio::spawn(candidate.run(leads.clone(), finished))
    });
    let hears = Hears { changed: changes, looked, leads: is_leader, stop: stopped.clone() };
    let work = async {
        if wait_until_listed(&running, &reconciler.index, stopped.clone()).await {
            tracing::info!("every watch has seen a whole list");
            controller::run(reconciler, health, hears).await;
        }
    };
    let deadline = async {
        let mut stopped = stopped.clone();
        _ = stopped.wait_for(|is_over| *is_over).await;
        tokio::time::sleep(DEADLINE).await;
    };
    tokio::select! {
        () = async {
            work.await;
            finish.send_replace(true);
            if let Some(elections) = elections {
                _ = elections.await;
            }
        } => {}
        () = deadline => tracing::warn!("the end took too long"),
    }
    tracing::info!("stopped");
    drop(leads);
    Ok(())
}

/// Waits until every watch has seen a whole list and the gateways' pods were fetched; `false`: told to stop first.
///
/// Without the pods' accounts and phases a restart would write every status twice. An API server that does not give them
/// out delays the start, and does not prevent it.
async fn wait_until_listed(
    running: &[(&'static str, Watch)],
    index: &Index,
    mut stopped: watch::Receiver<bool>,
) -> bool {
    let all = async {
        for (_, watch) in running {
            _ = watch.ready.clone().wait_for(|is_ready| *is_ready).await;
        }
        let listed = Instant::now();
        while index.lacks_facts() && listed.elapsed() < LONGEST_FETCH {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = all => true,
        _ = stopped.wait_for(|is_over| *is_over) => false,
    }
}

fn watch_all(client: &Client, index: &Arc<Index>, namespaces: &[String]) -> Vec<(&'static str, Watch)> {
    let scopes: Vec<Option<&str>> = match namespaces {
        [] => vec![None],
        some => some.iter().map(|namespace| Some(namespace.as_str())).collect(),
    };
    let ours = "app.kubernetes.io/managed-by=stoker";
    let of = |components: &str| format!("{ours},{} in ({components})", crate::observe::index::COMPONENT);
    let read = of(&format!("{},{}", component::METADATA, component::STATUS));
    let changes = of(component::CHANGES);
    let tokens = of(component::TOKEN);
    let mut running = Vec::new();
    for scope in scopes {
        let part = Arc::new(Part { index: Arc::clone(index), namespace: scope.map(Into::into) });
        macro_rules! watch {
            ($what:literal, $kind:ty, $labels:expr) => {{
                let api: Api<$kind> = match scope {
                    Some(namespace) => Api::namespaced(client.clone(), namespace),
                    None => Api::all(client.clone()),
                };
                let config = watches::config($labels);
                running.push(($what, watches::spawn($what, api, config, Arc::clone(&part))));
            }};
        }
        watch!("gatewaysyncs", GatewaySyncSeen, None);
        watch!("pods", PodMeta, None);
        watch!("configmaps", ConfigMapSeen, Some(&read));
        watch!("changes", ConfigMapMeta, Some(&changes));
        watch!("roles", RoleSeen, Some(ours));
        watch!("rolebindings", BindingSeen, Some(ours));
        watch!("tokens", SecretMeta, Some(&tokens));
    }
    running
}

async fn config(options: &Options) -> Result<Config, Problem> {
    let cannot = |error: &dyn std::fmt::Display| Problem::Cluster(error.to_string());
    match &options.kubeconfig {
        Some(path) => {
            let kubeconfig = Kubeconfig::read_from(path).map_err(|error| cannot(&error))?;
            let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
            config.map_err(|error| cannot(&error))
        }
        None => Config::incluster().map_err(|error| cannot(&error)),
    }
}

/// Where the cluster's API is: no repository is there.
fn api_addresses(config: &Config) -> Vec<IpAddr> {
    let host = config.cluster_url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let found = (host.as_str(), 443).to_socket_addrs();
    let mut addresses: Vec<IpAddr> =
        found.map(|found| found.map(|address| address.ip()).collect()).unwrap_or_default();
    addresses
        .extend(std::env::var("KUBERNETES_SERVICE_HOST").ok().and_then(|host| host.parse::<IpAddr>().ok()));
    // On a desk the API server may be on this machine, where tests have their Git servers too.
    addresses.retain(|address| !address.is_loopback());
    addresses
}

/// A name that no other replica has, also after a restart in the same pod.
fn identity() -> String {
    let host = std::env::var(stoker_api::names::env::POD_NAME).or_else(|_| std::env::var("HOSTNAME"));
    let host = host.unwrap_or_else(|_| "stoker-controller".to_owned());
    format!("{host}_{:x}_{:x}", std::process::id(), jiff::Timestamp::now().as_microsecond())
}

fn signals(stop: watch::Sender<bool>) -> Result<(), Problem> {
    use tokio::signal::unix::{SignalKind, signal};
    let cannot = |error| Problem::System("listen for signals", error);
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("told to stop");
            stop.send_replace(true);
        }
    });
    Ok(())
}
