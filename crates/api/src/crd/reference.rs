//! stub
pub const REFERENCE_FILE: &str = "docs/reference/gatewaysync.md";
/// x
pub fn reference() -> String { String::new() }
