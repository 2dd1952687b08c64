//! A simulated Ignition 8.3 gateway: its HTTP API, its scans of the data directory, its first boot and its
//! faults, as strict as the real one where that is known (`ignition.md`).
//!
//! It is what the product is tested against, so it must **not** know the product: nothing of its crates is
//! used, and what both compute (the signature of a manifest) is written twice, from the same description. It
//! also does not help: a resource that is half-written is an [`Incident`], not something to try again until
//! it looks right.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use stoker_test_gateway::{Gateway, Settings};
//!
//! let data = tempfile::tempdir()?;
//! let gateway = Gateway::start(Settings::new(data.path()).with_token("stoker", "secret"))?;
//! // … write into `data`, POST to `gateway.url()` …
//! assert!(gateway.incidents().is_empty());
//! # anyhow::Ok(())
//! ```
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
