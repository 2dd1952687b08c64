//! `resource.json` as a gateway writes it, with a valid signature.

use std::collections::HashMap;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::plan::Resource;

const ACTORS: [&str; 4] = ["admin", "engineer", "external", "j.müller"];

/// The manifest of a resource whose payloads have these hashes (SHA-256), in their order.
pub(super) fn contents(resource: &Resource, hashes: &[[u8; 32]], revision: u32) -> String {
    let (scope, scope_number) = scope(resource);
    let names: Vec<&str> = resource.payloads.iter().map(|payload| payload.name.as_str()).collect();
    let (actor, seed) = (actor(resource), seed(resource));
    // One edit a minute: a new revision has a new time of the same length.
    let time = format!("2026-{:02}-{:02}T08:{:02}:00Z", seed % 12 + 1, seed % 28 + 1, revision % 60);
    let modification = json!({ "actor": actor, "timestamp": time });
    let signature = signature(scope_number, &names, hashes, &modification);
    let manifest = json!({
        "scope": scope,
        "version": 1,
        "restricted": false,
        "overridable": true,
        "files": names,
        "attributes": { "lastModification": modification, "lastModificationSignature": signature },
    });
    format!("{manifest:#}")
}

/// Lengths of manifests, which depend on who edited what kind of file and not on what the files hold.
#[derive(Default)]
pub(super) struct Lengths(HashMap<(&'static str, &'static str, String), u64>);

impl Lengths {
    /// The length of a resource's manifest; 0 for loose files.
    pub(super) fn of(&mut self, resource: &Resource) -> u64 {
        let Some(payload) = resource.payloads.first().filter(|_| resource.manifest.is_some()) else {
            return 0;
        };
        let key = (scope(resource).0, actor(resource), payload.name.clone());
        let measure = || contents(resource, &vec![[0; 32]; resource.payloads.len()], 0).len() as u64;
        *self.0.entry(key).or_insert_with(measure)
    }
}

/// A scope's name and its number.
fn scope(resource: &Resource) -> (&'static str, i32) {
    if resource.is_view() { ("G", 1) } else { ("A", 7) }
}

fn actor(resource: &Resource) -> &'static str {
    ACTORS[(seed(resource) % ACTORS.len() as u64) as usize]
}

fn seed(resource: &Resource) -> u64 {
    resource.payloads.first().map_or(0, |payload| payload.seed)
}

/// The gateway's formula, as far as these manifests use it: scope, version, locked, restricted, overridable, each
/// file's name and hash, each other attribute's name and value.
fn signature(scope: i32, names: &[&str], hashes: &[[u8; 32]], modification: &Value) -> String {
    let mut hash = Sha256::new();
    hash.update(scope.to_be_bytes());
    hash.update(1_i32.to_be_bytes());
    hash.update([0, 0, 1]);
    for (name, digest) in names.iter().zip(hashes) {
        hash.update(name);
        hash.update(hex(digest));
    }
    hash.update("lastModification");
    hash.update(modification.to_string());
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}
