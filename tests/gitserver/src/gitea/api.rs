//! Gitea's REST API, as far as tests need it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Result, bail};

use super::Gitea;

impl Gitea {
    /// Asks; the body of a success.
    pub(super) fn get(&self, path: &str) -> Result<String> {
        self.ask("GET", path, "")
    }

    /// Sends JSON; the body of a success.
    pub fn post(&self, path: &str, json: &str) -> Result<String> {
        self.ask("POST", path, json)
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http_port))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let (token, length) = (&self.token, body.len());
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: token {token}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        match head.split(' ').nth(1) {
            Some(status) if status.starts_with('2') => Ok(body.to_owned()),
            _ => bail!("gitea answered {method} {path} with {head}\n{body}"),
        }
    }
}
