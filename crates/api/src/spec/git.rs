//! `spec.git`: the repository, the ref, and the credentials, of which only references are here.

use serde::{Deserialize, Serialize};

use super::words;

/// API of the public GitHub; GitHub Enterprise Server has one of its own.
pub const DEFAULT_GITHUB_API: &str = "https://api.github.com";

/// The repository and what is wanted from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Git {
    /// `https://`, `http://`, `ssh://`, `git@host:path`, `git://` or `file://`. May carry a password: redact before showing.
    pub repo: String,
    /// Branch, tag or full commit SHA. A branch wins over a tag of the same name.
    #[serde(rename = "ref")]
    pub git_ref: String,
    /// Credentials; none for public repositories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Signatures that commits must carry.
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

/// Credentials: exactly one of the three.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// HTTP basic authentication, user `x-access-token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenAuth>,
    /// SSH private key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_key: Option<SshKeyAuth>,
    /// GitHub App installation.
    #[serde(default, rename = "githubApp", skip_serializing_if = "Option::is_none")]
    pub github_app: Option<GitHubAppAuth>,
}

/// A key of a Secret in the resource's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretKeyRef {
    /// Name of the Secret.
    pub name: String,
    /// Key in it.
    pub key: String,
}

/// A whole Secret in the resource's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretNameRef {
    /// Name of the Secret.
    pub name: String,
}

/// A token or password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenAuth {
    /// Where the token is.
    pub secret_ref: SecretKeyRef,
}

/// A private key, and the hosts it trusts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SshKeyAuth {
    /// Private key: ed25519, ecdsa or rsa, OpenSSH or PEM.
    pub secret_ref: SecretKeyRef,
    /// Strict host key checking when given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_hosts: Option<KnownHosts>,
}

/// A `known_hosts` file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownHosts {
    /// Where the file is.
    pub secret_ref: SecretKeyRef,
}

/// A GitHub App installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GitHubAppAuth {
    /// Number of the app.
    pub app_id: i64,
    /// Number of its installation.
    pub installation_id: i64,
    /// RSA key of the app, PKCS#1 or PKCS#8 PEM.
    pub private_key_secret_ref: SecretKeyRef,
    /// Where the API is.
    #[serde(rename = "apiBaseURL", default = "default_github_api")]
    pub api_base_url: String,
}

fn default_github_api() -> String {
    DEFAULT_GITHUB_API.to_owned()
}

/// The policy and keys that commits must satisfy: keys `policy.yaml`, `allowed_signers`, `*.asc` of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verify {
    /// The Secret.
    pub secret_ref: SecretNameRef,
}

/// TLS towards the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GitTls {
    /// PEM bundle of a private certificate authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
    /// Secret with `tls.crt` and `tls.key` for mutual TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_cert_secret_ref: Option<SecretNameRef>,
}

/// Proxy towards the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Proxy {
    /// `http://host:port`, without a password.
    pub url: String,
    /// `user:password` for the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretKeyRef>,
    /// Hosts that are reached directly, comma separated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_proxy: Option<String>,
}
