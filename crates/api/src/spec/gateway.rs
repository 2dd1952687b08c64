//! `spec.gateway` and `spec.receiver`.

use serde::{Deserialize, Serialize};

use super::{SecretKeyRef, is_default};

/// How the agent reaches its gateway, over loopback inside the pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct Gateway {
    /// Web port of the gateway.
    #[serde(default = "default_port")]
    pub port: u16,
    /// Whether that port speaks TLS.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tls: bool,
    /// CA of the gateway's certificate. Without it a gateway that is reached over TLS is not verified, and the agent says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_ca_secret_ref: Option<SecretKeyRef>,
    /// The token for the gateway's API.
    pub api: GatewayApi,
}

const fn default_port() -> u16 {
    8088
}

/// Where the Ignition API token (`name:secret`) is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct GatewayApi {
    /// Name of the Secret.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::object_name))]
    pub secret_name: String,
    /// Key in it; a template such as `{{ .GatewayName }}` gives every gateway a token of its own.
    #[serde(default = "default_api_key")]
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::templated_key))]
    pub secret_key: String,
}

fn default_api_key() -> String {
    "apiKey".to_owned()
}

/// Secrets and refs of this resource's push receiver. Where a secret is set, the global ones do not open it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct Receiver {
    /// Where the key of the HMAC over a push's body is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hmac_secret_ref: Option<SecretKeyRef>,
    /// Where the bearer token is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_secret_ref: Option<SecretKeyRef>,
    /// Globs of the refs that a push may ask for; empty means every branch and tag. `refs/pull/*`,
    /// `refs/merge-requests/*`, `refs/changes/*` and commit SHAs only where they are listed.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::texts))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_refs: Vec<String>,
}
