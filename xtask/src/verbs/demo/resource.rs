//! Ignition's manifests of resources, `resource.json` and `unary-resource.json`, with valid signatures.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Scopes as manifests name them, in the order of the numbers that are signed.
const SCOPES: [&str; 8] = ["N", "G", "D", "DG", "C", "CG", "CD", "A"];

/// The manifest of these payloads, as the gateway writes it after the `edit`th edit. `scope` is `G` for what belongs to
/// a project's pages and `A` for what belongs to the gateway.
pub(super) fn manifest(scope: &str, files: &[(&str, &[u8])], edit: u32) -> String {
    let time = format!("2026-03-{:02}T08:{:02}:00Z", 2 + edit / 60, edit % 60);
    let mut manifest = declaration(scope, files);
    manifest["attributes"] = json!({ "lastModification": { "actor": "engineer", "timestamp": time } });
    let signature = signature(&manifest, files);
    manifest["attributes"]["lastModificationSignature"] = signature.into();
    format!("{manifest:#}")
}

/// The same as a person writes it into Git, who signs nothing: what templates and patches change fits no signature.
pub(super) fn written_by_hand(scope: &str, files: &[(&str, &[u8])]) -> String {
    format!("{:#}", declaration(scope, files))
}

fn declaration(scope: &str, files: &[(&str, &[u8])]) -> Value {
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    json!({
        "scope": scope, "version": 1, "restricted": false, "overridable": true, "files": names, "attributes": {},
    })
}

/// The gateway's formula, as far as these manifests use it: scope, version, locked, restricted and overridable, each
/// file's name and SHA-256, the last modification.
fn signature(manifest: &Value, files: &[(&str, &[u8])]) -> String {
    let scope = SCOPES.iter().position(|scope| manifest["scope"] == **scope).unwrap_or(SCOPES.len() - 1);
    let mut hash = Sha256::new();
    hash.update([0, 0, 0, scope as u8]);
    hash.update(1_i32.to_be_bytes());
    hash.update([0, 0, 1]);
    for (name, payload) in files {
        hash.update(name);
        hash.update(hex_sha256(payload));
    }
    hash.update("lastModification");
    hash.update(manifest["attributes"]["lastModification"].to_string());
    hex(&hash.finalize())
}

/// Lower-case hex of the SHA-256.
pub(super) fn hex_sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16);
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_carries_the_signature_that_the_product_computes_too() {
        for scope in ["G", "A"] {
            let files: [(&str, &[u8]); 2] = [("view.json", b"{}"), ("thumbnail.png", b"\x89PNG")];
            let manifest = manifest(scope, &files, 61);
            let hash_of = |name: &str| {
                let (_, bytes) = files.iter().find(|(file, _)| *file == name)?;
                Some(Sha256::digest(bytes).into())
            };
            assert_eq!(
                stoker_layout::valid_signature(manifest.as_bytes(), hash_of),
                Some(true),
                "{manifest}"
            );
        }
    }

    #[test]
    fn what_a_person_writes_is_not_signed() {
        let manifest = written_by_hand("A", &[("config.json", b"{}")]);
        assert!(manifest.contains("\"config.json\"") && !manifest.contains("Signature"), "{manifest}");
    }
}
