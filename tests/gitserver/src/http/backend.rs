//! `git http-backend` as a CGI program: Git's own smart HTTP server.

use std::io::{self, BufRead, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::Result;

use super::HttpOptions;
use super::connection::{Connection, Exchange, Head, Reply};
use super::dumb::decode;
use super::message::{Answer, Request, copy_body, line};
use crate::git::{configure, plumbing};

const PROGRAM: &str = "git-http-backend";

/// Fails when the program is missing.
pub(super) fn check() -> Result<()> {
    plumbing(PROGRAM).map(drop)
}

/// Ends the program when its connection goes first.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Passes a request to the program and streams its answer.
pub(super) fn answer(
    connection: &mut Connection,
    mut request: Request,
    exchange: &Exchange<'_>,
) -> io::Result<()> {
    let mut command = command(&request, exchange).map_err(io::Error::other)?;
    let mut child =
        Running(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?);
    let mut stdin = child.0.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let stdout = child.0.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    // The program reads the whole body before it writes (it has to know its length): no deadlock.
    request.body_bytes = copy_body(&request, connection, &mut stdin)?;
    drop(stdin);

    let mut output = BufReader::with_capacity(64 * 1024, stdout);
    let head = read_head(&mut output)?;
    let head = Head { status: head.status, headers: &head.headers, length: None };
    let mut reply = Reply::start(connection, request, exchange, &head)?;
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = output.read(&mut piece)?;
        if read == 0 {
            return reply.finish();
        }
        reply.write(&piece[..read])?;
    }
}

fn command(request: &Request, exchange: &Exchange<'_>) -> Result<Command> {
    let options = exchange.options;
    let mut command = plumbing(PROGRAM)?;
    command
        .env("GIT_PROJECT_ROOT", &exchange.shared.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_HTTP_MAX_REQUEST_BUFFER", "1g")
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", decode(&request.path))
        .env("QUERY_STRING", &request.query)
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("SERVER_PROTOCOL", "HTTP/1.1");
    let passed = [
        ("Content-Type", "CONTENT_TYPE", true),
        ("Content-Length", "CONTENT_LENGTH", true),
        ("Content-Encoding", "HTTP_CONTENT_ENCODING", true),
        ("Git-Protocol", "GIT_PROTOCOL", options.protocol_v2),
    ];
    for (header, variable, wanted) in passed {
        if let Some(value) = request.header(header).filter(|_| wanted) {
            command.env(variable, value);
        }
    }
    configure(&mut command, &settings(options));
    Ok(command)
}

fn settings(options: &HttpOptions) -> [(&'static str, &'static str); 4] {
    let flag = |on: bool| if on { "true" } else { "false" };
    [
        ("safe.directory", "*"),
        ("uploadpack.allowFilter", flag(options.filter)),
        ("uploadpack.allowAnySHA1InWant", flag(options.any_sha)),
        ("http.receivepack", flag(options.push)),
    ]
}

/// The head of a CGI answer: headers, of which `Status` is ours. A program that fails before it is 500.
fn read_head(output: &mut BufReader<ChildStdout>) -> io::Result<Answer> {
    if output.fill_buf()?.is_empty() {
        return Ok(Answer { status: 500, ..Answer::default() });
    }
    let mut head = Answer { status: 200, ..Answer::default() };
    loop {
        let text = line(output)?;
        let Some((name, value)) = text.split_once(':') else { return Ok(head) };
        let value = value.trim();
        if name.eq_ignore_ascii_case("Status") {
            head.status = value.split(' ').next().and_then(|code| code.parse().ok()).unwrap_or(500);
        } else if !name.eq_ignore_ascii_case("Content-Length") {
            head.headers.push((name.to_owned(), value.to_owned()));
        }
    }
}
