//! The controller's program against a real API server and real Git servers.
//!
//! Needs kube-apiserver and etcd: `cargo xtask test` finds or builds them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod harness;

mod app;
mod discovery;
mod faults;
mod hosts;
mod life;
mod moving;
mod rights;
mod source;
