//! An HTTP/1.1 server for Git repositories, whose behaviour a test can change while it runs.

mod backend;
mod connection;
mod dumb;
mod message;
mod stream;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result};

pub use message::{Answer, Request};

use crate::listener::{Listener, lock};
use crate::tls::{self, CertificateOptions, Identity};
use stream::Meter;

/// How an [`HttpServer`] behaves. The default is a modern forge: smart HTTP with protocol v2, open to all, without
/// filters and without pushes.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the server, independent of the others"
)]
pub struct HttpOptions {
    /// https, with a certificate from an authority of this server's own. Fixed at the start.
    pub tls: bool,
    /// What that certificate says, and whether clients must have one. Fixed at the start.
    pub certificate: CertificateOptions,
    /// Serves files only, as a plain web server does (see `Repository::update_server_info`).
    pub dumb: bool,
    /// `uploadpack.allowFilter`: partial fetches, such as `blob:none`.
    pub filter: bool,
    /// `uploadpack.allowAnySHA1InWant`: needed for exact commits below protocol v2 only.
    pub any_sha: bool,
    /// False: the `Git-Protocol` header is dropped, so that the server answers in protocol v0.
    pub protocol_v2: bool,
    /// Accepts pushes.
    pub push: bool,
    /// Demands this user and password; 401 otherwise.
    pub basic_auth: Option<(String, String)>,
    /// Demands this token as `Authorization: Bearer`; 401 otherwise. With `basic_auth` too, either suffices.
    pub bearer: Option<String>,
    /// Redirects every request: this text, then the request's path and query, become the `Location`.
    pub redirect_to: Option<String>,
    /// The status of that redirect.
    pub redirect_status: u16,
    /// Answers every request with this status and a short text.
    pub status_override: Option<u16>,
    /// Waits so long before the first byte of each answer.
    pub delay: Duration,
    /// Closes the connection after so many bytes of an answer's body.
    pub cut_after: Option<u64>,
    /// Falls silent after so many bytes of an answer's body, with the connection open, until the server stops or is
    /// set down.
    pub stall_after: Option<u64>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            tls: false,
            certificate: CertificateOptions::default(),
            dumb: false,
            filter: false,
            any_sha: false,
            protocol_v2: true,
            push: false,
            basic_auth: None,
            bearer: None,
            redirect_to: None,
            redirect_status: 302,
            status_override: None,
            delay: Duration::ZERO,
            cut_after: None,
            stall_after: None,
        }
    }
}

/// A running server on 127.0.0.1 for the repositories below a directory. Stopped on drop, with every connection.
pub struct HttpServer {
    listener: Listener,
    shared: Arc<Shared>,
    identity: Option<Identity>,
}

type Interceptor = dyn Fn(&Request) -> Option<Answer> + Send + Sync;

/// What the connections of a server have in common.
pub(crate) struct Shared {
    root: PathBuf,
    options: Mutex<HttpOptions>,
    interceptor: Mutex<Option<Arc<Interceptor>>>,
    log: Mutex<Vec<Request>>,
    connections: AtomicU64,
    meter: Arc<Meter>,
}

impl HttpServer {
    /// Starts a server for the repositories below `root`, bare or not.
    pub fn start(root: &Path, options: HttpOptions) -> Result<Self> {
        let root =
            root.canonicalize().with_context(|| format!("there is no directory {}", root.display()))?;
        backend::check()?;
        let identity = options.tls.then(|| tls::identity(&options.certificate)).transpose()?;
        let shared = Arc::new(Shared {
            root,
            options: Mutex::new(options),
            interceptor: Mutex::new(None),
            log: Mutex::default(),
            connections: AtomicU64::new(0),
            meter: Arc::default(),
        });
        let for_connections = Arc::clone(&shared);
        let config = identity.as_ref().map(|identity| Arc::clone(&identity.config));
        let listener = Listener::start(move |socket, stop| {
            for_connections.connections.fetch_add(1, Ordering::SeqCst);
            // An error here is the client's going away, or our cutting it off.
            let _ = connection::serve(socket, config.clone(), &for_connections, stop);
        })?;
        Ok(Self { listener, shared, identity })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.listener.address()
    }

    /// `http://127.0.0.1:port` or `https://…`, without a slash at the end.
    pub fn base_url(&self) -> String {
        let scheme = if self.identity.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.addr())
    }

    /// The URL of a repository, named by its path below the root.
    pub fn url(&self, repository: &str) -> String {
        format!("{}/{repository}", self.base_url())
    }

    /// The certificate of this server's private authority as a PEM file; none without TLS.
    pub fn ca_pem(&self) -> Option<PathBuf> {
        self.identity.as_ref().map(Identity::authority)
    }

    /// A directory with the certificate (`tls.crt`) and the key (`tls.key`) of a client that this server believes, and
    /// with nothing else that it needs; none without TLS.
    pub fn client_cert_dir(&self) -> Option<&Path> {
        self.identity.as_ref().map(Identity::client)
    }

    /// Changes how the server behaves from the next request on. `tls` cannot be changed.
    pub fn update(&self, change: impl FnOnce(&mut HttpOptions)) {
        change(&mut lock(&self.shared.options));
    }

    /// Asks `interceptor` before each request; what it answers is sent instead of the server's own answer. It is asked
    /// before credentials are looked at.
    pub fn intercept(&self, interceptor: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) {
        *lock(&self.shared.interceptor) = Some(Arc::new(interceptor));
    }

    /// True: every connection is cut and new ones are refused. False: the server is back, on the same port.
    pub fn set_down(&self, down: bool) -> Result<()> {
        if down {
            self.listener.close();
            return Ok(());
        }
        self.listener.open()
    }

    /// The requests so far, oldest first. A request is in it before the first byte of its answer is sent.
    pub fn log(&self) -> Vec<Request> {
        lock(&self.shared.log).clone()
    }

    /// The number of requests so far.
    pub fn requests(&self) -> usize {
        lock(&self.shared.log).len()
    }

    /// The number of TCP connections so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Bytes received so far, as they pass on the wire: with TLS records and HTTP headers.
    pub fn bytes_in(&self) -> u64 {
        self.shared.meter.received()
    }

    /// Bytes sent so far, as they pass on the wire.
    pub fn bytes_out(&self) -> u64 {
        self.shared.meter.sent()
    }

    /// Forgets the log and sets the counters to zero.
    pub fn reset_counters(&self) {
        lock(&self.shared.log).clear();
        self.shared.connections.store(0, Ordering::SeqCst);
        self.shared.meter.reset();
    }
}
