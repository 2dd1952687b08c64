//! With a real API server that calls the webhook by URL. The webhook runs in the test's own runtime, with a service
//! account that has no more rights than the chart gives it, unless a test is about the program itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![allow(clippy::semicolon_if_nothing_returned, reason = "changes of a table are one expression")]
#![allow(clippy::float_cmp, reason = "counters are whole numbers")]
#![allow(clippy::format_collect, reason = "64 digits")]
#![allow(clippy::unused_self, reason = "`world.pod` reads best")]

mod admission;
mod certificates;
mod cluster;
mod forge;
mod gateways;
mod http;
mod namespaces;
mod others;
mod program;
mod pushes;
mod world;
