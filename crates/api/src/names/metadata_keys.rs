//! Keys of the metadata `ConfigMap` ([`super::objects::metadata`]).

/// The commit that is wanted.
pub const COMMIT: &str = "commit";
/// The ref that led to it.
pub const REF: &str = "ref";
/// The repository.
pub const GIT_URL: &str = "gitURL";
/// `true` or `false`.
pub const PAUSED: &str = "paused";
/// `none`, `token`, `ssh` or `githubApp`.
pub const AUTH_TYPE: &str = "authType";
/// Port of the gateway.
pub const GATEWAY_PORT: &str = "gatewayPort";
/// `true` or `false`.
pub const GATEWAY_TLS: &str = "gatewayTLS";
/// JSON: profiles by name, with the defaults merged in.
pub const PROFILES: &str = "profiles";
/// JSON: what single pods are told otherwise.
pub const TARGETS: &str = "targets";
/// JSON: windows and limits.
pub const POLICY: &str = "policy";
/// JSON: features without which an agent must not sync.
pub const REQUIRES: &str = "requires";
