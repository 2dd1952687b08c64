//! The store below the API server, and how tests make it slow.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::supervised::Supervised;
use crate::{Error, port};

/// A running etcd.
#[derive(Debug)]
pub(crate) struct Etcd {
    pub(crate) process: Arc<Mutex<Supervised>>,
    pub(crate) url: String,
}

impl Etcd {
    /// Starts it in `directory`. It is ready when the API server above it is.
    pub(crate) fn start(program: &Path, directory: &Path, durable: bool) -> Result<Self, Error> {
        let url = format!("http://127.0.0.1:{}", port::free()?);
        let data = directory.join("data");
        let mut arguments: Vec<String> = [
            "--name=test",
            "--log-level=warn",
            // The one member talks to nobody.
            "--listen-peer-urls=http://127.0.0.1:0",
            "--initial-advertise-peer-urls=http://127.0.0.1:0",
            "--initial-cluster=test=http://127.0.0.1:0",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!("--data-dir={}", data.display()));
        arguments.push(format!("--listen-client-urls={url}"));
        arguments.push(format!("--advertise-client-urls={url}"));
        if !durable {
            arguments.push("--unsafe-no-fsync".to_owned());
        }
        let process = Supervised::start("etcd", program, &arguments, directory)?;
        Ok(Self { process: Arc::new(Mutex::new(process)), url })
    }
}

impl Etcd {
    /// Forgets all revisions but the newest.
    pub(crate) fn compact(&self) -> Result<(), Error> {
        // Any read tells the newest revision; NUL is the first key there could be.
        let answer = self.ask("/v3/kv/range", &json!({ "key": "AA==", "keys_only": true }))?;
        let revision = answer["header"]["revision"].clone();
        self.ask("/v3/kv/compaction", &json!({ "revision": revision, "physical": true })).map(drop)
    }

    /// A call of etcd's own API in JSON.
    fn ask(&self, path: &str, body: &Value) -> Result<Value, Error> {
        let failed = |error: &dyn std::fmt::Display| {
            Error::io(format!("etcd: POST {path}"))(std::io::Error::other(error.to_string()))
        };
        let answer = ureq::post(format!("{}{path}", self.url)).send(body.to_string());
        let text = answer.and_then(|mut answer| answer.body_mut().read_to_string());
        let text = text.map_err(|error| failed(&error))?;
        serde_json::from_str(&text).map_err(|error| failed(&error))
    }
}

/// The process behind a lock that a panicking test may have poisoned; it is as good as before.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// An etcd that answers nothing; it goes on when this is dropped.
#[derive(Debug)]
#[must_use = "etcd goes on as soon as this is dropped"]
pub struct StoppedEtcd {
    process: Arc<Mutex<Supervised>>,
}

impl StoppedEtcd {
    pub(crate) fn stop(process: &Arc<Mutex<Supervised>>) -> Result<Self, Error> {
        locked(process).signal(Signal::STOP)?;
        Ok(Self { process: Arc::clone(process) })
    }
}

impl Drop for StoppedEtcd {
    fn drop(&mut self) {
        _ = locked(&self.process).signal(Signal::CONT);
    }
}

/// An etcd that works in short turns only; it is itself again when this is dropped.
#[derive(Debug)]
#[must_use = "etcd is itself again as soon as this is dropped"]
pub struct SlowEtcd {
    over: Arc<AtomicBool>,
    turns: Option<JoinHandle<()>>,
}

impl SlowEtcd {
    pub(crate) fn begin(process: &Arc<Mutex<Supervised>>, stopped: Duration, running: Duration) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (process, is_over) = (Arc::clone(process), Arc::clone(&over));
        let turns = std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                _ = locked(&process).signal(Signal::STOP);
                std::thread::sleep(stopped);
                _ = locked(&process).signal(Signal::CONT);
                std::thread::sleep(running);
            }
        });
        Self { over, turns: Some(turns) }
    }
}

impl Drop for SlowEtcd {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(turns) = self.turns.take() {
            _ = turns.join();
        }
    }
}
