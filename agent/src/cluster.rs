//! The cluster front end: one watch on the metadata `ConfigMap`, and this gateway's own entries in the status and the
//! changes. Nothing else is read or written, and nothing in here touches the data directory or Git.
//!
//! Three threads meet: `watch` keeps what the controller wishes, `report` writes what became of it, and the sync thread
//! waits for neither.

mod client;
mod environment;
mod keepalive;
mod pod_info;
mod reports;
mod watch;
mod wishes;

pub use client::{Client, Requests};
pub use environment::Environment;
pub use reports::Reports;
pub use watch::Watch;
pub use wishes::Metadata;
