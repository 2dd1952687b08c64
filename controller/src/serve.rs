//! The HTTP port: probes and metrics for everybody, the log level for this machine.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::health::Health;
use crate::log::Level;
use crate::metrics::Metrics;

/// Connections at one time.
const MOST: usize = 64;
/// For a request's head.
const PATIENCE: Duration = Duration::from_secs(10);
/// A level is a word.
const LONGEST_BODY: usize = 64;

/// What is served.
pub struct Pages {
    pub health: Arc<Health>,
    pub metrics: Arc<Metrics>,
    pub level: Level,
}

/// Serves for ever.
pub async fn serve(listener: TcpListener, pages: Arc<Pages>) {
    let places = Arc::new(Semaphore::new(MOST));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: they come back.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        let pages = Arc::clone(&pages);
        tokio::spawn(async move {
            let _place = place;
            let service = service_fn(|request| answer(request, peer, &pages));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .max_buf_size(16 * 1024)
                .serve_connection(TokioIo::new(stream), service);
            // A client that goes away is no news.
            _ = connection.await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    pages: &Pages,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, kind, text) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/healthz") => verdict(pages.health.is_alive()),
        (&Method::GET, "/readyz") => verdict(pages.health.is_ready()),
        (&Method::GET, "/metrics") => {
            (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", pages.metrics.text())
        }
        (&Method::GET | &Method::PUT, "/loglevel") if !peer.ip().to_canonical().is_loopback() => {
            plain(StatusCode::FORBIDDEN, "the log level is for this machine alone: use a port-forward\n")
        }
        (&Method::GET, "/loglevel") => plain(StatusCode::OK, &format!("{}\n", pages.level.get())),
        (&Method::PUT, "/loglevel") => set_level(request, &pages.level).await,
        (_, "/healthz" | "/readyz" | "/metrics" | "/loglevel") => {
            plain(StatusCode::METHOD_NOT_ALLOWED, "this method is not for this path\n")
        }
        _ => plain(StatusCode::NOT_FOUND, "there are /healthz, /readyz, /metrics and /loglevel\n"),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static(kind);
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, kind);
    Ok(response)
}

async fn set_level(request: Request<Incoming>, level: &Level) -> (StatusCode, &'static str, String) {
    let Ok(body) = Limited::new(request.into_body(), LONGEST_BODY).collect().await else {
        return plain(StatusCode::BAD_REQUEST, "the body is one word: error, warn, info, debug or trace\n");
    };
    match level.set(&String::from_utf8_lossy(&body.to_bytes())) {
        Ok(()) => {
            tracing::info!(level = level.get(), "the log level was changed");
            plain(StatusCode::OK, &format!("{}\n", level.get()))
        }
        Err(problem) => plain(StatusCode::BAD_REQUEST, &format!("{problem}\n")),
    }
}

fn verdict(result: Result<(), String>) -> (StatusCode, &'static str, String) {
    match result {
        Ok(()) => plain(StatusCode::OK, "ok\n"),
        Err(problem) => plain(StatusCode::SERVICE_UNAVAILABLE, &format!("{problem}\n")),
    }
}

fn plain(status: StatusCode, text: &str) -> (StatusCode, &'static str, String) {
    (status, "text/plain; charset=utf-8", text.to_owned())
}
