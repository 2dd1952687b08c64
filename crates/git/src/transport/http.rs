//! Smart HTTP, as git's own client speaks it.

use std::io::{self, BufRead, BufReader, Read as _};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use ureq::config::Config;
use ureq::http::header::{HeaderMap, HeaderName};
use ureq::http::{Response, Uri};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _, NextTimeout, TcpConnector};
use ureq::{Agent, Body, Proxy, ProxyProtocol};

use super::counted::Counted;
use super::credentials::Credentials;
use super::redirect::new_base;
use super::status::{Refusal, not_smart};
use super::{Guard, Options, Traffic, Transport, failure, proxy, secret, tls};
use crate::Error;
use crate::request::Request;
use crate::url::{HttpUrl, Origin};

/// Some hosts give their Git service only to what calls itself git.
const USER_AGENT: &str = concat!("git/2.45.0 stoker/", env!("CARGO_PKG_VERSION"));

/// What is asked of a repository first, and how requests follow.
const REFS: &str = "/info/refs?service=git-upload-pack";
const UPLOAD_PACK: &str = "/git-upload-pack";

const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";
const RESULT: &str = "application/x-git-upload-pack-result";
const REQUEST: &str = "application/x-git-upload-pack-request";

/// Redirects that are followed for one request.
const MOST_REDIRECTS: usize = 5;

/// Requests above this size are compressed, as git does; 8,000 wanted ids shrink from 400 kB to 230.
const COMPRESS_ABOVE: usize = 1024;

/// Of a refusal's body: enough for a message.
const BODY_OF_REFUSAL: u64 = 1024;

/// A buffer for what comes in: two TLS records.
const BUFFER: usize = 32 * 1024;

/// A repository behind HTTP.
pub(super) struct Http {
    configured: HttpUrl,
    /// Where redirects led.
    base: HttpUrl,
    options: Options,
    connected: Option<Connected>,
    traffic: Traffic,
}

/// What is made at the first handshake.
struct Connected {
    agent: Agent,
    credentials: Credentials,
    /// The files of credentials as they were when they were read.
    stamps: Stamps,
    /// An idle connection may be in the pool, and the server may have closed it meanwhile.
    reused: bool,
}

/// The state of the mounted files, to see whether one has changed.
#[derive(PartialEq, Eq)]
struct Stamps {
    token: Vec<secret::Stamp>,
    tls: Vec<secret::Stamp>,
}

/// The body of a POST.
struct Post {
    bytes: Vec<u8>,
    compressed: bool,
}

impl Http {
    pub fn new(url: HttpUrl, options: Options) -> Self {
        Self { base: url.clone(), configured: url, options, connected: None, traffic: Traffic::default() }
    }

    /// Sends a request, follows its redirects, and gives an answer of status 200.
    fn exchange(&mut self, tail: &str, post: Option<&Post>) -> Result<Response<Body>, Error> {
        self.refresh()?;
        for _ in 0..=MOST_REDIRECTS {
            let response = self.send(tail, post)?;
            let status = response.status().as_u16();
            if status == 401 && self.changes_to_bearer(&response) {
                continue;
            }
            // A POST goes again as a POST only where the server says so; git's client does not follow the others.
            let redirect = matches!(status, 307 | 308) || (post.is_none() && matches!(status, 301..=303));
            let location = header(response.headers(), "location");
            match location.filter(|_| redirect) {
                Some(location) => {
                    let target = new_base(&self.base, tail, location)?;
                    self.admit(&target)?;
                    tracing::debug!(from = %self.base, to = %target, "the server redirects");
                    self.base = target;
                }
                None if status == 200 => return Ok(response),
                None => return Err(self.refusal(response)),
            }
        }
        let why = "more than five redirects, one after the other";
        Err(Error::Redirect { to: self.base.to_string(), why })
    }

    /// Reads anew what has changed of the mounted files; a Secret's update is a rename.
    fn refresh(&mut self) -> Result<(), Error> {
        let stamps = Stamps::of(&self.options);
        let before = self.connected.take();
        let bearer = before.as_ref().is_some_and(|connected| connected.credentials.is_bearer());
        let connected = match before {
            Some(connected) if connected.stamps == stamps => connected,
            Some(connected) if connected.stamps.tls == stamps.tls => {
                let mut credentials = Credentials::read(&self.configured, &self.options)?;
                if bearer {
                    credentials.use_bearer();
                }
                Connected { credentials, stamps, ..connected }
            }
            _ => Connected {
                agent: agent(&self.options)?,
                credentials: Credentials::read(&self.configured, &self.options)?,
                stamps,
                reused: false,
            },
        };
        self.connected = Some(connected);
        Ok(())
    }

