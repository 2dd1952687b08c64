//! Asks the gateway to load what was written, and looks whether it did.

use std::collections::BTreeSet;
use std::time::Duration;

use stoker_ignition::{Error, Gateway, ScanKind, ScanWait};

use crate::failure::{Code, Failure};
use stoker_api::Reason;

/// The scan-lock is asked for this long, and expires by itself after that.
const LOCK: (Duration, Duration) = (Duration::from_secs(10), Duration::from_mins(1));

/// Holds other changes back while files are put in place. A gateway that cannot, or somebody else who
/// holds it, does not stop a sync: what is put in place is whole at every moment.
pub fn lock(gateway: &Gateway) {
    for kind in [ScanKind::Projects, ScanKind::Config] {
        match gateway.scan_lock(kind, LOCK.0, LOCK.1) {
            Ok(outcome) => tracing::debug!(%kind, ?outcome, "scan-lock"),
            Err(error) => tracing::debug!(%kind, %error, "no scan-lock"),
        }
    }
}

/// A scan that was not taken, or that did not load what it should have.
#[derive(Debug)]
pub struct Failed {
    /// `lastScanResult`.
    pub result: String,
    pub failure: Failure,
    /// The gateway does not run (any more).
    pub gateway_down: bool,
}

/// Scans, and verifies that the projects which were touched are loaded. The text is `lastScanResult`.
pub fn run(gateway: &Gateway, projects: &BTreeSet<String>) -> Result<String, Failed> {
    let report = gateway.scan_and_wait(ScanWait::default());
    let result = report.last_scan_result();
    if let Some(error) = report.error() {
        let code = if error.reason() == "AuthFailed" { Code::Refused } else { Code::Unavailable };
        let gateway_down = matches!(error, Error::Unreachable { .. } | Error::Starting { .. });
        let failure = Failure::new(Reason::ScanFailed, code, error.to_string());
        return Err(Failed { result, failure, gateway_down });
    }
    for project in projects {
        match gateway.find_project(project) {
            Ok(Some(_)) => {}
            Ok(None) => {
                let message = format!(
                    "the gateway took the scan but does not know project {project:?}. Look at projects/{project}/project.json and at the gateway's log"
                );
                let failure = Failure::new(Reason::ScanFailed, Code::Unavailable, message);
                return Err(Failed { result, failure, gateway_down: false });
            }
            // The scan was taken; not being able to look is not a failed scan.
            Err(error) => tracing::warn!(%error, project, "failed to look whether the project is loaded"),
        }
    }
    Ok(result)
}
