//! The real program as a sidecar: against a real API server, with exactly the rights that the controller gives it, a real
//! Git server and a simulated gateway.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod api;
mod asked;
mod faults;
mod rights;
mod stage;
mod starts;
#[path = "../agent/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the other tests of this program use the rest")]
mod support;
mod sync;
