//! Listeners: HTTP/1.1 with and without TLS, bounded in connections, time and memory, and drained at the end.

mod body;
mod listen;
mod probes;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

pub use body::{BodyError, Budget, read};
pub use listen::{Handler, Limits, Listener};
pub use probes::{Health, Probes};

/// An answer.
pub type Answer = Response<Full<Bytes>>;

/// An answer with a body of that type.
pub fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// An answer of one line.
pub fn text(status: StatusCode, line: &'static str) -> Answer {
    answer(status, "text/plain; charset=utf-8", line)
}
