//! What the webhook tells the sidecar by its environment (contract, sections 4 and 8). All of it is fixed for the life of
//! the pod; what can change is in files and in the metadata.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use stoker_api::names::{env, sidecar, volumes};
use stoker_sync::Identity;

use super::client::Access;
use crate::cli::Options;
use crate::failure::Failure;
use crate::settings::{GitAccess, Proxy};

/// Where the kubelet mounts the service account's token.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Another place of the token and the authority, for a pod that projects them elsewhere.
const SERVICE_ACCOUNT_DIR: &str = "SERVICE_ACCOUNT_DIR";
/// Another place of the pod's labels.
const POD_LABELS_FILE: &str = "POD_LABELS_FILE";

/// Who the agent is, and where it finds what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    pub pod_name: String,
    pub pod_namespace: String,
    pub pod_uid: Option<String>,
    pub cr_name: String,
    pub cr_namespace: String,
    pub gateway_name: String,
    pub profile: String,
    pub data: PathBuf,
    pub api_key_file: PathBuf,
    pub gateway_ca_file: Option<PathBuf>,
    pub git: GitAccess,
    pub verify: Option<PathBuf>,
    /// The pod's labels.
    pub labels_file: PathBuf,
    /// Directory of the service account's token and authority.
    pub account: PathBuf,
    /// The API server.
    pub base: String,
}

impl Environment {
    /// Reads it; everything that is missing is in the message.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let mut missing = Vec::new();
        let mut need = |name: &'static str| {
            get(name).unwrap_or_else(|| {
                missing.push(name);
                String::new()
            })
        };
        let (pod_name, pod_namespace) = (need(env::POD_NAME), need(env::POD_NAMESPACE));
        let (cr_name, data) = (need(env::CR_NAME), PathBuf::from(need(env::DATA_PATH)));
        let host = need("KUBERNETES_SERVICE_HOST");
        let file = |name: &str| get(name).map(PathBuf::from);
        let below = |volume: volumes::Volume, name: &str| PathBuf::from(volume.path).join(name);
        let environment = Self {
            cr_namespace: get(env::CR_NAMESPACE).unwrap_or_else(|| pod_namespace.clone()),
            gateway_name: get(env::GATEWAY_NAME).unwrap_or_else(|| pod_name.clone()),
            profile: get(env::PROFILE).unwrap_or_else(|| stoker_api::profile::DEFAULT_PROFILE.to_owned()),
            pod_uid: get(env::POD_UID),
            api_key_file: file(env::API_KEY_FILE).unwrap_or_else(|| below(volumes::API_KEY, "apiKey")),
            gateway_ca_file: file(env::GATEWAY_CA_FILE),
            git: GitAccess {
                token_file: file(env::GIT_TOKEN_FILE),
                // The controller exchanges the key, and no gateway has it.
                app: None,
                ssh_key_file: file(env::GIT_SSH_KEY_FILE),
                known_hosts_file: file(env::GIT_KNOWN_HOSTS_FILE),
                ca_file: file(env::GIT_CA_FILE),
                client_cert_dir: file(env::GIT_CLIENT_CERT_DIR),
                proxy: get(env::GIT_PROXY).map(|url| Proxy {
                    url,
                    auth_file: file(env::GIT_PROXY_AUTH_FILE),
                    except: get(env::GIT_NO_PROXY).unwrap_or_default(),
                }),
            },
            verify: file(env::VERIFY_DIR),
            labels_file: file(POD_LABELS_FILE)
                .unwrap_or_else(|| below(volumes::POD_INFO, volumes::POD_INFO_LABELS)),
            account: file(SERVICE_ACCOUNT_DIR).unwrap_or_else(|| ACCOUNT.into()),
            base: base(&host, &get("KUBERNETES_SERVICE_PORT").unwrap_or_else(|| "443".to_owned())),
            pod_name,
            pod_namespace,
            cr_name,
            data,
        };
        if missing.is_empty() {
            return Ok(environment);
        }
        Err(Failure::config(format!(
            "the environment lacks {}: in a cluster the webhook sets it; elsewhere give --config",
            missing.join(", ")
        )))
    }

    /// For whom the volume is synced.
    pub fn identity(&self) -> Identity {
        Identity {
            namespace: self.pod_namespace.clone(),
            gateway_sync: self.cr_name.clone(),
            profile: self.profile.clone(),
            gateway: self.gateway_name.clone(),
        }
    }

    pub fn access(&self) -> Access {
        Access {
            base: self.base.clone(),
            account: self.account.clone(),
            namespace: self.cr_namespace.clone(),
        }
    }

    /// The same as a command line, with what was given there.
    pub fn options(&self, given: &Options) -> Options {
        let any = |port: u16| Some(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port));
        Options {
            data: self.data.clone(),
            listen: given.listen.or_else(|| any(sidecar::PROBE_PORT)),
            metrics: given.metrics.or_else(|| any(sidecar::METRICS_PORT)),
            ..Options::default()
        }
    }
}

/// Addresses of IPv6 are bracketed in URLs.
fn base(host: &str, port: &str) -> String {
    match host.parse() {
        Ok(IpAddr::V6(address)) => format!("https://[{address}]:{port}"),
        _ => format!("https://{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<Environment, Failure> {
        let owned: std::collections::BTreeMap<String, String> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Environment::read(|name| owned.get(name).cloned())
    }

    const LEAST: [(&str, &str); 5] = [
        ("POD_NAME", "gw-0"),
        ("POD_NAMESPACE", "site1"),
        ("CR_NAME", "plant"),
        ("DATA_PATH", "/data"),
        ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
    ];

    #[test]
    fn what_is_left_out_follows_from_the_rest() {
        let environment = of(&LEAST).unwrap();
        assert_eq!(environment.cr_namespace, "site1");
        assert_eq!((&*environment.gateway_name, &*environment.profile), ("gw-0", "default"));
        assert_eq!(environment.base, "https://10.96.0.1:443");
        assert_eq!(environment.git, GitAccess::default());
        assert_eq!(environment.account, PathBuf::from(ACCOUNT));
        assert_eq!(environment.labels_file, PathBuf::from("/etc/stoker/pod-info/labels"));
    }

    #[test]
    fn an_api_server_may_have_an_address_of_ipv6() {
        assert_eq!(base("fd00:10:96::1", "443"), "https://[fd00:10:96::1]:443");
        assert_eq!(base("kubernetes.default.svc", "6443"), "https://kubernetes.default.svc:6443");
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        let message = of(&[("CR_NAME", "plant"), ("POD_NAME", "")]).unwrap_err().message;
        for name in ["POD_NAME", "POD_NAMESPACE", "DATA_PATH", "KUBERNETES_SERVICE_HOST"] {
            assert!(message.contains(name), "{message}");
        }
    }
}
