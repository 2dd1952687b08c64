//! A TCP connection by a host's name, within one time limit, and through a proxy where there is one.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Instant;

use super::{Options, failure};
use crate::Error;

/// Tries the host's addresses one after the other. IPv6 addresses may be in brackets.
pub(super) fn connect(host: &str, port: u16, options: &Options) -> Result<TcpStream, Error> {
    let limit = options.connect_timeout;
    let unreachable =
        |cause: String| Error::Unreachable { what: format!("connect to {host} port {port}"), cause };
    let deadline = Instant::now() + limit;
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let addresses = (name, port).to_socket_addrs();
    let addresses: Vec<SocketAddr> =
        addresses.map_err(|error| unreachable(failure::of_system(&error)))?.collect();
    if let Some(guard) = &options.guard {
        guard.addresses(name, &addresses).map_err(unreachable)?;
    }
    let mut cause = "the name has no address".to_owned();
    for address in addresses {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => return Ok(stream),
            Err(error) => cause = failure::of_connect(&error, limit),
        }
    }
    Err(unreachable(cause))
}
