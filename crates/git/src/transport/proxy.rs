//! Which proxy stands between us and a server: the configured one, else the environment's.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::secret;
use crate::Error;
use crate::known_hosts::matches;
use crate::url::{HttpUrl, Origin, UserInfo};

/// The longest user name and password that are read.
const LONGEST: u64 = 16 * 1024;

/// A proxy, as it is configured.
#[derive(Clone, Debug)]
pub struct ProxyOptions {
    /// `http://host:port` (or `https://…`), with a user name at most.
    pub url: String,
    /// A file with `user:password`, or with the password alone where the URL has the user name; read anew at every
    /// handshake.
    pub auth_file: Option<PathBuf>,
    /// Hosts that are reached directly, separated by commas: names (with everything below them), `.domain`,
    /// `*.domain`, addresses, networks as `10.0.0.0/8`, each with `:port` or without, and `*`.
    pub no_proxy: String,
}

/// A proxy that is to be used.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    pub origin: Origin,
    pub user: Option<UserInfo>,
}

/// What of the environment matters, by name; a function, so that tests have their own.
pub(super) type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// The process' own environment.
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The proxy towards a server. `scheme` is what the environment is asked for: of https, http, or nothing else.
pub(super) fn towards(
    scheme: &str,
    host: &str,
    port: u16,
    configured: Option<&ProxyOptions>,
    environment: &Environment<'_>,
) -> Result<Option<Proxy>, Error> {
    if let Some(options) = configured {
        if is_excepted(&options.no_proxy, host, port) {
            return Ok(None);
        }
        let mut proxy = parse(&options.url, "the configured proxy")?;
        if let Some(path) = &options.auth_file {
            proxy.user = Some(user(path, proxy.user.as_ref())?);
        }
        return Ok(Some(proxy));
    }
    // As git and curl have it: ssh and git:// do not look at the environment.
    let names: &[&str] = match scheme {
        "https" => &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
        "http" => &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
        _ => return Ok(None),
    };
    let first = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| Some(((*name).to_owned(), environment(name)?)).filter(|(_, v)| !v.is_empty()))
    };
    let Some((name, url)) = first(names) else { return Ok(None) };
    let except = first(&["no_proxy", "NO_PROXY"]).map(|(_, list)| list).unwrap_or_default();
    if is_excepted(&except, host, port) {
        return Ok(None);
    }
    parse(&url, &format!("the proxy of {name}")).map(Some)
}

fn parse(url: &str, what: &str) -> Result<Proxy, Error> {
    let whole = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    match HttpUrl::parse(&whole) {
        Some(HttpUrl { origin, user, path }) if path.is_empty() => Ok(Proxy { origin, user }),
        // Without the URL: it may hold a password.
        _ => Err(Error::Protocol(format!("{what} is no URL such as http://proxy.example:3128"))),
    }
}

fn user(path: &Path, named: Option<&UserInfo>) -> Result<UserInfo, Error> {
    const WHAT: &str = "proxy password";
    let text = secret::read(WHAT, path, LONGEST)?;
    let text = std::str::from_utf8(text.trim_ascii()).ok().filter(|text| !text.chars().any(char::is_control));
    let text = text.ok_or_else(|| secret::problem(WHAT, path, "holds more than one line, or binary data"))?;
    if let Some(UserInfo { name, .. }) = named {
        return Ok(UserInfo { name: name.clone(), password: Some(text.to_owned()) });
    }
    match text.split_once(':') {
        Some((name, password)) => Ok(UserInfo { name: name.to_owned(), password: Some(password.to_owned()) }),
        None => Err(secret::problem(WHAT, path, "holds no user:password")),
    }
}

/// Whether a list of exceptions names a host.
fn is_excepted(list: &str, host: &str, port: u16) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let entries = list.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
    entries.map(str::to_ascii_lowercase).any(|entry| names(&entry, &host, port))
}

fn names(entry: &str, host: &str, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some((network, bits)) = entry.split_once('/') {
        return host.parse().is_ok_and(|address| is_within(address, network, bits));
    }
    // An IPv6 address alone has colons and no port.
    let is_address = entry.parse::<IpAddr>().is_ok();
    let (name, its_port) = match entry.rsplit_once(':') {
        Some((name, digits)) if !is_address => (name, Some(digits)),
        _ => (entry, None),
    };
    if its_port.is_some_and(|digits| digits.parse() != Ok(port)) {
        return false;
    }
    let name = name.trim_start_matches('[').trim_end_matches(']');
    if let (Ok(one), Ok(other)) = (name.parse::<IpAddr>(), host.parse::<IpAddr>()) {
        return one == other;
    }
    let below = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    match name.strip_prefix("*.").or_else(|| name.strip_prefix('.')) {
        Some(domain) => below(domain),
        None if name.contains('*') => matches(name.as_bytes(), host.as_bytes()),
        None => host == name || below(name),
    }
}

