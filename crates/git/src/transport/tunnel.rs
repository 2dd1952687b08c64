//! `CONNECT` through an HTTP proxy, for what is not HTTP itself.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::credentials::basic;
use super::proxy::{self, Proxy};
use super::{Options, failure, tcp};
use crate::Error;

/// The longest head of a proxy's answer.
const LONGEST: usize = 8 * 1024;

/// A connection to a server, through the configured proxy if there is one. `scheme` is that of the repository's URL.
pub(super) fn connect(scheme: &str, host: &str, port: u16, options: &Options) -> Result<TcpStream, Error> {
    let limit = options.connect_timeout;
    match proxy::towards(scheme, host, port, options.proxy.as_ref(), &proxy::environment)? {
        None => tcp::connect(host, port, options),
        Some(proxy) if proxy.origin.tls => Err(Error::Unsupported(
            "a repository over ssh or git:// is not reached through an https:// proxy: give an http:// one",
        )),
        Some(proxy) => {
            let stream = tcp::connect(&proxy.origin.host, proxy.origin.port, options)?;
            let target = format!("{host}:{port}");
            let answer = ask(&stream, &proxy, &target, limit).map_err(|error| Error::Unreachable {
                what: format!("reach {target} through the proxy {}", proxy.origin),
                cause: failure::of_connect(&error, limit),
            })?;
            match status(&answer) {
                Some(200..=299) => Ok(stream),
                status => Err(refusal(&proxy.origin.to_string(), &target, status)),
            }
        }
    }
}

/// What a proxy's refusal means.
pub(super) fn refusal(proxy: &str, target: &str, status: Option<u16>) -> Error {
    let why = match status {
        Some(407) => "it asks for a user name and a password, or does not accept those it was given",
        Some(403) => "it does not allow that",
        Some(502..=504) => "it cannot reach it",
        _ => "it refused",
    };
    Error::ProxyRefused { proxy: proxy.to_owned(), target: target.to_owned(), status, why }
}

/// The head of the answer, read byte by byte: what follows it is the server's.
fn ask(mut stream: &TcpStream, proxy: &Proxy, target: &str, limit: Duration) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some(user) = &proxy.user {
        let value = basic(&user.name, user.password.as_deref().unwrap_or_default());
        request += &format!("Proxy-Authorization: {value}\r\n");
    }
    stream.write_all((request + "\r\n").as_bytes())?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
        if head.len() > LONGEST {
            return Err(io::Error::other("its answer is no HTTP"));
        }
    }
    stream.set_read_timeout(None)?;
    stream.set_write_timeout(None)?;
    Ok(head)
}

/// The status in the first line of an answer.
fn status(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head.split(|byte| *byte == b'\r').next()?).ok()?;
    line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_that_of_the_first_line() {
        assert_eq!(status(b"HTTP/1.1 200 Connection established\r\nX: 1\r\n\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 407 Proxy Authentication Required\r\n\r\n"), Some(407));
        assert_eq!(status(b"SSH-2.0-x\r\n\r\n"), None);
    }
}
