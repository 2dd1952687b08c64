//! Volumes of the sidecar and where they are mounted.

/// A volume and its mount path in the sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Name in the pod.
    pub name: &'static str,
    /// Mount path in the sidecar.
    pub path: &'static str,
}

/// Run directory, an emptyDir.
pub const RUN: Volume = Volume { name: "sync-repo", path: "/repo" };
/// Scratch space, an emptyDir.
pub const TMP: Volume = Volume { name: "git-tmp", path: "/tmp" };
/// Ignition API token.
pub const API_KEY: Volume = Volume { name: "api-key", path: "/etc/stoker/api-key" };
/// Token or SSH key for the repository.
pub const GIT_CREDENTIALS: Volume = Volume { name: "git-credentials", path: "/etc/stoker/git-credentials" };
/// Installation token of a GitHub App.
pub const GIT_TOKEN: Volume = Volume { name: "git-token", path: "/etc/stoker/git-token" };
/// Known hosts.
pub const KNOWN_HOSTS: Volume = Volume { name: "known-hosts", path: "/etc/stoker/known-hosts" };
/// Private CA of the repository.
pub const GIT_CA: Volume = Volume { name: "git-ca", path: "/etc/stoker/git-ca" };
/// Client certificate for the repository.
pub const GIT_CLIENT: Volume = Volume { name: "git-client", path: "/etc/stoker/git-client" };
/// Credentials for the proxy.
pub const GIT_PROXY: Volume = Volume { name: "git-proxy", path: "/etc/stoker/git-proxy" };
/// CA of the gateway's certificate.
pub const GATEWAY_CA: Volume = Volume { name: "gateway-ca", path: "/etc/stoker/gateway-ca" };
/// Policy and keys that commits must satisfy.
pub const VERIFY: Volume = Volume { name: "verify", path: "/etc/stoker/verify" };
/// Labels and annotations of the pod, by the downward API.
pub const POD_INFO: Volume = Volume { name: "stoker-pod-info", path: "/etc/stoker/pod-info" };
/// File of the labels in [`POD_INFO`].
pub const POD_INFO_LABELS: &str = "labels";
/// File of the annotations in [`POD_INFO`].
pub const POD_INFO_ANNOTATIONS: &str = "annotations";

/// Names of the pod's own volume with the gateway's data, the first that exists.
pub const DATA: [&str; 2] = ["ignition-data", "data"];
