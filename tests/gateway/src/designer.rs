//! Designers: who has a project open, and what a save leaves on disk.

use std::fs;
use std::path::Path;
use std::time::{Instant, SystemTime};

use anyhow::Context as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::record::epoch_millis;
use crate::scan::Manifest;
use crate::signature::{self, hex};

/// An open Designer session.
#[derive(Clone, Debug)]
pub(crate) struct Designer {
    pub id: u64,
    pub user: String,
    pub project: String,
    pub since: Instant,
}

impl Designer {
    /// As `GET /designers` shows it.
    pub fn json(&self) -> Value {
        json!({
            "id": format!("designer-{}", self.id), "user": self.user, "project": self.project,
            "address": "192.0.2.10", "timezone": "Europe/Berlin",
            "uptime": u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }
}

/// Saves payloads as the gateway does: into the files themselves, so that inodes stay and hard links see it,
/// then the manifest with who, when and a signature that fits.
pub(crate) fn write(
    directory: &Path,
    manifest: &str,
    files: &[(&str, &[u8])],
    actor: &str,
) -> anyhow::Result<()> {
    let path = directory.join(manifest);
    let bytes = fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?;
    let mut manifest = Manifest::parse(&bytes)
        .map_err(|(what, detail)| anyhow::anyhow!("{} cannot be saved: {what}: {detail}", path.display()))?;
    for (name, content) in files {
        fs::write(directory.join(name), content).with_context(|| format!("failed to write {name}"))?;
        if !manifest.files.iter().any(|listed| listed == name) {
            manifest.files.push((*name).to_owned());
        }
    }
    let signed = sign(manifest, directory, actor)?;
    fs::write(&path, signed).with_context(|| format!("failed to write {}", path.display()))
}

fn sign(manifest: Manifest, directory: &Path, actor: &str) -> anyhow::Result<String> {
    let Manifest { mut document, files } = manifest;
    let mut digests = Vec::with_capacity(files.len());
    for name in &files {
        let bytes = fs::read(directory.join(name)).with_context(|| format!("failed to read {name}"))?;
        digests.push((name.as_str(), hex(&Sha256::digest(bytes))));
    }
    document.insert("files".to_owned(), json!(files));
    let mut attributes = Manifest { document: document.clone(), files: Vec::new() }.attributes();
    attributes.insert("lastModification".to_owned(), json!({"actor": actor, "timestamp": timestamp()}));
    attributes.remove(signature::ATTRIBUTE);
    document.insert("attributes".to_owned(), Value::Object(attributes.clone()));
    let signature = signature::of(&document, digests.into_iter());
    attributes.insert(signature::ATTRIBUTE.to_owned(), Value::String(signature));
    document.insert("attributes".to_owned(), Value::Object(attributes));
    Ok(serde_json::to_string_pretty(&document)?)
}

/// `2026-05-14T18:05:37Z`
fn timestamp() -> String {
    let seconds = i64::try_from(epoch_millis(SystemTime::now()) / 1000).unwrap_or_default();
    jiff::Timestamp::from_second(seconds).map(|now| now.to_string()).unwrap_or_default()
}
