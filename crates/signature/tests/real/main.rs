//! Commits and tags signed by the real programs: git, ssh-keygen, gpg.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod gpg;
mod openpgp;
mod ssh;
mod support;
