use std::time::{Duration, Instant};

use crate::error::Error;
use crate::gateway::Gateway;
use crate::scan::{ScanKind, ScanOutcome, ScanReport, ScanStatus};

/// How long a scan is waited for.
#[derive(Debug, Clone, Copy)]
pub struct ScanWait {
    /// In all, from the POST on, while the gateway says that it scans.
    pub deadline: Duration,
    /// For anything to move at all. Some gateways may never show it.
    pub movement: Duration,
}

impl Default for ScanWait {
    fn default() -> Self {
        Self { deadline: Duration::from_mins(1), movement: Duration::from_secs(10) }
    }
}

/// Between two looks: from the first to the second, and no more than the third.
const FIRST_POLL: Duration = Duration::from_millis(50);
const LAST_POLL: Duration = Duration::from_secs(1);

impl Gateway {
    /// Asks for both scans, projects first, and follows them until they are done.
    ///
    /// A scan that runs already may have read before the files were written: it is waited for first, so
    /// that what finishes is ours.
    pub fn scan_and_wait(&self, wait: ScanWait) -> ScanReport {
        let projects = match self.ask(ScanKind::Projects, wait) {
            Ok(asked) => asked,
            Err(error) => {
                return ScanReport { projects: ScanOutcome::Failed(error), config: ScanOutcome::Skipped };
            }
        };
        let config = self.ask(ScanKind::Config, wait);
        let projects = self.follow(ScanKind::Projects, projects, wait);
        let config = match config {
            // A gateway may begin the second scan when the first one is done.
            Ok(asked) if matches!(projects, ScanOutcome::Finished { .. }) => {
                self.follow(ScanKind::Config, Asked { at: Instant::now(), ..asked }, wait)
            }
            Ok(asked) => self.follow(ScanKind::Config, asked, wait),
            Err(error) => ScanOutcome::Failed(error),
        };
        ScanReport { projects, config }
    }

    fn ask(&self, kind: ScanKind, wait: ScanWait) -> Result<Asked, Error> {
        let before = self.idle(kind, wait.movement)?;
        let status = self.scan(kind)?;
        Ok(Asked { status, before, at: Instant::now() })
    }

    /// The status once no scan runs, or after `longest`; nothing if it cannot be read.
    fn idle(&self, kind: ScanKind, longest: Duration) -> Result<Option<ScanStatus>, Error> {
        let deadline = Instant::now() + longest;
        let mut poll = FIRST_POLL;
        loop {
            let status = self.scan_status(kind).ok();
            if !status.is_some_and(|status| status.scan_active) || !self.pause_until(deadline, poll)? {
                return Ok(status);
            }
            poll = (poll * 2).min(LAST_POLL);
        }
    }

    fn follow(&self, kind: ScanKind, asked: Asked, wait: ScanWait) -> ScanOutcome {
        let Asked { status, before, at } = asked;
        let mut seen = Seen { before, active: false };
        let mut poll = FIRST_POLL;
        loop {
            let look = self.scan_status(kind);
            let (progress, why) = match &look {
                Ok(now) => seen.judge(*now),
                Err(error) => (Progress::Nothing, format!("the scan's status cannot be read: {error}")),
            };
            let limit = match progress {
                Progress::Finished => return ScanOutcome::Finished { status },
                Progress::Running => wait.deadline,
                // A refusal stays one; an answer that did not come may come.
                Progress::Nothing if look.is_err_and(|error| !error.is_transient()) => Duration::ZERO,
                Progress::Nothing => wait.movement.min(wait.deadline),
            };
            match self.pause_until(at + limit, poll) {
                Ok(true) => poll = (poll * 2).min(LAST_POLL),
                Ok(false) => return ScanOutcome::Unknown { status, why },
                Err(stopped) => return ScanOutcome::Unknown { status, why: stopped.to_string() },
            }
        }
    }
}

/// A scan that the gateway took.
#[derive(Clone, Copy)]
struct Asked {
    status: u16,
    before: Option<ScanStatus>,
    /// From when on its limits count.
    at: Instant,
}

/// What was seen of a scan so far.
struct Seen {
    before: Option<ScanStatus>,
    active: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Finished,
    Running,
    Nothing,
}

impl Seen {
    /// What another look means, with the words for the case that it was the last.
    fn judge(&mut self, now: ScanStatus) -> (Progress, String) {
        if now.scan_active {
            self.active = true;
            return (Progress::Running, "the scan still runs".to_owned());
        }
        let newer = self.before.is_some_and(|before| now.last_scan_timestamp > before.last_scan_timestamp);
        if newer || self.active {
            return (Progress::Finished, String::new());
        }
        (Progress::Nothing, "the gateway took the scan and shows none since".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn status(scan_active: bool, at: i64) -> ScanStatus {
        ScanStatus { scan_active, last_scan_timestamp: Some(at), last_scan_duration: None }
    }

    fn judged(before: Option<ScanStatus>, looks: &[ScanStatus]) -> Vec<Progress> {
        let mut seen = Seen { before, active: false };
        looks.iter().map(|now| seen.judge(*now).0).collect()
    }

    #[test]
    fn a_newer_time_stamp_means_finished() {
        assert_eq!(judged(Some(status(false, 1)), &[status(false, 2)]), [Progress::Finished]);
        let never = ScanStatus { last_scan_timestamp: None, ..status(false, 0) };
        assert_eq!(judged(Some(never), &[never, status(false, 1)]), [Progress::Nothing, Progress::Finished]);
    }

    #[test]
    fn active_and_then_not_means_finished_whatever_the_time_stamp() {
        let looks = [status(true, 1), status(true, 1), status(false, 1)];
        assert_eq!(
            judged(Some(status(false, 1)), &looks),
            [Progress::Running, Progress::Running, Progress::Finished]
        );
        assert_eq!(judged(None, &looks), [Progress::Running, Progress::Running, Progress::Finished]);
    }

    #[test]
    fn no_movement_is_not_proof() {
        assert_eq!(judged(Some(status(false, 5)), &[status(false, 5)]), [Progress::Nothing]);
        assert_eq!(judged(None, &[status(false, 9)]), [Progress::Nothing]);
        // A clock that was set back is not a scan.
        assert_eq!(judged(Some(status(false, 5)), &[status(false, 4)]), [Progress::Nothing]);
    }

    #[test]
    fn a_time_stamp_that_moves_while_a_scan_runs_is_not_the_end() {
        assert_eq!(
            judged(Some(status(false, 1)), &[status(true, 2), status(false, 2)]),
            [Progress::Running, Progress::Finished]
        );
    }
}
