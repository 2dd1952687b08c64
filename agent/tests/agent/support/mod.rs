//! What the tests share: a site (a repository, a data directory, secrets, a manifest), the program on it,
//! and comparisons of what lies on disk.

pub mod manifest;
pub mod mount;
pub mod program;
pub mod site;
pub mod tree;

use std::time::{Duration, Instant};

pub use manifest::Manifest;
pub use mount::Mount;
pub use program::{Agent, Ended};
pub use site::Site;
pub use tree::{Tree, assert_same};

/// Far more than anything here takes, also on a machine that is busy with other things.
pub const SOON: Duration = Duration::from_mins(1);

/// The agent's own directory in the data directory.
pub const STATE: &str = ".stoker";

/// Looks until `look` finds something, and fails with `state` when it does not come in time.
pub fn until<T>(
    what: &str,
    limit: Duration,
    state: impl Fn() -> String,
    mut look: impl FnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not come within {limit:?}\n{}", state());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Bytes without a pattern, the same for the same seed.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ seed.wrapping_mul(0x2545_f491_4f6c_dd1d);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
