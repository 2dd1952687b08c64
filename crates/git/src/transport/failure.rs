//! What it means when a connection fails. Pure.

use std::io;
use std::time::Duration;

use ureq::Timeout;

use super::{Options, tunnel};
use crate::Error;
use crate::url::Origin;

/// A request that was not answered.
pub(super) fn of_request(
    error: ureq::Error,
    origin: &Origin,
    proxy: Option<&str>,
    options: &Options,
) -> Error {
    let through = proxy.map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"));
    let what = format!("connect to {origin}{through}");
    let unreachable = |cause: String| Error::Unreachable { what: what.clone(), cause };
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
        ureq::Error::Io(error) => match of_tls(&error, options) {
            Some(error) => error,
            None => unreachable(of_system(&error)),
        },
        ureq::Error::Rustls(error) => of_alert(&error, options),
        ureq::Error::ConnectProxyFailed(said) => {
            let status = said.split(|c: char| !c.is_ascii_digit()).find_map(|digits| digits.parse().ok());
            tunnel::refusal(proxy.unwrap_or("of the environment"), &origin.to_string(), status)
        }
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

/// The failure of TLS inside an error of reading or writing.
fn of_tls(error: &io::Error, options: &Options) -> Option<Error> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(of_alert(error, options))
}

/// What TLS says. The server's own complaints about us are about our certificate.
fn of_alert(error: &rustls::Error, options: &Options) -> Error {
    use rustls::AlertDescription as Alert;
    match error {
        // Our verifier's words.
        rustls::Error::General(words) => {
            Error::Unreachable { what: "trust the server".to_owned(), cause: words.clone() }
        }
        rustls::Error::AlertReceived(
            alert @ (Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied),
        ) => {
            let with = match &options.client_cert_dir {
                Some(dir) => format!("the client certificate of {}", dir.display()),
                None => "somebody without a client certificate".to_owned(),
            };
            Error::CertificateRefused { with, why: format!("its TLS says {alert:?}") }
        }
        other => {
            Error::Unreachable { what: "agree on TLS with the server".to_owned(), cause: other.to_string() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(error: ureq::Error) -> Error {
        let origin = Origin { tls: true, host: "host".into(), port: 443 };
        of_request(error, &origin, None, &Options::default())
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
    fn a_complaint_about_our_certificate_is_told_from_one_about_the_servers() {
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
        let message = error(ureq::Error::Io(io::Error::new(io::ErrorKind::InvalidData, alert)));
        assert_eq!(message.reason(), "AuthFailed");
        assert!(message.to_string().contains("without a client certificate"), "{message}");
        let ours = rustls::Error::General("its certificate is not for host".to_owned());
        let message = error(ureq::Error::Rustls(ours)).to_string();
        assert_eq!(message, "failed to trust the server: its certificate is not for host");
    }

    #[test]
    fn a_proxys_refusal_has_its_status() {
        let refused = error(ureq::Error::ConnectProxyFailed("proxy server responded 407/407".to_owned()));
        assert_eq!(refused.reason(), "AuthFailed");
        let refused = error(ureq::Error::ConnectProxyFailed("proxy server responded 502/502".to_owned()));
        assert!(refused.is_transient() && refused.to_string().contains("cannot reach it"), "{refused}");
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