    /// A server that refuses the token as a password and names `Bearer` gets it that way, from now on.
    fn changes_to_bearer(&mut self, response: &Response<Body>) -> bool {
        let offers = response.headers().get_all("www-authenticate").iter();
        let offered = offers.filter_map(|value| value.to_str().ok()).any(offers_bearer);
        let presented = |connected: &Connected| connected.credentials.header_for(&self.base.origin).is_some();
        let presented = self.connected.as_ref().is_some_and(presented);
        let connected = self.connected.as_mut().filter(|_| offered && presented);
        connected.is_some_and(|connected| connected.credentials.use_bearer())
    }

    /// Whether a redirect may lead there.
    fn admit(&self, target: &HttpUrl) -> Result<(), Error> {
        let Some(guard) = &self.options.guard else { return Ok(()) };
        let refused = |cause| Error::Unreachable { what: format!("follow the redirect to {target}"), cause };
        guard.name(&target.origin.host, target.origin.port).map_err(refused)
    }

    /// Sends a request once; twice where a connection that had been idle turns out to be closed.
    fn send(&mut self, tail: &str, post: Option<&Post>) -> Result<Response<Body>, Error> {
        let Some(connected) = &mut self.connected else {
            return Err(Error::Protocol("a request came before the handshake".to_owned()));
        };
        let Origin { tls, host, port } = &self.base.origin;
        let scheme = if *tls { "https" } else { "http" };
        let configured = self.options.proxy.as_ref();
        let proxy = proxy::towards(scheme, host, *port, configured, &proxy::environment)?;
        let through = proxy.as_ref().map(|proxy| proxy.origin.to_string());
        let proxy = proxy.map(for_ureq).transpose()?;
        let mut attempt = || {
            self.traffic.requests += 1;
            self.traffic.sent += post.map_or(0, |post| post.bytes.len() as u64);
            connected.send(&self.base, tail, post, proxy.clone())
        };
        let outcome = match attempt() {
            Err(error) if connected.reused && is_stale(&error) => attempt(),
            outcome => outcome,
        };
        connected.reused = true;
        outcome
            .map_err(|error| failure::of_request(error, &self.base.origin, through.as_deref(), &self.options))
    }

    fn refusal(&self, response: Response<Body>) -> Error {
        let (parts, body) = response.into_parts();
        let mut said = Vec::new();
        if header(&parts.headers, "content-type").is_some_and(|kind| kind.starts_with("text/plain")) {
            // What cannot be read of an error's text is not missed.
            let _ = body.into_reader().take(BODY_OF_REFUSAL).read_to_end(&mut said);
        }
        let presented = |connected: &Connected| connected.credentials.presented_to(&self.base.origin);
        let with = self.connected.as_ref().map_or_else(String::new, presented);
        let retry_after = header(&parts.headers, "retry-after");
        Refusal { status: parts.status.as_u16(), body: &said, retry_after, with }.error()
    }

    /// The answer as a stream.
    fn read(&mut self, response: Response<Body>) -> Box<dyn BufRead + '_> {
        let limit = self.options.silence_timeout;
        let meaning = move |error: io::Error| failure::of_body(error, limit);
        let body =
            Counted::new(response.into_body().into_reader(), &mut self.traffic.received, limit, meaning);
        Box::new(BufReader::with_capacity(BUFFER, body))
    }
}

impl Transport for Http {
    fn handshake(&mut self) -> Result<Box<dyn BufRead + '_>, Error> {
        self.base = self.configured.clone();
        let response = self.exchange(REFS, None)?;
        let content_type = content_type(&response).to_owned();
        let mut body = self.read(response);
        if content_type != ADVERTISEMENT {
            let beginning = body.fill_buf().unwrap_or_default();
            return Err(not_smart(&content_type, beginning));
        }
        Ok(body)
    }

    fn request(&mut self, request: &dyn Request) -> Result<Box<dyn BufRead + '_>, Error> {
        let post = Post::new(request).map_err(|error| Error::io("compress a request", error))?;
        let response = self.exchange(UPLOAD_PACK, Some(&post))?;
        let kind = content_type(&response);
        if kind != RESULT {
            return Err(Error::Protocol(format!("it answered a request with {kind:?}")));
        }
        Ok(self.read(response))
    }

    fn stateless(&self) -> bool {
        true
    }

    fn traffic(&self) -> Traffic {
        self.traffic
    }
}

