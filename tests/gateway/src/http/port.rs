//! A port that stays ours while nobody listens on it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket, sockopt};

/// Connections that the kernel completes before they are accepted.
const BACKLOG: i32 = 128;

/// A bound socket that never listens: who connects is refused, and nobody else is given the port.
///
/// Without it a gateway that is down for a moment loses its port to whoever asks for any free one.
pub(super) struct Port {
    pub address: SocketAddr,
    _reserved: OwnedFd,
}

impl Port {
    /// Takes the port of `address`; 0 takes any free one.
    pub fn reserve(address: SocketAddr) -> io::Result<Self> {
        // SO_REUSEPORT would let a second gateway of the same user listen beside a first: ask without it
        // once.
        drop(TcpListener::bind(address)?);
        let reserved = bound(address, false)?;
        let address = SocketAddr::try_from(getsockname(&reserved)?)?;
        Ok(Self { address, _reserved: reserved })
    }

    /// Listens on it, until the listener is dropped.
    pub fn listen(&self) -> io::Result<TcpListener> {
        let socket = bound(self.address, true)?;
        listen(&socket, BACKLOG)?;
        Ok(TcpListener::from(socket))
    }
}

/// Two of them share a port by `SO_REUSEPORT`. With `SO_REUSEADDR` on both sides strangers could too, while
/// nobody listens: the listener alone has it, for what earlier connections left in `TIME_WAIT`.
fn bound(address: SocketAddr, reuse_address: bool) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket(family, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    sockopt::set_socket_reuseaddr(&socket, reuse_address)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    bind(&socket, &address)?;
    Ok(socket)
}
