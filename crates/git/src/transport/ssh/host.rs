//! Whether a server is the one that it should be, by its host key or certificate.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use russh::client::{DisconnectReason, Handler};
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Algorithm, Certificate, EcdsaCurve, HashAlg, PublicKeyOrCertificate};

use crate::Error;
use crate::known_hosts::{Host, Known, KnownHosts, Verdict, describe, matches};
use crate::text;
use crate::transport::secret::first_warning;

/// Host keys that are accepted at all, the preferred ones first. RSA with SHA-1 signatures is not.
const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];

/// What is known of a host.
#[derive(Clone)]
pub(super) struct Identity {
    pub host: Host,
    /// The file's content and its path; `None` accepts every key, with a warning.
    pub known: Option<(KnownHosts, String)>,
}

impl Identity {
    /// The algorithms to offer, so that the server picks a key that the file has: first the types of the file, in its
    /// order.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        let types = self.known.as_ref().map(|(known, _)| known.key_types(&self.host)).unwrap_or_default();
        let mut algorithms = ALGORITHMS.to_vec();
        algorithms.sort_by_key(|algorithm| {
            let key_type = key_type(algorithm);
            types.iter().position(|known| known == key_type).unwrap_or(usize::MAX)
        });
        algorithms
    }

    /// The certificates to ask for: only where an authority is known that may have signed one.
    pub fn certificates(&self) -> Vec<Algorithm> {
        let (Some((known, _)), host) = (&self.known, &self.host) else { return Vec::new() };
        if known.authorities(host).is_empty() { Vec::new() } else { ALGORITHMS.to_vec() }
    }

    /// Whether the server may have this key. `now` is in seconds since 1970.
    fn check(&self, offered: &PublicKeyOrCertificate, now: u64) -> Result<(), Error> {
        let key = offered.public_key().to_bytes().unwrap_or_default();
        let Some((known, path)) = &self.known else {
            self.warn(&key);
            return Ok(());
        };
        let mut shown = describe(&key);
        if let Some(certificate) = offered.certificate() {
            match check_certificate(certificate, &key, known, &self.host, now) {
                Ok(()) => return Ok(()),
                // As OpenSSH does, the key itself may be known all the same.
                Err(why) => shown = format!("{shown}, with a certificate that {why}"),
            }
        }
        let host = self.host.to_string();
        match known.judge(&self.host, &key) {
            Verdict::Trusted => Ok(()),
            Verdict::Unknown => {
                Err(Error::HostKeyUnknown { host, key: shown, known_hosts: file(known, path) })
            }
            Verdict::Changed(expected) => Err(Error::HostKeyChanged {
                host,
                key: shown,
                expected: list(&expected),
                known_hosts: path.clone(),
            }),
            Verdict::Revoked { line } => Err(Error::HostKeyChanged {
                host,
                key: shown,
                expected: format!("this key revoked (line {line})"),
                known_hosts: path.clone(),
            }),
        }
    }

    fn warn(&self, key: &[u8]) {
        let (host, key) = (self.host.to_string(), describe(key));
        if first_warning(&format!("ssh {host} {key}")) {
            tracing::warn!(
                host,
                key,
                "the server's host key is accepted unverified: no known_hosts is given"
            );
        }
    }
}

/// The file, and a line that was of no use.
fn file(known: &KnownHosts, path: &str) -> String {
    match known.unreadable().first() {
        Some(line) => format!("{path} (line {line} of it cannot be read)"),
        None => path.to_owned(),
    }
}

/// The type of the keys that sign by an algorithm.
fn key_type(algorithm: &Algorithm) -> &str {
    match algorithm {
        Algorithm::Rsa { .. } => "ssh-rsa",
        other => other.as_str(),
    }
}

/// The first few, so that a file full of keys makes no endless message.
fn list(known: &[Known]) -> String {
    let shown: Vec<String> =
        known.iter().take(3).map(|Known { key, line }| format!("{key} (line {line})")).collect();
    let more = if known.len() > 3 { " and others" } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// Whether a known authority vouches for a host's key, by the rules of OpenSSH (`PROTOCOL.certkeys`). The error continues
/// "a certificate that …".
fn check_certificate(
    certificate: &Certificate,
    key: &[u8],
    known: &KnownHosts,
    host: &Host,
    now: u64,
) -> Result<(), String> {
    let authority = certificate.signature_key();
    let blob = russh::keys::PublicKey::new(authority.clone(), "").to_bytes().unwrap_or_default();
    if !known.authorities(host).contains(&blob) {
        return Err(format!("{} has signed, which no @cert-authority line names", describe(&blob)));
    }
    if let Some(line) = known.revokes(host, &blob).or_else(|| known.revokes(host, key)) {
        return Err(format!("line {line} revokes"));
    }
    if certificate.cert_type() != CertType::Host {
        return Err("is for users, not for hosts".to_owned());
    }
    if certificate.signature().algorithm() == (Algorithm::Rsa { hash: None }) {
        return Err("is signed with SHA-1".to_owned());
    }
    if !certificate.critical_options().is_empty() {
        return Err("has critical options".to_owned());
    }
    let principals = certificate.valid_principals();
    let name = host.name().as_bytes();
    if !principals.is_empty() && !principals.iter().any(|principal| matches(principal.as_bytes(), name)) {
        let names = text::printable(principals.join(", ").as_bytes());
        return Err(format!("is for {names}"));
    }
    if now < certificate.valid_after() {
        return Err("is not valid yet; is this machine's clock right?".to_owned());
    }
    if now >= certificate.valid_before() {
        return Err("has expired; is this machine's clock right?".to_owned());
    }
    let fingerprint = authority.fingerprint(HashAlg::Sha256);
    certificate.validate_at(now, [&fingerprint]).map_err(|_| "has a wrong signature".to_owned())
}

/// Answers russh's questions about the server, and keeps what the server says when it hangs up.
pub(super) struct Gate {
    pub identity: Identity,
    pub farewell: Farewell,
}

/// What the server said when it hung up; may be empty.
#[derive(Clone, Default)]
pub(super) struct Farewell(Arc<Mutex<String>>);

impl Farewell {
    pub fn said(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server is not the one that it should be.
    Host(Error),
    /// Everything else.
    Ssh(russh::Error),
}

impl From<russh::Error> for Fault {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

impl Handler for Gate {
    type Error = Fault;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Fault> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.identity.check(key, now).map(|()| true).map_err(Fault::Host)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Fault>) -> Result<(), Fault> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                let said = text::printable(info.message.as_bytes());
                *self.farewell.0.lock().unwrap_or_else(PoisonError::into_inner) = said;
                Ok(())
            }
            DisconnectReason::Error(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
