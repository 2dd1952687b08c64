use std::fmt::Write;
use std::io::{self, Read};
use std::ops::Range;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::json;
use crate::manifest::parse;

/// The SHA-256 of a payload file's bytes.
pub type FileHash = [u8; 32];

/// The hash of a payload file, read piece by piece.
pub fn file_hash(mut file: impl Read) -> io::Result<FileHash> {
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 16 << 10]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finalize().into()),
            Ok(got) => hasher.update(&buffer[..got]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

const SIGNATURE: &str = "lastModificationSignature";

/// The `lastModificationSignature` that an 8.3 gateway would give this manifest, in lower-case hex.
///
/// `hash_of` gives the SHA-256 of the file of that name (relative to the manifest's directory). Nothing
/// if this is no manifest, or a file that it lists has no hash.
///
/// The formula was found by calculation over gateway-written repositories (2,384 of 2,430 signatures): SHA-256
/// over scope, documentation, version, three flags, files and attributes; see `hash_head` and the two after it.
pub fn signature(manifest: &[u8], hash_of: impl FnMut(&str) -> Option<FileHash>) -> Option<String> {
    let value = parse(manifest)?;
    let mut hasher = Sha256::new();
    hash_head(&value, &mut hasher)?;
    hash_files(&value, hash_of, &mut hasher)?;
    hash_attributes(manifest, &value, &mut hasher)?;
    Some(hex(&hasher.finalize()))
}

/// Whether the manifest's signature is the one that its content has; nothing if it is not signed, is no
/// manifest, or lists a file without a hash. Stale signatures are common, and mostly tolerated.
pub fn valid_signature(manifest: &[u8], hash_of: impl FnMut(&str) -> Option<FileHash>) -> Option<bool> {
    let span = signature_span(manifest, &parse(manifest)?)?;
    Some(signature(manifest, hash_of)?.as_bytes() == &manifest[span])
}

/// The manifest with its signature made right and every other byte as it was; nothing if it is not
/// signed, is no manifest, or lists a file without a hash. For manifests whose signature was valid before
/// a template or a patch changed the resource.
pub fn with_signature(manifest: &[u8], hash_of: impl FnMut(&str) -> Option<FileHash>) -> Option<Vec<u8>> {
    let span = signature_span(manifest, &parse(manifest)?)?;
    let signature = signature(manifest, hash_of)?;
    Some([&manifest[..span.start], signature.as_bytes(), &manifest[span.end..]].concat())
}

/// Big-endian scope, the text of `documentation` or `description`, big-endian version, one byte each for
/// `locked`, `restricted`, `overridable`.
fn hash_head(manifest: &Value, hasher: &mut Sha256) -> Option<()> {
    let scope = scope(manifest.get("scope")?.as_str()?)?;
    let version = match manifest.get("version") {
        Some(version) => i32::try_from(version.as_i64()?).ok()?,
        None => 1,
    };
    let documentation = manifest.get("documentation").or_else(|| manifest.get("description"));
    hasher.update(scope.to_be_bytes());
    hasher.update(documentation.and_then(Value::as_str).unwrap_or_default());
    hasher.update(version.to_be_bytes());
    for (flag, default) in [("locked", false), ("restricted", false), ("overridable", true)] {
        hasher.update([u8::from(manifest.get(flag).and_then(Value::as_bool).unwrap_or(default))]);
    }
    Some(())
}

/// For each of `files`, in their order: the name, the SHA-256 of the file in hex.
fn hash_files(
    manifest: &Value,
    mut hash_of: impl FnMut(&str) -> Option<FileHash>,
    hasher: &mut Sha256,
) -> Option<()> {
    let files = match manifest.get("files") {
        Some(files) => files.as_array()?.as_slice(),
        None => &[],
    };
    for file in files {
        let name = file.as_str()?;
        hasher.update(name);
        hasher.update(hex(&hash_of(name)?));
    }
    Some(())
}

/// For each attribute but the signature, in order of key: the key, the value as JSON in one line.
fn hash_attributes(text: &[u8], manifest: &Value, hasher: &mut Sha256) -> Option<()> {
    let Some(attributes) = manifest.get("attributes") else { return Some(()) };
    let mut keys: Vec<&str> = attributes.as_object()?.keys().map(String::as_str).collect();
    keys.sort_unstable();
    let attributes = json::member(text, json::root(text), "attributes")?;
    for key in keys.into_iter().filter(|key| *key != SIGNATURE) {
        hasher.update(key);
        hasher.update(json::compact(text, json::member(text, attributes.clone(), key)?));
    }
    Some(())
}

/// Where the signature's characters stand, without the quotes.
pub(crate) fn signature_span(text: &[u8], manifest: &Value) -> Option<Range<usize>> {
    manifest.get("attributes")?.get(SIGNATURE)?.as_str()?;
    let attributes = json::member(text, json::root(text), "attributes")?;
    let quoted = json::member(text, attributes, SIGNATURE)?;
    Some(quoted.start + 1..quoted.end - 1)
}

/// Whether the manifest's scope is one that Ignition knows.
pub(crate) fn has_scope(manifest: &Value) -> bool {
    manifest.get("scope").and_then(Value::as_str).and_then(scope).is_some()
}

/// Ignition's application scopes as the bits they stand for: gateway 1, designer 2, client 4.
fn scope(name: &str) -> Option<i32> {
    Some(match name {
        "N" => 0,
        "G" => 1,
        "D" => 2,
        "DG" => 3,
        "C" => 4,
        "CG" => 5,
        "CD" => 6,
        "A" => 7,
        _ => return None,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes everything");
        hex
    })
}

#[cfg(test)]
mod tests;
