//! The webhook's own certificates.
//!
//! An authority (ECDSA P-256, ten years) and a leaf (ninety days, renewed at two thirds) live in one Secret that is made at
//! run time. Every replica watches it and swaps what it serves; whoever notices first that something is due writes it,
//! and a lost race is somebody else's success. The leader tells the API server which roots to trust. A Secret without the
//! authority's key is somebody else's, a person's or cert-manager's: it is served, and never written.

mod decide;
mod issue;
mod keeper;
mod lease;
mod material;
mod served;
mod trust;
mod validity;

use std::sync::Arc;

pub use keeper::{Keeper, Place};
pub use served::Served;
pub use validity::{Validity, validity};

/// The wall clock, Unix seconds. Tests let it jump.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The machine's.
pub fn wall_clock() -> Clock {
    Arc::new(|| jiff::Timestamp::now().as_second())
}
