//! Calls of the Kubernetes API: get, watch and patch one `ConfigMap`, with the token and the authority that the pod has.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector as _, RustlsConnector};

use super::keepalive::KeepaliveConnector;

/// The token is another one every hour; it is read anew this often, and when it is refused.
const TOKEN_AGE: Duration = Duration::from_mins(1);
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(10);
/// The largest object that is read: the API server stores 1 MiB, and JSON may need two bytes for one.
pub const LARGEST: u64 = 4 << 20;

/// Who asks whom.
#[derive(Debug, Clone)]
pub struct Access {
    /// `https://10.96.0.1:443`, or `https://[fd00::1]:443`.
    pub base: String,
    /// Directory of `token` and `ca.crt`.
    pub account: PathBuf,
    pub namespace: String,
}

/// What was asked of the API so far, by verb.
#[derive(Debug, Default)]
pub struct Requests {
    pub get: AtomicU64,
    pub watch: AtomicU64,
    pub patch: AtomicU64,
}

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The token or the authority cannot be read.
    #[error("failed to read {path}: {why}. Does the pod mount a service account's token?")]
    Account { path: String, why: String },
    /// No answer, or none to the end.
    #[error("the Kubernetes API at {base} does not answer: {why}")]
    Unreachable { base: String, why: String },
    /// It answered, and refused.
    #[error("the Kubernetes API refused to {what}: {status} {message}")]
    Refused { what: String, status: u16, message: String },
    /// The answer is none of a Kubernetes API.
    #[error("the answer to {what} is not understood: {why}")]
    Odd { what: String, why: String },
}

impl Error {
    /// The status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// A `ConfigMap`, or what an event says of one; what is not needed is not kept.
#[derive(Debug, Default, Deserialize)]
pub struct ConfigMap {
    #[serde(default)]
    pub metadata: ObjectMeta,
    #[serde(default)]
    pub data: BTreeMap<String, String>,
    /// Of an error.
    #[serde(default)]
    pub code: u16,
    #[serde(default)]
    pub message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectMeta {
    #[serde(default)]
    pub resource_version: String,
    #[serde(default)]
    pub uid: String,
}

/// Calls, over connections of its own. Each thread has one: a watch holds its connection.
pub struct Client {
    access: Access,
    requests: Arc<Requests>,
    /// And the authority that it was made with.
    agent: Mutex<Option<(Vec<u8>, ureq::Agent)>>,
    token: Mutex<Option<(Instant, String)>>,
}

impl Client {
    pub fn new(access: Access, requests: Arc<Requests>) -> Self {
        Self { access, requests, agent: Mutex::default(), token: Mutex::default() }
    }

