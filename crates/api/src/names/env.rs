//! Environment variables of the programs.

/// Sidecar: name of its pod.
pub const POD_NAME: &str = "POD_NAME";
/// Sidecar: namespace of its pod.
pub const POD_NAMESPACE: &str = "POD_NAMESPACE";
/// Sidecar: UID of its pod.
pub const POD_UID: &str = "POD_UID";
/// Sidecar: name of the GatewaySync.
pub const CR_NAME: &str = "CR_NAME";
/// Sidecar: namespace of the GatewaySync.
pub const CR_NAMESPACE: &str = "CR_NAMESPACE";
/// Sidecar: name of the gateway.
pub const GATEWAY_NAME: &str = "GATEWAY_NAME";
/// Sidecar: name of the profile.
pub const PROFILE: &str = "PROFILE";
/// Sidecar: its run directory.
pub const REPO_PATH: &str = "REPO_PATH";
/// Sidecar: the gateway's data directory.
pub const DATA_PATH: &str = "DATA_PATH";
/// Sidecar: port of the gateway.
pub const GATEWAY_PORT: &str = "GATEWAY_PORT";
/// Sidecar: whether that port speaks TLS.
pub const GATEWAY_TLS: &str = "GATEWAY_TLS";
/// Sidecar: file of the CA of the gateway's certificate.
pub const GATEWAY_CA_FILE: &str = "GATEWAY_CA_FILE";
/// Sidecar: file of the Ignition API token.
pub const API_KEY_FILE: &str = "API_KEY_FILE";
/// Sidecar: seconds between two looks without a signal.
pub const SYNC_PERIOD: &str = "SYNC_PERIOD";
/// Sidecar: file of the token for the repository.
pub const GIT_TOKEN_FILE: &str = "GIT_TOKEN_FILE";
/// Sidecar: file of the SSH private key.
pub const GIT_SSH_KEY_FILE: &str = "GIT_SSH_KEY_FILE";
/// Sidecar: file of known hosts.
pub const GIT_KNOWN_HOSTS_FILE: &str = "GIT_KNOWN_HOSTS_FILE";
/// Sidecar: file of the private CA of the repository.
pub const GIT_CA_FILE: &str = "GIT_CA_FILE";
/// Sidecar: directory of the client certificate for the repository.
pub const GIT_CLIENT_CERT_DIR: &str = "GIT_CLIENT_CERT_DIR";
/// Sidecar: proxy towards the repository.
pub const GIT_PROXY: &str = "GIT_PROXY";
/// Sidecar: hosts that are reached without it.
pub const GIT_NO_PROXY: &str = "GIT_NO_PROXY";
/// Sidecar: file of `user:password` for it.
pub const GIT_PROXY_AUTH_FILE: &str = "GIT_PROXY_AUTH_FILE";
/// Sidecar: directory of the policy and the keys that commits must satisfy.
pub const VERIFY_DIR: &str = "VERIFY_DIR";

/// Webhook: image of the sidecar where the resource names none.
pub const DEFAULT_AGENT_IMAGE: &str = "DEFAULT_AGENT_IMAGE";
/// Receiver: key of the HMAC over a push's body.
pub const WEBHOOK_HMAC_SECRET: &str = "WEBHOOK_HMAC_SECRET";
/// Receiver: bearer token.
pub const WEBHOOK_BEARER_TOKEN: &str = "WEBHOOK_BEARER_TOKEN";
