//! A loopback listener with a thread for each connection, that can go away and come back on the same port.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// How long [`Listener::open`] tries to get its old port back.
const REBIND_LIMIT: Duration = Duration::from_secs(5);

/// A lock that survives the panic of another test's thread: what it guards is counters and lists.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type Handler = dyn Fn(TcpStream, &Stop) + Send + Sync;

/// Tells a connection's thread that its server is going away.
#[derive(Debug, Default)]
pub(crate) struct Stop(AtomicBool);

impl Stop {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Waits until the server stops or the deadline comes. True when the server stops.
    pub(crate) fn wait_until(&self, deadline: Option<Instant>) -> bool {
        const STEP: Duration = Duration::from_millis(20);
        while !self.is_set() {
            let left = deadline.map_or(STEP, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return false;
            }
            thread::sleep(left.min(STEP));
        }
        true
    }
}

/// One opening of the port: from `open` to `close`.
struct Opening {
    stop: Arc<Stop>,
    connections: Arc<Connections>,
    acceptor: JoinHandle<()>,
}

#[derive(Default)]
struct Connections {
    /// Clones of the sockets in use, by which `close` ends what their threads are waiting for.
    sockets: Mutex<HashMap<u64, TcpStream>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

pub(crate) struct Listener {
    address: SocketAddr,
    handler: Arc<Handler>,
    opening: Mutex<Option<Opening>>,
}

impl Listener {
    /// Listens on 127.0.0.1 and a free port, and calls `handler` on a thread of its own for each connection.
    pub(crate) fn start(handler: impl Fn(TcpStream, &Stop) + Send + Sync + 'static) -> Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("failed to listen on 127.0.0.1")?;
        let address = socket.local_addr()?;
        let handler: Arc<Handler> = Arc::new(handler);
        let opening = Opening::start(socket, Arc::clone(&handler));
        Ok(Self { address, handler, opening: Mutex::new(Some(opening)) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the port, so that connections are refused, and every connection that is open.
    pub(crate) fn close(&self) {
        if let Some(opening) = lock(&self.opening).take() {
            opening.end(self.address);
        }
    }

    /// Listens again on the same port. Fails when another program took it meanwhile.
    pub(crate) fn open(&self) -> Result<()> {
        let mut opening = lock(&self.opening);
        if opening.is_none() {
            let socket = rebind(self.address)
                .with_context(|| format!("failed to listen again on {}", self.address))?;
            *opening = Some(Opening::start(socket, Arc::clone(&self.handler)));
        }
        Ok(())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}

impl Opening {
    fn start(socket: TcpListener, handler: Arc<Handler>) -> Self {
        let stop = Arc::new(Stop::default());
        let connections = Arc::new(Connections::default());
        let acceptor = {
            let (stop, connections) = (Arc::clone(&stop), Arc::clone(&connections));
            thread::spawn(move || accept(&socket, &handler, &stop, &connections))
        };
        Self { stop, connections, acceptor }
    }

    fn end(self, address: SocketAddr) {
        self.stop.0.store(true, Ordering::Release);
        // `accept` has no deadline: a connection of our own wakes it.
        let _ = TcpStream::connect_timeout(&address, Duration::from_secs(1));
        let _ = self.acceptor.join();
        for socket in lock(&self.connections.sockets).values() {
            let _ = socket.shutdown(Shutdown::Both);
        }
        for thread in std::mem::take(&mut *lock(&self.connections.threads)) {
            let _ = thread.join();
        }
    }
}

fn accept(socket: &TcpListener, handler: &Arc<Handler>, stop: &Arc<Stop>, connections: &Arc<Connections>) {
    for id in 0_u64.. {
        let accepted = socket.accept();
        if stop.is_set() {
            return;
        }
        let Ok((stream, _)) = accepted else { continue };
        let Ok(clone) = stream.try_clone() else { continue };
        lock(&connections.sockets).insert(id, clone);
        let (handler, stop) = (Arc::clone(handler), Arc::clone(stop));
        let for_thread = Arc::clone(connections);
        let thread = thread::spawn(move || {
            handler(stream, &stop);
            lock(&for_thread.sockets).remove(&id);
        });
        let mut threads = lock(&connections.threads);
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
    }
}

fn rebind(address: SocketAddr) -> io::Result<TcpListener> {
    let deadline = Instant::now() + REBIND_LIMIT;
    loop {
        match TcpListener::bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(20));
            }
            result => return result,
        }
    }
}
