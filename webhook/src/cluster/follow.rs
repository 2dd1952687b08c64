//! Watches. Whatever the API server does, what was seen stays until a whole list says otherwise.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt as _;
use kube::Api;
use kube::api::DynamicObject;
use kube::runtime::watcher::{self, Event, watcher};

use super::{Key, key};

/// Objects in one page of a list.
const PAGE: u32 = 50;
/// Length of one watch; also the time after which a dead connection is noticed, and a few seconds.
const SECONDS: u32 = 240;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Where the objects of a watch go.
pub trait Sink: Send + Sync {
    /// An object as it is now.
    fn apply(&self, key: Key, object: DynamicObject);
    /// An object that is gone.
    fn remove(&self, key: &Key);
    /// What is kept of this watch's objects.
    fn kept(&self) -> Vec<Key>;
    /// Everything that there is has been shown.
    fn listed(&self);
}

/// The watch on one object.
pub fn single(name: &str) -> watcher::Config {
    watcher::Config::default().fields(&format!("metadata.name={name}"))
}

/// Shows `sink` every object, for ever.
pub async fn follow(what: &str, api: Api<DynamicObject>, config: watcher::Config, sink: &dyn Sink) {
    let mut events = Box::pin(watcher(api, config.page_size(PAGE).timeout(SECONDS)));
    let mut listed: Option<BTreeSet<Key>> = None;
    let mut pause = FIRST_PAUSE;
    let mut is_failing = false;
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!(watch = what, %error, "a watch failed; what it showed so far stays");
                }
                tokio::time::sleep(jittered(pause)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
        };
        match event {
            // A list that began anew narrows nothing before it is whole.
            Event::Init => listed = Some(BTreeSet::new()),
            Event::InitApply(object) => {
                let key = key_of(&object);
                if let Some(listed) = &mut listed {
                    listed.insert(key.clone());
                }
                sink.apply(key, object);
            }
            Event::InitDone => {
                let listed = listed.take().unwrap_or_default();
                sink.kept().iter().filter(|key| !listed.contains(*key)).for_each(|key| sink.remove(key));
                sink.listed();
                pause = FIRST_PAUSE;
                if std::mem::take(&mut is_failing) {
                    tracing::info!(watch = what, "a watch works again");
                }
            }
            Event::Apply(object) => {
                sink.apply(key_of(&object), object);
                pause = FIRST_PAUSE;
                is_failing = false;
            }
            Event::Delete(object) => sink.remove(&key_of(&object)),
        }
    }
}

fn key_of(object: &DynamicObject) -> Key {
    let metadata = &object.metadata;
    key(metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default())
}

/// From three quarters to five quarters, so that replicas do not ask in step.
fn jittered(pause: Duration) -> Duration {
    let chance = f64::from(crate::random::number() >> 16) / f64::from(u16::MAX);
    pause.mul_f64(0.75 + chance / 2.0)
}
