//! The engine on real directories, with a repository in memory.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on has failed

mod stand_ins;
mod support;

mod apply;
mod drift;
mod hostile;
mod interrupted;
mod manifest;
mod mappings;
mod render;
mod rollback;
mod signed;