/// Whether an address lies in a network such as `10.0.0.0` / `8`.
fn is_within(address: IpAddr, network: &str, bits: &str) -> bool {
    let Ok(bits) = bits.parse::<u32>() else { return false };
    let same = |one: u128, other: u128, width: u32| {
        bits <= width && (bits == 0 || (one ^ other) >> (width - bits) == 0)
    };
    match (address, network.parse()) {
        (IpAddr::V4(one), Ok(IpAddr::V4(other))) => {
            same(u128::from(one.to_bits()), u128::from(other.to_bits()), 32)
        }
        (IpAddr::V6(one), Ok(IpAddr::V6(other))) => same(one.to_bits(), other.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn excepts(list: &str, host: &str, port: u16) {
        assert!(is_excepted(list, host, port), "{list:?} has {host}:{port}");
    }

    #[track_caller]
    fn does_not_except(list: &str, host: &str, port: u16) {
        assert!(!is_excepted(list, host, port), "{list:?} has not {host}:{port}");
    }

    #[test]
    fn names_domains_addresses_networks_and_ports_are_excepted() {
        excepts("a, GIT.example", "git.example", 443);
        excepts("git.example", "sub.git.example", 443);
        does_not_except("git.example", "evilgit.example", 443);
        excepts(".example", "git.example", 443);
        excepts("*.example", "git.example", 443);
        does_not_except(".git.example", "git.example", 443);
        excepts("10.1.2.3", "10.1.2.3", 443);
        excepts("10.0.0.0/8,192.168.0.0/16", "192.168.7.7", 80);
        does_not_except("10.0.0.0/8", "11.0.0.1", 80);
        does_not_except("10.0.0.0/8", "10.example", 80);
        excepts("10.1.2.128/25", "10.1.2.200", 80);
        does_not_except("10.1.2.128/25", "10.1.2.100", 80);
        excepts("0.0.0.0/0", "1.2.3.4", 80);
        excepts("::1", "[::1]", 80);
        excepts("fe80::/10", "[fe80::1]", 80);
        excepts("[::1]:8080", "[::1]", 8080);
        does_not_except("[::1]:8080", "[::1]", 80);
        excepts("git.example:8443", "git.example", 8443);
        does_not_except("git.example:8443", "git.example", 443);
        excepts("*", "anything", 1);
        excepts("a b\tgit.example", "git.example", 443);
        does_not_except("", "git.example", 443);
        does_not_except("10.0.0.0/33,10.0.0.0/x,/", "10.0.0.1", 443);
    }

    #[test]
    fn the_environment_is_asked_for_its_scheme_and_small_letters_win() {
        const BOTH: &[(&str, &str)] = &[("HTTPS_PROXY", "http://big:1"), ("https_proxy", "small:2")];
        let set = |pairs: &'static [(&str, &str)]| {
            move |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        let host = |scheme: &str, pairs: &'static [(&str, &str)]| {
            let proxy = towards(scheme, "git.example", 443, None, &set(pairs)).unwrap();
            proxy.map(|proxy| proxy.origin.to_string())
        };
        assert_eq!(host("https", BOTH).as_deref(), Some("http://small:2"));
        assert_eq!(host("http", BOTH), None);
        assert_eq!(host("http", &[("HTTP_PROXY", "http://p:3")]).as_deref(), Some("http://p:3"));
        assert_eq!(
            host("https", &[("ALL_PROXY", "http://p:3"), ("https_proxy", "")]).as_deref(),
            Some("http://p:3")
        );
        assert_eq!(host("https", &[("https_proxy", "p:3"), ("NO_PROXY", "example")]), None);
        assert_eq!(host("ssh", &[("ALL_PROXY", "http://p:3")]), None);
    }

    #[test]
    fn a_configured_proxy_wins_over_the_environment_with_its_password_from_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("auth");
        std::fs::write(&path, "me:pass:word\n").unwrap();
        let options = ProxyOptions {
            url: "http://proxy.example:3128".into(),
            auth_file: Some(path.clone()),
            no_proxy: "10.0.0.0/8".into(),
        };
        let nothing = |_: &str| Some("*".to_owned());
        let proxy = towards("https", "git.example", 443, Some(&options), &nothing).unwrap().unwrap();
        let user = proxy.user.unwrap();
        assert_eq!((user.name.as_str(), user.password.as_deref()), ("me", Some("pass:word")));
        assert!(towards("https", "10.1.1.1", 443, Some(&options), &nothing).unwrap().is_none());
        let named = ProxyOptions { url: "http://you@proxy.example".into(), ..options.clone() };
        let user = towards("ssh", "git.example", 22, Some(&named), &nothing).unwrap().unwrap().user.unwrap();
        assert_eq!((user.name.as_str(), user.password.as_deref()), ("you", Some("me:pass:word")));
        std::fs::write(&path, "secret").unwrap();
        let error = towards("https", "x", 443, Some(&options), &nothing).err().unwrap().to_string();
        assert!(error.contains("user:password") && !error.contains("secret"), "{error}");
        let broken =
            ProxyOptions { url: "socks5://a:secret@b".into(), auth_file: None, no_proxy: String::new() };
        let error = towards("https", "x", 443, Some(&broken), &nothing).err().unwrap().to_string();
        assert!(error.contains("is no URL such as") && !error.contains("secret"), "{error}");
    }
}
