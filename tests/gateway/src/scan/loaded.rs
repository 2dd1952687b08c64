//! What a gateway runs: the snapshot that tests look at.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::judge::signature_of;
use super::manifest::{OF_COLLECTION, OF_PROJECT, OF_RESOURCES};
use super::observe::Seen;
use crate::signature::hex;

/// Everything that is loaded.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Loaded {
    /// By name.
    pub projects: BTreeMap<String, Project>,
    /// By the path of their manifest, relative to the data directory.
    pub resources: BTreeMap<String, Resource>,
}

/// A project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the keys of project.json")]
pub struct Project {
    pub title: String,
    pub description: String,
    pub enabled: bool,
    pub inheritable: bool,
    pub parent: String,
}

/// A resource of a project or of a configuration collection.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// The project's or the collection's name.
    pub of: String,
    /// Module id.
    pub module: String,
    /// Resource type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is below the type, joined by `/`; empty for a singleton.
    pub name: String,
    /// `attributes.enabled`; true without.
    pub enabled: bool,
    /// Hex SHA-256 of the manifest, and of each payload by name.
    pub manifest: String,
    /// Hex SHA-256 of each payload, by name.
    pub files: BTreeMap<String, String>,
    /// One hash of all of it.
    pub content: String,
    /// The signature that fits what is loaded, whatever the manifest carries.
    pub signature: String,
    /// From the manifest.
    pub attributes: Map<String, Value>,
    /// Of an API token.
    #[serde(skip)]
    pub(crate) token_hash: Option<[u8; 32]>,
}

impl Loaded {
    /// The resource in this directory, by its path relative to the data directory (`resource.json` first).
    pub fn resource(&self, directory: &str) -> Option<&Resource> {
        let directory = directory.trim_end_matches('/');
        OF_RESOURCES.iter().find_map(|name| self.resources.get(&format!("{directory}/{name}")))
    }

    /// Hex SHA-256 of a payload or a resource's manifest as it is loaded, by its path relative to the data
    /// directory.
    pub fn file(&self, path: &str) -> Option<&str> {
        if let Some(resource) = self.resources.get(path) {
            return Some(&resource.manifest);
        }
        let mut splits = path.rmatch_indices('/').map(|(slash, _)| (&path[..slash], &path[slash + 1..]));
        splits.find_map(|(directory, name)| {
            let mut resources =
                OF_RESOURCES.iter().filter_map(|of| self.resources.get(&format!("{directory}/{of}")));
            resources.find_map(|resource| resource.files.get(name)).map(String::as_str)
        })
    }

    /// The resource of the configuration that counts: `system`, `external`, `core`, the deployment mode and
    /// what belongs to the machine, each overriding the one before.
    pub fn config(&self, module: &str, kind: &str, name: &str, mode: Option<&str>) -> Option<&Resource> {
        self.effective(module, kind, mode).remove(name)
    }

    /// All resources of a type that count, by name.
    pub(crate) fn effective(
        &self,
        module: &str,
        kind: &str,
        mode: Option<&str>,
    ) -> BTreeMap<&str, &Resource> {
        let mut counting = BTreeMap::new();
        for collection in ["system", "external", "core"].into_iter().chain(mode).chain(["local"]) {
            let prefix = format!("config/resources/{collection}/{module}/{kind}/");
            let below =
                self.resources.range(prefix.clone()..).take_while(|(path, _)| path.starts_with(&prefix));
            counting.extend(below.map(|(_, resource)| (resource.name.as_str(), resource)));
        }
        counting
    }

    pub(crate) fn of(versions: &[BTreeMap<String, Seen>; 2]) -> Self {
        let mut loaded = Self::default();
        for (path, seen) in versions.iter().flatten() {
            let parts: Vec<&str> = path.split('/').collect();
            match parts.as_slice() {
                [.., OF_COLLECTION] => {}
                ["projects", name, OF_PROJECT] => {
                    loaded.projects.insert((*name).to_owned(), Project::of(seen));
                }
                ["projects", of, module, kind, name @ .., _]
                | ["config", "resources", of, module, kind, name @ .., _] => {
                    let resource = Resource::of(seen, [of, module, kind], &name.join("/"));
                    loaded.resources.insert(path.clone(), resource);
                }
                // A manifest above the level of types: the gateway has no use for it.
                _ => {}
            }
        }
        loaded
    }
}

impl Project {
    fn of(seen: &Seen) -> Self {
        let text = |key| seen.manifest.text(key).unwrap_or_default().to_owned();
        Self {
            title: text("title"),
            description: text("description"),
            enabled: seen.manifest.flag("enabled", true),
            inheritable: seen.manifest.flag("inheritable", false),
            parent: text("parent"),
        }
    }
}

impl Resource {
    fn of(seen: &Seen, [of, module, kind]: [&str; 3], name: &str) -> Self {
        let attributes = seen.manifest.attributes();
        let mut content = Sha256::new();
        content.update(seen.digest);
        for (name, file) in &seen.files {
            content.update(name);
            content.update([0]);
            content.update(file.digest);
        }
        Self {
            of: of.to_owned(),
            module: module.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            enabled: attributes.get("enabled").and_then(Value::as_bool).unwrap_or(true),
            manifest: hex(&seen.digest),
            files: seen.files.iter().map(|(name, file)| (name.clone(), hex(&file.digest))).collect(),
            content: hex(&content.finalize()),
            signature: signature_of(seen),
            token_hash: if kind == "api-token" { token_hash(seen) } else { None },
            attributes,
        }
    }
}

/// `settings.tokenHash` of an API token's `config.json`: base64url of a SHA-256.
fn token_hash(seen: &Seen) -> Option<[u8; 32]> {
    let (_, config) = seen.files.iter().find(|(name, _)| name == "config.json")?;
    let config: Value = serde_json::from_slice(config.content.as_deref()?).ok()?;
    let hash = config.get("settings")?.get("tokenHash")?.as_str()?;
    URL_SAFE_NO_PAD.decode(hash.trim_end_matches('=')).ok()?.try_into().ok()
}
