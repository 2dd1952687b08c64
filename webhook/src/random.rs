//! Chance, for jitter and names. Keys come from ring.

use std::hash::{BuildHasher as _, RandomState};

/// A number that nobody can foretell well.
pub fn number() -> u32 {
    (RandomState::new().hash_one(0_u8) >> 32) as u32
}
