//! What is known of the cluster: a compact index, filled by watches.
//!
//! It knows the Kubernetes API and keeps of it only what decisions need; it decides nothing. Whole pods and whole caches
//! of objects would be most of this program's memory: pods are watched by their metadata, kept only where an annotation or
//! label of ours is on them, and everything is pruned while it is read.

pub mod facts;
pub mod index;
pub mod kinds;
pub mod secrets;
pub mod watch;

pub use index::Index;

/// Name of what is kept: namespace and name.
pub type Key = crate::resolve::Id;

/// A key from two texts.
pub fn key(namespace: &str, name: &str) -> Key {
    (namespace.into(), name.into())
}
