//! Which servers this program talks to on behalf of a resource. Whoever may write a `GatewaySync` chooses the URL, so
//! it must not reach what only this program's place in the network can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};

use crate::text::redacted;

/// What is allowed.
#[derive(Clone, Debug, Default)]
pub struct HostPolicy {
    /// `host`, `host:port` or `*.domain`; empty allows every host.
    pub allowed: Vec<String>,
    /// Addresses of the Kubernetes API, which answers to this program's own credentials.
    pub api_server: Vec<IpAddr>,
}

/// Why a server is not talked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The URL is none.
    #[error("{url:?} is no repository URL: write https://, ssh://, git@host:path, http:// or git://")]
    NoUrl {
        /// The URL, without secrets.
        url: String,
    },
    /// A file of this program's own container.
    #[error("file:// repositories are for agents without a cluster; use a Git server's URL")]
    File,
    /// Not in `--allowed-hosts`.
    #[error("the host {host:?} is not one of the controller's --allowed-hosts ({allowed})")]
    NotAllowed {
        /// The host, with its port where the URL gives one.
        host: String,
        /// The list.
        allowed: String,
    },
    /// An address that only machines of this network segment can reach.
    #[error("the host {host:?} leads to {address}, which is {why}; no Git server is there")]
    Address {
        /// The host.
        host: String,
        /// What it resolves to.
        address: IpAddr,
        /// What kind of address that is.
        why: &'static str,
    },
    /// The GitHub API over an unencrypted connection.
    #[error("apiBaseURL {url:?} must begin with https://: the app's signature is sent there")]
    NotHttps {
        /// The URL, without secrets.
        url: String,
    },
    /// The name cannot be looked up.
    #[error("cannot look up the host {host:?}: {problem}")]
    LookUp {
        /// The host.
        host: String,
        /// What the system said.
        problem: String,
    },
}

impl Refusal {
    /// Whether it may go away by itself.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::LookUp { .. })
    }
}

/// A server as a URL names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Lower case, without the brackets of an IPv6 address.
    pub name: String,
    pub port: u16,
}

impl HostPolicy {
    /// Judges a repository's URL, without any network.
    pub fn check_url(&self, url: &str) -> Result<Host, Refusal> {
        let host = host_of(url)?;
        self.check_name(&host)?;
        Ok(host)
    }

    /// Judges the URL of a GitHub API.
    pub fn check_api_url(&self, url: &str) -> Result<Host, Refusal> {
        if !url.to_ascii_lowercase().starts_with("https://") {
            return Err(Refusal::NotHttps { url: redacted(url) });
        }
        self.check_url(url)
    }

    /// Looks the host up and judges where it leads. Blocks.
    pub fn check_addresses(&self, host: &Host) -> Result<(), Refusal> {
        let found = (host.name.as_str(), host.port).to_socket_addrs();
        let found =
            found.map_err(|error| Refusal::LookUp { host: host.name.clone(), problem: error.to_string() })?;
        self.judge(&host.name, found)
    }

    /// Judges addresses that a name was found to have: one bad one is enough.
    pub fn judge(&self, name: &str, found: impl Iterator<Item = SocketAddr>) -> Result<(), Refusal> {
        for address in found.map(|address| plain(address.ip())) {
            if let Some(why) = self.objection(address) {
                return Err(Refusal::Address { host: name.to_owned(), address, why });
            }
        }
        Ok(())
    }

    fn check_name(&self, host: &Host) -> Result<(), Refusal> {
        if !self.allowed.is_empty() && !self.allowed.iter().any(|entry| is_allowed(entry, host)) {
            let host = format!("{}:{}", host.name, host.port);
            return Err(Refusal::NotAllowed { host, allowed: self.allowed.join(", ") });
        }
        match host.name.parse() {
            Ok(address) => self.judge(&host.name, std::iter::once(SocketAddr::new(address, host.port))),
            Err(_) => Ok(()),
        }
    }

