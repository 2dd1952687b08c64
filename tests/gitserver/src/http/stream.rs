//! A connection's bytes, plain or in TLS, counted as they pass on the wire.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

#[derive(Default)]
pub(crate) struct Meter {
    received: AtomicU64,
    sent: AtomicU64,
}

impl Meter {
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::SeqCst)
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    pub(crate) fn reset(&self) {
        self.received.store(0, Ordering::SeqCst);
        self.sent.store(0, Ordering::SeqCst);
    }
}

pub(crate) struct Metered {
    socket: TcpStream,
    meter: Arc<Meter>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.socket.read(buffer)?;
        self.meter.received.fetch_add(read as u64, Ordering::SeqCst);
        Ok(read)
    }
}

impl Write for Metered {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        // Counted first: a client that has read the last byte must find it counted.
        self.meter.sent.fetch_add(buffer.len() as u64, Ordering::SeqCst);
        let written = self.socket.write(buffer);
        let unsent = buffer.len() - written.as_ref().copied().unwrap_or(0);
        self.meter.sent.fetch_sub(unsent as u64, Ordering::SeqCst);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

pub(crate) enum Stream {
    Plain(Metered),
    Tls(Box<StreamOwned<ServerConnection, Metered>>),
}

impl Stream {
    pub(crate) fn new(
        socket: TcpStream,
        tls: Option<Arc<ServerConfig>>,
        meter: &Arc<Meter>,
    ) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        let metered = Metered { socket, meter: Arc::clone(meter) };
        let Some(config) = tls else { return Ok(Self::Plain(metered)) };
        let session = ServerConnection::new(config).map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new(StreamOwned::new(session, metered))))
    }

    /// Ends the connection so that the client sees an orderly end.
    pub(crate) fn close(&mut self) {
        if let Self::Tls(stream) = self {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        self.cut();
    }

    /// Ends the connection without a farewell.
    pub(crate) fn cut(&mut self) {
        let socket = match self {
            Self::Plain(metered) => &metered.socket,
            Self::Tls(stream) => &stream.sock.socket,
        };
        let _ = socket.shutdown(Shutdown::Both);
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(buffer),
            Self::Tls(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
