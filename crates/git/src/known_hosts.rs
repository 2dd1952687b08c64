//! `known_hosts` as OpenSSH reads it (sshd(8)): which keys a server may have. Pure: no file, no network, no clock.
//!
//! Host patterns with `*`, `?`, `!` and ports, hashed names, several keys for a host, `@cert-authority` and `@revoked`.
//! A line that cannot be read is passed over, as OpenSSH does.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use russh::keys::HashAlg;
use sha1::{Digest as _, Sha1};

/// The port that is not written.
const STANDARD_PORT: u16 = 22;

/// Written with and without the `=` at the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The content of a `known_hosts` file.
#[derive(Clone, Debug, Default)]
pub struct KnownHosts {
    text: Vec<u8>,
}

/// What a file says of a server's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is one of the host's keys.
    Trusted,
    /// The file has no key for the host.
    Unknown,
    /// The file has keys for the host, and this is none of them.
    Changed(Vec<Known>),
    /// The line revokes the key.
    Revoked {
        /// The line, from 1.
        line: usize,
    },
}

/// A key that a file has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its type and fingerprint: `ssh-ed25519 SHA256:…`.
    pub key: String,
    /// The line, from 1.
    pub line: usize,
}

/// Whom a line is about, as `ssh` looks it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// `name`, or `[name]:port` where the port is not 22.
    full: String,
    /// The name alone; only where `full` has a port. OpenSSH looks for it second.
    bare: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Marker {
    None,
    Authority,
    Revoked,
}

struct Line<'a> {
    number: usize,
    marker: Marker,
    hosts: &'a [u8],
    key_type: &'a [u8],
    key: Vec<u8>,
}

impl Host {
    /// A name or an address (of IPv6 with or without brackets), and a port.
    pub fn new(name: &str, port: u16) -> Self {
        let name = name.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if port == STANDARD_PORT {
            return Self { full: name, bare: None };
        }
        Self { full: format!("[{name}]:{port}"), bare: Some(name) }
    }

    /// The name without the port: what a certificate is about.
    pub fn name(&self) -> &str {
        self.bare.as_deref().unwrap_or(&self.full)
    }
}

/// As a line of the file names it.
impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.full)
    }
}

impl KnownHosts {
    /// Takes a file's content. Nothing is wrong yet: each line is read when it is needed.
    pub fn new(text: impl Into<Vec<u8>>) -> Self {
        Self { text: text.into() }
    }

    /// Whether a host may have this key, in the form that goes over the wire.
    pub fn judge(&self, host: &Host, key: &[u8]) -> Verdict {
        if let Some(line) = self.revokes(host, key) {
            return Verdict::Revoked { line };
        }
        let known = self.keys(&host.full);
        if known.iter().any(|line| line.key == key) {
            return Verdict::Trusted;
        }
        if !known.is_empty() {
            let known = known.iter().map(|line| Known { key: describe(&line.key), line: line.number });
            return Verdict::Changed(known.collect());
        }
        match &host.bare {
            Some(bare) if self.keys(bare).iter().any(|line| line.key == key) => Verdict::Trusted,
            _ => Verdict::Unknown,
        }
    }

    /// The line that revokes a key (of a host, of an authority) for a host.
    pub fn revokes(&self, host: &Host, key: &[u8]) -> Option<usize> {
        let names = [Some(&host.full), host.bare.as_ref()];
        let about = |line: &Line<'_>| names.iter().flatten().any(|name| line.is_about(name));
        let mut revoked = self.lines().filter(|line| line.marker == Marker::Revoked);
        revoked.find(|line| line.key == key && about(line)).map(|line| line.number)
    }

    /// The keys of authorities that may certify this host's keys.
    pub fn authorities(&self, host: &Host) -> Vec<Vec<u8>> {
        let of = |name: &str| -> Vec<Vec<u8>> {
            let lines = self.lines().filter(|line| line.marker == Marker::Authority && line.is_about(name));
            lines.map(|line| line.key).collect()
        };
        let found = of(&host.full);
        if found.is_empty() { host.bare.as_deref().map(of).unwrap_or_default() } else { found }
    }

