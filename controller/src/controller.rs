//! The main loop: brings together what changed, what is due and what ended. While this replica is not the leader it only
//! watches.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::act::Error;
use crate::health::Health;
use crate::metrics::Ending;
use crate::observe::Key;
use crate::observe::watch::jittered;
use crate::queue::Queue;
use crate::reconcile::Reconciler;
use crate::resolve::Looked;

/// After a failed reconcile, doubled each time.
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LONGEST_RETRY: Duration = Duration::from_mins(1);
/// The loop turns at least so often, to show that it does.
const TURN: Duration = Duration::from_secs(10);
/// For running reconciles at the end.
const LAST_WORDS: Duration = Duration::from_secs(4);

/// What the loop hears.
pub struct Hears {
    pub changed: mpsc::UnboundedReceiver<Key>,
    pub looked: mpsc::UnboundedReceiver<Looked>,
    pub leads: watch::Receiver<bool>,
    pub stop: watch::Receiver<bool>,
}

/// For one reconcile, whatever the API server does. What was written stays; the next one goes on from there.
const PATIENCE: Duration = Duration::from_mins(2);

struct Done {
    key: Key,
    /// `None`: it did not end in time.
    result: Option<Result<Option<Duration>, Error>>,
    took: Duration,
}

/// Runs until it is told to stop. Every watch has seen a whole list before.
pub async fn run(reconciler: Arc<Reconciler>, health: Arc<Health>, mut hears: Hears) {
    let mut queue = Queue::default();
    let mut running: JoinSet<Done> = JoinSet::new();
    let mut failures: std::collections::BTreeMap<Key, u32> = std::collections::BTreeMap::new();
    let mut is_leader = false;
    loop {
        health.turn();
        let leads = *hears.leads.borrow_and_update();
        if leads != is_leader {
            is_leader = leads;
            queue.clear();
            failures.clear();
            if is_leader {
                let now = Instant::now();
                reconciler.index.resources().into_iter().for_each(|key| queue.want(key, true, now));
            } else {
                // Nothing may be written any more, not even what was begun.
                running.shutdown().await;
                reconciler.forget_all();
            }
        }
        if is_leader {
            for key in queue.take(Instant::now()) {
                let reconciler = Arc::clone(&reconciler);
                running.spawn(async move {
                    let began = Instant::now();
                    let result = tokio::time::timeout(PATIENCE, reconciler.reconcile(&key)).await.ok();
                    Done { key, result, took: began.elapsed() }
                });
            }
        }
        let next = queue.next().filter(|_| is_leader);
        let wake = next.unwrap_or_else(|| Instant::now() + TURN).min(Instant::now() + TURN);
        tokio::select! {
            _ = hears.stop.wait_for(|is_over| *is_over) => break,
            _ = hears.leads.changed() => {}
            Some(key) = hears.changed.recv() => {
                if is_leader {
                    queue.want(key, false, Instant::now());
                }
            }
            Some(looked) = hears.looked.recv() => {
                for key in looked.followers {
                    reconciler.metrics.resolved(&key, looked.took);
                    // A poll that finds everything as it was is nobody's business.
                    if looked.is_news {
                        queue.want(key, true, Instant::now());
                    }
                }
            }
            Some(done) = running.join_next(), if !running.is_empty() => match done {
                Ok(done) => finish(&reconciler, &mut queue, &mut failures, done),
                Err(error) => tracing::error!(%error, "a reconcile ended by a fault of this program"),
            },
            () = tokio::time::sleep_until(wake.into()) => {}
        }
    }
    let end = async { while running.join_next().await.is_some() {} };
    if tokio::time::timeout(LAST_WORDS, end).await.is_err() {
        tracing::warn!("a reconcile did not end in time");
    }
}

fn finish(
    reconciler: &Reconciler,
    queue: &mut Queue,
    failures: &mut std::collections::BTreeMap<Key, u32>,
    done: Done,
) {
    let Done { key, result, took } = done;
    let now = Instant::now();
    queue.done(&key, now);
    let mut failed = || {
        let count = failures.entry(key.clone()).or_default();
        *count = count.saturating_add(1);
        let pause = FIRST_RETRY.saturating_mul(1_u32.checked_shl(*count - 1).unwrap_or(u32::MAX));
        queue.want_at(key.clone(), now + jittered(pause.min(LONGEST_RETRY)));
        *count
    };
    let ending = match result {
        Some(Ok(again)) => {
            failures.remove(&key);
            if let Some(again) = again {
                queue.want_at(key.clone(), now + again);
            }
            if again.is_some_and(|again| again < TURN) { Ending::Requeue } else { Ending::Success }
        }
        None => {
            let count = failed();
            tracing::warn!(namespace = &*key.0, name = &*key.1, count, "a reconcile did not end in time");
            Ending::Error
        }
        Some(Err(error)) => {
            let count = failed();
            if error.is_conflict() {
                tracing::debug!(namespace = &*key.0, name = &*key.1, %error, "somebody else was faster");
                Ending::Requeue
            } else {
                tracing::warn!(namespace = &*key.0, name = &*key.1, %error, count, "a reconcile failed");
                Ending::Error
            }
        }
    };
    if reconciler.index.has_resource(&key) {
        reconciler.metrics.reconciled(&key, took, ending);
    }
}