    fn objection(&self, address: IpAddr) -> Option<&'static str> {
        if self.api_server.contains(&address) {
            return Some("the cluster's own API server");
        }
        match address {
            IpAddr::V4(v4) if v4.is_link_local() => Some("a link-local address"),
            IpAddr::V6(v6) if v6.is_unicast_link_local() => Some("a link-local address"),
            IpAddr::V6(v6) if v6 == METADATA_V6 => Some("a cloud's metadata service"),
            other if other.is_unspecified() => Some("no address of a server"),
            other if other.is_multicast() => Some("a multicast address"),
            IpAddr::V4(Ipv4Addr::BROADCAST) => Some("a broadcast address"),
            _ => None,
        }
    }
}

/// Where one cloud has its instance metadata; all others use link-local addresses.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// An IPv4 address in the clothes of an IPv6 one is an IPv4 address.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return v4.into();
    }
    // NAT64 (RFC 6052) and 6to4 (RFC 3056) carry one too.
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => v4_of(high, low),
        _ => address,
    }
}

fn v4_of(high: u16, low: u16) -> IpAddr {
    let [a, b] = high.to_be_bytes();
    let [c, d] = low.to_be_bytes();
    Ipv4Addr::new(a, b, c, d).into()
}

/// For every connection that a look makes, those after redirects included.
impl stoker_git::Guard for HostPolicy {
    fn name(&self, host: &str, port: u16) -> Result<(), String> {
        let name = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        self.check_name(&Host { name, port }).map_err(|refusal| refusal.to_string())
    }

    fn addresses(&self, host: &str, found: &[SocketAddr]) -> Result<(), String> {
        self.judge(host, found.iter().copied()).map_err(|refusal| refusal.to_string())
    }
}

fn is_allowed(entry: &str, host: &Host) -> bool {
    let entry = entry.trim().to_ascii_lowercase();
    let (pattern, port) = match entry.rsplit_once(':') {
        Some((name, port)) if !name.ends_with(':') && !name.contains(':') => {
            (name.to_owned(), port.parse().ok())
        }
        _ => (entry.trim_matches(['[', ']']).to_owned(), None),
    };
    if port.is_some_and(|port: u16| port != host.port) {
        return false;
    }
    match pattern.strip_prefix("*.") {
        Some(domain) => {
            host.name.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        }
        None => pattern == host.name,
    }
}

