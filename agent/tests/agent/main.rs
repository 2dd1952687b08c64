//! The real program against real Git servers and a simulated gateway, from outside.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod idle;
mod killed;
mod life;
mod offline;
mod refused;
mod startup;
mod support;
mod trees;
