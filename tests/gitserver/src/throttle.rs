//! A slow link: a TCP proxy that limits the rate and counts bytes.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::listener::{Listener, Stop, lock};

/// A piece is what passes in this part of a second, so that a slow link is slow evenly.
const PIECES_PER_SECOND: u64 = 20;
const SMALLEST_PIECE: u64 = 64;
const LARGEST_PIECE: u64 = 64 * 1024;
/// How often a silent connection looks whether the link is still there.
const LOOK_UP: Duration = Duration::from_millis(50);

/// A proxy before one TCP server. Its rate holds for each direction, over all connections together, as a WAN's does.
pub struct Throttle {
    listener: Listener,
    link: Arc<Link>,
}

struct Link {
    target: SocketAddr,
    bits_per_second: AtomicU64,
    up: Direction,
    down: Direction,
}

#[derive(Default)]
struct Direction {
    bytes: AtomicU64,
    /// When the link is free again; unset before the first byte.
    free_at: Mutex<Option<Instant>>,
}

impl Throttle {
    /// Starts a link to `target` of so many bits a second in each direction. `u64::MAX` only counts.
    pub fn start(target: SocketAddr, bits_per_second: u64) -> Result<Self> {
        let link = Arc::new(Link {
            target,
            bits_per_second: AtomicU64::new(bits_per_second.max(1)),
            up: Direction::default(),
            down: Direction::default(),
        });
        let shared = Arc::clone(&link);
        let listener = Listener::start(move |client, stop| shared.carry(&client, stop))?;
        Ok(Self { listener, link })
    }

    /// Where clients connect instead of to the target.
    pub fn addr(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The URL of the target with this link's port in place of the target's.
    pub fn url(&self, target_url: &str) -> String {
        target_url.replacen(&self.link.target.to_string(), &self.addr().to_string(), 1)
    }

    /// Changes the rate, also for connections that are open.
    pub fn set_rate(&self, bits_per_second: u64) {
        self.link.bits_per_second.store(bits_per_second.max(1), Ordering::Relaxed);
    }

    /// True: every connection is cut and new ones are refused. False: the link is back, on the same port.
    pub fn set_down(&self, down: bool) -> Result<()> {
        if down {
            self.listener.close();
            return Ok(());
        }
        self.listener.open()
    }

    /// Bytes from clients to the target since the start.
    pub fn bytes_up(&self) -> u64 {
        self.link.up.bytes.load(Ordering::SeqCst)
    }

    /// Bytes from the target to clients since the start.
    pub fn bytes_down(&self) -> u64 {
        self.link.down.bytes.load(Ordering::SeqCst)
    }
}

impl Link {
    fn carry(&self, client: &TcpStream, stop: &Stop) {
        let Ok(server) = TcpStream::connect(self.target) else { return };
        for socket in [client, &server] {
            // Pieces are small and paced here: Nagle's delay would come on top.
            let _ = socket.set_nodelay(true);
            // The target's socket is known here only: its silence must not outlast the link.
            let _ = socket.set_read_timeout(Some(LOOK_UP));
        }
        thread::scope(|scope| {
            scope.spawn(|| self.pass(client, &server, &self.up, stop));
            self.pass(&server, client, &self.down, stop);
        });
    }

    /// Copies until either end closes or the server stops, then closes what this direction used, so that the thread
    /// of the other direction ends too once there is nothing more to carry.
    fn pass(&self, from: &TcpStream, to: &TcpStream, direction: &Direction, stop: &Stop) {
        if self.copy(from, to, direction, stop).is_ok() {
            let _ = to.shutdown(Shutdown::Write);
        } else {
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        }
    }

    fn copy(
        &self,
        mut from: &TcpStream,
        mut to: &TcpStream,
        direction: &Direction,
        stop: &Stop,
    ) -> io::Result<()> {
        let mut buffer = vec![0; LARGEST_PIECE as usize];
        loop {
            let rate = self.bits_per_second.load(Ordering::Relaxed);
            let piece = (rate / 8 / PIECES_PER_SECOND).clamp(SMALLEST_PIECE, LARGEST_PIECE);
            let read = match from.read(&mut buffer[..piece as usize]) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !stop.is_set() => continue,
                Err(error) => return Err(error),
            };
            if stop.wait_until(Some(direction.reserve(read as u64, rate))) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            direction.bytes.fetch_add(read as u64, Ordering::SeqCst);
            to.write_all(&buffer[..read])?;
        }
    }
}

impl Direction {
    /// Takes the link for so many bytes and gives the moment when the last of them is across.
    fn reserve(&self, bytes: u64, bits_per_second: u64) -> Instant {
        let nanoseconds = u128::from(bytes) * 8 * 1_000_000_000 / u128::from(bits_per_second);
        let takes = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        let now = Instant::now();
        let mut free_at = lock(&self.free_at);
        let across = free_at.map_or(now, |at| at.max(now)) + takes;
        *free_at = Some(across);
        across
    }
}
