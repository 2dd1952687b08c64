//! `spec.git`: the repository, the ref, and the credentials, of which only references are here.

use serde::{Deserialize, Serialize};

use super::words;

/// API of the public GitHub; GitHub Enterprise Server has one of its own.
pub const DEFAULT_GITHUB_API: &str = "https://api.github.com";

/// The repository and what is wanted from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct Git {
    /// The repository: `https://`, `http://`, `ssh://`, `git@host:path`, `git://` or `file://`.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::repository))]
    pub repo: String,
    /// Branch, tag (lightweight or annotated) or full commit SHA. A branch wins over a tag of the same name.
    #[serde(rename = "ref")]
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::git_ref))]
    pub git_ref: String,
    /// Credentials, exactly one kind of them; none for a public repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// The signatures that commits must carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
    /// Private certificate authority and client certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<GitTls>,
    /// Proxy on the way to the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
}

impl Git {
    /// The kind of credentials, as metadata and metrics name it.
    pub fn auth_type(&self) -> AuthType {
        match &self.auth {
            Some(Auth { token: Some(_), .. }) => AuthType::Token,
            Some(Auth { ssh_key: Some(_), .. }) => AuthType::Ssh,
            Some(Auth { github_app: Some(_), .. }) => AuthType::GitHubApp,
            _ => AuthType::None,
        }
    }
}

words! {
    /// Value of `authType` in the metadata, and of the label `auth_type`.
    AuthType {
        /// Public repository.
        None = "none",
        /// HTTP basic authentication with a token.
        Token = "token",
        /// SSH with a private key.
        Ssh = "ssh",
        /// Installation token of a GitHub App.
        GitHubApp = "githubApp",
    }
}

/// Credentials: exactly one of `token`, `sshKey`, `githubApp`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::exactly_one_kind))]
pub struct Auth {
    /// A token or password, for HTTP basic authentication as user `x-access-token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenAuth>,
    /// A private SSH key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_key: Option<SshKeyAuth>,
    /// An installation of a GitHub App.
    #[serde(default, rename = "githubApp", skip_serializing_if = "Option::is_none")]
    pub github_app: Option<GitHubAppAuth>,
}

/// A key of a Secret in the resource's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct SecretKeyRef {
    /// Name of the Secret.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::object_name))]
    pub name: String,
    /// Key in it.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::object_name))]
    pub key: String,
}

/// A whole Secret in the resource's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct SecretNameRef {
    /// Name of the Secret.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::object_name))]
    pub name: String,
}

/// A token or password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct TokenAuth {
    /// Where the token is.
    pub secret_ref: SecretKeyRef,
}

/// A private key, and the hosts it trusts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct SshKeyAuth {
    /// Where the private key is: ed25519, ecdsa or rsa, OpenSSH or PEM.
    pub secret_ref: SecretKeyRef,
    /// Strict host key checking when given. Without it connections work, and the condition `SSHHostKeyVerification` warns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_hosts: Option<KnownHosts>,
}

/// A `known_hosts` file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct KnownHosts {
    /// Where the `known_hosts` file is.
    pub secret_ref: SecretKeyRef,
}

/// A GitHub App installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct GitHubAppAuth {
    /// Number of the app.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::at_least_one))]
    pub app_id: i64,
    /// Number of its installation.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::at_least_one))]
    pub installation_id: i64,
    /// Where the RSA key of the app is, PKCS#1 or PKCS#8 PEM.
    pub private_key_secret_ref: SecretKeyRef,
    /// Where the API is; GitHub Enterprise Server has one of its own.
    #[serde(rename = "apiBaseURL", default = "default_github_api")]
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::http_address))]
    pub api_base_url: String,
}

fn default_github_api() -> String {
    DEFAULT_GITHUB_API.to_owned()
}

/// The policy and keys that commits must satisfy: keys `policy.yaml`, `allowed_signers`, `*.asc` of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct Verify {
    /// The Secret with the policy and the keys: `policy.yaml`, `allowed_signers` (SSH), `*.asc` (`OpenPGP`).
    pub secret_ref: SecretNameRef,
}

/// TLS towards the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct GitTls {
    /// PEM bundle of a private certificate authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
    /// Secret with `tls.crt` and `tls.key`, for mutual TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_cert_secret_ref: Option<SecretNameRef>,
}

/// Proxy towards the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct Proxy {
    /// `http://host:port`, without a password.
    #[cfg_attr(feature = "crd", schemars(transform = crate::crd::rules::proxy_address))]
    pub url: String,
    /// Where `user:password` for the proxy is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretKeyRef>,
    /// Hosts that are reached directly, comma separated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_proxy: Option<String>,
}
