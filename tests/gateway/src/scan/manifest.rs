//! What a manifest says: `resource.json`, `unary-resource.json`, `project.json` and `config-mode.json` alike.

use std::path::{Component, Path};

use serde_json::{Map, Value};

use crate::record::What;

/// Names of manifests of resources.
pub(crate) const OF_RESOURCES: [&str; 2] = ["resource.json", "unary-resource.json"];
/// A project's own.
pub(crate) const OF_PROJECT: &str = "project.json";
/// A collection's own.
pub(crate) const OF_COLLECTION: &str = "config-mode.json";

/// A manifest that parsed.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub document: Map<String, Value>,
    /// Payloads, relative to the manifest's directory.
    pub files: Vec<String>,
}

impl Manifest {
    /// Parses one, or says what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, (What, String)> {
        let document: Value =
            serde_json::from_slice(bytes).map_err(|error| (What::BrokenJson, error.to_string()))?;
        let Value::Object(document) = document else {
            return Err((What::BadManifest, "it is not an object".to_owned()));
        };
        let files = match document.get("files") {
            None => Vec::new(),
            Some(Value::Array(names)) => names.iter().map(file_name).collect::<Result<_, _>>()?,
            Some(_) => return Err((What::BadManifest, "\"files\" is not a list".to_owned())),
        };
        Ok(Self { document, files })
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        self.document.get(key).and_then(Value::as_str)
    }

    pub fn flag(&self, key: &str, default: bool) -> bool {
        self.document.get(key).and_then(Value::as_bool).unwrap_or(default)
    }

    pub fn attributes(&self) -> Map<String, Value> {
        self.document.get("attributes").and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// The signature that it carries.
    pub fn signature(&self) -> Option<&str> {
        self.document.get("attributes")?.get(crate::signature::ATTRIBUTE)?.as_str()
    }
}

fn file_name(name: &Value) -> Result<String, (What, String)> {
    let bad = |why: &str| (What::BadManifest, format!("\"files\" has {name}, {why}"));
    let text = name.as_str().ok_or_else(|| bad("which is no name"))?;
    let inside = Path::new(text).components().all(|part| matches!(part, Component::Normal(_)));
    if text.is_empty() || !inside {
        return Err(bad("which is outside of the resource's directory"));
    }
    Ok(text.to_owned())
}
