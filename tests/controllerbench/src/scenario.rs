//! The order in which everything is measured.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::{TryStreamExt as _, stream};
use serde_json::json;

use crate::cluster::Cluster;
use crate::estate::{AT_ONCE, Estate, STATED, Size};
use crate::figures::{Figures, Idle, Push, Reports, Start, Way};
use crate::forge::Forge;
use crate::gateways;
use crate::program::Program;
use crate::sight::Sight;

/// Repositories that the resources follow at the end.
const REPOSITORIES: usize = 10;
/// The default of `polling.interval`.
const POLLING: Duration = Duration::from_mins(1);

/// What is measured, and with what.
pub struct Scenario<'a> {
    /// The controller.
    pub program: &'a Path,
    /// No five idle minutes.
    pub quick: bool,
    /// Says what goes on.
    pub tell: &'a dyn Fn(&str),
}

/// Everything there is while the measuring goes on.
struct Stage<'a> {
    cluster: &'a Cluster,
    forge: &'a Forge,
    estate: &'a Estate,
    sight: Sight,
    controller: Program,
}

impl Scenario<'_> {
    /// Measures everything.
    pub async fn run(&self) -> Result<Figures> {
        let size = STATED;
        (self.tell)("starting an API server and a Git server");
        let forge = Forge::start(REPOSITORIES)?;
        let cluster = Cluster::start().await?;
        (self.tell)(&format!("making {}", words(size)));
        let estate = Estate::make(&cluster, &forge, size).await?;
        let run_directory = tempfile::tempdir()?;
        let start = || -> Result<Program> {
            Program::start(self.program, &cluster.kubeconfig()?, &cluster.namespace, run_directory.path())
        };
        let sight = Sight::open(&cluster.client);

        (self.tell)("the first start");
        let mark = cluster.mark()?;
        let mut stage =
            Stage { cluster: &cluster, forge: &forge, estate: &estate, sight, controller: start()? };
        let listed = stage.controller.listed().await?;
        let commit = forge.head(0)?;
        let last = stage.sight.metadata(stage.count(), &commit).await?;
        cluster.quiet().await?;
        let first_start = Start {
            listed_seconds: listed.as_secs_f64(),
            metadata_seconds: Some((last - stage.controller.began()).as_secs_f64()),
            peak_bytes: stage.controller.memory()?.peak,
            cpu_seconds: stage.controller.processor_time()?.as_secs_f64(),
            writes: cluster.traffic_since(mark)?.writes,
        };
        (self.tell)("the first reports of all agents");
        let first_reports = stage.report(&commit).await?;
        cluster.quiet().await?;

        (self.tell)("a restart");
        let Stage { sight, controller, .. } = stage;
        controller.stop().await?;
        let mark = cluster.mark()?;
        let mut stage =
            Stage { cluster: &cluster, forge: &forge, estate: &estate, sight, controller: start()? };
        let listed = stage.controller.listed().await?;
        cluster.quiet().await?;
        let restart = Start {
            listed_seconds: listed.as_secs_f64(),
            metadata_seconds: None,
            peak_bytes: stage.controller.memory()?.peak,
            cpu_seconds: stage.controller.processor_time()?.as_secs_f64(),
            writes: cluster.traffic_since(mark)?.writes,
        };

        // Out of the time in which threads of the first looks end.
        tokio::time::sleep(Duration::from_secs(5)).await;
        (self.tell)("an idle minute");
        let minute = stage.idle(POLLING, 1).await?;
        let five_minutes = if self.quick {
            None
        } else {
            (self.tell)("five idle minutes");
            Some(stage.idle(5 * POLLING, 1).await?)
        };
        let mut pushes = Vec::new();
        for way in [Way::OneReceiver, Way::AllReceivers, Way::NextPoll] {
            (self.tell)(&format!("a push: {way:?}"));
            pushes.push(stage.push(way).await?);
            cluster.quiet().await?;
        }
        (self.tell)("ten repositories with two credentials and two branches");
        let pairs = estate.spread(&cluster, &forge, REPOSITORIES).await?;
        cluster.quiet().await?;
        let ten_repositories = stage.idle(if self.quick { POLLING } else { 2 * POLLING }, pairs).await?;
        let peak_bytes = stage.controller.memory()?.peak;
        for complaint in stage.controller.complaints() {
            eprintln!("the controller says: {complaint}");
        }
        stage.controller.stop().await?;
        Ok(Figures {
            estate: estate.figures(),
            first_start,
            first_reports,
            restart,
            minute,
            five_minutes,
            pushes,
            ten_repositories,
            peak_bytes,
        })
    }
}

