//! A TCP connection by a host's name, within one time limit, and through a proxy where there is one.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use super::failure;
use crate::Error;

/// Tries the host's addresses one after the other. IPv6 addresses may be in brackets.
pub(super) fn connect(host: &str, port: u16, limit: Duration) -> Result<TcpStream, Error> {
    let unreachable =
        |cause: String| Error::Unreachable { what: format!("connect to {host} port {port}"), cause };
    let deadline = Instant::now() + limit;
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let addresses =
        (name, port).to_socket_addrs().map_err(|error| unreachable(failure::of_system(&error)))?;
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
