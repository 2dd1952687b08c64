//! Commits and tags signed by the real programs: git, ssh-keygen, gpg.

mod gpg;
mod openpgp;
mod ssh;
mod support;