impl Stage<'_> {
    fn count(&self) -> usize {
        self.estate.resources.len()
    }

    /// Nothing happens for a while.
    async fn idle(&self, time: Duration, pairs: usize) -> Result<Idle> {
        let mark = self.cluster.mark()?;
        let (began, before) = (Instant::now(), self.controller.processor_time()?);
        tokio::time::sleep(time).await;
        let cpu = self.controller.processor_time()?.saturating_sub(before);
        let seconds = began.elapsed().as_secs_f64();
        let ls_refs = self.forge.asked_since(began);
        let traffic = self.cluster.traffic_since(mark)?;
        Ok(Idle {
            seconds,
            cpu_seconds: cpu.as_secs_f64(),
            memory: self.controller.memory()?,
            threads: self.controller.threads()?,
            writes: traffic.writes,
            reads: traffic.reads,
            lease: traffic.lease,
            ls_refs,
            repositories_and_credentials: pairs,
            polling_seconds: POLLING.as_secs_f64(),
        })
    }

    /// All agents report that they are synced.
    async fn report(&self, commit: &str) -> Result<Reports> {
        let mark = self.cluster.mark()?;
        let before = self.controller.processor_time()?;
        let (began, reported) = gateways::report(self.cluster, &self.estate.resources, commit).await?;
        let synced = self.sight.synced(self.count(), commit).await?;
        let cpu = self.controller.processor_time()?.saturating_sub(before);
        Ok(Reports {
            reported_seconds: (reported - began).as_secs_f64(),
            synced_seconds: (synced - began).as_secs_f64(),
            after_last_report_seconds: synced.saturating_duration_since(reported).as_secs_f64(),
            writes: self.cluster.traffic_since(mark)?.writes.values().sum(),
            cpu_seconds: cpu.as_secs_f64(),
        })
    }

    /// A push, until all agents know of it, and until they have reported.
    async fn push(&self, way: Way) -> Result<Push> {
        let commit = self.forge.push(0)?;
        let (began, before) = (Instant::now(), self.controller.processor_time()?);
        let told = match way {
            Way::OneReceiver => 1,
            Way::AllReceivers => self.count(),
            Way::NextPoll => 0,
        };
        // What the receiver writes about a push to the branch that is followed.
        let patch = json!({ "metadata": { "annotations": { "stoker.io/requested-commit": commit } } });
        stream::iter(self.estate.resources.iter().take(told).map(Ok))
            .try_for_each_concurrent(AT_ONCE, |resource| resource.patch(self.cluster, &patch))
            .await?;
        let annotated = if told == 0 { Duration::ZERO } else { began.elapsed() };
        let last = self.sight.metadata(self.count(), &commit).await?;
        let cpu = self.controller.processor_time()?.saturating_sub(before);
        let ls_refs = self.forge.asked_since(began).values().sum();
        let asked = self.forge.first_since(began).context("the controller asked for no refs")?;
        Ok(Push {
            way,
            annotated_seconds: annotated.as_secs_f64(),
            asked_seconds: (asked - began).as_secs_f64(),
            metadata_seconds: (last - began).as_secs_f64(),
            ls_refs,
            cpu_seconds: cpu.as_secs_f64(),
            reports: self.report(&commit).await?,
        })
    }
}

fn words(size: Size) -> String {
    let resources = size.sites * size.resources;
    format!(
        "{resources} GatewaySyncs with {} gateways in {} namespaces, and {} other pods",
        resources * size.gateways,
        size.sites,
        size.unrelated
    )
}
