//! Where a repository is: the URLs of the public contract, read strictly and printed without their secrets.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::Error;

/// What stands in a printed URL instead of user name and password.
const REDACTED: &str = "***";

/// Longest URL that is read; the longest path of a file system is half of it.
const LONGEST: usize = 8192;

/// The URL of a repository. `Display` and `Debug` never show a password, nor a user name of http, which is often a
/// token; the user of ssh is no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct RepoUrl(Location);

/// How a repository is reached.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// `https://` and `http://`.
    Http(HttpUrl),
    /// `git://`.
    Daemon(DaemonUrl),
    /// `ssh://` and `user@host:path`.
    Ssh(SshUrl),
    /// `file://`.
    File(PathBuf),
}

/// A server's address as credentials are bound to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// `https`, not `http`.
    pub tls: bool,
    /// The host, in lower case; IPv6 addresses in brackets.
    pub host: String,
    /// The port, given or implied.
    pub port: u16,
}

/// An `http(s)://` URL.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct HttpUrl {
    pub origin: Origin,
    /// User name and password of the URL, percent-decoded.
    pub user: Option<UserInfo>,
    /// The path, percent-encoded, beginning with `/`, without one at its end.
    pub path: String,
}

/// What stands before the `@`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct UserInfo {
    pub name: String,
    pub password: Option<String>,
}

/// A `git://` URL.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct DaemonUrl {
    /// The host; IPv6 addresses in brackets.
    pub host: String,
    /// The port, if it is not 9418.
    pub port: Option<u16>,
    /// The path, percent-decoded, beginning with `/`.
    pub path: String,
}

/// An `ssh://` URL, or `user@host:path`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SshUrl {
    /// The user, if one is given.
    pub user: Option<String>,
    /// The host in lower case; IPv6 addresses in brackets.
    pub host: String,
    /// The port, if one is given.
    pub port: Option<u16>,
    /// The path as the server's shell gets it: relative to the user's home, `~other/…`, or absolute.
    pub path: String,
    /// Written as `host:path`, without a scheme.
    pub short: bool,
}

impl RepoUrl {
    /// Reads a URL, or `user@host:path`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        parse(text).map(Self).map_err(|refusal| refusal.of(text))
    }

    /// The directory of a `file://` URL.
    pub fn local_path(&self) -> Option<&Path> {
        match &self.0 {
            Location::File(path) => Some(path),
            _ => None,
        }
    }

    pub(crate) fn location(&self) -> &Location {
        &self.0
    }
}

impl fmt::Display for RepoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Location::Http(url) => url.fmt(f),
            Location::Daemon(DaemonUrl { host, port: None, path }) => write!(f, "git://{host}{path}"),
            Location::Daemon(DaemonUrl { host, port: Some(port), path }) => {
                write!(f, "git://{host}:{port}{path}")
            }
            Location::Ssh(url) => url.fmt(f),
            Location::File(path) => write!(f, "file://{}", path.display()),
        }
    }
}

impl fmt::Display for SshUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, host, port, path, short } = self;
        let user = user.as_ref().map_or_else(String::new, |user| format!("{user}@"));
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        if *short {
            return write!(f, "{user}{host}:{path}");
        }
        // `~other/x` is written behind a slash.
        write!(f, "ssh://{user}{host}{port}/{}", path.strip_prefix('/').unwrap_or(path))
    }
}

impl fmt::Debug for RepoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.origin.parts();
        let user = if self.user.is_some() { "***@" } else { "" };
        write!(f, "{scheme}://{user}{rest}{}", self.path)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.parts();
        write!(f, "{scheme}://{rest}")
    }
}

impl Origin {
    fn parts(&self) -> (&'static str, String) {
        let (scheme, standard) = if self.tls { ("https", 443) } else { ("http", 80) };
        let rest =
            if self.port == standard { self.host.clone() } else { format!("{}:{}", self.host, self.port) };
        (scheme, rest)
    }
}

