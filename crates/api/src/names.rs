//! Every name of the contract, each once, one module for each kind of thing.
//!
//! Constants only, and functions where a name is made of another one.

pub mod annotations;
pub mod conditions;
pub mod env;
pub mod events;
pub mod features;
pub mod labels;
pub mod metadata_keys;
pub mod metrics;
pub mod objects;
pub mod sidecar;
pub mod volumes;
pub mod webhook;

/// Finalizer of a GatewaySync.
pub const FINALIZER: &str = "stoker.io/finalizer";

/// The longest name of a gateway.
pub const MAX_GATEWAY_NAME: usize = 63;

/// Whether a gateway may be called so: 1 to 63 of `[A-Za-z0-9._-]`. The name becomes a metric label, a part of paths in
/// templates and a key of Secrets.
pub fn is_gateway_name(name: &str) -> bool {
    (1..=MAX_GATEWAY_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_name_is_short_and_plain() {
        for name in ["a", "ignition-0", "Line_1.Area-2", &"x".repeat(63)] {
            assert!(is_gateway_name(name), "{name}");
        }
        for name in ["", "a b", "a/b", "\u{e4}", "$(POD_NAME)", &"x".repeat(64)] {
            assert!(!is_gateway_name(name), "{name}");
        }
    }
}
