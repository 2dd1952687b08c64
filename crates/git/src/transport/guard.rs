//! Which servers a connection may lead to, decided by the caller for every connection, those after redirects included.

use std::fmt::Debug;
use std::net::SocketAddr;

/// Judges servers. Its words become the cause of [`crate::Error::Unreachable`].
pub trait Guard: Debug + Send + Sync {
    /// Judges a server by its name, as a redirect gives it. IPv6 addresses may be in brackets.
    fn name(&self, host: &str, port: u16) -> Result<(), String>;

    /// Judges what a name was found to lead to, right before one of these addresses is connected to: what was looked up
    /// earlier may have another answer now. `host` is a proxy's where the connection goes through one.
    fn addresses(&self, host: &str, found: &[SocketAddr]) -> Result<(), String>;
}
