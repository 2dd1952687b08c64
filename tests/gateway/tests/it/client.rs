//! As little of an HTTP client as shows every byte of an answer.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;
use stoker_test_gateway::Gateway;

use crate::SOON;

/// Calls one gateway, over a new connection each time.
#[derive(Clone)]
pub struct Client {
    port: u16,
    token: Option<String>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Client {
    /// With the token that the tests' gateways know.
    pub fn of(gateway: &Gateway) -> Self {
        Self { port: gateway.port(), token: Some("ci:secret".to_owned()) }
    }

    pub fn at(port: u16) -> Self {
        Self { port, token: None }
    }

    pub fn with(self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "").unwrap()
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.call("POST", path, body).unwrap()
    }

    pub fn call(&self, method: &str, path: &str, body: &str) -> io::Result<Answer> {
        let mut stream = self.connect()?;
        self.send(stream.get_mut(), method, path, body)?;
        read(&mut stream)
    }

    pub fn connect(&self) -> io::Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(SOON))?;
        Ok(BufReader::new(stream))
    }

    pub fn send(&self, stream: &mut impl Write, method: &str, path: &str, body: &str) -> io::Result<()> {
        let token =
            self.token.as_ref().map(|token| format!("X-Ignition-API-Token: {token}\r\n")).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: gateway\r\n{token}Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + body).as_bytes())
    }
}

/// Reads one answer; an answer that ends before its length is an error.
pub fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let status = lines[0].split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap();
    let headers: Vec<(String, String)> = lines[1..]
        .iter()
        .map(|line| {
            line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned())).unwrap()
        })
        .collect();
    let mut answer = Answer { status, headers, body: String::new() };
    let mut body = vec![0; answer.header("content-length").map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body)?;
    answer.body = String::from_utf8(body).unwrap();
    Ok(answer)
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn is_html(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.starts_with("text/html"))
            && self.body.contains("<html>")
    }
}