/// The server that a repository's URL names.
pub fn host_of(url: &str) -> Result<Host, Refusal> {
    let nothing = || Refusal::NoUrl { url: redacted(url) };
    let Some((scheme, rest)) = url.split_once("://") else { return scp_host(url).ok_or_else(nothing) };
    let port = match scheme.to_ascii_lowercase().as_str() {
        "https" => 443,
        "http" => 80,
        "ssh" | "git+ssh" | "ssh+git" => 22,
        "git" => 9418,
        "file" => return Err(Refusal::File),
        _ => return Err(nothing()),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    host_port(authority, port).ok_or_else(nothing)
}

/// `git@host:path`, as scp writes it.
fn scp_host(url: &str) -> Option<Host> {
    let (address, path) = match url.find("]:") {
        Some(at) => (&url[..=at], &url[at + 2..]),
        None => url.split_once(':')?,
    };
    (!path.is_empty() && !address.contains('/')).then(|| host_port(address, 22)).flatten()
}

fn host_port(authority: &str, standard: u16) -> Option<Host> {
    let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
    let (name, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (name, after) = rest.split_once(']')?;
            (name, after.strip_prefix(':'))
        }
        None => match address.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (address, None),
        },
    };
    let port = match port {
        None | Some("") => standard,
        Some(digits) => digits.parse().ok()?,
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    (!name.is_empty() && !name.contains([' ', '\\', '%'])).then_some(Host { name, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(allowed: &[&str]) -> HostPolicy {
        HostPolicy {
            allowed: allowed.iter().map(|entry| (*entry).to_owned()).collect(),
            api_server: vec![IpAddr::from([10, 96, 0, 1])],
        }
    }

    #[test]
    fn every_form_of_url_names_its_host() {
        for (url, name, port) in [
            ("https://me:p@w@Git.Example.com./x", "git.example.com", 443),
            ("http://host:8080/x", "host", 8080),
            ("ssh://git@host:2222/x", "host", 2222),
            ("git@host:path/x.git", "host", 22),
            ("git@[fe80::1]:path", "fe80::1", 22),
            ("git://host/x", "host", 9418),
            ("https://[::1]:8443/x", "::1", 8443),
        ] {
            assert_eq!(host_of(url), Ok(Host { name: name.into(), port }), "{url}");
        }
        for url in ["", "host", "ftp://host/x", "https://", "https://host:99999/", "/path:x"] {
            assert!(matches!(host_of(url), Err(Refusal::NoUrl { .. })), "{url}");
        }
    }

    #[test]
    fn files_of_the_controllers_container_are_no_repositories() {
        assert_eq!(policy(&[]).check_url("file:///etc"), Err(Refusal::File));
        assert_eq!(policy(&[]).check_url("FILE:///var/run/secrets"), Err(Refusal::File));
    }

    #[test]
    fn addresses_that_only_this_place_can_reach_are_refused_however_they_are_written() {
        for url in [
            "http://169.254.169.254/latest",
            "http://[fe80::1]/x",
            "http://[::ffff:169.254.169.254]/x",
            "http://[64:ff9b::a9fe:a9fe]/x",
            "http://[2002:a9fe:a9fe::1]/x",
            "http://[fd00:ec2::254]/x",
            "http://0.0.0.0/x",
            "https://10.96.0.1/api",
            "ssh://git@10.96.0.1:443/x",
            "git@[fe80::1]:x",
        ] {
            assert!(matches!(policy(&[]).check_url(url), Err(Refusal::Address { .. })), "{url}");
        }
        assert!(policy(&[]).check_url("https://10.0.0.7/x").is_ok());
    }

    #[test]
    fn a_name_that_leads_there_is_refused_after_the_look_up() {
        let found = [[192, 0, 2, 1], [169, 254, 169, 254]].map(|ip| SocketAddr::from((ip, 443)));
        let refusal = policy(&[]).judge("metadata.example.com", found.into_iter()).unwrap_err();
        assert!(refusal.to_string().contains("link-local"), "{refusal}");
        let there = Host { name: "127.0.0.1".into(), port: 1 };
        assert!(policy(&[]).check_addresses(&there).is_ok());
    }

    #[test]
    fn a_redirect_is_judged_as_a_url_is() {
        use stoker_git::Guard as _;
        assert!(policy(&[]).name("[::ffff:169.254.169.254]", 80).is_err());
        assert!(policy(&["git.example.com"]).name("GIT.example.com.", 443).is_ok());
        assert!(policy(&["git.example.com"]).name("evil.example", 443).is_err());
    }

    #[test]
    fn only_allowed_hosts_are_talked_to() {
        let policy = policy(&["git.example.com", "*.corp.example", "forge:8443"]);
        for (url, is_allowed) in [
            ("https://git.example.com/x", true),
            ("https://GIT.example.com:444/x", true),
            ("https://git.example.com.evil/x", false),
            ("https://a.b.corp.example/x", true),
            ("https://corp.example/x", false),
            ("https://xcorp.example/x", false),
            ("https://forge:8443/x", true),
            ("https://forge/x", false),
            ("git@git.example.com:x", true),
            ("https://git.example.com@evil/x", false),
        ] {
            assert_eq!(policy.check_url(url).is_ok(), is_allowed, "{url}");
        }
    }

    #[test]
    fn the_github_api_is_spoken_to_over_https_only() {
        assert!(matches!(policy(&[]).check_api_url("http://api.github.com"), Err(Refusal::NotHttps { .. })));
        assert!(policy(&[]).check_api_url("https://api.github.com").is_ok());
        let refusal = policy(&["github.com"]).check_api_url("https://evil.example").unwrap_err();
        assert!(matches!(refusal, Refusal::NotAllowed { .. }));
    }
}
