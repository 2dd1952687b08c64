use std::time::Duration;

use crate::answer::Answer;
use crate::client::Call;
use crate::error::Error;
use crate::gateway::{API, Gateway};
use crate::scan::ScanKind;

/// What asking for the gateway's scan-lock led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// It is ours until the next scan POST of its kind, or until the hold time is over.
    Held,
    /// Somebody else holds it (409).
    Busy,
    /// It did not become free within the acquire time (408).
    TimedOut,
    /// This gateway has no scan-lock (404): files are written without.
    Unsupported,
}

impl Gateway {
    /// Asks the gateway to hold other changes of this kind back while files are written: for `hold` at
    /// most, waiting `acquire` for others (whole seconds, at least one each).
    ///
    /// # Errors
    /// Whatever the gateway answers that has no meaning for the lock.
    pub fn scan_lock(&self, kind: ScanKind, acquire: Duration, hold: Duration) -> Result<Lock, Error> {
        let path = format!("{API}/scan-lock/{}", kind.as_str());
        // An empty body answers 500.
        let body = format!(
            r#"{{"acquireTimeout":{},"holdTimeout":{}}}"#,
            acquire.as_secs().max(1),
            hold.as_secs().max(1)
        );
        lock(&self.client.call(&Call { patience: acquire, ..Call::post(&path, &body) })?)
    }

    /// Whether somebody holds the scan-lock of this kind.
    ///
    /// # Errors
    /// Whatever the gateway answers but 200 and 204.
    pub fn is_scan_locked(&self, kind: ScanKind) -> Result<bool, Error> {
        let answer = self.get(&format!("{API}/scan-lock/{}", kind.as_str()))?;
        match answer.status {
            204 => Ok(false),
            200 => Ok(true),
            _ => Err(answer.error()),
        }
    }
}

fn lock(answer: &Answer) -> Result<Lock, Error> {
    match answer.status {
        200..300 => Ok(Lock::Held),
        404 => Ok(Lock::Unsupported),
        408 => Ok(Lock::TimedOut),
        409 => Ok(Lock::Busy),
        _ => Err(answer.error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_the_lock_has_its_meaning() {
        let meaning = |status| lock(&Answer { status, ..Answer::default() });
        for (status, expected) in [
            (200, Lock::Held),
            (204, Lock::Held),
            (404, Lock::Unsupported),
            (408, Lock::TimedOut),
            (409, Lock::Busy),
        ] {
            assert_eq!(meaning(status).unwrap(), expected, "{status}");
        }
        assert!(matches!(meaning(401), Err(Error::Unauthorized { .. })));
        assert!(matches!(meaning(403), Err(Error::Forbidden { .. })));
        assert!(matches!(meaning(500), Err(Error::Status { status: 500, .. })));
        assert!(matches!(meaning(503), Err(Error::Starting { .. })));
    }
}
