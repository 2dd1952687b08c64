//! Requests byte by byte.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Status and body.
pub async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    send(address, "GET", path, &[], b"").await
}

/// Status and body.
pub async fn post(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
    send(address, "POST", path, headers, body).await
}

async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // Whoever refuses a body may have stopped reading it.
    _ = stream.write_all(body).await;
    answer(&mut stream).await
}

/// Reads an answer to its end.
pub async fn answer(stream: &mut TcpStream) -> (u16, String) {
    let mut all = Vec::new();
    _ = stream.read_to_end(&mut all).await;
    let text = String::from_utf8_lossy(&all);
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}
