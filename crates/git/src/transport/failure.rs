//! What it means when a connection fails. Pure.

use std::io;
use std::time::Duration;

use ureq::Timeout;

use super::Options;
use crate::Error;
use crate::url::Origin;

/// A request that was not answered.
pub(super) fn of_request(error: ureq::Error, origin: &Origin, options: &Options) -> Error {
    let unreachable = |cause: String| Error::Unreachable { what: format!("connect to {origin}"), cause };
    match error {
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            unreachable(format!("no connection within {} s", options.connect_timeout.as_secs()))
        }
        ureq::Error::Timeout(Timeout::PerRead) => {
            Error::Silent { during: "its answer was awaited", limit: options.silence_timeout }
        }
        ureq::Error::Timeout(Timeout::RecvResponse) => {
            Error::Silent { during: "its answer was awaited", limit: options.first_byte_timeout }
        }
        ureq::Error::Timeout(_) => {
            Error::Silent { during: "a request was sent", limit: options.silence_timeout }
        }
        ureq::Error::HostNotFound => unreachable(format!("the name {} is unknown", origin.host)),
        ureq::Error::Io(error) => unreachable(tls_hint(of_system(&error))),
        ureq::Error::Rustls(error) => unreachable(tls_hint(error.to_string())),
        ureq::Error::Protocol(error) => Error::Protocol(format!("its HTTP is broken: {error}")),
        other => unreachable(other.to_string()),
    }
}

/// An answer that stopped in its middle.
pub(super) fn of_body(error: io::Error, silence: Duration) -> Error {
    match ureq::Error::from(error) {
        ureq::Error::Timeout(_) => Error::Silent { during: "its answer was received", limit: silence },
        ureq::Error::Io(error) => of_stream(&error, silence),
        other => Error::Unreachable { what: "receive the answer".to_owned(), cause: other.to_string() },
    }
}

/// A stream that stopped in its middle.
pub(super) fn of_stream(error: &io::Error, silence: Duration) -> Error {
    match error.kind() {
        // A socket's time limit is EAGAIN on Linux.
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
            Error::Silent { during: "its answer was received", limit: silence }
        }
        io::ErrorKind::UnexpectedEof => Error::CutOff("before its answer was complete"),
        _ => Error::Unreachable { what: "receive the answer".to_owned(), cause: of_system(error) },
    }
}

/// Why there is no connection.
pub(super) fn of_connect(error: &io::Error, limit: Duration) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
            format!("no connection within {} s", limit.as_secs())
        }
        _ => of_system(error),
    }
}

/// The system's words without "(os error 111)".
pub(super) fn of_system(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Who reads "`UnknownIssuer`" needs the next step.
fn tls_hint(text: String) -> String {
    if text.contains("UnknownIssuer") {
        return "the server's certificate is signed by an authority that is not known; if it is a private one, give its certificate as the CA file".to_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(error: ureq::Error) -> Error {
        let origin = Origin { tls: true, host: "host".into(), port: 443 };
        of_request(error, &origin, &Options::default())
    }

    #[test]
    fn each_failure_says_what_was_tried_and_for_how_long() {
        let refused = ureq::Error::Io(io::Error::from_raw_os_error(111));
        assert_eq!(error(refused).to_string(), "failed to connect to https://host: Connection refused");
        let slow = ureq::Error::Timeout(Timeout::Connect);
        assert_eq!(error(slow).to_string(), "failed to connect to https://host: no connection within 10 s");
        let silent = error(ureq::Error::Timeout(Timeout::RecvResponse));
        assert!(matches!(silent, Error::Silent { .. }) && silent.is_transient());
    }

    #[test]
    fn an_unknown_authority_comes_with_the_next_step() {
        let issuer = rustls::CertificateError::UnknownIssuer;
        let message = error(ureq::Error::Rustls(rustls::Error::InvalidCertificate(issuer))).to_string();
        assert!(message.contains("CA file"), "{message}");
    }

    #[test]
    fn silence_in_the_middle_is_told_from_an_end() {
        let silence = Duration::from_secs(3);
        let timeout = ureq::Error::Timeout(Timeout::PerRead).into_io();
        assert!(matches!(of_body(timeout, silence), Error::Silent { .. }));
        let eof = io::Error::from(io::ErrorKind::UnexpectedEof);
        assert!(matches!(of_body(eof, silence), Error::CutOff(_)));
        let again = io::Error::from(io::ErrorKind::WouldBlock);
        assert!(matches!(of_stream(&again, silence), Error::Silent { .. }));
    }
}
