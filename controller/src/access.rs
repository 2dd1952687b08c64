//! From a resource and its Secrets to how its repository is opened.

use std::collections::BTreeMap;
use std::sync::Arc;

use stoker_api::names::objects::{TLS_CERT_KEY, TLS_KEY_KEY};
use stoker_api::spec::{Git, SecretKeyRef};

use crate::observe::index::Secrets;
use crate::resolve::access::{Access, App, Auth, Proxy, SecretValue};

/// Why the repository cannot be opened yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotYet {
    /// A Secret was not looked at yet.
    Unseen,
    /// A Secret, or its key, does not exist: words that name it.
    Missing(String),
}

/// How the repository of a resource is opened.
pub fn access(git: &Git, secrets: &BTreeMap<Arc<str>, Secrets>) -> Result<Access, NotYet> {
    let value = |of: &SecretKeyRef| value(secrets, &of.name, &of.key);
    let mut auth = Auth::None;
    if let Some(given) = &git.auth {
        if let Some(token) = &given.token {
            auth = Auth::Token(value(&token.secret_ref)?);
        } else if let Some(ssh) = &given.ssh_key {
            let known_hosts = ssh.known_hosts.as_ref().map(|hosts| value(&hosts.secret_ref)).transpose()?;
            auth = Auth::Ssh { key: value(&ssh.secret_ref)?, known_hosts };
        } else if let Some(app) = &given.github_app {
            auth = Auth::GitHubApp(App {
                number: app.app_id,
                installation: app.installation_id,
                key: value(&app.private_key_secret_ref)?,
                api: app.api_base_url.clone(),
            });
        }
    }
    let tls = git.tls.clone().unwrap_or_default();
    let certificate = |name: &str| -> Result<_, NotYet> {
        Ok((self::value(secrets, name, TLS_CERT_KEY)?, self::value(secrets, name, TLS_KEY_KEY)?))
    };
    let proxy = git.proxy.as_ref().map(|proxy| -> Result<_, NotYet> {
        Ok(Proxy {
            url: proxy.url.clone(),
            credentials: proxy.secret_ref.as_ref().map(value).transpose()?,
            except: proxy.no_proxy.clone(),
        })
    });
    Ok(Access {
        url: git.repo.clone(),
        auth,
        ca: tls.ca_secret_ref.as_ref().map(value).transpose()?,
        client_certificate: tls.client_cert_secret_ref.map(|of| certificate(&of.name)).transpose()?,
        proxy: proxy.transpose()?,
    })
}

fn value(secrets: &BTreeMap<Arc<str>, Secrets>, name: &str, key: &str) -> Result<SecretValue, NotYet> {
    match secrets.get(name) {
        None => Err(NotYet::Unseen),
        Some(Secrets::Missing) => Err(NotYet::Missing(format!("secret {name:?} does not exist; create it"))),
        Some(Secrets::There { keys, values }) => match values.get(key) {
            Some(value) => Ok(value.clone()),
            // The watch that keeps this value has not shown it yet.
            None if keys.contains(key) => Err(NotYet::Unseen),
            None => Err(NotYet::Missing(format!("secret {name:?} has no key {key:?}"))),
        },
    }
}
