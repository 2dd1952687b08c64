//! The state that the gateway's threads share, behind one lock, and the condition that says it changed.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::designer::Designer;
use crate::faults::FaultState;
use crate::http::Doors;
use crate::lock::ScanLock;
use crate::record::{Incident, Kind, Level, LogLine, Records, Request, Scan};
use crate::scan::{Loaded, Scanner};
use crate::settings::Settings;

/// What a gateway is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// `STARTING`: it answers 503.
    Starting,
    /// Running, and waiting for somebody to commission it.
    Commissioning,
    /// Running.
    Running,
}

/// Shared by the handle, the worker and every connection.
pub(crate) struct Shared {
    pub settings: Settings,
    pub started: Instant,
    /// Held by whoever reads or writes the data directory; taken before `inner`, never while holding it.
    scanner: Mutex<Scanner>,
    inner: Mutex<Inner>,
    /// Notified at every change of `inner`.
    pub changed: Condvar,
    doors: OnceLock<Doors>,
}

/// The part behind the lock.
pub(crate) struct Inner {
    pub state: State,
    /// When `state` ends by itself.
    pub state_until: Option<Instant>,
    pub stop: bool,
    pub scans: [ScanState; 2],
    pub faults: FaultState,
    pub records: Records,
    pub loaded: Arc<Loaded>,
    pub designers: Vec<Designer>,
    /// What the next designer is called.
    pub next_designer: u64,
    /// `GET /modules/quarantined`, `GET /restart-tasks/pending`, `GET /scripts/diagnostics/…`: shown as they
    /// are.
    pub quarantined: Vec<Value>,
    pub pending_restarts: Vec<Value>,
    pub scripts: Vec<(String, Value)>,
}

/// One kind of scan.
#[derive(Debug, Default)]
pub(crate) struct ScanState {
    pub lock: ScanLock,
    pub requested: bool,
    pub active: bool,
    /// When the gateway scans by itself.
    pub next: Option<Instant>,
    /// Milliseconds since 1970; 0 before the first.
    pub last_timestamp: u64,
    pub last_duration: Duration,
}

impl Shared {
    pub fn new(settings: Settings) -> Self {
        let state_until = Some(Instant::now() + settings.starting_for);
        let inner = Inner {
            state: State::Starting,
            state_until,
            stop: false,
            scans: Default::default(),
            faults: FaultState::default(),
            records: Records::default(),
            loaded: Arc::default(),
            designers: Vec::new(),
            next_designer: 1,
            quarantined: Vec::new(),
            pending_restarts: Vec::new(),
            scripts: Vec::new(),
        };
        Self {
            scanner: Mutex::new(Scanner::new(&settings.data_dir)),
            settings,
            started: Instant::now(),
            inner: Mutex::new(inner),
            changed: Condvar::new(),
            doors: OnceLock::new(),
        }
    }

    pub fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn scanner(&self) -> MutexGuard<'_, Scanner> {
        self.scanner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called once, when the server listens.
    pub fn set_doors(&self, doors: Doors) {
        let _ = self.doors.set(doors);
    }

    pub fn doors(&self) -> Doors {
        self.doors.get().cloned().unwrap_or_default()
    }

    /// Sleeps on the condition until `deadline` (for ever without one), or until something changed.
    pub fn sleep<'i>(
        &self,
        inner: MutexGuard<'i, Inner>,
        deadline: Option<Instant>,
    ) -> MutexGuard<'i, Inner> {
        match deadline {
            None => self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                self.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    /// Sleeps until the condition holds or the gateway stops, at most so long. True if it holds.
    pub fn wait(&self, at_most: Duration, mut holds: impl FnMut(&mut Inner) -> bool) -> bool {
        // More than a clock can hold is for ever.
        let deadline = Instant::now().checked_add(at_most);
        let mut inner = self.inner();
        loop {
            if holds(&mut inner) {
                return true;
            }
            if inner.stop || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return false;
            }
            inner = self.sleep(inner, deadline);
        }
    }

    /// Lets time pass. False if the gateway stops meanwhile.
    pub fn pause(&self, duration: Duration) -> bool {
        self.wait(duration, |inner| inner.stop);
        !self.inner().stop
    }

    pub fn record_request(&self, request: Request) {
        if self.settings.verbose {
            eprintln!("{} {} {}", request.method, request.path, request.status);
        }
        self.inner().records.requests.push(request);
        self.changed.notify_all();
    }

    /// Incidents also show in the gateway's own log, as errors.
    pub fn record_incidents(&self, incidents: Vec<Incident>) {
        let mut inner = self.inner();
        for incident in incidents {
            if self.settings.verbose {
                eprintln!("INCIDENT {incident}");
            }
            inner.records.log.push(LogLine {
                timestamp: incident.at,
                logger_name: "gateway.ResourceScanner".to_owned(),
                level: Level::Error,
                message: format!("Unable to load resource: {incident}"),
            });
            inner.records.incidents.push(incident);
        }
        drop(inner);
        self.changed.notify_all();
    }

    pub fn record_scan(&self, scan: Scan) {
        if self.settings.verbose {
            let Scan { kind, trigger, loaded, unloaded, took, .. } = &scan;
            eprintln!(
                "scan {} ({trigger:?}): {loaded} loaded, {unloaded} gone, {} ms",
                kind.as_str(),
                took.as_millis()
            );
        }
        self.inner().records.scans.push(scan);
        self.changed.notify_all();
    }

    pub fn log_line(&self, level: Level, logger: &str, message: &str) {
        let line = LogLine {
            timestamp: SystemTime::now(),
            logger_name: logger.to_owned(),
            level,
            message: message.to_owned(),
        };
        self.inner().records.log.push(line);
        self.changed.notify_all();
    }
}

impl Inner {
    pub fn scan(&mut self, kind: Kind) -> &mut ScanState {
        &mut self.scans[kind.index()]
    }
}
