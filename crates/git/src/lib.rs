//! Repositories: which commit a reference means, and that commit's trees and blobs, over `https`, `http`, `ssh`, `git`
//! and `file`, with memory that does not depend on the repository.
//!
//! [`Remote`] is the way in: [`Remote::resolve`], [`Remote::fetch_trees`], [`Remote::fetch_blobs`]. What arrives goes to
//! a [`TreeStore`] (commits, trees, tags) and to a [`BlobSink`] of the caller's. There is no clone.
//!
//! It must not know what the files are for (gateways, Kubernetes) nor where they end up.

mod arrivals;
mod bundle;
mod capabilities;
mod descent;
mod disk;
mod error;
#[doc(hidden)]
pub mod fuzzing;
pub mod known_hosts;
pub mod lfs;
mod local;
mod pack;
mod peel;
mod pktline;
mod remote;
mod request;
mod resolve;
mod session;
mod sideband;
mod store;
mod text;
mod tips;
mod transport;
mod trees;
mod url;
mod wire;

pub use error::Error;
pub use pack::{Limits, PackStats, receive};
pub use remote::{Fetched, Remote};
pub use resolve::{RefKind, Resolved};
pub use store::BlobSink;
pub use transport::{Guard, Options, ProxyOptions, Traffic};
pub use trees::{Completeness, TreeStore};
pub use url::RepoUrl;
