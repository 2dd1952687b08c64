//! A private key in whatever form people put it into a Secret: OpenSSH's own, and PEM (PKCS#1, PKCS#8, SEC1). Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use russh::keys::PrivateKey;

/// `rsaEncryption` with its parameters, as PKCS#8 names an RSA key.
const RSA: [u8; 15] = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];

/// Reads a key. The error continues "the private key … ", and holds nothing of the key.
pub(super) fn parse(text: &[u8]) -> Result<PrivateKey, &'static str> {
    const DAMAGED: &str = "is damaged: it cannot be decoded";
    let text = std::str::from_utf8(text).map_err(|_| "is no text; give the key as PEM or OpenSSH text")?;
    let text = text.trim_start_matches('\u{feff}').trim();
    let Some(Pem { label, body, encrypted }) = Pem::find(text)? else { return Err(no_key(text)) };
    if encrypted || label == "ENCRYPTED PRIVATE KEY" {
        return Err(PASSPHRASE);
    }
    let bytes = STANDARD.decode(body).map_err(|_| DAMAGED)?;
    match label {
        "OPENSSH PRIVATE KEY" => {
            let key = PrivateKey::from_bytes(&bytes).map_err(|_| DAMAGED)?;
            if key.is_encrypted() { Err(PASSPHRASE) } else { Ok(key) }
        }
        "RSA PRIVATE KEY" => der(&pkcs8(&bytes)),
        "PRIVATE KEY" | "EC PRIVATE KEY" => der(&bytes),
        "DSA PRIVATE KEY" => Err("is a DSA key, which servers no longer accept; make an ed25519 one"),
        _ => Err("is of a kind that is not known; OpenSSH, PKCS#1, PKCS#8 and SEC1 are"),
    }
}

const PASSPHRASE: &str = "is protected by a passphrase, which nobody can type here: put a key without one into the Secret (`ssh-keygen -p` removes it)";

fn der(bytes: &[u8]) -> Result<PrivateKey, &'static str> {
    const UNUSABLE: &str = "cannot be used: ed25519, ecdsa (P-256, P-384, P-521) and rsa keys are";
    russh::keys::pkcs8::decode_pkcs8(bytes, None).map_err(|_| UNUSABLE)
}

/// Why a text is no private key.
fn no_key(text: &str) -> &'static str {
    match text {
        "" => "is empty",
        _ if text.starts_with("PuTTY-User-Key-File") => {
            "is a PuTTY key: convert it (`puttygen key.ppk -O private-openssh`)"
        }
        _ if text.starts_with("ssh-") || text.starts_with("ecdsa-") || text.contains("BEGIN PUBLIC KEY") => {
            "is a public key: the private one is needed"
        }
        _ => "is no private key: no line reads -----BEGIN … PRIVATE KEY-----",
    }
}

struct Pem<'a> {
    label: &'a str,
    body: String,
    encrypted: bool,
}

impl<'a> Pem<'a> {
    /// The first private key in a text. Spaces around lines are borne; lost line ends are, too.
    fn find(text: &'a str) -> Result<Option<Self>, &'static str> {
        const CUT: &str = "is cut off: its END line is missing";
        const BEGIN: &str = "-----BEGIN ";
        let mut rest = text;
        while let Some(at) = rest.find(BEGIN) {
            let (label, after) = rest[at + BEGIN.len()..].split_once("-----").ok_or(CUT)?;
            // Parameters of an elliptic curve may stand before the key itself.
            if !label.ends_with("PRIVATE KEY") {
                rest = after;
                continue;
            }
            let (inner, _) = after.split_once("-----END ").ok_or(CUT)?;
            let encrypted = inner.contains("ENCRYPTED");
            let body = inner.lines().filter(|line| !line.contains(':'));
            let body = body.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect();
            return Ok(Some(Self { label, body, encrypted }));
        }
        Ok(None)
    }
}

/// A PKCS#1 key within PKCS#8: version 0, the algorithm, the key as an octet string.
fn pkcs8(pkcs1: &[u8]) -> Vec<u8> {
    let inner = [&[2, 1, 0], &RSA[..], &element(4, pkcs1)].concat();
    element(0x30, &inner)
}

/// An element of DER.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let digits = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut bytes = vec![tag];
    if content.len() < 0x80 {
        bytes.push(content.len() as u8);
    } else {
        bytes.push(0x80 | digits.len() as u8);
        bytes.extend(digits);
    }
    bytes.extend(content);
    bytes
}

#[cfg(test)]
mod tests;
