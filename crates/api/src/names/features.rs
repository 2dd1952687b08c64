//! Features that the metadata's `requires` can name. An agent that does not know one of them must not sync: what it does
//! not know is a condition that it would pass over.

/// `stoker.io/hold` and `stoker.io/rollback-to`.
pub const HOLD: &str = "hold";
/// `spec.git.verify`.
pub const VERIFY: &str = "verify";
/// `spec.syncWindows`.
pub const WINDOWS: &str = "windows";
