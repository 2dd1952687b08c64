//! `docs/reference/gatewaysync.md`: every field, its type, its default and what it means, from the types' own comments.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::definition::{PURPOSE, columns};
use super::structural::{of, one_line, required, structural, without_null, words_of};
use crate::observed::GatewaySyncStatus;
use crate::resource::{API_VERSION, KIND, PLURAL, SHORT_NAME, SINGULAR};
use crate::spec::GatewaySyncSpec;

/// Where the reference lies in the checkout.
pub const REFERENCE_FILE: &str = "docs/reference/gatewaysync.md";

const LEAST: &str = "\
```yaml
apiVersion: stoker.io/v1alpha1
kind: GatewaySync
metadata:
  name: plant
spec:
  git:
    repo: https://git.example.com/plant/ignition.git
    ref: main
  gateway:
    api:
      secretName: ignition-api        # key apiKey: tokenName:secret
  sync:
    profiles:
      default:
        mappings:
          - source: projects
            destination: projects
```
";

/// The file [`REFERENCE_FILE`].
pub fn reference() -> String {
    let mut page = format!(
        "<!-- Written by `cargo xtask gen crd` from the types of crates/api. Do not edit. -->\n\n\
         # {KIND}\n\n{PURPOSE}\n\n\
         `{API_VERSION}`, `kubectl get {PLURAL}`, `{SINGULAR}` or `{SHORT_NAME}`; namespaced. The least that one must say:\n\n{LEAST}\n\
         A field without a default may be left out unless it is marked as required. The API server refuses what is named below each\n\
         table, with these words; `stoker-agent --config` refuses the same without a cluster. Fields of `spec.sync.defaults` hold for\n\
         every profile that does not override them.\n"
    );
    for (name, schema) in [("spec", of::<GatewaySyncSpec>()), ("status", of::<GatewaySyncStatus>())] {
        section(&mut page, name, &schema);
    }
    page.push_str("\n## What kubectl shows\n\n| column | from | |\n| --- | --- | --- |\n");
    for column in columns().as_array().into_iter().flatten() {
        let text = |key: &str| column[key].as_str().unwrap_or_default().to_owned();
        let wide = if column.get("priority").is_some() { "with `-o wide`" } else { "" };
        _ = writeln!(page, "| {} | `{}` | {wide} |", text("name"), text("jsonPath"));
    }
    page
}

/// One object with a table of its fields, then the objects below it.
fn section(page: &mut String, path: &str, schema: &Value) {
    let schema = without_null(schema);
    let heading = if path.contains('.') { "###" } else { "##" };
    _ = writeln!(page, "\n{heading} {path}\n");
    if let Some(purpose) = schema.get("description").and_then(Value::as_str) {
        _ = writeln!(page, "{}\n", one_line(purpose));
    }
    page.push_str("| field | type | default | meaning |\n| --- | --- | --- | --- |\n");
    let required = required(&schema);
    let fields = || schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    for (name, field) in fields() {
        let default = match required.contains(name) {
            true => "required".to_owned(),
            // A status has none.
            false if path.starts_with("status") => String::new(),
            false => default_of(&schema, name),
        };
        let kind = type_of(&format!("{path}.{name}"), name, field);
        _ = writeln!(page, "| `{name}` | {} | {default} | {} |", cell(&kind), cell(&meaning(field)));
    }
    refusals(page, &schema);
    for (name, field) in fields() {
        below(page, &format!("{path}.{name}"), &without_null(field));
    }
}

/// The sections of what a field holds: an object itself, or those in a list or a map.
fn below(page: &mut String, path: &str, field: &Map<String, Value>) {
    if is_section(field) {
        section(page, path, &Value::Object(field.clone()));
    } else if let Some((suffix, inner)) = inner(field) {
        below(page, &format!("{path}{suffix}"), &without_null(inner));
    }
}

/// What a list or a map holds, and how its path goes on.
fn inner(field: &Map<String, Value>) -> Option<(&'static str, &Value)> {
    let items = field.get("items").map(|items| ("[]", items));
    items.or_else(|| field.get("additionalProperties").map(|values| (".&lt;name&gt;", values)))
}

fn is_section(schema: &Map<String, Value>) -> bool {
    schema.contains_key("properties") && secret_of(schema).is_none()
}

/// References to Secrets are everywhere, and need no section each.
fn secret_of(schema: &Map<String, Value>) -> Option<&'static str> {
    let fields: Vec<&str> = schema.get("properties")?.as_object()?.keys().map(String::as_str).collect();
    match fields.as_slice() {
        ["name"] => Some("Secret: `{name}`"),
        ["name", "key"] => Some("key of a Secret: `{name, key}`"),
        _ => None,
    }
}

fn type_of(path: &str, name: &str, schema: &Value) -> String {
    let schema = &without_null(schema);
    let text = |key: &str| schema.get(key).and_then(Value::as_str).unwrap_or_default();
    if let Some(words) = words(schema) {
        let words: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        return words.join(", ");
    }
    if let Some(secret) = secret_of(schema) {
        return secret.to_owned();
    }
    if schema.contains_key("x-kubernetes-int-or-string") {
        return "number or string".to_owned();
    }
    match text("type") {
        "integer" => format!("integer{}", bounds_of(name, schema)),
        "array" => format!(
            "list of {}",
            schema.get("items").map_or_else(String::new, |items| type_of(&format!("{path}[]"), "", items))
        ),
        "object" if schema.contains_key("properties") => format!("[object](#{})", anchor(path)),
        "object" => {
            let values = schema.get("additionalProperties");
            let path = format!("{path}.&lt;name&gt;");
            format!("map of {}", values.map_or_else(String::new, |values| type_of(&path, "", values)))
        }
        "string" if text("format") == "date-time" => "time, RFC 3339".to_owned(),
        other => other.to_owned(),
    }
}

/// As GitHub makes anchors of headings.
fn anchor(path: &str) -> String {
    let plain = path.replace("&lt;", "").replace("&gt;", "").to_lowercase();
    plain.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()
}

fn bounds_of(name: &str, schema: &Map<String, Value>) -> String {
    if let Some(bounds) = crate::spec::bounds_of(name) {
        return format!(", {}–{}", bounds.start(), bounds.end());
    }
    match schema.get("minimum").and_then(Value::as_f64) {
        Some(least) if least >= 1.0 => format!(", {least} or more"),
        _ => String::new(),
    }
}

/// The default that the API server fills in, which is that of the types.
fn default_of(object: &Map<String, Value>, name: &str) -> String {
    let object = structural(&Value::Object(object.clone()));
    match &object["properties"][name]["default"] {
        Value::Null | Value::Object(_) => String::new(),
        Value::String(text) => format!("`{text}`"),
        Value::Array(items) => {
            let items: Vec<String> =
                items.iter().map(|item| format!("`{}`", item.as_str().unwrap_or_default())).collect();
            items.join(" ")
        }
        other => format!("`{other}`"),
    }
}

fn words(schema: &Map<String, Value>) -> Option<Vec<(String, String)>> {
    let plain = |word: &Value| word.as_str().unwrap_or_default().to_owned();
    if let Some(words) = words_of(schema) {
        return Some(words.iter().map(|(word, comment)| (plain(word), comment.clone())).collect());
    }
    let words = schema.get("enum")?.as_array()?.iter();
    Some(words.filter(|word| !word.is_null()).map(|word| (plain(word), String::new())).collect())
}

/// The field's comment, and those of its words.
fn meaning(field: &Value) -> String {
    let schema = without_null(field);
    let mut text = one_line(schema.get("description").and_then(Value::as_str).unwrap_or_default());
    if text.starts_with("Overrides") {
        // The words are explained where they are overridden.
        return text;
    }
    for (word, comment) in
        words(&schema).unwrap_or_default().iter().filter(|(_, comment)| !comment.is_empty())
    {
        _ = write!(text, "<br>`{word}`: {}", lowered(comment));
    }
    text
}

/// A comment as it goes on after a colon.
fn lowered(comment: &str) -> String {
    let mut letters = comment.chars();
    let first = comment.split(' ').next().unwrap_or_default();
    let starts_with_a_name = first.starts_with("Git") || first.chars().skip(1).any(char::is_uppercase);
    match letters.next() {
        Some(first) if first.is_ascii_uppercase() && !starts_with_a_name => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => comment.to_owned(),
    }
}

/// What the rules of an object and of its fields refuse.
fn refusals(page: &mut String, schema: &Map<String, Value>) {
    let rules = |schema: &Map<String, Value>| -> Vec<String> {
        let rules = schema.get("x-kubernetes-validations").and_then(Value::as_array);
        let messages = rules.into_iter().flatten().filter_map(|rule| rule["message"].as_str());
        messages.map(str::to_owned).collect()
    };
    let mut lines: Vec<String> = rules(schema).iter().map(|words| format!("- {words}\n")).collect();
    for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let field = without_null(field);
        // A section of its own says it there.
        if !is_section(&field) {
            lines.extend(rules(&field).iter().map(|words| format!("- `{name}` {words}\n")));
        }
    }
    lines.dedup();
    if !lines.is_empty() {
        _ = write!(page, "\nRefused:\n\n{}", lines.concat());
    }
}

/// A text that does not end its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
