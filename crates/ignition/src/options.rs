use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How a gateway is reached.
#[derive(Debug, Clone)]
pub struct Options {
    /// The host: the pod's own loopback address unless said otherwise.
    pub host: String,
    /// The web port (`gateway.port`): 8088, or 8043 with TLS.
    pub port: u16,
    /// Whether the port speaks TLS (`gateway.tls`).
    pub tls: bool,
    /// The file that holds `name:secret`, read anew for every request; without it only calls that need no
    /// token work.
    pub token_file: Option<PathBuf>,
    /// PEM certificates that the gateway's own one must be, or be signed by; read anew for every
    /// connection. Without it a gateway on loopback is not verified, and any other is refused.
    pub ca_file: Option<PathBuf>,
    /// Limits of one request.
    pub timeouts: Timeouts,
    /// How this crate waits between tries and polls.
    pub pause: Pause,
}

impl Options {
    /// A gateway on this machine's loopback address over plain HTTP, without a token.
    pub fn new(port: u16) -> Self {
        Self {
            host: Ipv4Addr::LOCALHOST.to_string(),
            port,
            tls: false,
            token_file: None,
            ca_file: None,
            timeouts: Timeouts::default(),
            pause: Pause::default(),
        }
    }

    /// `http://127.0.0.1:8088`: what messages call this gateway.
    pub(crate) fn base(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        match self.host.parse() {
            Ok(IpAddr::V6(host)) => format!("{scheme}://[{host}]:{}", self.port),
            _ => format!("{scheme}://{}:{}", self.host, self.port),
        }
    }

    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|host: IpAddr| host.is_loopback())
    }
}

/// Limits of one request.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For the connection, the TLS handshake included.
    pub connect: Duration,
    /// From the request to the answer's headers. A scan POST may answer only when the scan is done.
    pub response: Duration,
    /// From there to the answer's last byte. In all, not for each read: one slow byte after the other is
    /// no answer.
    pub body: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            response: Duration::from_secs(30),
            body: Duration::from_secs(10),
        }
    }
}

/// Waits for so long, or less when the program stops: then it answers `false`, and the call that waited
/// ends with [`Error::Stopped`](crate::Error::Stopped).
#[derive(Clone)]
pub struct Pause(Arc<dyn Fn(Duration) -> bool + Send + Sync>);

impl Pause {
    /// Waits as `wait` does.
    pub fn new(wait: impl Fn(Duration) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(wait))
    }

    pub(crate) fn go_on_after(&self, time: Duration) -> bool {
        self.0(time)
    }
}

impl Default for Pause {
    fn default() -> Self {
        Self::new(|time| {
            std::thread::sleep(time);
            true
        })
    }
}

impl fmt::Debug for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pause")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_a_url_for_every_kind_of_host() {
        let base = |host: &str, tls| Options { host: host.to_owned(), tls, ..Options::new(8088) }.base();
        assert_eq!(base("127.0.0.1", false), "http://127.0.0.1:8088");
        assert_eq!(base("::1", true), "https://[::1]:8088");
        assert_eq!(base("gw.plant", true), "https://gw.plant:8088");
    }

    #[test]
    fn loopback_is_told_from_every_other_host() {
        let loopback = |host: &str| Options { host: host.to_owned(), ..Options::new(8088) }.is_loopback();
        for host in ["127.0.0.1", "127.8.0.1", "::1", "localhost"] {
            assert!(loopback(host), "{host}");
        }
        for host in ["10.0.0.1", "::2", "localhost.example", "127.0.0.1.example"] {
            assert!(!loopback(host), "{host}");
        }
    }
}
