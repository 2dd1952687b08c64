//! One connection: request after request until somebody closes.

use std::io::{self, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ServerConfig;

use super::message::{Answer, Request, copy_body, reason};
use super::stream::Stream;
use super::{HttpOptions, Shared, backend, dumb};
use crate::listener::{Stop, lock};

pub(super) type Connection = BufReader<Stream>;

/// Serves one connection to its end.
pub(super) fn serve(
    socket: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    shared: &Shared,
    stop: &Stop,
) -> io::Result<()> {
    let mut connection = BufReader::with_capacity(64 * 1024, Stream::new(socket, tls, &shared.meter)?);
    while let Some(request) = Request::read(&mut connection)? {
        let options = lock(&shared.options).clone();
        let wants_close =
            request.header("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if request.header("Expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            connection.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        answer(&mut connection, request, &Exchange { shared, options: &options, stop })?;
        if wants_close || stop.is_set() {
            break;
        }
    }
    connection.get_mut().close();
    Ok(())
}

/// What an answer depends on besides the request.
pub(super) struct Exchange<'a> {
    pub(super) shared: &'a Shared,
    pub(super) options: &'a HttpOptions,
    pub(super) stop: &'a Stop,
}

fn answer(connection: &mut Connection, mut request: Request, exchange: &Exchange<'_>) -> io::Result<()> {
    let interceptor = lock(&exchange.shared.interceptor).clone();
    let intercepted = interceptor.and_then(|intercept| intercept(&request));
    let ready = intercepted.or_else(|| refusal(&request, exchange.options)).or_else(|| {
        let options = exchange.options;
        options.dumb.then(|| dumb::answer(&exchange.shared.root, &request))
    });
    let Some(answer) = ready else { return backend::answer(connection, request, exchange) };
    request.body_bytes = copy_body(&request, connection, &mut io::sink())?;
    let mut reply = Reply::start(
        connection,
        request,
        exchange,
        &Head { status: answer.status, headers: &answer.headers, length: Some(answer.body.len() as u64) },
    )?;
    reply.write(&answer.body)?;
    reply.finish()
}

/// What the options answer instead of the repository, if they do.
fn refusal(request: &Request, options: &HttpOptions) -> Option<Answer> {
    if let Some(status) = options.status_override {
        return Some(Answer::status(status));
    }
    if let Some(base) = &options.redirect_to {
        let location = format!("{base}{}", request.target());
        return Some(Answer::status(options.redirect_status).with_header("Location", location));
    }
    let open = options.basic_auth.is_none() && options.bearer.is_none();
    let challenge = || Answer::status(401).with_header("WWW-Authenticate", scheme(options));
    (!open && !authorized(request, options)).then(challenge)
}

/// How a client is to present itself; `Basic` where both are taken.
fn scheme(options: &HttpOptions) -> &'static str {
    if options.basic_auth.is_some() { "Basic realm=\"git\"" } else { "Bearer realm=\"git\"" }
}

fn authorized(request: &Request, options: &HttpOptions) -> bool {
    let Some(given) = request.header("Authorization") else { return false };
    let basic = options.basic_auth.as_ref().map(|(user, password)| {
        let pair = STANDARD.encode(format!("{user}:{password}"));
        format!("Basic {pair}")
    });
    let bearer = options.bearer.as_ref().map(|token| format!("Bearer {token}"));
    [basic, bearer].iter().flatten().any(|expected| expected == given)
}

pub(super) struct Head<'a> {
    pub(super) status: u16,
    pub(super) headers: &'a [(String, String)],
    /// None: the body is sent in chunks.
    pub(super) length: Option<u64>,
}

/// An answer being sent, with the faults that the options ask for.
pub(super) struct Reply<'a> {
    stream: &'a mut Stream,
    stop: &'a Stop,
    chunked: bool,
    /// Bytes of the body until the fault.
    cut: Option<u64>,
    stall: Option<u64>,
}

impl<'a> Reply<'a> {
    /// Logs the request, then sends the head of its answer.
    pub(super) fn start(
        connection: &'a mut Connection,
        mut request: Request,
        exchange: &Exchange<'a>,
        head: &Head<'_>,
    ) -> io::Result<Self> {
        let &Exchange { shared, options, stop } = exchange;
        request.status = head.status;
        lock(&shared.log).push(request);
        if !options.delay.is_zero() && stop.wait_until(Some(Instant::now() + options.delay)) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let mut text = format!("HTTP/1.1 {} {}\r\n", head.status, reason(head.status)).into_bytes();
        for (name, value) in head.headers {
            write!(text, "{name}: {value}\r\n")?;
        }
        match head.length {
            Some(length) => write!(text, "Content-Length: {length}\r\n\r\n")?,
            None => text.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n"),
        }
        let stream = connection.get_mut();
        stream.write_all(&text)?;
        let chunked = head.length.is_none();
        Ok(Self { stream, stop, chunked, cut: options.cut_after, stall: options.stall_after })
    }

    /// Sends a piece of the body.
    pub(super) fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        let allowed = [self.cut, self.stall].into_iter().flatten().fold(piece.len() as u64, u64::min);
        let (sent, held) = piece.split_at(allowed as usize);
        if !sent.is_empty() {
            self.send(sent)?;
        }
        for left in [&mut self.cut, &mut self.stall].into_iter().flatten() {
            *left -= allowed;
        }
        if held.is_empty() {
            return Ok(());
        }
        self.stream.flush()?;
        if self.cut != Some(0) {
            self.stop.wait_until(None);
        }
        self.stream.cut();
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    /// Ends the body.
    pub(super) fn finish(self) -> io::Result<()> {
        if self.chunked {
            self.stream.write_all(b"0\r\n\r\n")?;
        }
        self.stream.flush()
    }

    fn send(&mut self, piece: &[u8]) -> io::Result<()> {
        if !self.chunked {
            return self.stream.write_all(piece);
        }
        let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
        chunk.extend_from_slice(piece);
        chunk.extend_from_slice(b"\r\n");
        self.stream.write_all(&chunk)
    }
}
