//! SSH signatures (OpenSSH's PROTOCOL.sshsig).

use ssh_key::certificate::CertType;
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, Certificate, Fingerprint, HashAlg, PublicKey, Signature, SshSig};

use crate::allowed::Allowed;
use crate::fault::Verdict;
use crate::keyring::Signer;
use crate::time;

/// What `git` signs is signed for this, so that a signature of a file is none of a commit.
const NAMESPACE: &str = "git";

pub(crate) const ARMOUR: &[u8] = b"-----BEGIN SSH SIGNATURE-----";

/// Checks a signature; `now` is in seconds since 1970.
pub(crate) fn check(
    allowed: &[Allowed],
    payload: &[u8],
    signature: &[u8],
    now: i64,
) -> Result<Signer, Verdict> {
    let parsed = SshSig::from_pem(signature).map_err(|error| Verdict::Unreadable(error.to_string()))?;
    let key = Shown(parsed.public_key()).to_string();
    if parsed.namespace() != NAMESPACE {
        let namespace: String = parsed.namespace().chars().take(40).collect();
        return Err(Verdict::Unreadable(format!("it was made for {namespace:?}, not for {NAMESPACE:?}")));
    }
    let (line, signer) = match parsed.public_key() {
        KeyData::Certificate(certificate) => certified(allowed, certificate, &key, now)?,
        plain => {
            let lines = allowed.iter().filter(|line| !line.authority && line.is(plain));
            let line = best(lines, now).ok_or_else(|| Verdict::Unknown { key: key.clone() })?;
            (line, line.name())
        }
    };
    in_force(line, &key, &signer, now)?;
    verify(&parsed, payload)
        .then(|| Signer { name: signer.clone(), key: key.clone() })
        .ok_or(Verdict::Bad { key, signer })
}

/// SHA-1 does not count, whoever signed: OpenSSH itself makes no such signatures here.
fn verify(parsed: &SshSig, payload: &[u8]) -> bool {
    if is_sha1(parsed.signature()) {
        return false;
    }
    // With a certificate it is its key that signs.
    let key = match parsed.public_key() {
        KeyData::Certificate(certificate) => certificate.public_key(),
        plain => plain,
    };
    let plain = SshSig::new(key.clone(), NAMESPACE, parsed.hash_alg(), parsed.signature().clone());
    plain.is_ok_and(|plain| PublicKey::from(key.clone()).verify(NAMESPACE, payload, &plain).is_ok())
}

/// Of several lines with the same key, one that is in force.
fn best<'a>(lines: impl Iterator<Item = &'a Allowed>, now: i64) -> Option<&'a Allowed> {
    let mut found: Option<&Allowed> = None;
    for line in lines {
        if problem(line, now).is_none() {
            return Some(line);
        }
        found = found.or(Some(line));
    }
    found
}

fn in_force(line: &Allowed, key: &str, signer: &str, now: i64) -> Result<(), Verdict> {
    problem(line, now).map_or(Ok(()), |(why, next)| {
        Err(Verdict::Ended { key: key.to_owned(), signer: signer.to_owned(), why, next })
    })
}

/// Why a line does not count now.
fn problem(line: &Allowed, now: i64) -> Option<(String, &'static str)> {
    const RENEW: &str = "Sign with a key that is valid now, or change the dates in allowed_signers";
    if !line.for_git() {
        return Some((
            "allowed_signers does not let sign for \"git\" (namespaces)".to_owned(),
            "Add git to its namespaces, or sign with another key",
        ));
    }
    if let Some(before) = line.valid_before.filter(|before| now > *before) {
        return Some((format!("expired at {} (valid-before)", time::show(before)), RENEW));
    }
    if let Some(after) = line.valid_after.filter(|after| now < *after) {
        return Some((format!("is not valid before {} (valid-after)", time::show(after)), RENEW));
    }
    None
}

/// The line of the authority that issued a certificate, and the principal that it is for.
fn certified<'a>(
    allowed: &'a [Allowed],
    certificate: &Certificate,
    key: &str,
    now: i64,
) -> Result<(&'a Allowed, String), Verdict> {
    let authority = certificate.signature_key();
    let issued = allowed.iter().filter(|line| line.authority && line.is(authority));
    // No principals would mean all: git's own check refuses that, and so do we.
    let principal_of = |line: &Allowed| {
        certificate.valid_principals().iter().find(|principal| line.vouches_for(principal)).cloned()
    };
    let lines: Vec<&Allowed> = issued.filter(|line| principal_of(line).is_some()).collect();
    let Some(line) = best(lines.into_iter(), now) else {
        return Err(Verdict::Unknown { key: format!("{key} (issued by {})", Shown(authority)) });
    };
    let signer = principal_of(line).unwrap_or_default();
    let ended =
        |why: String, next| Err(Verdict::Ended { key: key.to_owned(), signer: signer.clone(), why, next });
    if certificate.cert_type() != CertType::User || !certificate.critical_options().is_empty() {
        return ended(
            "is a certificate for hosts, or one with critical options".to_owned(),
            "Issue a user certificate without options",
        );
    }
    if certificate.verify_signature().is_err() || is_sha1(certificate.signature()) {
        return ended(
            "its authority has not signed as it stands there".to_owned(),
            "Do not trust it; ask who pushed it",
        );
    }
    let seconds = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
    let (after, before) = (seconds(certificate.valid_after()), seconds(certificate.valid_before()));
    if now >= before || now < after {
        let why = if now < after {
            format!("is not valid before {}", time::show(after))
        } else {
            format!("expired at {}", time::show(before))
        };
        return ended(why, "Issue a certificate that is valid now, and sign with it");
    }
    Ok((line, signer))
}

fn is_sha1(signature: &Signature) -> bool {
    matches!(signature.algorithm(), Algorithm::Rsa { hash: None } | Algorithm::Dsa)
}

/// A key as messages name it.
struct Shown<'a>(&'a KeyData);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (what, fingerprint): (_, Fingerprint) = match self.0 {
            KeyData::Certificate(certificate) => {
                ("the SSH certificate", certificate.public_key().fingerprint(HashAlg::Sha256))
            }
            key => ("the SSH key", key.fingerprint(HashAlg::Sha256)),
        };
        write!(f, "{what} {fingerprint}")
    }
}
