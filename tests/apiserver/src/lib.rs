//! A real Kubernetes API server for tests: etcd and kube-apiserver on 127.0.0.1, with RBAC, ready in about three seconds,
//! gone with the test process however that ends.
//!
//! | module | holds |
//! | --- | --- |
//! | [`tools`] | where the two programs are, or will be built |
//! | [`Server`] | the pair of processes: start, restart, stop, slow down |
//! | [`audit`] | who asked for what |
//! | `client` (feature) | clients as administrator and as any service account, namespaces, definitions |
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use stoker_test_apiserver::Server;
//!
//! let server = Server::shared();                             // one for each test binary
//! let namespace = server.namespace("rollout").await?;        // one for each test
//! let agent = server.service_account(&namespace, "agent").await?;
//! let before = server.audit_mark()?;
//! // … what is tested, with `server.admin()?` and `agent.client()?` …
//! let asked = server.audit_since(before)?;
//! assert!(asked.iter().all(|entry| entry.code != Some(403)));
//! # Ok(())
//! # }
//! ```
//!
//! Tests that need it are marked `#[ignore = "needs a Kubernetes API server: cargo xtask test"]`, so that a machine without
//! the programs counts them as ignored; `cargo xtask test` finds or builds the programs and includes them.
//!
//! There is no controller-manager: nothing collects orphans, namespaces stay, no service account appears by itself
//! ([`Server::namespace`] makes the default one).
//!
//! Knows nothing of this project's own resources.

pub mod audit;
#[cfg(feature = "client")]
mod client;
mod error;
mod etcd;
mod kube_apiserver;
mod pki;
mod port;
mod server;
mod supervised;
pub mod tools;

pub use audit::{AuditEntry, AuditMark};
#[cfg(feature = "client")]
pub use client::ServiceAccount;
pub use error::Error;
pub use etcd::{SlowEtcd, StoppedEtcd};
pub use server::{Options, Server};
