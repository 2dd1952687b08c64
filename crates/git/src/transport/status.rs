//! What an HTTP answer means that is no success. Pure.

use std::time::Duration;

use jiff::Timestamp;

use crate::Error;
use crate::text;

/// The longest wait that is taken from a server: a day.
const LONGEST_WAIT: u64 = 24 * 3600;

/// What of an answer decides.
pub(super) struct Refusal<'a> {
    pub status: u16,
    /// The beginning of the body, if it is plain text.
    pub body: &'a [u8],
    /// The header `Retry-After`.
    pub retry_after: Option<&'a str>,
    /// What was presented to the server.
    pub with: String,
}

impl Refusal<'_> {
    /// The error that it is.
    pub fn error(self) -> Error {
        let Self { status, body, retry_after, with } = self;
        let said = text::printable(body);
        let now = Timestamp::now();
        let retry_after = retry_after.and_then(|value| wait(value, now));
        match status {
            // A rate limit of GitHub and GitLab is a 403 that says when to come again.
            403 if retry_after.is_some() => Error::Status { status, said, retry_after },
            401 | 403 => Error::AuthFailed { status, with, said },
            404 | 410 => Error::NotFound { with, said },
            _ => Error::Status { status, said, retry_after },
        }
    }
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date, which may have passed.
fn wait(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let until = |date: jiff::Zoned| date.timestamp().as_second() - now.as_second();
    let seconds = value.parse::<u64>().ok().or_else(|| {
        let date = jiff::fmt::rfc2822::parse(value).ok()?;
        Some(u64::try_from(until(date)).unwrap_or(0))
    })?;
    Some(Duration::from_secs(seconds.min(LONGEST_WAIT)))
}

/// The message for an answer that is a success and not Git's.
pub(super) fn not_smart(content_type: &str, body: &[u8]) -> Error {
    let html = content_type.starts_with("text/html") || body.trim_ascii_start().starts_with(b"<");
    if html {
        return Error::Protocol("it answered with a web page; check the path of the URL".to_owned());
    }
    let id = body.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if body.is_empty() || (matches!(id, 40 | 64) && body.get(id) == Some(&b'\t')) {
        return Error::Unsupported(
            "the server offers the repository's files only (\"dumb\" HTTP), which is not supported: serve it with git http-backend",
        );
    }
    Error::Protocol(format!("it answered with {:?}", text::printable(content_type.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, retry_after: Option<&str>) -> Error {
        Refusal { status, body: b"no\n", retry_after, with: "the token of /t".into() }.error()
    }

    #[test]
    fn each_status_has_its_meaning_and_reason() {
        for (status, reason, transient) in [
            (401, "AuthFailed", false),
            (403, "AuthFailed", false),
            (404, "GitUnreachable", false),
            (400, "GitUnreachable", false),
            (429, "GitUnreachable", true),
            (500, "GitUnreachable", true),
            (503, "GitUnreachable", true),
        ] {
            let error = refused(status, None);
            assert_eq!((error.reason(), error.is_transient()), (reason, transient), "{status}");
        }
        let message = "the server refused the token of /t (HTTP status 401); it said \"no\"";
        assert_eq!(refused(401, None).to_string(), message);
    }

    #[test]
    fn the_servers_wait_is_carried() {
        assert_eq!(refused(429, Some("30")).retry_after(), Some(Duration::from_secs(30)));
        assert_eq!(refused(503, Some("99999999")).retry_after(), Some(Duration::from_secs(LONGEST_WAIT)));
        assert_eq!(refused(503, Some("tomorrow")).retry_after(), None);
        assert!(matches!(refused(403, Some("60")), Error::Status { .. }), "a rate limit");
    }

    #[test]
    fn a_date_is_understood_as_the_time_until_then() {
        let now: Timestamp = "1999-12-31T23:59:29Z".parse().unwrap();
        let wait = |value| wait(value, now).map(|wait| wait.as_secs());
        assert_eq!(wait("Fri, 31 Dec 1999 23:59:59 GMT"), Some(30));
        assert_eq!(wait("Fri, 31 Dec 1999 23:00:00 GMT"), Some(0), "it has passed");
        assert_eq!(wait("Sat, 31 Dec 2039 23:59:59 GMT"), Some(LONGEST_WAIT));
        assert_eq!((wait(" 7 "), wait("-7"), wait("")), (Some(7), None, None));
    }

    #[test]
    fn a_web_page_and_a_dumb_server_are_told_apart() {
        let dumb = format!("{}\trefs/heads/main\n", "a".repeat(40));
        assert_eq!(not_smart("text/plain", dumb.as_bytes()).reason(), "UnsupportedFeature");
        assert_eq!(not_smart("application/octet-stream", b"").reason(), "UnsupportedFeature");
        assert!(not_smart("text/html; charset=utf-8", b"<html>").to_string().contains("web page"));
        assert!(not_smart("application/json", b"{}").to_string().contains("application/json"));
    }
}
