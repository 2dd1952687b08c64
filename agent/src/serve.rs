//! Probes and status over HTTP: one thread, one request a connection.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::report::Shared;
use crate::signals::spawn;

/// A caller that is slower than this is left.
const PATIENCE: Duration = Duration::from_secs(2);
/// A request is its first line; what is longer is no probe.
const MOST: usize = 4096;
/// The sync thread is dead when it is silent for so long after the time it said it would sleep.
const SILENCE: Duration = Duration::from_mins(15);

/// Listens and answers from now on.
pub fn start(address: SocketAddr, shared: Arc<Shared>) -> Result<(), Failure> {
    let any = address.ip() == Ipv6Addr::UNSPECIFIED;
    // A node without IPv6 has no such address; every other one means both by it.
    let other = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port());
    let listener =
        TcpListener::bind(address).or_else(|error| if any { TcpListener::bind(other) } else { Err(error) });
    let listener = listener.map_err(|error| {
        Failure::system(format!(
            "failed to listen on {address}: {error}. Choose another address with --listen"
        ))
    })?;
    let bound = listener.local_addr().unwrap_or(address);
    tracing::info!(address = %bound, "serving /startupz, /healthz, /readyz, /status and /metrics");
    spawn("serve", move || {
        for stream in listener.incoming().flatten() {
            // One caller's broken connection is that caller's.
            let _ = answer(stream, &shared);
        }
    })
}

fn answer(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let head = head(&mut stream)?;
    let (status, kind, body) = respond(&head, shared);
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    if !head.starts_with(b"HEAD ") {
        stream.write_all(body.as_bytes())?;
    }
    stream.flush()
}

fn head(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let (mut head, mut chunk) = (Vec::new(), [0; 512]);
    let deadline = Instant::now() + PATIENCE;
    while head.len() < MOST && Instant::now() < deadline && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut chunk)? {
            0 => break,
            got => head.extend_from_slice(&chunk[..got]),
        }
    }
    Ok(head)
}

fn respond(head: &[u8], shared: &Shared) -> (&'static str, &'static str, String) {
    const TEXT: &str = "text/plain; charset=utf-8";
    let mut words = head.split(|byte| *byte == b' ');
    if !matches!(words.next(), Some(b"GET" | b"HEAD")) {
        return ("405 Method Not Allowed", TEXT, "only GET\n".to_owned());
    }
    let path = words.next().unwrap_or_default();
    let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
    let probe = |good: bool, words: &str| {
        let status = if good { "200 OK" } else { "503 Service Unavailable" };
        (status, TEXT, format!("{words}\n"))
    };
    match path {
        b"/startupz" => {
            let (good, words) = shared.may_start();
            probe(good, &words)
        }
        b"/healthz" if shared.heartbeat() > SILENCE => probe(false, "the sync thread is silent"),
        b"/healthz" => probe(true, "alive"),
        b"/readyz" if shared.is_synced() => probe(true, "synced"),
        b"/readyz" => probe(false, "not synced; see /status"),
        b"/metrics" => ("200 OK", "text/plain; version=0.0.4; charset=utf-8", shared.metrics()),
        b"/status" => ("200 OK", "application/json", format!("{}\n", shared.json())),
        _ => (
            "404 Not Found",
            TEXT,
            "there are /startupz, /healthz, /readyz, /status and /metrics\n".to_owned(),
        ),
    }
}
