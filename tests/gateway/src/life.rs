//! The gateway's own thread: it starts, is commissioned, runs, and scans when it is time to.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::commissioning;
use crate::record::{Kind, Level, Scan, Trigger, epoch_millis};
use crate::scan::{Outcome, Scanner};
use crate::shared::{Inner, Shared, State};

/// What the thread does next.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Stop,
    Enter(State),
    Scan(Kind, Trigger),
    Sleep(Option<Instant>),
}

/// Runs until the gateway stops.
pub(crate) fn run(shared: &Shared) {
    let mut inner = shared.inner();
    loop {
        match next(&inner, shared, Instant::now()) {
            Next::Stop => return,
            Next::Sleep(until) => inner = shared.sleep(inner, until),
            Next::Enter(state) => {
                drop(inner);
                if let Err(error) = enter(shared, state) {
                    shared.log_line(Level::Error, "gateway.Startup", &format!("{error:#}"));
                }
                inner = shared.inner();
            }
            Next::Scan(kind, trigger) => {
                drop(inner);
                scan(shared, kind, trigger);
                inner = shared.inner();
            }
        }
    }
}

fn next(inner: &Inner, shared: &Shared, now: Instant) -> Next {
    if inner.stop {
        return Next::Stop;
    }
    if inner.state_until.is_some_and(|until| until <= now) {
        let first_boot = inner.state == State::Starting && commissioning::is_due(&shared.settings);
        return Next::Enter(if first_boot { State::Commissioning } else { State::Running });
    }
    if inner.state != State::Running {
        return Next::Sleep(inner.state_until);
    }
    let mut wake = None;
    for kind in Kind::ALL {
        let scan = &inner.scans[kind.index()];
        if scan.requested {
            return Next::Scan(kind, Trigger::Requested);
        }
        // A held lock puts the gateway's own scan off, and no longer than until it expires.
        let due = scan.next.map(|next| scan.lock.expires(now).map_or(next, |free| next.max(free)));
        match due {
            Some(due) if due <= now => return Next::Scan(kind, Trigger::Interval),
            Some(due) => wake = Some(wake.map_or(due, |wake: Instant| wake.min(due))),
            None => {}
        }
    }
    Next::Sleep(wake)
}

/// Changes the state, with all that belongs to it: commissioning's writes, loading everything.
pub(crate) fn enter(shared: &Shared, state: State) -> anyhow::Result<()> {
    let mut scanner = shared.scanner();
    let before = shared.inner().state;
    if before == state {
        shared.inner().state_until = None;
        return Ok(());
    }
    let outcome = match (before, state) {
        (State::Commissioning, State::Running) => commissioning::finish(&shared.settings),
        _ => Ok(()),
    };
    if state == State::Running {
        scanner.forget();
        for kind in Kind::ALL {
            read(shared, &mut scanner, kind, Trigger::Boot);
        }
    }
    let mut inner = shared.inner();
    inner.state = state;
    let lasts = match (state, shared.settings.commissioning) {
        (State::Commissioning, Some(commissioning)) => commissioning.lasts,
        _ => None,
    };
    let now = Instant::now();
    inner.state_until = lasts.map(|lasts| now + lasts);
    let intervals = [
        (Kind::Projects, shared.settings.scan_interval),
        (Kind::Config, shared.settings.config_scan_interval),
    ];
    for (kind, interval) in intervals {
        inner.scan(kind).requested = false;
        inner.scan(kind).next = interval.map(|interval| now + interval);
    }
    drop(inner);
    shared.changed.notify_all();
    outcome
}

/// One scan of a running gateway.
fn scan(shared: &Shared, kind: Kind, trigger: Trigger) {
    {
        let mut inner = shared.inner();
        let state = inner.scan(kind);
        (state.requested, state.active) = (false, true);
    }
    shared.changed.notify_all();
    shared.wait(Duration::MAX, |inner| !inner.faults.stuck_scan);
    shared.pause(shared.settings.scan_takes);
    let mut scanner = shared.scanner();
    let runs = {
        let inner = shared.inner();
        !inner.stop && inner.state == State::Running
    };
    if runs {
        read(shared, &mut scanner, kind, trigger);
    }
    drop(scanner);
    let interval = match kind {
        Kind::Projects => shared.settings.scan_interval,
        Kind::Config => shared.settings.config_scan_interval,
    };
    let mut inner = shared.inner();
    inner.scan(kind).active = false;
    inner.scan(kind).next = interval.map(|interval| Instant::now() + interval);
    drop(inner);
    shared.changed.notify_all();
}

/// Reads the data directory and makes known what was found.
fn read(shared: &Shared, scanner: &mut Scanner, kind: Kind, trigger: Trigger) {
    let (started, clock) = (SystemTime::now(), Instant::now());
    let outcome = scanner.scan(kind, trigger, shared.settings.settle, &|time| shared.pause(time));
    let Outcome { incidents, loaded, unloaded } = outcome;
    let snapshot = (loaded + unloaded > 0 || trigger == Trigger::Boot).then(|| Arc::new(scanner.loaded()));
    shared.record_incidents(incidents);
    {
        let mut inner = shared.inner();
        if let Some(snapshot) = snapshot {
            inner.loaded = snapshot;
        }
        let state = inner.scan(kind);
        // Two scans in one millisecond are still two.
        state.last_timestamp = epoch_millis(SystemTime::now()).max(state.last_timestamp + 1);
        state.last_duration = clock.elapsed();
    }
    shared.record_scan(Scan { kind, trigger, started, took: clock.elapsed(), loaded, unloaded });
}
