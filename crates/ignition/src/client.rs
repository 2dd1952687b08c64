use std::io::Read;
use std::sync::Once;
use std::time::Duration;

use ureq::http::HeaderValue;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector, TcpConnector};

use crate::answer::Answer;
use crate::error::{Error, Problem};
use crate::options::Options;
use crate::tls::TlsConnector;
use crate::token;

/// What one call may send back; a designers list of a large plant is the longest.
pub const SMALL: usize = 64 * 1024;
pub const LARGE: usize = 1024 * 1024;

/// The header that carries the API token.
const TOKEN_HEADER: &str = "X-Ignition-API-Token";

/// A call to make.
pub struct Call<'a> {
    /// With the leading slash, percent-encoded.
    pub path: &'a str,
    pub token: bool,
    /// POST with this body, or GET.
    pub post: Option<&'a str>,
    /// The longest body that is read, in bytes.
    pub limit: usize,
    /// What the gateway may take on purpose, on top of the configured limit for its answer.
    pub patience: Duration,
}

impl<'a> Call<'a> {
    pub fn get(path: &'a str) -> Self {
        Self { path, token: true, post: None, limit: SMALL, patience: Duration::ZERO }
    }

    pub fn open(path: &'a str) -> Self {
        Self { token: false, ..Self::get(path) }
    }

    pub fn post(path: &'a str, body: &'a str) -> Self {
        Self { post: Some(body), ..Self::get(path) }
    }
}

/// Makes calls, one at a time, over one connection that is kept for a few seconds.
#[derive(Debug, Clone)]
pub struct Client {
    agent: ureq::Agent,
    base: String,
    options: Options,
}

impl Client {
    pub fn new(options: Options) -> Result<Self, Error> {
        let base = options.base();
        let loopback = options.is_loopback();
        if options.tls && options.ca_file.is_none() && !loopback {
            return Err(Error::Unverifiable { base });
        }
        let tls = TlsConnector {
            base: base.clone(),
            ca_file: options.ca_file.clone(),
            loopback,
            warned: Once::new(),
        };
        let connector = ().chain(TcpConnector::default()).chain(tls);
        let agent = ureq::Agent::with_parts(config(&options), connector, DefaultResolver::default());
        Ok(Self { agent, base, options })
    }

    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Ends a call in flight; every later one fails.
    pub fn shutdown(&self) {
        self.agent.clone().shutdown();
    }

    /// Whatever was answered; an error only if nothing was, or the token cannot be read.
    pub fn call(&self, call: &Call<'_>) -> Result<Answer, Error> {
        let place = format!("{}{}", self.base, call.path);
        let response = self.send(call, &place).map_err(|error| self.unreachable(&place, error))?;
        let header =
            |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut answer = Answer {
            status: response.status().as_u16(),
            content_type: media_type(&header("content-type").unwrap_or_default()),
            location: header("location"),
            ..Answer::default()
        };
        let body =
            response.into_body().into_reader().take(call.limit as u64 + 1).read_to_end(&mut answer.body);
        // A status says enough; the rest of a broken error page adds nothing.
        if let (Err(error), true) = (body, answer.is_success()) {
            return Err(self.unreachable(&place, ureq::Error::from(error)));
        }
        answer.truncated = answer.body.len() > call.limit;
        answer.body.truncate(call.limit);
        answer.place = place;
        Ok(answer)
    }

    fn send(&self, call: &Call<'_>, place: &str) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        let own = |error| ureq::Error::Other(Box::new(error));
        let token = match (call.token, &self.options.token_file) {
            (false, _) => None,
            (true, Some(path)) => Some(token::read(path).map_err(own)?),
            (true, None) => return Err(own(Error::NoToken { place: place.to_owned() })),
        };
        let response = Some(self.options.timeouts.response + call.patience);
        match call.post {
            None => {
                let request = self.agent.get(place).config().timeout_recv_response(response).build();
                with_token(request, token).call()
            }
            Some(body) => {
                let request = self.agent.post(place).config().timeout_recv_response(response).build();
                let request = with_token(request, token);
                if body.is_empty() {
                    request.send_empty()
                } else {
                    request.header("Content-Type", "application/json").send(body)
                }
            }
        }
    }

    fn unreachable(&self, place: &str, error: ureq::Error) -> Error {
        match error {
            ureq::Error::Other(error) => match error.downcast::<Error>() {
                Ok(own) => *own,
                Err(other) => unreachable_with(place, &other.to_string()),
            },
            error => unreachable_with(place, &words(&error, self.options.tls)),
        }
    }
}

fn with_token<B>(request: ureq::RequestBuilder<B>, token: Option<HeaderValue>) -> ureq::RequestBuilder<B> {
    match token {
        Some(token) => request.header(TOKEN_HEADER, token),
        None => request,
    }
}

fn unreachable_with(place: &str, words: &str) -> Error {
    Error::Unreachable { place: place.to_owned(), problem: Problem::new(words) }
}

fn config(options: &Options) -> ureq::config::Config {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        // The gateway is this pod's own: a proxy from the environment would see the token.
        .proxy(None)
        .user_agent(concat!("stoker/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(options.timeouts.connect))
        .timeout_send_request(Some(options.timeouts.connect))
        .timeout_send_body(Some(options.timeouts.connect))
        .timeout_recv_body(Some(options.timeouts.body))
        .max_response_header_size(16 * 1024)
        .input_buffer_size(16 * 1024)
        .output_buffer_size(4 * 1024)
        .max_idle_connections(1)
        .max_idle_connections_per_host(1)
        // Shorter than a gateway keeps it (Jetty: 30 s), so that none is found closed.
        .max_idle_age(Duration::from_secs(5))
        .build()
}

fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// What went wrong, in the words of the field, with the next step.
fn words(error: &ureq::Error, tls: bool) -> String {
    use std::io::ErrorKind;
    match error {
        ureq::Error::Io(error) => match error.kind() {
            ErrorKind::ConnectionRefused => {
                "connection refused: the gateway is not running, or gateway.port is another one".to_owned()
            }
            ErrorKind::ConnectionReset
            | ErrorKind::UnexpectedEof
            | ErrorKind::BrokenPipe
            | ErrorKind::ConnectionAborted => {
                format!("the gateway closed the connection ({error})")
            }
            _ => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(error) => tls_words(error),
                None => error.to_string(),
            },
        },
        ureq::Error::Rustls(error) => tls_words(error),
        ureq::Error::Timeout(timeout) => format!("no answer in time ({timeout})"),
        ureq::Error::Protocol(error) if !tls => {
            format!("not an HTTP answer ({error}): does the port speak TLS? see gateway.tls")
        }
        error => error.to_string(),
    }
}

fn tls_words(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidMessage(_) => {
            format!("not a TLS answer ({error}): does the port speak plain HTTP? see gateway.tls")
        }
        rustls::Error::InvalidCertificate(reason) => {
            format!("the gateway's certificate is not accepted: {reason:?}; check gateway.tlsCaSecretRef")
        }
        error => format!("TLS failed: {error}"),
    }
}
