//! Accepting connections, and ending them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::Answer;

/// Request line and headers together, in bytes.
const MAX_HEAD: usize = 16 * 1024;
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long requests in flight have to finish.
const DRAIN: Duration = Duration::from_secs(10);

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one. It has bounds of its own on bodies and time.
    fn handle(&self, request: Request<Incoming>, source: IpAddr) -> impl Future<Output = Answer> + Send;
}

/// Bounds of a listener.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time. Each takes about 40 KB.
    pub connections: usize,
    /// Of which from one address.
    pub per_source: usize,
    /// How long a client may take to send its next request's headers, idle time included.
    pub head: Duration,
}

/// A bound port.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    limits: Limits,
}

impl Listener {
    /// Binds.
    pub async fn bind(
        address: SocketAddr,
        tls: Option<TlsAcceptor>,
        limits: Limits,
    ) -> std::io::Result<Self> {
        Ok(Self { tcp: TcpListener::bind(address).await?, tls, limits })
    }

    /// Where it listens: the port that was chosen where 0 was asked for.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Serves until `stop` is true; then lets requests in flight finish.
    pub async fn serve<H: Handler>(self, handler: Arc<H>, mut stop: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        let sources = Arc::new(Sources::default());
        let stops = stop.clone();
        loop {
            let accepted = tokio::select! {
                accepted = self.tcp.accept() => accepted,
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
                () = stopped(&mut stop) => break,
            };
            let Ok((stream, peer)) = accepted else {
                // Out of descriptors, most likely: others end in a moment.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let source = peer.ip().to_canonical();
            // Whoever is turned away hears it from a closed connection: an answer would cost a handshake.
            if connections.len() >= self.limits.connections {
                continue;
            }
            let Some(place) = Place::take(&sources, source, self.limits.per_source) else { continue };
            let (tls, handler, stop) = (self.tls.clone(), Arc::clone(&handler), stops.clone());
            let head = self.limits.head;
            connections.spawn(async move {
                let _place = place;
                connection(stream, tls, handler, source, head, stop).await;
            });
        }
        drop(self.tcp);
        _ = timeout(DRAIN, async { while connections.join_next().await.is_some() {} }).await;
    }
}

/// Returns when the listener is to end, or nobody is left to say so.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    _ = stop.wait_for(|stop| *stop).await;
}

async fn connection<H: Handler>(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    handler: Arc<H>,
    source: IpAddr,
    head: Duration,
    stop: watch::Receiver<bool>,
) {
    // Answers are one small packet.
    _ = stream.set_nodelay(true);
    match tls {
        None => speak(stream, handler, source, head, stop).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = timeout(HANDSHAKE, tls.accept(stream)).await {
                speak(stream, handler, source, head, stop).await;
            }
        }
    }
}

async fn speak<H: Handler>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    handler: Arc<H>,
    source: IpAddr,
    head: Duration,
    mut stop: watch::Receiver<bool>,
) {
    let service = service_fn(|request| async {
        let answer = handler.handle(request, source).await;
        Ok::<_, Infallible>(answer)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    // What goes wrong on a connection is the client's to say.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            _ = connection.await;
        }
    }
}

/// Connections by address.
#[derive(Default)]
struct Sources(Mutex<HashMap<IpAddr, usize>>);

/// One connection's place among those of its address.
struct Place {
    sources: Arc<Sources>,
    source: IpAddr,
}

impl Place {
    fn take(sources: &Arc<Sources>, source: IpAddr, most: usize) -> Option<Self> {
        let mut counts = sources.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(source).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Self { sources: Arc::clone(sources), source })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.sources.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.source);
            }
        }
    }
}
