//! The server keeps what it promises to the tests that use it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod life;
mod people;
