//! What became of the wishes, written by a thread of its own: the sync thread never waits for the API server, and what was
//! overtaken is not written any more.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;

use super::client::Client;
use crate::backoff::{Backoff, spread};
use crate::failure::Failure;
use crate::signals::spawn;

/// Two writes are at least so far apart.
const APART: Duration = Duration::from_secs(1);
/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_mins(1);

/// One entry: the key of this pod in one `ConfigMap`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Entry {
    map: String,
    json: String,
}

/// What is to be written. The newest only.
#[derive(Debug, Default)]
struct Desk {
    status: Option<Entry>,
    changes: Option<Entry>,
}

/// Takes entries and writes them.
#[derive(Debug, Clone)]
pub struct Reports {
    desk: Arc<(Mutex<Desk>, Condvar)>,
}

impl Reports {
    /// Begins; entries are of this pod.
    pub fn start(client: Client, pod: String) -> Result<Self, Failure> {
        let desk = Arc::<(Mutex<Desk>, Condvar)>::default();
        let writer = Arc::clone(&desk);
        spawn("report", move || write_all(&client, &pod, &writer))?;
        Ok(Self { desk })
    }

    /// This pod's status from now on.
    pub fn status(&self, map: String, json: String) {
        self.put(|desk| desk.status = Some(Entry { map, json }));
    }

    /// This pod's changes from now on.
    pub fn changes(&self, map: String, json: String) {
        self.put(|desk| desk.changes = Some(Entry { map, json }));
    }

    fn put(&self, change: impl FnOnce(&mut Desk)) {
        change(&mut self.desk.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.desk.1.notify_all();
    }
}

fn write_all(client: &Client, pod: &str, (desk, bell): &(Mutex<Desk>, Condvar)) {
    let lock = || desk.lock().unwrap_or_else(PoisonError::into_inner);
    let mut backoff = Backoff::default();
    loop {
        let (status, changes) = {
            let mut desk = lock();
            while desk.status.is_none() && desk.changes.is_none() {
                desk = bell.wait(desk).unwrap_or_else(PoisonError::into_inner);
            }
            (desk.status.take(), desk.changes.take())
        };
        let (status, changes) = (write(client, pod, status), write(client, pod, changes));
        let failed = status.is_some() || changes.is_some();
        {
            let mut desk = lock();
            // What has come meanwhile is newer.
            desk.status = desk.status.take().or(status);
            desk.changes = desk.changes.take().or(changes);
        }
        let pause = if failed {
            backoff.pause().min(spread(LONGEST))
        } else {
            backoff.reset();
            APART
        };
        std::thread::sleep(pause);
    }
}

/// Writes it; gives it back if that failed.
fn write(client: &Client, pod: &str, entry: Option<Entry>) -> Option<Entry> {
    let entry = entry?;
    match client.patch(&entry.map, &json!({ "data": { pod: entry.json } })) {
        Ok(()) => None,
        Err(error) => {
            tracing::debug!(%error, map = entry.map, "failed to report; trying again later");
            Some(entry)
        }
    }
}
