//! What can be made to go wrong while a gateway runs.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Deserialize;

use crate::shared::Shared;

/// How a connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Break {
    /// Reset before the request is worked on.
    Before,
    /// Reset after it: the work is done, the answer lost.
    After,
    /// Closed in the middle of the answer.
    Within,
}

/// What a token may not do, whatever it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Forbid {
    /// It may do all.
    #[default]
    Nothing,
    /// It may read.
    Writes,
    /// It is known, and may nothing.
    Everything,
}

/// Switches for faults, each in force until it is changed or [cleared](Faults::clear).
///
/// The control paths `/_test/…` are spared, but for [`down`](Faults::down).
pub struct Faults<'g> {
    shared: &'g Shared,
}

#[derive(Debug, Default)]
pub(crate) struct FaultState {
    pub slow: Duration,
    pub breaks: Option<Break>,
    pub stuck_scan: bool,
    pub no_scan: bool,
    pub forbid: Forbid,
    statuses: Vec<StatusFault>,
}

#[derive(Debug)]
struct StatusFault {
    prefix: String,
    /// What the next requests are answered with; the last one stays when `forever`.
    codes: VecDeque<u16>,
    forever: bool,
}

impl FaultState {
    /// The status that a request of this path is to be answered with instead, if there is one.
    pub fn status_for(&mut self, path: &str) -> Option<u16> {
        let fault = self
            .statuses
            .iter_mut()
            .find(|fault| path.starts_with(&fault.prefix) && !fault.codes.is_empty())?;
        if fault.forever { fault.codes.front().copied() } else { fault.codes.pop_front() }
    }

    /// Later faults win over earlier ones of the same prefix.
    fn add(&mut self, prefix: &str, codes: VecDeque<u16>, forever: bool) {
        self.statuses.retain(|fault| fault.prefix != prefix);
        self.statuses.push(StatusFault { prefix: prefix.to_owned(), codes, forever });
    }
}

impl<'g> Faults<'g> {
    pub(crate) fn new(shared: &'g Shared) -> Self {
        Self { shared }
    }

    fn set(&self, change: impl FnOnce(&mut FaultState)) {
        change(&mut self.shared.inner().faults);
        self.shared.changed.notify_all();
    }

    /// Every answer waits so long; zero for none.
    pub fn slow(&self, delay: Duration) {
        self.set(|faults| faults.slow = delay);
    }

    /// Every request whose path starts with `prefix` is answered with this status and an HTML page.
    pub fn status(&self, prefix: &str, code: u16) {
        self.set(|faults| faults.add(prefix, VecDeque::from([code]), true));
    }

    /// The next requests of this prefix are answered with these statuses, one each; then all is well.
    pub fn statuses(&self, prefix: &str, codes: &[u16]) {
        self.set(|faults| faults.add(prefix, codes.iter().copied().collect(), false));
    }

    /// Connections break; `None` for no more.
    pub fn breaks(&self, how: Option<Break>) {
        self.set(|faults| faults.breaks = how);
    }

    /// Scans start, stay active and do not finish until this is switched off.
    pub fn stuck_scan(&self, on: bool) {
        self.set(|faults| faults.stuck_scan = on);
    }

    /// A scan POST is answered 200, and no scan follows: "deployed, but not visible".
    pub fn no_scan(&self, on: bool) {
        self.set(|faults| faults.no_scan = on);
    }

    /// Every token lacks a permission: 403.
    pub fn forbid(&self, what: Forbid) {
        self.set(|faults| faults.forbid = what);
    }

    /// Nobody listens: connections are refused, those there were are cut. False if the port could not be
    /// shut, or not be taken again.
    pub fn down(&self, down: bool) -> bool {
        let doors = self.shared.doors();
        if down { doors.shut() } else { doors.open() }
    }

    /// No faults from here on, and the port open.
    pub fn clear(&self) -> bool {
        self.set(|faults| *faults = FaultState::default());
        self.down(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_statuses_are_given_once_each_and_single_ones_for_ever() {
        let mut faults = FaultState::default();
        faults.add("/data", VecDeque::from([500, 503]), false);
        faults.add("/StatusPing", VecDeque::from([502]), true);
        assert_eq!(faults.status_for("/data/x"), Some(500));
        assert_eq!(faults.status_for("/data/x"), Some(503));
        assert_eq!(faults.status_for("/data/x"), None);
        assert_eq!(faults.status_for("/StatusPing"), Some(502));
        assert_eq!(faults.status_for("/StatusPing"), Some(502));
    }
}
