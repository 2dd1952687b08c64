//! What the API server has: caches that watches keep warm, and look-ups where they are cold.
//!
//! Objects are read untyped: one form of every generic function, and an object that does not fit its type never stops a
//! watch.

mod cache;
mod follow;
mod kinds;
mod lookup;
mod remembered;
mod secrets;

use std::sync::Arc;

pub use cache::{Cache, Entry};
pub use follow::{Sink, follow, single};
pub use kinds::{GATEWAY_SYNC, LEASE, SECRET, WEBHOOK_CONFIGURATION, api};
pub use lookup::{Lookup, Unavailable};
pub use secrets::Secrets;

/// Namespace and name.
pub type Key = (Arc<str>, Arc<str>);

/// A key of two texts.
pub fn key(namespace: &str, name: &str) -> Key {
    (namespace.into(), name.into())
}
