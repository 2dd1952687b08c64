//! What happened: requests, scans, incidents, log lines. Kept in memory, bounded.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize, Serializer};

/// Of each kind the newest this many are kept.
const KEPT: usize = 20_000;
/// Of a request's body this much is kept.
pub(crate) const KEPT_BODY: usize = 4096;

/// One request and the status that it was answered with.
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path as sent, without the query.
    pub path: String,
    /// What followed `?`.
    pub query: String,
    /// The status of the answer; 0 when the connection was reset instead.
    pub status: u16,
    /// The first 4 KiB of the body.
    pub body: String,
    /// When it arrived.
    #[serde(serialize_with = "millis")]
    pub at: SystemTime,
}

/// Which of the two trees a scan reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// `projects/`
    Projects,
    /// `config/resources/`
    Config,
}

impl Kind {
    /// Both, in the order in which a gateway loads them.
    pub const ALL: [Self; 2] = [Self::Config, Self::Projects];

    /// As paths spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Projects => "projects",
            Self::Config => "config",
        }
    }

    pub(crate) fn from_path(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self == Self::Config)
    }
}

/// Why a scan ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Trigger {
    /// The gateway started.
    Boot,
    /// A scan POST.
    Requested,
    /// The gateway's own interval.
    Interval,
}

/// A finished scan.
#[derive(Clone, Debug, Serialize)]
pub struct Scan {
    /// What it read.
    pub kind: Kind,
    /// Why it ran.
    pub trigger: Trigger,
    /// When it began to read: what was written before then, it has seen.
    #[serde(serialize_with = "millis")]
    pub started: SystemTime,
    /// How long it took.
    #[serde(rename = "tookMs", serialize_with = "duration_millis")]
    pub took: Duration,
    /// Resources and projects that it loaded anew.
    pub loaded: usize,
    /// Resources and projects that it found gone.
    pub unloaded: usize,
}

/// Something that a gateway must never see.
#[derive(Clone, Debug, Serialize)]
pub struct Incident {
    /// The file or the manifest, relative to the data directory.
    pub path: String,
    /// What is wrong with it.
    pub what: What,
    /// The same in more words.
    pub detail: String,
    /// The scan that saw it.
    pub seen_by: Trigger,
    /// When.
    #[serde(serialize_with = "millis")]
    pub at: SystemTime,
}

impl fmt::Display for Incident {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {} ({})", self.path, self.what, self.detail)
    }
}

/// The ways in which a resource can be half-written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum What {
    /// A manifest lists a file that is not there.
    MissingFile,
    /// A file is there and cannot be read.
    Unreadable,
    /// A manifest or a JSON payload does not parse: truncated, most of the time.
    BrokenJson,
    /// A manifest parses and is not one: no object, `files` no list of names, a name that leaves the
    /// directory.
    BadManifest,
    /// A file changed while the scan read it: it was written in place, not renamed in.
    ChangedWhileRead,
    /// A payload has other bytes than before and its manifest was not rewritten: a gateway does not reload
    /// it.
    StaleManifest,
    /// A payload has no bytes, and the manifest's signature is of other bytes.
    EmptyPayload,
}

impl fmt::Display for What {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::MissingFile => "listed file is missing",
            Self::Unreadable => "file cannot be read",
            Self::BrokenJson => "JSON does not parse",
            Self::BadManifest => "manifest is not valid",
            Self::ChangedWhileRead => "file changed while it was read",
            Self::StaleManifest => "payload changed without its manifest being rewritten",
            Self::EmptyPayload => "payload is empty and its manifest was signed with other bytes",
        })
    }
}

/// How bad a log line is, in Ignition's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the usual levels")]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "TRACE" => Self::Trace,
            "DEBUG" => Self::Debug,
            "INFO" => Self::Info,
            "WARN" => Self::Warn,
            "ERROR" => Self::Error,
            _ => return None,
        })
    }
}

/// A line of the gateway's log, as `GET /logs` shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// When.
    #[serde(serialize_with = "millis")]
    pub timestamp: SystemTime,
    /// Who.
    pub logger_name: String,
    /// How bad.
    pub level: Level,
    /// What.
    pub message: String,
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub requests: Ring<Request>,
    pub incidents: Ring<Incident>,
    pub scans: Ring<Scan>,
    pub log: Ring<LogLine>,
}

/// A list that forgets its oldest.
#[derive(Debug)]
pub(crate) struct Ring<T>(VecDeque<T>);

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Clone> Ring<T> {
    pub fn push(&mut self, item: T) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(item);
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.0.iter()
    }

    pub fn to_vec(&self) -> Vec<T> {
        self.0.iter().cloned().collect()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// Milliseconds since 1970, as the gateway's API writes times.
pub(crate) fn epoch_millis(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn millis<S: Serializer>(at: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(epoch_millis(*at))
}

fn duration_millis<S: Serializer>(took: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
}
