//! What is generated: current, complete, and what Kubernetes can take.

use std::path::Path;

use serde_json::Value;

use super::*;

/// Every schema below one, with its path.
fn each_schema(path: &str, schema: &Value, see: &mut dyn FnMut(&str, &Value)) {
    see(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        each_schema(&format!("{path}.{name}"), property, see);
    }
    for (inner, step) in [("items", "[]"), ("additionalProperties", ".*")] {
        if schema[inner].is_object() {
            each_schema(&format!("{path}{step}"), &schema[inner], see);
        }
    }
}

fn schemas() -> Vec<(String, Value)> {
    let definition = serde_json::to_value(definition()).unwrap();
    let mut all = Vec::new();
    let root = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    each_schema("", root, &mut |path, schema| all.push((path.to_owned(), schema.clone())));
    all
}

#[test]
fn what_is_committed_is_what_the_types_say() {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    for (name, text) in [(DEFINITION_FILE, definition_yaml()), (REFERENCE_FILE, reference())] {
        let committed = std::fs::read_to_string(checkout.join(name)).unwrap_or_default();
        assert!(committed == text, "{name} is not what the types say; run `cargo xtask gen crd`");
    }
}

#[test]
fn the_schema_has_nothing_that_kubernetes_does_not_know() {
    for (path, schema) in schemas() {
        let has = |key: &str| !schema[key].is_null();
        assert!(!has("nullable") && !has("oneOf") && !has("anyOf") && !has("$ref"), "{path}: {schema}");
        let format = schema["format"].as_str().unwrap_or("int32");
        assert!(["int32", "int64", "date-time"].contains(&format), "{path}: {format}");
        assert!(has("type") || has("x-kubernetes-int-or-string"), "{path}: {schema}");
        assert!(schema["default"] != Value::Null || schema.get("default").is_none(), "{path}");
    }
}

#[test]
fn every_field_is_described_for_people() {
    for (path, schema) in schemas() {
        let is_part = path.ends_with("[]") || path.ends_with(".*") || path.is_empty() || path == ".metadata";
        let text = schema["description"].as_str().unwrap_or_default();
        assert!(is_part || !text.is_empty(), "{path} has no comment");
        for word in ["[`", "::", "`Self", "TODO"] {
            assert!(!text.contains(word), "{path} speaks to programmers: {text}");
        }
    }
}

#[test]
fn every_field_of_the_definition_is_in_the_reference() {
    let reference = reference();
    for (path, _) in schemas() {
        let Some((_, field)) = path.rsplit_once('.') else { continue };
        let field = field.trim_end_matches("[]");
        if ["*", "apiVersion", "kind", "metadata", "spec", "status"].contains(&field) {
            continue;
        }
        let secret = ["name", "key"].contains(&field);
        assert!(secret || reference.contains(&format!("\n| `{field}` |")), "{path}");
    }
}

#[test]
fn every_link_of_the_reference_leads_to_a_heading() {
    let reference = reference();
    let anchors: Vec<String> = reference
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .map(|heading| {
            let plain = heading.replace("&lt;", "").replace("&gt;", "").to_lowercase();
            plain.chars().filter(|c| c.is_alphanumeric()).collect()
        })
        .collect();
    let links: Vec<&str> = reference.split("(#").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(links.len() > 10, "{links:?}");
    for link in links {
        assert!(anchors.iter().any(|anchor| anchor == link), "{link} is in none of {anchors:?}");
    }
}

#[test]
fn nothing_is_filled_into_a_status() {
    let defaults: Vec<String> = schemas()
        .into_iter()
        .filter(|(path, schema)| path.starts_with(".status") && !schema["default"].is_null())
        .map(|(path, _)| path)
        .collect();
    assert!(defaults.is_empty(), "{defaults:?}");
}