    /// One `ConfigMap`; `None` if it is not there.
    pub fn get(&self, name: &str) -> Result<Option<ConfigMap>, Error> {
        count(&self.requests.get);
        let what = format!("get ConfigMap {name}");
        let url = format!("{}/{name}", self.configmaps());
        let request = self.agent()?.get(&url).header("accept", "application/json");
        let answer = self.answered(request.header("authorization", self.bearer()?).call());
        match self.accepted(&what, answer?) {
            Ok(answer) => {
                let body = BufReader::new(answer.into_body().into_reader().take(LARGEST));
                let odd = |error: serde_json::Error| Error::Odd { what, why: error.to_string() };
                serde_json::from_reader(body).map(Some).map_err(odd)
            }
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What happens to one `ConfigMap`, a line of JSON each, for so many seconds. Without a `version` it begins with what
    /// is there.
    pub fn watch(
        &self,
        name: &str,
        version: Option<&str>,
        seconds: u32,
    ) -> Result<impl std::io::Read + use<>, Error> {
        count(&self.requests.watch);
        let mut url = format!(
            "{}?watch=1&allowWatchBookmarks=true&fieldSelector=metadata.name%3D{name}&timeoutSeconds={seconds}",
            self.configmaps()
        );
        if let Some(version) = version {
            url += &format!("&resourceVersion={version}");
        }
        let request = self.agent()?.get(&url).header("accept", "application/json");
        // The server ends it; a server that forgets to is left.
        let patience = Duration::from_secs(u64::from(seconds)) + CONNECT + ANSWER;
        let request = request.config().timeout_recv_body(Some(patience)).build();
        let answer = self.answered(request.header("authorization", self.bearer()?).call())?;
        let answer = self.accepted(&format!("watch ConfigMap {name}"), answer)?;
        Ok(answer.into_body().into_reader())
    }

    /// Changes the data of one `ConfigMap` by a merge patch.
    pub fn patch(&self, name: &str, patch: &serde_json::Value) -> Result<(), Error> {
        count(&self.requests.patch);
        let url = format!("{}/{name}?fieldManager=stoker-agent", self.configmaps());
        let request = self
            .agent()?
            .patch(&url)
            .content_type("application/merge-patch+json")
            // The object with everybody's entries is not wanted back.
            .header("accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
            .header("authorization", self.bearer()?);
        let answer = self.answered(request.send(patch.to_string()));
        self.accepted(&format!("patch ConfigMap {name}"), answer?).map(drop)
    }

    fn configmaps(&self) -> String {
        format!("{}/api/v1/namespaces/{}/configmaps", self.access.base, self.access.namespace)
    }

    fn answered(
        &self,
        result: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<ureq::http::Response<ureq::Body>, Error> {
        result.map_err(|error| Error::Unreachable { base: self.access.base.clone(), why: error.to_string() })
    }

    fn accepted(
        &self,
        what: &str,
        answer: ureq::http::Response<ureq::Body>,
    ) -> Result<ureq::http::Response<ureq::Body>, Error> {
        let status = answer.status().as_u16();
        if answer.status().is_success() {
            return Ok(answer);
        }
        if status == 401 {
            // It may have been replaced a moment ago.
            *lock(&self.token) = None;
        }
        let mut body = Vec::new();
        let read = answer.into_body().into_reader().take(8 << 10).read_to_end(&mut body);
        let said = read.ok().and_then(|_| serde_json::from_slice::<ConfigMap>(&body).ok());
        let message = said.map(|said| said.message.chars().filter(|c| !c.is_control()).take(200).collect());
        Err(Error::Refused { what: what.to_owned(), status, message: message.unwrap_or_default() })
    }

    fn bearer(&self) -> Result<String, Error> {
        let mut kept = lock(&self.token);
        if let Some((read, token)) = &*kept
            && read.elapsed() < TOKEN_AGE
        {
            return Ok(format!("Bearer {token}"));
        }
        let token = read(&self.access.account.join("token"))?;
        let token = String::from_utf8_lossy(&token).trim().to_owned();
        let bearer = format!("Bearer {token}");
        *kept = Some((Instant::now(), token));
        Ok(bearer)
    }

    /// The connections, made anew when the authority is another one.
    fn agent(&self) -> Result<ureq::Agent, Error> {
        let path = self.access.account.join("ca.crt");
        let authority = read(&path)?;
        let mut kept = lock(&self.agent);
        if let Some((before, agent)) = &*kept
            && *before == authority
        {
            return Ok(agent.clone());
        }
        let agent = connections(&authority);
        *kept = Some((authority, agent.clone()));
        Ok(agent)
    }
}

fn connections(authority: &[u8]) -> ureq::Agent {
    let certificates = ureq::tls::parse_pem(authority).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::Specific(Arc::new(certificates.collect())))
        .build();
    let config = ureq::Agent::config_builder()
        .tls_config(tls)
        .https_only(true)
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .user_agent(concat!("stoker-agent/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(CONNECT))
        .timeout_send_request(Some(ANSWER))
        .timeout_send_body(Some(ANSWER))
        .timeout_recv_response(Some(ANSWER))
        .timeout_recv_body(Some(ANSWER))
        .max_idle_connections(1)
        .max_idle_age(Duration::from_secs(10))
        .input_buffer_size(16 << 10)
        .output_buffer_size(4 << 10)
        .build();
    let connector = ().chain(KeepaliveConnector::default()).chain(RustlsConnector::default());
    ureq::Agent::with_parts(config, connector, DefaultResolver::default())
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let account =
        |error: std::io::Error| Error::Account { path: path.display().to_string(), why: error.to_string() };
    fs::read(path).map_err(account)
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
