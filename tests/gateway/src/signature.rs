//! `lastModificationSignature`, after ignition.md's formula.
//!
//! Written apart from the product's own, so that one checks the other.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// The attribute that holds it.
pub(crate) const ATTRIBUTE: &str = "lastModificationSignature";

/// Scopes in the order of their numbers.
const SCOPES: [&str; 8] = ["N", "G", "D", "DG", "C", "CG", "CD", "A"];

/// The signature of a manifest whose files have these digests (lower-case hex of SHA-256, in the order of
/// `files`).
pub(crate) fn of<'d>(
    manifest: &Map<String, Value>,
    files: impl Iterator<Item = (&'d str, String)>,
) -> String {
    let mut hash = Sha256::new();
    let scope = manifest.get("scope").and_then(Value::as_str).unwrap_or("A");
    let scope = SCOPES.iter().position(|known| *known == scope).unwrap_or(7);
    hash.update(i32::try_from(scope).unwrap_or(7).to_be_bytes());
    let text = manifest.get("documentation").or_else(|| manifest.get("description")).and_then(Value::as_str);
    hash.update(text.unwrap_or_default());
    let version =
        manifest.get("version").and_then(Value::as_i64).and_then(|version| i32::try_from(version).ok());
    hash.update(version.unwrap_or(1).to_be_bytes());
    for (flag, default) in [("locked", false), ("restricted", false), ("overridable", true)] {
        let set = manifest.get(flag).and_then(Value::as_bool).unwrap_or(default);
        hash.update([u8::from(set)]);
    }
    for (name, digest) in files {
        hash.update(name);
        hash.update(digest);
    }
    let mut attributes: Vec<_> =
        manifest.get("attributes").and_then(Value::as_object).into_iter().flatten().collect();
    attributes.sort_by_key(|(key, _)| *key);
    for (key, value) in attributes.into_iter().filter(|(key, _)| *key != ATTRIBUTE) {
        hash.update(key);
        hash.update(value.to_string());
    }
    hex(&hash.finalize())
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS[usize::from(nibble & 15)] as char;
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}
