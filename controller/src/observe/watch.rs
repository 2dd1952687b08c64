//! Watches: whatever the API server does, what was seen stays until a whole list says otherwise.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::{Key, key};

/// Objects in one page of a list: a page of pods' metadata is about a megabyte.
const PAGE: u32 = 250;
/// Length of one watch; also the time after which a dead connection is noticed, and a few seconds.
const SECONDS: u32 = 240;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Where objects go.
pub trait Sink<K>: Send + Sync + 'static {
    /// An object as it is now.
    fn apply(&self, object: K);
    /// An object that is gone.
    fn remove(&self, key: &Key);
    /// What is kept of this watch's objects.
    fn kept(&self) -> Vec<Key>;
}

/// How far a watch is: the first whole list was seen.
pub type Ready = watch::Receiver<bool>;

/// The settings of a watch on everything with a label, or on all.
pub fn config(labels: Option<&str>) -> watcher::Config {
    let config = watcher::Config::default().page_size(PAGE).timeout(SECONDS);
    match labels {
        Some(labels) => config.labels(labels),
        None => config,
    }
}

/// Watches for ever, in a task of its own.
pub fn spawn<K>(what: &'static str, api: Api<K>, config: watcher::Config, sink: Arc<impl Sink<K>>) -> Watch
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let (tell, ready) = watch::channel(false);
    let task = tokio::spawn(async move { follow(what, api, config, &*sink, &tell).await });
    Watch { task, ready }
}

/// A running watch, stopped on drop.
pub struct Watch {
    task: tokio::task::JoinHandle<()>,
    pub ready: Ready,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow<K>(
    what: &str,
    api: Api<K>,
    config: watcher::Config,
    sink: &impl Sink<K>,
    ready: &watch::Sender<bool>,
) where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let mut events = Box::pin(watcher(api, config));
    let mut listed: Option<BTreeSet<Key>> = None;
    let mut pause = FIRST_PAUSE;
    let mut is_failing = false;
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                if !is_failing {
                    tracing::warn!(watch = what, %error, "a watch failed; what it showed so far stays");
                }
                is_failing = true;
                tokio::time::sleep(jittered(pause)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
        };
        match event {
            // A list that began anew does not narrow anything before it is whole.
            Event::Init => listed = Some(BTreeSet::new()),
            Event::InitApply(object) => {
                if let Some(listed) = &mut listed {
                    listed.insert(name_of(&object));
                }
                sink.apply(object);
            }
            Event::InitDone => {
                if let Some(listed) = listed.take() {
                    sink.kept().iter().filter(|key| !listed.contains(*key)).for_each(|key| sink.remove(key));
                }
                ready.send_replace(true);
                pause = FIRST_PAUSE;
                if std::mem::take(&mut is_failing) {
                    tracing::info!(watch = what, "a watch works again");
                }
            }
            Event::Apply(object) => {
                sink.apply(object);
                pause = FIRST_PAUSE;
                is_failing = false;
            }
            Event::Delete(object) => sink.remove(&name_of(&object)),
        }
    }
}

fn name_of<K: Resource>(object: &K) -> Key {
    key(&object.namespace().unwrap_or_default(), &object.name_any())
}

/// From three quarters to five quarters.
pub fn jittered(pause: Duration) -> Duration {
    use std::hash::{BuildHasher as _, RandomState};
    let chance = f64::from((RandomState::new().hash_one(0) >> 40) as u32) / f64::from(1_u32 << 24);
    pause.mul_f64(0.75 + chance / 2.0)
}
