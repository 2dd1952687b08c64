//! Writing one response.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::Value;

/// What goes back to the client.
pub(crate) struct Response {
    pub status: u16,
    content_type: Option<&'static str>,
    location: Option<&'static str>,
    body: Vec<u8>,
    /// Run by the connection's thread once the response is out: closing the doors from behind one.
    pub after: Option<Box<dyn FnOnce() + Send>>,
}

impl Response {
    /// The same, with something to do once it is out.
    pub fn and_then(self, after: impl FnOnce() + Send + 'static) -> Self {
        Self { after: Some(Box::new(after)), ..self }
    }

    /// A status and nothing else.
    pub fn empty(status: u16) -> Self {
        Self { status, content_type: None, location: None, body: Vec::new(), after: None }
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            content_type: Some("application/json"),
            body: body.to_string().into_bytes(),
            ..Self::empty(status)
        }
    }

    pub fn text(status: u16, body: &str) -> Self {
        Self { content_type: Some("text/plain;charset=utf-8"), body: body.into(), ..Self::empty(status) }
    }

    /// An error page as the servlet container makes it: HTML, whatever the client accepts.
    pub fn page(status: u16) -> Self {
        let reason = reason(status);
        let body = format!(
            "<html>\n<head>\n<meta http-equiv=\"Content-Type\" content=\"text/html;charset=utf-8\"/>\n\
             <title>Error {status} {reason}</title>\n</head>\n<body><h2>HTTP ERROR {status} {reason}</h2></body>\n</html>\n"
        );
        Self { content_type: Some("text/html;charset=utf-8"), body: body.into_bytes(), ..Self::empty(status) }
    }

    pub fn redirect(location: &'static str) -> Self {
        Self { location: Some(location), ..Self::empty(302) }
    }

    /// Status line, headers and body, ready to be sent. `without_body` is for HEAD.
    fn wire(&self, keep_alive: bool, without_body: bool) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        if let Some(kind) = self.content_type {
            let _ = write!(head, "Content-Type: {kind}\r\n");
        }
        if let Some(location) = self.location {
            let _ = write!(head, "Location: {location}\r\n");
        }
        // A 204 has no body and must not have a length (RFC 9110, 8.6).
        if self.status != 204 {
            let _ = write!(head, "Content-Length: {}\r\n", self.body.len());
        }
        head.push_str(if keep_alive { "\r\n" } else { "Connection: close\r\n\r\n" });
        let mut wire = head.into_bytes();
        if !without_body {
            wire.extend_from_slice(&self.body);
        }
        wire
    }

    /// Sends all of it, in one write so that it leaves in as few packets as it can.
    pub fn send(&self, stream: &mut impl Write, keep_alive: bool, without_body: bool) -> io::Result<()> {
        stream.write_all(&self.wire(keep_alive, without_body))?;
        stream.flush()
    }

    /// Sends its first half.
    pub fn send_half(&self, stream: &mut impl Write) -> io::Result<()> {
        let wire = self.wire(true, false);
        stream.write_all(&wire[..wire.len() / 2])?;
        stream.flush()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        500 => "Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Status",
    }
}
