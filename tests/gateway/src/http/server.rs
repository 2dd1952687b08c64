//! Listening: one thread that accepts, one per connection, doors that can be shut and opened again.

use std::collections::HashMap;
use std::io::{BufReader, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context as _;

use super::port::Port;
use super::request::{self, Problem, Request};
use super::response::Response;

/// Silence on a connection between requests, and in the middle of one.
const IDLE: Duration = Duration::from_secs(30);
/// More clients at a time than any test has; the next one is answered 503.
const MAX_CONNECTIONS: usize = 256;
/// How long opening or shutting the doors may take before it counts as failed.
const DOOR_DEADLINE: Duration = Duration::from_secs(10);

/// What answers the requests.
pub(crate) trait Handler: Send + Sync + 'static {
    fn answer(&self, request: &Request) -> Reply;
}

/// What happens to a request.
pub(crate) enum Reply {
    Answer(Response),
    /// The connection is reset, as a crashed gateway's kernel does.
    Reset,
    /// Half of the response goes out, then the connection closes.
    Cut(Response),
}

/// A listening server; dropping it closes the port and every connection.
pub(crate) struct Server {
    doors: Arc<Core>,
    accepting: Option<JoinHandle<()>>,
}

/// Opens and shuts the port of a [`Server`] that may be gone by then.
#[derive(Clone, Default)]
pub(crate) struct Doors(Weak<Core>);

struct Core {
    port: Port,
    handler: Box<dyn Handler>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    wanted: Wanted,
    listening: bool,
    next: u64,
    /// A second handle on each connection, to break it with.
    connections: HashMap<u64, TcpStream>,
}

#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    Open,
    Shut,
    Gone,
}

