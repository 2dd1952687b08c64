//! Admission and the push receiver.

/// Path of the pod mutation.
pub const MUTATE_PATH: &str = "/mutate-v1-pod";
/// Port of the pod mutation.
pub const MUTATE_PORT: u16 = 9443;
/// Name of the webhook in its configuration.
pub const NAME: &str = "pod-inject.stoker.io";
/// Namespaces whose pods are never looked at.
pub const EXEMPT_NAMESPACES: [&str; 2] = ["kube-system", "kube-node-lease"];

/// Port of the push receiver.
pub const RECEIVER_PORT: u16 = 9444;
/// First part of the receiver's path; `/{namespace}/{crName}` follows.
pub const RECEIVER_PREFIX: &str = "/webhook";
/// The largest body that the receiver takes, in bytes.
pub const RECEIVER_MAX_BODY: usize = 1 << 20;
