//! Free ports.

use std::net::{Ipv4Addr, TcpListener};

use crate::Error;

/// A port that was free a moment ago: neither program takes port 0 and says what it became. Whoever starts one tries
/// again with another when somebody else was quicker.
pub(crate) fn free() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("cannot bind 127.0.0.1"))?;
    Ok(listener.local_addr().map_err(Error::io("cannot learn a port"))?.port())
}
