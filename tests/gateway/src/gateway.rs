//! The handle by which a test holds a gateway.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::api::Api;
use crate::faults::Faults;
use crate::http::Server;
use crate::life;
use crate::record::{Incident, Kind, Level, Request, Scan};
use crate::scan::Loaded;
use crate::settings::Settings;
use crate::shared::{Shared, State};

/// A running gateway; dropping it stops it.
///
/// Tokens are the one of the settings, and those that the data directory seeds, as loaded: the `config.json`
/// of `config/resources/<collection>/ignition/api-token/<name>/` holds in `settings.tokenHash` the base64url of
/// the SHA-256 of the secret's bytes. Removing that resource locks its holder out.
pub struct Gateway {
    shared: Arc<Shared>,
    /// Dropped first: no request is answered by a gateway that is half gone.
    server: Option<Server>,
    address: SocketAddr,
    worker: Option<JoinHandle<()>>,
}

impl Gateway {
    /// Starts a gateway. With `starting_for` zero and no commissioning due it has loaded everything and runs
    /// on return.
    pub fn start(settings: Settings) -> anyhow::Result<Self> {
        let address = SocketAddr::new(settings.address, settings.port);
        let at_once = settings.starting_for.is_zero();
        let shared = Arc::new(Shared::new(settings));
        let server = Server::start(address, Api(Arc::clone(&shared)))?;
        shared.set_doors(server.doors());
        let address = server.address();
        let life = Arc::clone(&shared);
        let worker = thread::Builder::new()
            .name("gateway".to_owned())
            .spawn(move || life::run(&life))
            .context("failed to start the gateway's thread")?;
        let gateway = Self { shared, server: Some(server), address, worker: Some(worker) };
        if at_once && !gateway.shared.wait(Duration::from_mins(1), |inner| inner.state != State::Starting) {
            bail!("failed to load the data directory within a minute");
        }
        Ok(gateway)
    }

    /// The web port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it was asked, oldest first. Requests of `/_test/…` are not in it.
    pub fn log(&self) -> Vec<Request> {
        self.shared.inner().records.requests.to_vec()
    }

    /// What it must not have seen, oldest first; each once as long as it lasts.
    pub fn incidents(&self) -> Vec<Incident> {
        self.shared.inner().records.incidents.to_vec()
    }

    /// Finished scans, oldest first.
    pub fn scans(&self) -> Vec<Scan> {
        self.shared.inner().records.scans.to_vec()
    }

    /// Forgets requests, incidents and scans.
    pub fn clear_records(&self) {
        self.shared.clear_records();
    }

    /// What it runs.
    pub fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.shared.inner().loaded)
    }

    /// What can be made to go wrong.
    pub fn faults(&self) -> Faults<'_> {
        Faults::new(&self.shared)
    }

    /// What it is doing.
    pub fn state(&self) -> State {
        self.shared.inner().state
    }

    /// Changes what it is doing, now. From `Commissioning` to `Running` commissioning finishes, with all that
    /// it overwrites; on the way to `Running` everything is loaded anew.
    pub fn set_state(&self, state: State) -> anyhow::Result<()> {
        life::enter(&self.shared, state)
    }

    /// Stops listening, forgets what it has loaded, and starts again: `STARTING` for so long, then as the
    /// disk is.
    pub fn restart(&self, starting_for: Duration) -> anyhow::Result<()> {
        self.shared.restart(starting_for)
    }

    /// Opens a Designer; the number closes it again.
    pub fn add_designer(&self, user: &str, project: &str) -> u64 {
        self.shared.add_designer(user.to_owned(), project.to_owned())
    }

    /// Closes a Designer.
    pub fn remove_designer(&self, id: u64) {
        self.shared.inner().designers.retain(|designer| designer.id != id);
    }

    /// A Designer's save without a change: the manifest gets a new `lastModification` and a signature that
    /// fits. `directory` is the resource's, relative to the data directory.
    pub fn touch_resource(&self, directory: &str) -> anyhow::Result<()> {
        self.save_resource(directory, &[])
    }

    /// A Designer's save: payloads by name, then the manifest. Files are written in place, so that hard links
    /// to them see it; the gateway runs what was saved.
    pub fn save_resource(&self, directory: &str, files: &[(&str, &[u8])]) -> anyhow::Result<()> {
        self.shared.save(directory, files)
    }

    /// Somebody else takes the scan-lock for so long. False if it is held.
    pub fn hold_scan_lock(&self, kind: Kind, time: Duration) -> bool {
        self.shared.inner().scan(kind).lock.take(Instant::now(), time)
    }

    /// Writes a line to the gateway's log.
    pub fn add_log(&self, level: Level, logger: &str, message: &str) {
        self.shared.log_line(level, logger, message);
    }

    /// A script of a project, as `GET /scripts/diagnostics/<kind>` shows it (`TIMER`, `STARTUP`, …), with its
    /// error if it has one.
    pub fn add_script(&self, kind: &str, project: &str, error: Option<&str>) {
        self.shared.add_script(kind, project, error);
    }

    /// What `GET /modules/quarantined` lists.
    pub fn set_quarantined(&self, modules: Vec<Value>) {
        self.shared.inner().quarantined = modules;
    }

    /// What `GET /restart-tasks/pending` lists.
    pub fn set_pending_restarts(&self, tasks: Vec<Value>) {
        self.shared.inner().pending_restarts = tasks;
    }

    /// Waits for a scan that began at or after `since` and has finished: it has seen what was written before.
    pub fn wait_for_scan(&self, kind: Kind, since: SystemTime, at_most: Duration) -> anyhow::Result<Scan> {
        self.wait_for(at_most, &format!("a scan of {}", kind.as_str()), |gateway| {
            gateway.scans().into_iter().find(|scan| scan.kind == kind && scan.started >= since)
        })
    }

    /// Waits until the gateway is doing this.
    pub fn wait_for_state(&self, state: State, at_most: Duration) -> anyhow::Result<()> {
        self.wait_for(at_most, &format!("{state:?}"), |gateway| (gateway.state() == state).then_some(()))
    }

    /// Waits until `look` finds what it looks for; it looks again whenever something happens. `what` is for
    /// the error.
    pub fn wait_for<T>(
        &self,
        at_most: Duration,
        what: &str,
        mut look: impl FnMut(&Self) -> Option<T>,
    ) -> anyhow::Result<T> {
        let deadline = Instant::now() + at_most;
        loop {
            if let Some(found) = look(self) {
                return Ok(found);
            }
            if Instant::now() >= deadline {
                bail!("{what} did not come within {at_most:?}; {}", self.summary());
            }
            // What changes between the look and the sleep is seen by the next look, 50 ms later at most.
            let soon = deadline.min(Instant::now() + Duration::from_millis(50));
            drop(self.shared.sleep(self.shared.inner(), Some(soon)));
        }
    }

    fn summary(&self) -> String {
        let inner = self.shared.inner();
        let last: Vec<_> = inner.records.requests.iter().rev().take(5).collect();
        let last: Vec<_> = last
            .iter()
            .rev()
            .map(|request| format!("{} {} {}", request.method, request.path, request.status))
            .collect();
        format!("the gateway is {:?}, its last requests were {last:?}", inner.state)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.shared.inner().stop = true;
        self.shared.changed.notify_all();
        self.server = None;
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}