    /// The types of the host's keys in the file's order, each once: `ssh-ed25519`, `ssh-rsa`, ….
    pub fn key_types(&self, host: &Host) -> Vec<String> {
        let mut lines = self.keys(&host.full);
        if let (true, Some(bare)) = (lines.is_empty(), &host.bare) {
            lines = self.keys(bare);
        }
        let mut types: Vec<String> = Vec::new();
        for line in lines {
            let key_type = String::from_utf8_lossy(line.key_type).into_owned();
            if !types.contains(&key_type) {
                types.push(key_type);
            }
        }
        types
    }

    /// Lines that are neither empty nor comments and that cannot be read, from 1.
    pub fn unreadable(&self) -> Vec<usize> {
        let lines = self.numbered().filter(|(_, line)| read(0, line).is_none());
        lines.map(|(number, _)| number).collect()
    }

    fn keys(&self, name: &str) -> Vec<Line<'_>> {
        self.lines().filter(|line| line.marker == Marker::None && line.is_about(name)).collect()
    }

    fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.numbered().filter_map(|(number, line)| read(number, line))
    }

    fn numbered(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let lines = self.text.split(|byte| *byte == b'\n').enumerate();
        let trimmed = lines.map(|(at, line)| (at + 1, line.trim_ascii()));
        trimmed.filter(|(_, line)| !line.is_empty() && !line.starts_with(b"#"))
    }
}

impl Line<'_> {
    fn is_about(&self, name: &str) -> bool {
        if let Some(hashed) = self.hosts.strip_prefix(b"|1|") {
            return is_hash_of(hashed, name);
        }
        let mut found = false;
        for pattern in self.hosts.split(|byte| *byte == b',') {
            match pattern.strip_prefix(b"!") {
                Some(not) if matches(not, name.as_bytes()) => return false,
                Some(_) => {}
                None => found |= matches(pattern, name.as_bytes()),
            }
        }
        found
    }
}

/// `[@marker] hosts type base64 [comment]`
fn read(number: usize, line: &[u8]) -> Option<Line<'_>> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let first = words.next()?;
    let (marker, hosts) = match first {
        b"@cert-authority" => (Marker::Authority, words.next()?),
        b"@revoked" => (Marker::Revoked, words.next()?),
        _ if first.starts_with(b"@") => return None,
        _ => (Marker::None, first),
    };
    let key_type = words.next()?;
    let key = BASE64.decode(words.next()?).ok()?;
    // A key begins with its own type.
    (type_of(&key)? == key_type).then_some(Line { number, marker, hosts, key_type, key })
}

/// The type at the beginning of a key.
fn type_of(key: &[u8]) -> Option<&[u8]> {
    let (length, rest) = key.split_first_chunk::<4>()?;
    rest.get(..u32::from_be_bytes(*length) as usize)
}

/// Type and fingerprint of a key in the form that goes over the wire, as `ssh-keygen -l` prints them.
pub fn describe(key: &[u8]) -> String {
    let digest = BASE64.encode(HashAlg::Sha256.digest(key));
    let key_type = type_of(key).map(crate::text::printable).unwrap_or_default();
    format!("{key_type} SHA256:{}", digest.trim_end_matches('='))
}

/// `base64(salt)|base64(HMAC-SHA1(salt, name))`
fn is_hash_of(hashed: &[u8], name: &str) -> bool {
    let mut parts = hashed.split(|byte| *byte == b'|');
    let mut part = || parts.next().and_then(|text| BASE64.decode(text).ok());
    match (part(), part()) {
        (Some(salt), Some(hash)) => hmac_sha1(&salt, name.as_bytes())[..] == hash[..],
        _ => false,
    }
}

/// RFC 2104. SHA-1 hides names here, it proves nothing.
fn hmac_sha1(key: &[u8], message: &[u8]) -> [u8; 20] {
    let mut block = [0_u8; 64];
    if key.len() > block.len() {
        block[..20].copy_from_slice(&Sha1::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let keyed = |pad: u8| Sha1::new().chain_update(block.map(|byte| byte ^ pad));
    let inner = keyed(0x36).chain_update(message).finalize();
    keyed(0x5c).chain_update(inner).finalize().into()
}

/// Whether a name, in lower case, is like a pattern: `*` is any text, `?` any character. In one pass over both, with
/// the last `*` to come back to, so that no pattern takes long.
pub(crate) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(byte) if *byte == b'?' || byte.eq_ignore_ascii_case(&name[n]) => {
                p += 1;
                n += 1;
            }
            _ => match &mut star {
                Some((at, from)) => {
                    *from += 1;
                    p = *at + 1;
                    n = *from;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests;