impl Connected {
    fn send(
        &self,
        base: &HttpUrl,
        tail: &str,
        post: Option<&Post>,
        proxy: Option<Proxy>,
    ) -> Result<Response<Body>, ureq::Error> {
        let url = format!("{}{}{tail}", base.origin, base.path);
        let authorization = self.credentials.header_for(&base.origin);
        let Some(post) = post else {
            let mut request =
                self.agent.get(url).header("Git-Protocol", "version=2").header("Pragma", "no-cache");
            if let Some(value) = authorization {
                request = request.header("Authorization", value);
            }
            return request.config().proxy(proxy).build().call();
        };
        let mut request = self.agent.post(url).header("Git-Protocol", "version=2");
        request = request.header("Content-Type", REQUEST).header("Accept", RESULT);
        if post.compressed {
            request = request.header("Content-Encoding", "gzip");
        }
        if let Some(value) = authorization {
            request = request.header("Authorization", value);
        }
        request.config().proxy(proxy).build().send(&post.bytes[..])
    }
}

impl Stamps {
    fn of(options: &Options) -> Self {
        let stamp = |path: &std::path::PathBuf| secret::stamp(path);
        Self {
            token: options.token_file.iter().map(stamp).collect(),
            tls: tls::files(options).iter().map(stamp).collect(),
        }
    }
}

impl Post {
    fn new(request: &dyn Request) -> io::Result<Self> {
        let mut length = Length(0);
        request.write_to(&mut length)?;
        if length.0 <= COMPRESS_ABOVE {
            let mut bytes = Vec::with_capacity(length.0);
            request.write_to(&mut bytes)?;
            return Ok(Self { bytes, compressed: false });
        }
        let mut encoder = GzEncoder::new(Vec::with_capacity(length.0 / 2), Compression::fast());
        request.write_to(&mut encoder)?;
        Ok(Self { bytes: encoder.finish()?, compressed: true })
    }
}

/// Counts what is written to it.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn agent(options: &Options) -> Result<Agent, Error> {
    let config = Agent::config_builder()
        .user_agent(USER_AGENT)
        .http_status_as_error(false)
        .max_redirects(0)
        // Each request says itself which proxy it takes.
        .proxy(None)
        .timeout_resolve(Some(options.connect_timeout))
        .timeout_connect(Some(options.connect_timeout))
        .timeout_recv_response(Some(options.first_byte_timeout))
        .timeout_per_read(Some(options.silence_timeout))
        .timeout_per_write(Some(options.silence_timeout))
        .input_buffer_size(BUFFER)
        .output_buffer_size(BUFFER / 2)
        .max_idle_connections(1)
        .max_idle_connections_per_host(1)
        .build();
    let connector = ().chain(ConnectProxyConnector::default()).chain(TcpConnector::default());
    let connector = connector.chain(tls::TlsConnector(tls::config(options)?));
    let resolver = Guarded { resolver: DefaultResolver::default(), guard: options.guard.clone() };
    Ok(Agent::with_parts(config, connector, resolver))
}

/// Looks names up, and lets the guard judge what they lead to.
#[derive(Debug)]
struct Guarded {
    resolver: DefaultResolver,
    guard: Option<Arc<dyn Guard>>,
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.resolver.resolve(uri, config, timeout)?;
        if let Some(guard) = &self.guard {
            let refused = |words: String| ureq::Error::Io(io::Error::other(words));
            guard.addresses(uri.host().unwrap_or_default(), &found).map_err(refused)?;
        }
        Ok(found)
    }
}

/// A proxy as ureq takes it.
pub(super) fn for_ureq(proxy: proxy::Proxy) -> Result<Proxy, Error> {
    let protocol = if proxy.origin.tls { ProxyProtocol::Https } else { ProxyProtocol::Http };
    let mut builder = Proxy::builder(protocol).host(&proxy.origin.host).port(proxy.origin.port);
    if let Some(user) = proxy.user {
        builder = builder.username(&user.name).password(user.password.as_deref().unwrap_or_default());
    }
    builder.build().map_err(|_| Error::Protocol(format!("the proxy {} cannot be used", proxy.origin)))
}

/// Whether a `WWW-Authenticate` header names the scheme `Bearer`.
fn offers_bearer(value: &str) -> bool {
    let schemes = value.split(',').filter_map(|part| part.split_ascii_whitespace().next());
    schemes.into_iter().any(|scheme| scheme.eq_ignore_ascii_case("bearer"))
}

/// The media type of an answer, without its parameters.
fn content_type(response: &Response<Body>) -> &str {
    let value = header(response.headers(), "content-type").unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

fn header<'h>(headers: &'h HeaderMap, name: &'static str) -> Option<&'h str> {
    headers.get(HeaderName::from_static(name)).and_then(|value| value.to_str().ok())
}

/// Whether a server closed the connection between two requests: it has not seen this one.
fn is_stale(error: &ureq::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error, ureq::Error::Io(error)
        if matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof))
}
