//! What a simulated gateway is like.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

/// How a gateway starts and behaves. Make one with [`Settings::new`] and change what matters:
///
/// ```
/// use std::time::Duration;
/// use stoker_test_gateway::{Settings, Token};
///
/// let settings = Settings {
///     token: Some(Token::new("stoker", "secret")),
///     scan_interval: Some(Duration::from_millis(50)),
///     ..Settings::new("/tmp/data")
/// };
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    /// Ignition's data directory. What is not there is not loaded; nothing is made in it.
    pub data_dir: PathBuf,
    /// Where to listen; the loopback address by default.
    pub address: IpAddr,
    /// The web port; 0 takes any free one.
    pub port: u16,
    /// A token that works from the start. Tokens seeded as files work besides (see
    /// [`Gateway`](crate::Gateway)).
    pub token: Option<Token>,
    /// How long it says `STARTING`. Zero: [`Gateway::start`](crate::Gateway::start) returns when it runs.
    pub starting_for: Duration,
    /// First boot: it waits to be commissioned unless `commissioning.json` says that this has been done.
    pub commissioning: Option<Commissioning>,
    /// How often the gateway scans projects by itself (a real one: 300 s); `None`: never.
    pub scan_interval: Option<Duration>,
    /// The same for the configuration.
    pub config_scan_interval: Option<Duration>,
    /// How long a scan takes at least.
    pub scan_takes: Duration,
    /// What a scan POST answers; sources dispute it.
    pub scan_answer: ScanAnswer,
    /// How long a resource may show new payloads below its old manifest before that is an incident. A scan
    /// that was asked for waits so long for the manifest; the gateway's own scans look again next time.
    pub settle: Duration,
    /// Role in a redundant pair.
    pub redundancy: Redundancy,
    /// What it calls itself. Below 8.3 there is no API: every call answers "No route match".
    pub version: String,
    /// The gateway's name.
    pub name: String,
    /// Collection that overrides `core`, when the gateway runs in a deployment mode.
    pub deployment_mode: Option<String>,
    /// Serves `/_test/…`, by which a test in another process reads records and sets faults.
    pub control: bool,
    /// Prints a line to stderr for every request, scan and incident.
    pub verbose: bool,
}

impl Settings {
    /// An independent 8.3.7 gateway that runs at once, on any port, scans every 300 s and has no token.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            address: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            token: None,
            starting_for: Duration::ZERO,
            commissioning: None,
            scan_interval: Some(Duration::from_mins(5)),
            config_scan_interval: None,
            scan_takes: Duration::ZERO,
            scan_answer: ScanAnswer::Status,
            settle: Duration::from_secs(2),
            redundancy: Redundancy::Independent,
            version: "8.3.7".to_owned(),
            name: "Ignition-test".to_owned(),
            deployment_mode: None,
            control: false,
            verbose: false,
        }
    }

    /// The same with a token.
    #[must_use]
    pub fn with_token(self, name: &str, secret: &str) -> Self {
        Self { token: Some(Token::new(name, secret)), ..self }
    }
}

/// An API token. A client sends `name:secret`; the secret alone opens nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The part before the colon.
    pub name: String,
    /// The part after it.
    pub secret: String,
}

impl Token {
    /// A token of these two parts.
    pub fn new(name: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { name: name.into(), secret: secret.into() }
    }

    /// The value of `X-Ignition-API-Token`.
    pub fn header(&self) -> String {
        format!("{}:{}", self.name, self.secret)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Token({}:…)", self.name)
    }
}

/// How a first boot goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commissioning {
    /// How long it lasts; `None`: until [`Gateway::set_state`](crate::Gateway::set_state) ends it.
    pub lasts: Option<Duration>,
    /// Its end overwrites `core/ignition/security-properties`, and tokens are locked out until this.
    pub overwrites: Option<Lockout>,
}

/// When a token works again after commissioning has overwritten `security-properties`. Nobody has shown
/// which of the two a real gateway does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lockout {
    /// As soon as the file differs from what commissioning wrote, so that a scan can be asked for.
    UntilPutBack,
    /// When a scan has loaded it: the gateway's own, for it refuses to be asked until then.
    UntilScanned,
}

/// The body of the answer to a scan POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanAnswer {
    /// `{"scanActive":…,"lastScanTimestamp":…,"lastScanDuration":…}`
    Status,
    /// `true`
    True,
}

/// A gateway's part in a redundant pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Redundancy {
    /// There is no pair.
    Independent,
    /// The one that runs.
    Master,
    /// The one that waits.
    Backup,
}

impl Redundancy {
    /// As `gwinfo` spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Independent => "Independent",
            Self::Master => "Master",
            Self::Backup => "Backup",
        }
    }
}
