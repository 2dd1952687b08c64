//! A simulated Ignition 8.3 gateway: its HTTP API, its scans of the data directory, its first boot and its
//! faults, as strict as the real one where that is known (`ignition.md`).
//!
//! It is what the product is tested against, so it must **not** know the product: nothing of its crates is
//! used, and what both compute (the signature of a manifest) is written twice, from the same description. It
//! also does not help: a resource that is half-written is an [`Incident`], not something to try again until
//! it looks right.
//!
//! ```
//! use stoker_test_gateway::{Gateway, Settings};
//!
//! let data = tempfile::tempdir()?;
//! let gateway = Gateway::start(Settings::new(data.path()).with_token("stoker", "secret"))?;
//! // … write into `data`, POST to `gateway.url()` …
//! assert!(gateway.incidents().is_empty());
//! # anyhow::Ok(())
//! ```
//!
//! Where sources are silent or disagree, it takes a side, or offers both in its [`Settings`]:
//!
//! - A manifest that is behind its payloads may be on its way; after [`Settings::settle`] it is an incident.
//!   All else that is half-written is one at once, unless the manifest was replaced while it was looked at.
//! - A scan POST is answered before the scan; POSTs that come before it begins are served by one scan.
//! - A scan-lock that is held answers 409 at once; 408 is for a scan that outlasts `acquireTimeout`. The
//!   gateway's own scans wait for the lock to go.
//! - A path that the API does not have is a 404 "No route match…", what is not loaded another 404.
//! - 403 looks like 401: a page of HTML for reads, nothing for writes.
//!
//! The program `stoker-test-gateway` is the same gateway with a command line and control paths below
//! `/_test/`.

mod api;
mod commissioning;
mod designer;
mod faults;
mod gateway;
mod http;
mod life;
mod lock;
mod operate;
mod record;
mod scan;
mod settings;
mod shared;
mod signature;

pub use faults::{Break, Faults, Forbid};
pub use gateway::Gateway;
pub use record::{Incident, Kind, Level, LogLine, Request, Scan, Trigger, What};
pub use scan::{Loaded, Project, Resource};
pub use settings::{Commissioning, Lockout, Redundancy, ScanAnswer, Settings, Token};
pub use shared::State;
