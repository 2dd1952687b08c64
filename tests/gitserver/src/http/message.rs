//! Requests as they come in: head and body.

use std::fmt;
use std::io::{self, BufRead, Read, Write};

const MAX_HEAD: u64 = 64 * 1024;

/// One request as the server saw it.
#[derive(Clone, Default)]
pub struct Request {
    /// `GET`, `POST` …
    pub method: String,
    /// The path as it was sent, percent-encoded, without the query.
    pub path: String,
    /// What follows the `?`; empty when nothing does.
    pub query: String,
    /// Names as they were sent, values trimmed.
    pub headers: Vec<(String, String)>,
    /// The status that was answered; 0 while that is not decided.
    pub status: u16,
    /// The body's length as it came, without chunk headers.
    pub body_bytes: u64,
}

/// What an interceptor answers.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Headers besides `Content-Length`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A status with a text that names it.
    pub fn status(status: u16) -> Self {
        let body = format!("{status} {}\n", reason(status)).into_bytes();
        Self { status, headers: vec![("Content-Type".to_owned(), "text/plain".to_owned())], body }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

impl Request {
    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether credentials came with it.
    pub fn has_credentials(&self) -> bool {
        self.header("Authorization").is_some()
    }

    /// The path and, if there is one, the query.
    pub fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// Reads a request's head; none when the client has closed the connection.
    pub(crate) fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut head = from.take(MAX_HEAD);
        let first = line(&mut head)?;
        if first.is_empty() {
            return Ok(None);
        }
        let mut words = first.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(malformed(&first));
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            ..Self::default()
        };
        loop {
            let header = line(&mut head)?;
            if header.is_empty() {
                return Ok(Some(request));
            }
            let (name, value) = header.split_once(':').ok_or_else(|| malformed(&header))?;
            request.headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }
}

/// Credentials stay out of test logs.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, headers, status, body_bytes, .. } = self;
        write!(f, "{method} {} → {status} ({body_bytes} bytes", self.target())?;
        for (name, value) in headers {
            let secret = name.eq_ignore_ascii_case("Authorization");
            write!(f, ", {name}: {}", if secret { "…" } else { value })?;
        }
        f.write_str(")")
    }
}

/// Copies the body that a request announces and gives its length. When `to` fails the rest is read all the same, so
/// that the connection stays usable.
pub(crate) fn copy_body(request: &Request, from: &mut impl BufRead, to: &mut dyn Write) -> io::Result<u64> {
    let mut sink = Faithful { to: Some(to) };
    let chunked =
        request.header("Transfer-Encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    if chunked {
        return copy_chunks(from, &mut sink);
    }
    let length = request.header("Content-Length").map_or(Ok(0), str::parse).map_err(io::Error::other)?;
    copy_exactly(from, length, &mut sink)?;
    Ok(length)
}

fn copy_chunks(from: &mut impl BufRead, to: &mut impl Write) -> io::Result<u64> {
    let mut total = 0;
    loop {
        let header = line(&mut from.by_ref().take(MAX_HEAD))?;
        let digits = header.split(';').next().unwrap_or_default().trim();
        let length = u64::from_str_radix(digits, 16).map_err(|_| malformed(&header))?;
        if length == 0 {
            break;
        }
        copy_exactly(from, length, to)?;
        total += length;
        line(&mut from.by_ref().take(MAX_HEAD))?;
    }
    while !line(&mut from.by_ref().take(MAX_HEAD))?.is_empty() {}
    Ok(total)
}

fn copy_exactly(from: &mut impl BufRead, length: u64, to: &mut impl Write) -> io::Result<()> {
    let copied = io::copy(&mut from.by_ref().take(length), to)?;
    if copied < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

/// Writes until the first error and then swallows the rest: a program that stopped reading has said what it wanted.
struct Faithful<'a> {
    to: Option<&'a mut dyn Write>,
}

impl Write for Faithful<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.to.as_mut().is_some_and(|to| to.write_all(buffer).is_err()) {
            self.to = None;
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One line without its end; empty at the end of input.
pub(crate) fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line)?;
    let mut text = String::from_utf8(line).map_err(io::Error::other)?;
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    Ok(text)
}

fn malformed(line: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed line {line:?}"))
}

/// The words that go with a status code.
pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}
