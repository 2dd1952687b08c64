use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::answer::Answer;
use crate::client::Call;
use crate::error::Error;
use crate::gateway::{API, Gateway};

/// How often a scan POST is tried.
const TRIES: u32 = 3;

/// Before the second try; doubled before the third.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// What a scan looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanKind {
    /// `projects/`.
    Projects,
    /// `config/`.
    Config,
}

impl ScanKind {
    /// As it stands in paths and in `lastScanResult`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Projects => "projects",
            Self::Config => "config",
        }
    }
}

impl fmt::Display for ScanKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What `GET /scan/…` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanStatus {
    /// A scan runs now.
    pub scan_active: bool,
    /// When the last one ran, in milliseconds since 1970.
    #[serde(default)]
    pub last_scan_timestamp: Option<i64>,
    /// How long it took, in milliseconds.
    #[serde(default)]
    pub last_scan_duration: Option<i64>,
}

/// How one scan went.
#[derive(Debug)]
pub enum ScanOutcome {
    /// The gateway took it, and its status shows a scan that began since.
    Finished {
        /// The POST's status.
        status: u16,
    },
    /// The gateway took it and shows nothing to tell that it ran: not a failure, only not proven.
    Unknown {
        /// The POST's status.
        status: u16,
        /// What was seen.
        why: String,
    },
    /// It was not taken.
    Failed(Error),
    /// It was not asked for, because the one before it failed.
    Skipped,
}

/// How the two scans went.
#[derive(Debug)]
pub struct ScanReport {
    /// `POST /scan/projects`.
    pub projects: ScanOutcome,
    /// `POST /scan/config`.
    pub config: ScanOutcome,
}

impl ScanReport {
    /// Why a scan was not taken, if one was not.
    pub fn error(&self) -> Option<&Error> {
        [&self.projects, &self.config].into_iter().find_map(|outcome| match outcome {
            ScanOutcome::Failed(error) => Some(error),
            _ => None,
        })
    }

    /// `lastScanResult`: `projects=200 config=200` or `error: …`.
    pub fn last_scan_result(&self) -> String {
        if let Some(error) = self.error() {
            return format!("error: {error}");
        }
        let taken = |outcome: &ScanOutcome| match outcome {
            ScanOutcome::Finished { status } | ScanOutcome::Unknown { status, .. } => status.to_string(),
            ScanOutcome::Failed(_) | ScanOutcome::Skipped => "-".to_owned(),
        };
        format!("projects={} config={}", taken(&self.projects), taken(&self.config))
    }
}

impl Gateway {
    /// Asks the gateway to load what was written, in three tries; the status it answered (any 2xx).
    /// Repeating is harmless. It does not prove that anything was loaded.
    ///
    /// # Errors
    /// What the last try led to; what will not pass by itself (401, 403, 404 …) is not tried again.
    pub fn scan(&self, kind: ScanKind) -> Result<u16, Error> {
        let path = format!("{API}/scan/{kind}");
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            match self.client.call(&Call::post(&path, "")).and_then(|answer| taken(&answer)) {
                Err(error) if error.is_transient() => {
                    tracing::debug!(%error, "scan is tried again");
                    self.pause(pause)?;
                    pause *= 2;
                }
                decided => return decided,
            }
        }
        taken(&self.client.call(&Call::post(&path, ""))?)
    }

    /// Whether a scan runs, and when the last one did.
    ///
    /// # Errors
    /// Whatever the gateway answers but a status.
    pub fn scan_status(&self, kind: ScanKind) -> Result<ScanStatus, Error> {
        self.get(&format!("{API}/scan/{kind}"))?.json()
    }
}

/// The body of a scan POST is not settled between versions: only the status counts.
fn taken(answer: &Answer) -> Result<u16, Error> {
    match answer.status {
        status @ 200..300 => Ok(status),
        // The answer of a gateway that is being commissioned.
        status @ 400 => Err(Error::NotCommissioned { place: answer.place.clone(), status }),
        _ => Err(answer.error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> Answer {
        Answer { place: "http://g/data/api/v1/scan/projects".to_owned(), status, ..Answer::default() }
    }

    #[test]
    fn any_2xx_is_success_whatever_its_body() {
        for status in [200, 202, 204] {
            let odd =
                Answer { body: b"true".to_vec(), content_type: "text/html".to_owned(), ..answer(status) };
            assert_eq!(taken(&odd).unwrap(), status);
        }
    }

    #[test]
    fn a_400_means_that_commissioning_is_not_over() {
        let error = taken(&answer(400)).unwrap_err();
        assert!(matches!(error, Error::NotCommissioned { status: 400, .. }));
        assert!(error.to_string().contains("commission"), "{error}");
    }

    #[test]
    fn the_result_is_in_the_contract_s_words() {
        let finished = || ScanOutcome::Finished { status: 200 };
        let unknown = ScanOutcome::Unknown { status: 202, why: String::new() };
        assert_eq!(
            ScanReport { projects: finished(), config: unknown }.last_scan_result(),
            "projects=200 config=202"
        );
        let failed = ScanOutcome::Failed(answer(401).error());
        let report = ScanReport { projects: failed, config: ScanOutcome::Skipped };
        let result = report.last_scan_result();
        assert!(result.starts_with("error: http://g/data/api/v1/scan/projects: 401:"), "{result}");
    }

    #[test]
    fn a_status_is_read_with_and_without_times() {
        let full = r#"{"scanActive":false,"lastScanTimestamp":1764000000000,"lastScanDuration":12,"more":1}"#;
        let status: ScanStatus = serde_json::from_str(full).unwrap();
        assert_eq!(status.last_scan_timestamp, Some(1_764_000_000_000));
        let bare: ScanStatus =
            serde_json::from_str(r#"{"scanActive":true,"lastScanTimestamp":null}"#).unwrap();
        assert_eq!((bare.scan_active, bare.last_scan_timestamp), (true, None));
        assert!(serde_json::from_str::<ScanStatus>("true").is_err());
    }
}
