//! Answers that no gateway gives, and servers that are none: whatever listens on the port, a call ends in
//! time, in little memory, and says what to do.
#![allow(clippy::unwrap_used, reason = "a test whose surroundings fail has failed")]

mod common;

use std::io::{Read, Write};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use common::{Server, impatient, quick, write};
use stoker_ignition::{Error, Gateway, Options, Ping};
use tempfile::TempDir;

/// A client with a token for whatever listens on this port.
fn client(port: u16) -> (Gateway, TempDir) {
    let secrets = tempfile::tempdir().unwrap();
    write(secrets.path(), "apiKey", "stoker:c2VjcmV0");
    let token_file = Some(secrets.path().join("apiKey"));
    let options = Options { token_file, timeouts: impatient(), ..quick(port) };
    (Gateway::new(options).unwrap(), secrets)
}

#[test]
fn a_silent_server_is_given_up_in_time() {
    let server = Server::raw(|stream| {
        let _ = stream.read_to_end(&mut Vec::new());
        String::new()
    });
    let (gateway, _secrets) = client(server.port());
    let started = Instant::now();
    let error = gateway.gateway_info().unwrap_err();
    assert!(error.to_string().contains("no answer in time"), "{error}");
    assert!(matches!(gateway.status_ping(), Ping::Down(_)));
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

#[test]
fn an_answer_that_drips_is_given_up_in_time() {
    let server = Server::start(|_, stream| {
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n");
        // Never silent for long, and never done.
        while stream.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let (gateway, _secrets) = client(server.port());
    let started = Instant::now();
    assert!(matches!(gateway.gateway_info(), Err(Error::Unreachable { .. })));
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[test]
fn an_endless_answer_is_cut_off() {
    let server = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[");
        while stream.write_all(&[b'['; 4096]).is_ok() {}
    });
    let (gateway, _secrets) = client(server.port());
    let error = gateway.gateway_info().unwrap_err();
    assert!(
        matches!(&error, Error::Malformed { .. }) && error.to_string().contains("65536 bytes"),
        "{error}"
    );
    let error = gateway.designers().unwrap_err();
    assert!(error.to_string().contains("1048576 bytes"), "{error}");
}

#[test]
fn an_endless_error_page_is_only_its_status() {
    let server = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Type: text/html\r\n\r\n<html>");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let (gateway, _secrets) = client(server.port());
    assert!(matches!(gateway.gateway_info(), Err(Error::Unauthorized { .. })));
}

#[test]
fn an_endless_head_is_cut_off() {
    let server = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX-A: ");
        while stream.write_all(&[b'a'; 4096]).is_ok() {}
    });
    let (gateway, _secrets) = client(server.port());
    assert!(matches!(gateway.gateway_info(), Err(Error::Unreachable { .. })));
}

#[test]
fn the_token_does_not_follow_a_redirect() {
    let elsewhere =
        Server::canned("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    let target = format!("http://127.0.0.1:{}/", elsewhere.port());
    let server = Server::start(move |_, stream| {
        let answer = format!(
            "HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let _ = stream.write_all(answer.as_bytes());
    });
    let (gateway, _secrets) = client(server.port());
    let error = gateway.gateway_info().unwrap_err();
    assert!(matches!(error, Error::Status { status: 302, .. }), "{error}");
    assert_eq!(elsewhere.seen(), Vec::<String>::new());
    let seen = server.seen().concat();
    assert!(seen.to_ascii_lowercase().contains("x-ignition-api-token: stoker:c2vjcmv0"), "{seen}");
}

#[test]
fn a_gateway_that_wants_https_says_which_setting_to_change() {
    let server = Server::canned(
        "HTTP/1.1 302 Found\r\nLocation: https://gw.plant:8043/data/api/v1/gateway-info\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    );
    let (gateway, _secrets) = client(server.port());
    let error = gateway.gateway_info().unwrap_err();
    assert!(error.to_string().contains("gateway.tls: true"), "{error}");
}

#[test]
fn another_program_s_page_is_not_read_as_json() {
    let server = Server::canned(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
    );
    let (gateway, _secrets) = client(server.port());
    let error = gateway.gateway_info().unwrap_err();
    assert!(error.to_string().contains("text/html") && error.to_string().contains("gateway.port"), "{error}");
    assert!(matches!(gateway.status_ping(), Ping::Odd(_)));
}

#[test]
fn what_is_no_http_is_told_as_such() {
    let server = Server::canned("\x15\x03\x03\x00\x02\x02\x50 no HTTP at all\r\n\r\n");
    let (gateway, _secrets) = client(server.port());
    let error = gateway.gateway_info().unwrap_err();
    assert!(error.to_string().contains("gateway.tls"), "{error}");
}

#[test]
fn a_page_cannot_put_its_own_lines_into_a_message() {
    let server = Server::canned(
        "HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\nContent-Length: 21\r\nConnection: close\r\n\r\na\nb\x1b[31m\r\nlevel=info x",
    );
    let (gateway, _secrets) = client(server.port());
    let message = gateway.gateway_info().unwrap_err().to_string();
    assert!(message.ends_with(": 500: a b [31m level=info"), "{message:?}");
}

#[test]
fn a_shutdown_ends_a_call_in_flight() {
    let (asked, in_flight) = mpsc::channel();
    let server = Server::start(move |_, stream| {
        asked.send(()).unwrap();
        let _ = stream.read(&mut [0]);
    });
    let secrets = tempfile::tempdir().unwrap();
    write(secrets.path(), "apiKey", "stoker:c2VjcmV0");
    let token_file = Some(secrets.path().join("apiKey"));
    let gateway = Gateway::new(Options { token_file, ..quick(server.port()) }).unwrap();
    let other = gateway.clone();
    let call = std::thread::spawn(move || (other.gateway_info(), Instant::now()));
    in_flight.recv_timeout(Duration::from_secs(5)).unwrap();
    let stopped = Instant::now();
    gateway.shutdown();
    let (result, ended) = call.join().unwrap();
    assert!(result.is_err());
    assert!(ended.duration_since(stopped) < Duration::from_secs(1), "{:?}", ended.duration_since(stopped));
    assert!(gateway.gateway_info().is_err());
}

#[test]
fn a_proxy_in_the_environment_is_not_asked() {
    // Only this test's program is given it: the others must not see it.
    const CHILD: &str = "STOKER_TEST_CHILD_PORT";
    if let Ok(port) = std::env::var(CHILD) {
        let (gateway, _secrets) = client(port.parse().unwrap());
        assert!(gateway.gateway_info().is_ok());
        return;
    }
    let proxy = Server::canned("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let server = Server::canned(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
    );
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_proxy_in_the_environment_is_not_asked"])
        .env(CHILD, server.port().to_string())
        .env("http_proxy", format!("http://127.0.0.1:{}", proxy.port()))
        .env("ALL_PROXY", format!("http://127.0.0.1:{}", proxy.port()))
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
    assert_eq!(proxy.seen(), Vec::<String>::new());
}
