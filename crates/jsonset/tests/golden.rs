//! Compares patching with what sjson answered: `golden.jsonl` is written by the program `patch` of `tests/oracle`, whose
//! documentation says which rules stand around sjson.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde_json::Value as Json;
use stoker_jsonset::{Patches, parse_value};

const TABLE: &str = include_str!("golden.jsonl");

#[test]
fn every_case_is_patched_as_by_sjson() {
    let mut differences = Vec::new();
    for (number, line) in (1..).zip(TABLE.lines()) {
        let line: Json = serde_json::from_str(line).unwrap_or_else(|error| panic!("line {number}: {error}"));
        let document = bytes(&line["document"]);
        let wanted = (line["error"] != true).then(|| bytes(&line["output"]));
        let patched = patch(&document, &line["set"]);
        if patched.as_ref().ok() != wanted.as_ref() {
            let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            differences.push(format!(
                "line {number}: {} {}\n    Go:   {:?}\n    here: {:?}",
                show(&document),
                line["set"],
                wanted.as_deref().map(show),
                patched.as_deref().map(show)
            ));
        }
    }
    let cases = TABLE.lines().count();
    assert!(cases >= 250, "only {cases} cases");
    assert!(differences.is_empty(), "{} of {cases} differ:\n{}", differences.len(), differences.join("\n"));
}

fn patch(document: &[u8], set: &Json) -> Result<Vec<u8>, String> {
    let set: BTreeMap<&str, _> = set
        .as_object()
        .into_iter()
        .flatten()
        .map(|(path, value)| (path.as_str(), parse_value(bytes(value))))
        .collect();
    let patches = Patches::new(set).map_err(|error| error.to_string())?;
    patches.apply_to_bytes(document).map_err(|error| error.to_string())
}

/// A JSON string, or `{"base64": …}` for what is not UTF-8.
fn bytes(json: &Json) -> Vec<u8> {
    match json["base64"].as_str() {
        Some(encoded) => base64::engine::general_purpose::STANDARD.decode(encoded).expect("base64"),
        None => json.as_str().expect("text").as_bytes().to_vec(),
    }
}
