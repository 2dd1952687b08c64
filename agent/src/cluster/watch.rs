//! One watch on the metadata `ConfigMap`, in a thread of its own: resumed where it ended, begun anew where the API server
//! has forgotten that place, and tried ever more rarely while it is away.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::client::{Client, ConfigMap, Error, LARGEST};
use crate::backoff::{Backoff, spread};
use crate::failure::Failure;
use crate::mailbox::Mailbox;
use crate::signals::spawn;

/// The server ends a watch after so long, less up to a tenth by jitter: twelve requests an hour.
const LASTS: Duration = Duration::from_secs(315);
/// The longest pause between two tries: a push must not wait for minutes because the API server was away for an hour.
const LONGEST: Duration = Duration::from_secs(30);
/// A watch that ends sooner, without a word, counts as a failure.
const TOO_SHORT: Duration = Duration::from_secs(1);
/// What a line needs is given back when it was longer than this.
const LINE: usize = 16 << 10;

/// What is known of the `ConfigMap`.
#[derive(Debug, Default)]
pub struct Seen {
    /// Moves with every change.
    pub version: u64,
    /// Its data; what was there last, when it is there no more.
    pub data: Option<BTreeMap<String, String>>,
    /// Why nothing, or nothing new, is known.
    pub trouble: Option<String>,
    /// Which object it was.
    uid: String,
    /// How many different objects of that name there were.
    pub objects: u64,
}

/// The watch, as the sync thread sees it.
#[derive(Debug, Clone)]
pub struct Watch(Arc<Mutex<Seen>>);

impl Watch {
    /// Begins. The mailbox rings when something changed.
    pub fn start(client: Client, name: String, mailbox: &Arc<Mailbox>) -> Result<Self, Failure> {
        let seen = Arc::<Mutex<Seen>>::default();
        let mut thread = Thread {
            client,
            name,
            seen: Arc::clone(&seen),
            mailbox: Arc::clone(mailbox),
            version: None,
            lasts: LASTS,
        };
        spawn("watch", move || thread.run())?;
        Ok(Self(seen))
    }

    /// What is known now.
    pub fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How a round ended, if nothing failed.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The server's time was over.
    Over,
    /// The server has forgotten where we were.
    Expired,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    object: ConfigMap,
}

struct Thread {
    client: Client,
    name: String,
    seen: Arc<Mutex<Seen>>,
    mailbox: Arc<Mailbox>,
    /// Where to go on; `None` to begin with what is there.
    version: Option<String>,
    lasts: Duration,
}

impl Thread {
    fn run(&mut self) {
        let mut backoff = Backoff::default();
        while !self.mailbox.stopping() {
            let began = Instant::now();
            let before = self.version.clone();
            match self.round() {
                Ok(End::Expired) if before.is_some() => {
                    tracing::debug!(name = self.name, "the watch is too far behind; beginning anew");
                    continue;
                }
                Ok(_) if began.elapsed() >= TOO_SHORT => {
                    backoff.reset();
                    continue;
                }
                Ok(_) => tracing::debug!(name = self.name, "the watch ended at once"),
                Err(error) => {
                    if began.elapsed() >= LONGEST {
                        backoff.reset();
                    }
                    self.trouble(error.to_string());
                }
            }
            if !self.mailbox.sleep(backoff.pause().min(spread(LONGEST))) {
                return;
            }
        }
    }

    /// Looks at what is there, if that is not known, and then at what happens to it.
    fn round(&mut self) -> Result<End, Error> {
        if self.version.is_none() {
            match self.client.get(&self.name)? {
                Some(found) => self.found(found),
                None => self.missing(),
            }
        }
        let seconds = spread(self.lasts).as_secs() as u32;
        match self.client.watch(&self.name, self.version.as_deref(), seconds) {
            Ok(lines) => self.follow(lines),
            Err(error) if error.status() == Some(410) => Ok(self.expired()),
            Err(error) => Err(error),
        }
    }

    fn follow(&mut self, lines: impl Read) -> Result<End, Error> {
        let broken = |why: String| Error::Odd { what: "the watch".to_owned(), why };
        let mut reader = BufReader::with_capacity(4 << 10, lines);
        let mut line = Vec::new();
        loop {
            line.clear();
            line.shrink_to(LINE);
            let read = reader.by_ref().take(LARGEST).read_until(b'\n', &mut line);
            match read {
                // Its time is over by our own clock: the server should have ended it.
                Err(error) if is_timeout(&error) => return Ok(End::Over),
                Err(error) => return Err(broken(error.to_string())),
                Ok(0) => return Ok(End::Over),
                Ok(_) if line.last() != Some(&b'\n') => return Err(broken("a line has no end".to_owned())),
                Ok(_) => {}
            }
            let Event { kind, object } =
                serde_json::from_slice(&line).map_err(|error| broken(error.to_string()))?;
            match kind.as_str() {
                "ERROR" if object.code == 410 => return Ok(self.expired()),
                "ERROR" => return Err(broken(format!("{} {}", object.code, object.message))),
                "BOOKMARK" => self.version = Some(object.metadata.resource_version),
                "DELETED" => {
                    self.version = Some(object.metadata.resource_version);
                    self.missing();
                }
                _ => self.found(object),
            }
        }
    }

    fn expired(&mut self) -> End {
        self.version = None;
        End::Expired
    }

    fn found(&mut self, map: ConfigMap) {
        self.version = Some(map.metadata.resource_version);
        let uid = map.metadata.uid;
        self.change(|seen| {
            if seen.uid != uid {
                seen.uid = uid;
                seen.objects += 1;
            } else if seen.data.as_ref() == Some(&map.data) {
                return seen.trouble.take().is_some();
            }
            seen.data = Some(map.data);
            seen.trouble = None;
            seen.version += 1;
            true
        });
    }

    fn missing(&self) {
        self.trouble(format!(
            "ConfigMap {} is not there: is there such a GatewaySync, and does the controller run?",
            self.name
        ));
    }

    fn trouble(&self, why: String) {
        self.change(|seen| {
            if seen.trouble.as_ref() == Some(&why) {
                return false;
            }
            if seen.data.is_some() {
                tracing::warn!("{why}; what was wanted before stays in force");
            }
            seen.trouble = Some(why);
            true
        });
    }

    /// Rings if something changed.
    fn change(&self, change: impl FnOnce(&mut Seen) -> bool) {
        let changed = change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        if changed {
            self.mailbox.post(|mail| mail.wishes = true);
        }
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    matches!(inner, Some(ureq::Error::Timeout(ureq::Timeout::RecvBody)))
}
