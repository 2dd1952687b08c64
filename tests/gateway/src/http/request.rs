//! Reading one request.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::SystemTime;

use super::body;

/// Request line and headers together; Jetty's own default is 8 KiB.
const MAX_HEAD: u64 = 16 * 1024;

/// One request as it came in.
pub(crate) struct Request {
    pub method: String,
    /// Without the query, percent-escapes as sent.
    pub path: String,
    /// What follows `?`, as sent; empty without one.
    pub query: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// When its first byte had been read.
    pub at: SystemTime,
    /// The client lets the connection be used again.
    pub keep_alive: bool,
}

/// Why there is no request to answer.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The peer closed, or was silent for too long, between two requests.
    Closed,
    /// The connection broke in the middle.
    Broken,
    /// The request is not one that this server takes: answer this status and close.
    Refused(u16, &'static str),
}

impl From<io::Error> for Problem {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

impl Request {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The path's segments, percent-decoded; empty ones left out.
    pub fn segments(&self) -> Vec<String> {
        self.path.split('/').filter(|segment| !segment.is_empty()).map(decode).collect()
    }

    /// The value of a parameter of the query, percent-decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .into_iter()
            .find(|(key, _)| decode(key) == name)
            .map(|(_, value)| decode(&value.replace('+', " ")))
    }
}

/// Reads one request from a connection that may carry more after it.
pub(crate) fn read<S: Read + Write>(stream: &mut BufReader<S>) -> Result<Request, Problem> {
    match stream.fill_buf() {
        Ok([]) | Err(_) => return Err(Problem::Closed),
        Ok(_) => {}
    }
    let at = SystemTime::now();
    let lines = read_head(stream)?;
    let Some((first, rest)) = lines.split_first() else {
        return Err(Problem::Refused(400, "no request line"));
    };
    let (method, target, version) = request_line(first)?;
    let headers = rest.iter().map(|line| header_line(line)).collect::<Result<Vec<_>, _>>()?;
    let close = find(&headers, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    if find(&headers, "expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        stream.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let body = body::read(stream, find(&headers, "transfer-encoding"), find(&headers, "content-length"))?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok(Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body,
        at,
        keep_alive: version == "HTTP/1.1" && !close,
    })
}

fn read_head<S: Read>(stream: &mut BufReader<S>) -> Result<Vec<String>, Problem> {
    let mut head = stream.take(MAX_HEAD);
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        head.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Err(if head.limit() == 0 {
                Problem::Refused(431, "head too large")
            } else {
                Problem::Broken
            });
        }
        let line = String::from_utf8(line).map_err(|_| Problem::Refused(400, "head is not UTF-8"))?;
        let line = line.trim_end_matches(['\r', '\n']);
        match (line.is_empty(), lines.is_empty()) {
            // An empty line before the request line is to be ignored (RFC 9112, 2.2).
            (true, true) => {}
            (true, false) => return Ok(lines),
            (false, _) => lines.push(line.to_owned()),
        }
    }
}

fn request_line(line: &str) -> Result<(&str, &str, &str), Problem> {
    let mut words = line.split(' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(method), Some(target), Some(version @ ("HTTP/1.1" | "HTTP/1.0")), None)
            if target.starts_with('/') && !method.is_empty() =>
        {
            Ok((method, target, version))
        }
        _ => Err(Problem::Refused(400, "bad request line")),
    }
}

fn header_line(line: &str) -> Result<(String, String), Problem> {
    match line.split_once(':') {
        Some((name, value)) if !name.is_empty() && !name.contains(' ') => {
            Ok((name.to_ascii_lowercase(), value.trim().to_owned()))
        }
        _ => Err(Problem::Refused(400, "bad header")),
    }
}

fn find<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Percent-decoding; what is not an escape stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn parse(text: &str) -> Result<Request, Problem> {
        read(&mut BufReader::new(Cursor::new(text.as_bytes().to_vec())))
    }

    #[test]
    fn a_request_is_read_with_its_path_query_headers_and_body() {
        let request =
            parse("POST /a%20b/c?minLevel=ERROR&limit=5 HTTP/1.1\r\nX-Key: v\r\nContent-Length: 2\r\n\r\nhi")
                .unwrap();
        assert_eq!(request.segments(), ["a b", "c"]);
        assert_eq!(request.parameter("limit").as_deref(), Some("5"));
        assert_eq!(request.header("x-key"), Some("v"));
        assert_eq!(request.body, b"hi");
        assert!(request.keep_alive);
    }

    #[test]
    fn a_chunked_body_is_put_together() {
        let request = parse(
            "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n",
        );
        assert_eq!(request.unwrap().body, b"abcd");
    }

    #[test]
    fn heads_and_bodies_without_bounds_are_refused() {
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(20_000));
        assert!(matches!(parse(&long), Err(Problem::Refused(431, _))));
        assert!(matches!(
            parse("POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"),
            Err(Problem::Refused(413, _))
        ));
    }

    #[test]
    fn what_is_not_http_is_refused() {
        for text in [
            "hello\r\n\r\n",
            "GET x HTTP/1.1\r\n\r\n",
            "GET / HTTP/2\r\n\r\n",
            "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        ] {
            assert!(matches!(parse(text), Err(Problem::Refused(400, _))), "{text}");
        }
        assert!(matches!(parse(""), Err(Problem::Closed)));
        assert!(matches!(parse("GET / HT"), Err(Problem::Broken)));
    }
}
