//! The ways to a server. A transport moves bytes; it knows nothing of refs, wants and packs.

mod counted;
mod credentials;
mod daemon;
mod failure;
mod guard;
mod http;
mod pace;
mod proxy;
mod redirect;
mod secret;
mod ssh;
mod status;
mod tcp;
mod tls;
mod tunnel;
mod web;

use std::io::BufRead;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use guard::Guard;
pub use proxy::ProxyOptions;
pub(crate) use ssh::capture::capture;
pub(crate) use web::{Web, absolute, origin};

use crate::Error;
use crate::pack::Limits;
use crate::request::Request;
use crate::url::Location;

/// What of a repository's access is not in its URL.
#[derive(Clone, Debug)]
pub struct Options {
    /// A file (PEM) with certificates of private authorities, which are trusted besides the public ones;
    /// read anew when it changed.
    pub ca_file: Option<PathBuf>,
    /// A directory with a client certificate as `tls.crt` and its key as `tls.key`, for servers that ask for one.
    pub client_cert_dir: Option<PathBuf>,
    /// The proxy towards the repository. Without one, `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` of the
    /// environment count for https and http.
    pub proxy: Option<ProxyOptions>,
    /// A file with the token (the password of basic authentication), read anew when it changed.
    pub token_file: Option<PathBuf>,
    /// A file with a private key for ssh (OpenSSH or PEM, without a passphrase), read anew at every connection.
    pub ssh_key_file: Option<PathBuf>,
    /// A file with the host keys that ssh servers may have, read anew at every connection. Without one every key is
    /// accepted, with a warning.
    pub known_hosts_file: Option<PathBuf>,
    /// The user name that goes with the token, unless the URL has one.
    pub username: String,
    /// For the name's look-up, the connection and the TLS handshake together.
    pub connect_timeout: Duration,
    /// For the first byte of an answer after the request was sent. Git sends signs of life while it packs.
    pub first_byte_timeout: Duration,
    /// For every further piece of an answer; for its first byte too, where this is the shorter limit.
    pub silence_timeout: Duration,
    /// A directory on a disk for files that have no name there while a pack is received.
    pub scratch: PathBuf,
    /// What a pack may ask of this machine.
    pub limits: Limits,
    /// Judges every server before it is connected to, for whom the URL is not to be trusted. Without one all are.
    pub guard: Option<Arc<dyn Guard>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ca_file: None,
            client_cert_dir: None,
            proxy: None,
            token_file: None,
            ssh_key_file: None,
            known_hosts_file: None,
            username: "x-access-token".to_owned(),
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_mins(1),
            silence_timeout: Duration::from_mins(1),
            scratch: std::env::temp_dir(),
            limits: Limits::default(),
            guard: None,
        }
    }
}

/// What went over the network so far. Bytes of bodies, as they were on the wire, without TLS and HTTP headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests: over HTTP each GET and POST, otherwise each connection and each request on it.
    pub requests: u64,
    /// Bytes sent.
    pub sent: u64,
    /// Bytes received.
    pub received: u64,
}

/// A way to one repository's `git-upload-pack`.
pub(crate) trait Transport: Send {
    /// Begins anew, and gives what the server says first, up to and including its flush packet.
    fn handshake(&mut self) -> Result<Box<dyn BufRead + '_>, Error>;

    /// Sends a request and gives its answer. Only after a handshake.
    fn request(&mut self, request: &dyn Request) -> Result<Box<dyn BufRead + '_>, Error>;

    /// Whether each request goes alone: what an answer has behind its last packet is then read to the end
    /// (so that the connection can be used again), and protocol v0 can be asked more than once.
    fn stateless(&self) -> bool;

    /// What went over the network so far.
    fn traffic(&self) -> Traffic;

    /// Gives back what only serves to be quicker next time: nothing will be asked for a while.
    fn rest(&mut self) {}
}

/// How a repository is reached.
pub(crate) enum Way {
    /// By a server.
    Transport(Box<dyn Transport>),
    /// On this machine's disk.
    Path(PathBuf),
}

/// The way to a location.
pub(crate) fn open(location: &Location, options: &Options) -> Way {
    match location {
        Location::Http(url) => Way::Transport(Box::new(http::Http::new(url.clone(), options.clone()))),
        Location::Daemon(url) => Way::Transport(Box::new(daemon::Daemon::new(url.clone(), options.clone()))),
        Location::Ssh(url) => Way::Transport(Box::new(ssh::Ssh::new(url.clone(), options.clone()))),
        Location::File(path) => Way::Path(path.clone()),
    }
}