impl HttpUrl {
    /// Reads an `http(s)://` URL, as of a redirect.
    pub fn parse(text: &str) -> Option<Self> {
        match parse(text) {
            Ok(Location::Http(url)) => Some(url),
            _ => None,
        }
    }
}

/// Why a text is no URL for us.
enum Refusal {
    Invalid(&'static str),
}

impl Refusal {
    fn of(self, text: &str) -> Error {
        let Self::Invalid(problem) = self;
        Error::InvalidUrl { url: redact(text), problem }
    }
}

fn parse(text: &str) -> Result<Location, Refusal> {
    if text.len() > LONGEST {
        return Err(Refusal::Invalid("is longer than 8192 bytes"));
    }
    if text.chars().any(char::is_control) || text.trim() != text {
        return Err(Refusal::Invalid("has a control character, or a space at an end"));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return short_ssh(text).map(Location::Ssh);
    };
    match scheme.to_ascii_lowercase().as_str() {
        "https" => http(rest, true).map(Location::Http),
        "http" => http(rest, false).map(Location::Http),
        "git" => daemon(rest).map(Location::Daemon),
        "file" => file(rest).map(Location::File),
        "ssh" | "git+ssh" | "ssh+git" => ssh(rest).map(Location::Ssh),
        _ => Err(Refusal::Invalid(SCHEMES)),
    }
}

const SCHEMES: &str = "must begin with https://, http://, ssh://, git:// or file://, or be user@host:path";

const PASSWORD: &str = "must not have a password: over ssh a key is used";

/// `user@host:path`, `host:path` and `[::1]:path`, as scp and git write it.
fn short_ssh(text: &str) -> Result<SshUrl, Refusal> {
    // The colons of an IPv6 address lie inside its brackets.
    let after_host = text.find("]:").map_or(0, |at| at + 1);
    let colon = text[after_host..].find(':').ok_or(Refusal::Invalid(SCHEMES))? + after_host;
    let (before, path) = (&text[..colon], &text[colon + 1..]);
    let (user, host) = match before.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        // `user:password@host:path`
        None if path.split_once('@').is_some_and(|(_, rest)| rest.contains(':')) => {
            return Err(Refusal::Invalid(PASSWORD));
        }
        None => (None, before),
    };
    if host.is_empty() || before.contains('/') {
        return Err(Refusal::Invalid(SCHEMES));
    }
    if !is_host(host) {
        return Err(Refusal::Invalid("has no valid host name"));
    }
    let host = host.to_ascii_lowercase();
    let user = user.map(ssh_user).transpose()?;
    Ok(SshUrl { user, host, port: None, path: ssh_path(path)?, short: true })
}

fn ssh(rest: &str) -> Result<SshUrl, Refusal> {
    let Authority { user, host, port, path } = authority(rest)?;
    let user = user.map(|user| decode(user).and_then(|user| ssh_user(&user))).transpose()?;
    let path = decode(path)?;
    // A home directory is asked for without the slash before it.
    let path = ssh_path(path.strip_prefix('/').filter(|path| path.starts_with('~')).unwrap_or(&path))?;
    Ok(SshUrl { user, host: host.to_ascii_lowercase(), port, path, short: false })
}

fn ssh_user(user: &str) -> Result<String, Refusal> {
    if user.contains(':') {
        return Err(Refusal::Invalid(PASSWORD));
    }
    if user.is_empty() || user.starts_with('-') || user.chars().any(char::is_control) {
        return Err(Refusal::Invalid("has no valid user name"));
    }
    Ok(user.to_owned())
}

fn ssh_path(path: &str) -> Result<String, Refusal> {
    if path.trim_end_matches('/').is_empty() {
        return Err(Refusal::Invalid("has no path"));
    }
    // It would be taken for an option by git-upload-pack.
    if path.starts_with('-') {
        return Err(Refusal::Invalid("has a path that begins with -"));
    }
    Ok(path.to_owned())
}

