//! The HTTP API of an Ignition 8.3 gateway: is it up, load what was written, who is in a Designer, was it
//! loaded.
//!
//! Blocking, one connection, small buffers, bounded answers. Every odd answer that gateways give (HTML for
//! a bad token, redirects before commissioning, 503 while starting) becomes a value or an error that says
//! what to do. It must not know the data directory, Git or Kubernetes: it reads the token file, the CA
//! file, and nothing else.

mod answer;
mod client;
mod error;
mod gateway;
mod health;
mod lock;
mod lookups;
mod options;
mod ping;
mod scan;
mod tls;
mod token;
mod wait;

pub use error::{Error, Problem};
pub use gateway::{Gateway, GatewayInfo};
pub use health::Health;
pub use lock::Lock;
pub use lookups::{Designer, LoadedResource, Project};
pub use options::{Options, Pause, Timeouts};
pub use ping::{GwInfo, NodeRole, Ping};
pub use scan::{ScanKind, ScanOutcome, ScanReport, ScanStatus};
pub use wait::ScanWait;
