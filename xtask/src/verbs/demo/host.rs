//! The Git server of the demo, and when it was asked.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use stoker_test_gitserver::{HttpOptions, HttpServer, Repository};

/// The repository's name on the server.
pub(super) const NAME: &str = "plant.git";
/// An answer that is held back longer than this was forgotten.
const LONGEST_HOLD: Duration = Duration::from_secs(20);

/// A smart-HTTP server for one repository.
pub(super) struct Host {
    server: HttpServer,
    record: Arc<Record>,
}

#[derive(Default)]
struct Record {
    seen: Mutex<Seen>,
    released: Condvar,
}

#[derive(Default)]
struct Seen {
    /// When something was asked of the repository, oldest first; pushes are not in it.
    fetches: Vec<SystemTime>,
    holding: bool,
}

impl Host {
    /// Serves an empty bare repository below `dir`, which is made.
    pub(super) fn start(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let bare = Repository::init_bare(dir.join(NAME))?;
        // Housekeeping in the background would outlive the directory.
        bare.git(&["config", "receive.autogc", "false"])?;
        let options = HttpOptions { filter: true, push: true, ..HttpOptions::default() };
        let server = HttpServer::start(dir, options)?;
        let record = Arc::new(Record::default());
        let in_server = Arc::clone(&record);
        server.intercept(move |request| {
            if request.target().contains("git-upload-pack") {
                in_server.note();
            }
            None
        });
        Ok(Self { server, record })
    }

    pub(super) fn url(&self) -> String {
        self.server.url(NAME)
    }

    /// The first fetch or look-up at or after a time.
    pub(super) fn first_asked_since(&self, since: SystemTime) -> Option<SystemTime> {
        self.record.lock().fetches.iter().copied().find(|at| *at >= since)
    }

    /// From now on no fetch is answered until [`Self::release`].
    pub(super) fn hold(&self) {
        self.record.lock().holding = true;
    }

    pub(super) fn release(&self) {
        self.record.lock().holding = false;
        self.record.released.notify_all();
    }

    /// Whether connections are refused.
    pub(super) fn set_down(&self, down: bool) -> Result<()> {
        self.server.set_down(down)
    }
}

/// The server waits for its connections' threads.
impl Drop for Host {
    fn drop(&mut self) {
        self.release();
    }
}

impl Record {
    fn note(&self) {
        let mut seen = self.lock();
        seen.fetches.push(SystemTime::now());
        let held = self.released.wait_timeout_while(seen, LONGEST_HOLD, |seen| seen.holding);
        drop(held);
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
