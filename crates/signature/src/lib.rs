//! Who signed these bytes: SSH signatures (as `git` makes them with `gpg.format=ssh`) and `OpenPGP` ones, against keys
//! that somebody trusts.
//!
//! [`Keyring`] holds the keys, [`Keyring::commit`] and [`Keyring::tag`] judge. A key counts as it is *now*: what
//! bears an earlier date is not believed, since whoever holds a key that has ended can write any date.
//!
//! Pure but for the arithmetic: it must not know where keys and commits come from, no files, no network, no clock, and
//! nothing of policies: which repository and which refs are somebody else's question.

#![forbid(unsafe_code)]

mod allowed;
mod fault;
mod keyring;
mod openpgp;
mod ssh;
mod time;

pub use fault::{Fault, KeyFault, Subject};
pub use keyring::{Keyring, Signer};