impl Server {
    /// Listens on `address` (port 0: any free one) and answers with `handler`.
    pub fn start(address: SocketAddr, handler: impl Handler) -> anyhow::Result<Self> {
        let reserved = Port::reserve(address).and_then(|port| port.listen().map(|listener| (port, listener)));
        let (port, listener) = reserved.with_context(|| format!("failed to listen on {address}"))?;
        let state = State { wanted: Wanted::Open, listening: true, next: 0, connections: HashMap::new() };
        let core = Arc::new(Core {
            port,
            handler: Box::new(handler),
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let acceptor = Arc::clone(&core);
        let accepting = thread::Builder::new()
            .name("accept".to_owned())
            .spawn(move || acceptor.run(listener))
            .context("failed to start the accepting thread")?;
        Ok(Self { doors: core, accepting: Some(accepting) })
    }

    /// Where this machine reaches it.
    pub fn address(&self) -> SocketAddr {
        self.doors.loopback()
    }

    pub fn doors(&self) -> Doors {
        Doors(Arc::downgrade(&self.doors))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.doors.want(Wanted::Gone);
        if let Some(thread) = self.accepting.take() {
            let _ = thread.join();
        }
        // Connection threads end by themselves once their streams are shut: wait for them, so that
        // nothing of this server outlives it.
        let state = self.doors.state();
        let _ = self
            .doors
            .changed
            .wait_timeout_while(state, DOOR_DEADLINE, |state| !state.connections.is_empty());
    }
}

impl Doors {
    /// Closes the port and breaks every connection: clients see "connection refused". False if it could not.
    pub fn shut(&self) -> bool {
        self.0.upgrade().is_none_or(|core| core.want(Wanted::Shut))
    }

    /// Listens on the same port again. False if it could not.
    pub fn open(&self) -> bool {
        self.0.upgrade().is_some_and(|core| core.want(Wanted::Open))
    }
}

impl Core {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what is wanted and waits until it is so.
    fn want(&self, wanted: Wanted) -> bool {
        let mut state = self.state();
        if state.wanted != Wanted::Gone {
            state.wanted = wanted;
        }
        self.changed.notify_all();
        if state.listening && wanted != Wanted::Open {
            drop(state);
            // The accepting thread sleeps in `accept`: a connection is what wakes it.
            let _ = TcpStream::connect_timeout(&self.loopback(), DOOR_DEADLINE);
            state = self.state();
        }
        let until = wanted == Wanted::Open;
        let (state, _) = self
            .changed
            .wait_timeout_while(state, DOOR_DEADLINE, |state| state.listening != until)
            .unwrap_or_else(PoisonError::into_inner);
        state.listening == until
    }

    /// Where this server can be reached from this machine.
    fn loopback(&self) -> SocketAddr {
        let mut address = self.port.address;
        match address {
            SocketAddr::V4(v4) if v4.ip().is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            SocketAddr::V6(v6) if v6.ip().is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        address
    }

    fn run(self: Arc<Self>, first: TcpListener) {
        let mut listener = Some(first);
        loop {
            if let Some(listener) = listener.take() {
                self.accept_while_open(&listener);
            }
            self.break_connections();
            {
                let mut state = self.state();
                state.listening = false;
                self.changed.notify_all();
                let shut = |state: &mut State| state.wanted == Wanted::Shut;
                state = self.changed.wait_while(state, shut).unwrap_or_else(PoisonError::into_inner);
                if state.wanted == Wanted::Gone {
                    return;
                }
            }
            listener = self.listen_again();
        }
    }

    /// Tried until it works or the doors are not wanted open any more.
    fn listen_again(&self) -> Option<TcpListener> {
        loop {
            let bound = self.port.listen();
            let mut state = self.state();
            if state.wanted != Wanted::Open {
                return None;
            }
            if let Ok(listener) = bound {
                state.listening = true;
                self.changed.notify_all();
                return Some(listener);
            }
            let _ = self.changed.wait_timeout(state, Duration::from_millis(20));
        }
    }

    fn accept_while_open(self: &Arc<Self>, listener: &TcpListener) {
        loop {
            let accepted = listener.accept();
            let mut state = self.state();
            if state.wanted != Wanted::Open {
                return;
            }
            let Ok((stream, _)) = accepted else { continue };
            if state.connections.len() >= MAX_CONNECTIONS {
                let _ = Response::page(503).send(&mut &stream, false, false);
                continue;
            }
            let Ok(handle) = stream.try_clone() else { continue };
            let id = state.next;
            state.next += 1;
            state.connections.insert(id, handle);
            drop(state);
            self.spawn(id, stream);
        }
    }

    fn spawn(self: &Arc<Self>, id: u64, stream: TcpStream) {
        let core = Arc::clone(self);
        let spawned = thread::Builder::new().name(format!("connection-{id}")).spawn(move || {
            core.converse(&stream);
            drop(stream);
            core.forget(id);
        });
        if spawned.is_err() {
            self.forget(id);
        }
    }

    fn forget(&self, id: u64) {
        self.state().connections.remove(&id);
        self.changed.notify_all();
    }

    fn break_connections(&self) {
        for stream in self.state().connections.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn converse(&self, stream: &TcpStream) {
        let _ = stream.set_nodelay(true);
        let _ = stream.set_read_timeout(Some(IDLE));
        let _ = stream.set_write_timeout(Some(IDLE));
        if serve(stream, self.handler.as_ref()) == Ending::Reset {
            // Closing with linger 0 discards what is unsent and answers RST; the handle kept for
            // breaking connections is dropped after this one, and it is that close which counts.
            let _ = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
        }
    }
}

#[derive(PartialEq)]
enum Ending {
    Closed,
    Reset,
}

/// Serves one connection to its end. TLS would wrap the stream here: nothing below asks for more than bytes.
fn serve<S: Read + Write>(stream: S, handler: &dyn Handler) -> Ending {
    let mut stream = BufReader::new(stream);
    loop {
        let request = match request::read(&mut stream) {
            Ok(request) => request,
            Err(Problem::Closed | Problem::Broken) => return Ending::Closed,
            Err(Problem::Refused(status, why)) => {
                let _ = Response::text(status, why).send(stream.get_mut(), false, false);
                return Ending::Closed;
            }
        };
        let response = match handler.answer(&request) {
            Reply::Answer(response) => response,
            Reply::Reset => return Ending::Reset,
            Reply::Cut(response) => {
                let _ = response.send_half(stream.get_mut());
                return Ending::Closed;
            }
        };
        let sent = response.send(stream.get_mut(), request.keep_alive, request.method == "HEAD");
        if let Some(after) = response.after {
            after();
        }
        if sent.is_err() || !request.keep_alive {
            return Ending::Closed;
        }
    }
}