fn http(rest: &str, tls: bool) -> Result<HttpUrl, Refusal> {
    let Authority { user, host, port, path } = authority(rest)?;
    if path.contains(['?', '#']) {
        return Err(Refusal::Invalid("must not have a query or a fragment (? or #)"));
    }
    let user = user.map(userinfo).transpose()?;
    let port = port.unwrap_or(if tls { 443 } else { 80 });
    let origin = Origin { tls, host: host.to_ascii_lowercase(), port };
    Ok(HttpUrl { origin, user, path: encode(path.trim_end_matches('/')) })
}

fn daemon(rest: &str) -> Result<DaemonUrl, Refusal> {
    let Authority { user, host, port, path } = authority(rest)?;
    if user.is_some() {
        return Err(Refusal::Invalid("must not have a user name: git:// knows no credentials"));
    }
    if path.trim_end_matches('/').is_empty() {
        return Err(Refusal::Invalid("has no path"));
    }
    Ok(DaemonUrl { host: host.to_owned(), port, path: decode(path)? })
}

fn file(rest: &str) -> Result<PathBuf, Refusal> {
    let path = rest.strip_prefix("localhost").filter(|path| path.starts_with('/')).unwrap_or(rest);
    if !path.starts_with('/') {
        return Err(Refusal::Invalid("must give an absolute path: file:///path"));
    }
    decode(path).map(PathBuf::from)
}

struct Authority<'a> {
    user: Option<&'a str>,
    host: &'a str,
    port: Option<u16>,
    path: &'a str,
}

fn authority(rest: &str) -> Result<Authority<'_>, Refusal> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, address) = match authority.rsplit_once('@') {
        Some((user, address)) => (Some(user), address),
        None => (None, authority),
    };
    // The colons of an IPv6 address lie inside its brackets.
    let after_host = address.rfind(']').unwrap_or(0);
    let (host, port) = match address[after_host..].find(':') {
        Some(at) => (&address[..after_host + at], Some(&address[after_host + at + 1..])),
        None => (address, None),
    };
    if !is_host(host) {
        return Err(Refusal::Invalid("has no valid host name"));
    }
    let port = match port {
        None | Some("") => None,
        Some(digits) => match digits.parse() {
            Ok(port) if port > 0 && digits.bytes().all(|digit| digit.is_ascii_digit()) => Some(port),
            _ => return Err(Refusal::Invalid("has no valid port: 1 to 65535 are possible")),
        },
    };
    Ok(Authority { user, host, port, path })
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && !host.starts_with('-')
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        }
    }
}

fn userinfo(text: &str) -> Result<UserInfo, Refusal> {
    let (name, password) = match text.split_once(':') {
        Some((name, password)) => (name, Some(decode(password)?)),
        None => (text, None),
    };
    Ok(UserInfo { name: decode(name)?, password })
}

/// Percent-encodes what an HTTP request line cannot carry, and leaves what is encoded already.
fn encode(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for digit in [byte >> 4, byte & 15] {
                encoded.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    encoded
}

fn decode(text: &str) -> Result<String, Refusal> {
    const BROKEN: Refusal = Refusal::Invalid("has a broken %-sequence: % is written as %25");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        if *first != b'%' {
            bytes.push(*first);
            rest = after;
            continue;
        }
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(0), digit(1)) else { return Err(BROKEN) };
        bytes.push((high << 4 | low) as u8);
        rest = &after[2..];
    }
    // A zero byte would end the path for the system, and the request line for git daemon.
    if bytes.iter().any(u8::is_ascii_control) {
        return Err(Refusal::Invalid("has a control character in %-notation"));
    }
    String::from_utf8(bytes).map_err(|_| BROKEN)
}

/// Any text that may hold a URL, with all that could be user name and password replaced.
pub(crate) fn redact(text: &str) -> String {
    let shown: String = text.chars().filter(|c| !c.is_control()).take(300).collect();
    let start = shown.find("://").map_or(0, |at| at + 3);
    // The last `@`, also behind a slash: a password may hold an unencoded one.
    match shown.rfind('@') {
        Some(at) if at >= start => format!("{}{REDACTED}{}", &shown[..start], &shown[at..]),
        _ => shown,
    }
}

#[cfg(test)]
mod tests;
