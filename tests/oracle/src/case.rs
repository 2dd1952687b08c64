//! What both sides are asked, and what they answer.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use serde_json::{Value as Json, json};
use stoker_gotemplate::Value;

use crate::engine::Engine;

/// A question: template and name of its data; document with paths and values; pattern and path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Case {
    /// The name of the data that a template is rendered with.
    pub with: String,
    /// `[template]`, `[document, path, value, …]` or `[pattern, path]`.
    pub parts: Vec<Vec<u8>>,
}

/// What one side says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The output's bytes; `true` or `false` of a pattern.
    Output(Vec<u8>),
    /// It is an error.
    Error,
    /// Outside of what is compared: beyond a documented bound of ours.
    Skip,
}

/// The committed cases of an engine.
#[derive(Debug, Default)]
pub struct Known {
    /// The lines that define data for templates, as they are.
    pub definitions: Vec<String>,
    /// The data, for our engine.
    pub data: HashMap<String, Value>,
    /// The questions.
    pub cases: Vec<Case>,
}

impl Known {
    /// Reads the lines of a file of questions; answers in it are passed over.
    pub fn read(engine: Engine, text: &str) -> Result<Self> {
        let mut known = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let json: Json =
                serde_json::from_str(line).with_context(|| format!("line {number} is no JSON"))?;
            if let Some(name) = json["define"].as_str() {
                known.data.insert(name.to_owned(), crate::template::value(&json["data"]));
                known.definitions.push(line.to_owned());
                continue;
            }
            let case = Case::read(engine, &json).with_context(|| format!("line {number} is no case"))?;
            known.cases.push(case);
        }
        Ok(known)
    }
}

impl Case {
    fn read(engine: Engine, json: &Json) -> Option<Self> {
        let with = json["with"].as_str().unwrap_or_default().to_owned();
        let parts = match engine {
            Engine::Template => vec![bytes(&json["text"])?],
            Engine::Glob => vec![bytes(&json["pattern"])?, bytes(&json["path"])?],
            Engine::Patch => {
                let mut parts = vec![bytes(&json["document"])?];
                for (path, value) in json["set"].as_object()? {
                    parts.extend([path.clone().into_bytes(), bytes(value)?]);
                }
                parts
            }
        };
        Some(Self { with, parts })
    }

    /// The line that an original reads.
    pub fn question(&self, engine: Engine) -> Json {
        let parts = &self.parts;
        match engine {
            Engine::Template => json!({"with": self.with, "text": text(&parts[0])}),
            Engine::Glob => json!({
                "pattern": String::from_utf8_lossy(&parts[0]), "path": String::from_utf8_lossy(&parts[1]),
            }),
            Engine::Patch => {
                let pairs = parts[1..].chunks_exact(2);
                let set: serde_json::Map<String, Json> = pairs
                    .map(|pair| (String::from_utf8_lossy(&pair[0]).into_owned(), text(&pair[1])))
                    .collect();
                json!({"document": text(&parts[0]), "set": set})
            }
        }
    }

    /// Text that JSON cannot hold as it is must not become another text on the way.
    pub(crate) fn normalise(&mut self, engine: Engine) {
        let plain: Vec<usize> = match engine {
            Engine::Template => Vec::new(),
            Engine::Glob => vec![0, 1],
            Engine::Patch => (1..self.parts.len()).step_by(2).collect(),
        };
        for at in plain {
            self.parts[at] = String::from_utf8_lossy(&self.parts[at]).into_owned().into_bytes();
        }
    }
}

/// An original's line with its answer.
pub(crate) fn answered(engine: Engine, line: &Json) -> Result<Answer> {
    if line["error"] == true {
        return Ok(Answer::Error);
    }
    let output = match engine {
        Engine::Glob => line["match"].as_bool().map(|matches| matches.to_string().into_bytes()),
        Engine::Template | Engine::Patch => bytes(&line["output"]),
    };
    output.map(Answer::Output).with_context(|| format!("{line} is no answer"))
}

/// A string, or `{"base64": …}` for what is not UTF-8.
fn bytes(json: &Json) -> Option<Vec<u8>> {
    match json["base64"].as_str() {
        Some(encoded) => base64::engine::general_purpose::STANDARD.decode(encoded).ok(),
        None => json.as_str().map(|text| text.as_bytes().to_vec()),
    }
}

fn text(bytes: &[u8]) -> Json {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({"base64": base64::engine::general_purpose::STANDARD.encode(bytes)}),
    }
}
