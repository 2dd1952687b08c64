//! Our engines beside Go's originals: makes cases from a seed, asks both, and says where they differ.
//!
//! The originals are the Go programs in this folder; cases are the JSON lines that they read. `cargo xtask gen oracle` widens the
//! hand-written cases with it, `cargo xtask fuzz-oracle` runs it for as long as one likes.
//!
//! It must not know gateways, files that are synced, or Git.

mod case;
mod engine;
mod fuzz;
mod glob;
mod mutate;
mod original;
mod patch;
mod random;
mod shrink;
mod template;
mod widen;

pub use case::{Answer, Case, Known};
pub use engine::Engine;
pub use fuzz::{Disagreement, Report, fuzz};
pub use original::Original;
pub use random::Random;
pub use widen::widen;
