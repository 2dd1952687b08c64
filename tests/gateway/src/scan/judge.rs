//! What a scan makes of what it saw: pure.

use super::observe::{Digest, Flaw, Seen};
use crate::record::What;
use crate::signature;

/// What to do with a resource.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is what is loaded.
    Same,
    /// Its manifest is new: load it.
    Load,
    /// It is half-written: keep what is loaded.
    Flawed(Vec<Flaw>),
    /// Payloads are new and the manifest is not: its writer may be on its way to it. Keep what is loaded.
    Unsettled(Vec<Flaw>),
}

/// Compares what was seen with what is loaded.
///
/// The gateway reacts to manifests. A manifest that has been rewritten, with the same bytes or others, has
/// its payloads loaded; payloads that change below a manifest that stays are never looked at again.
pub(crate) fn judge(loaded: Option<&Seen>, seen: &Seen) -> Verdict {
    if let Some(flaw) = empty_payload(seen) {
        return Verdict::Flawed(vec![flaw]);
    }
    let Some(loaded) = loaded else { return Verdict::Load };
    let rewritten = seen.digest != loaded.digest
        || seen.stamp.inode != loaded.stamp.inode
        || seen.stamp.modified != loaded.stamp.modified;
    if rewritten {
        return Verdict::Load;
    }
    let changed: Vec<Flaw> =
        seen.files.iter().filter_map(|(name, file)| stale(loaded, name, &file.digest)).collect();
    if changed.is_empty() { Verdict::Same } else { Verdict::Unsettled(changed) }
}

fn stale(loaded: &Seen, name: &str, digest: &Digest) -> Option<Flaw> {
    let before = loaded.files.iter().find(|(other, _)| other == name).map(|(_, file)| file.digest)?;
    (before != *digest).then(|| Flaw {
        name: name.to_owned(),
        what: What::StaleManifest,
        detail: format!("loaded {}, now {}", short(&before), short(digest)),
    })
}

/// A payload without bytes is what a gateway reads when it looks between a file's creation and its first
/// write. The signature tells whether it is meant.
fn empty_payload(seen: &Seen) -> Option<Flaw> {
    let (name, _) = seen.files.iter().find(|(_, file)| file.stamp.size == 0)?;
    let signed = seen.manifest.signature()?;
    (signed != signature_of(seen)).then(|| Flaw {
        name: name.clone(),
        what: What::EmptyPayload,
        detail: format!("signature {}…", &signed.chars().take(8).collect::<String>()),
    })
}

/// The signature that its manifest should carry.
pub(crate) fn signature_of(seen: &Seen) -> String {
    let files = seen.files.iter().map(|(name, file)| (name.as_str(), signature::hex(&file.digest)));
    signature::of(&seen.manifest.document, files)
}

fn short(digest: &Digest) -> String {
    signature::hex(&digest[..4])
}
