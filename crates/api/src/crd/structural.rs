//! From the schemas that the types have to the structural schemas that Kubernetes takes.
//!
//! `schemars` speaks JSON Schema 2020-12; Kubernetes takes a part of `OpenAPI` 3.0 and refuses, or ignores, the rest.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::spec::bounds_of;

/// The schema of a type as `schemars` makes it, every part written out where it is used. With it, and not with what
/// Kubernetes leaves of it, the reference is written: here the words of an enumeration have their comments.
pub(super) fn of<T: JsonSchema>() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// What Kubernetes takes of a schema.
pub(super) fn structural(schema: &Value) -> Value {
    let mut schema = without_null(schema);
    schema.remove("$schema");
    schema.remove("title");
    if let Some(words) = words_of(&schema) {
        schema.remove("oneOf");
        schema.insert("type".to_owned(), json!("string"));
        schema.insert("enum".to_owned(), words.into_iter().map(|(word, _)| word).collect());
    }
    whole_number(&mut schema);
    let required = required(&schema);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for (name, property) in properties {
            let mut field = structural(property);
            bounded(name, &mut field);
            // A switch that need not be given is off. One that also takes null is an override, and may be absent.
            let is_switch = property.get("type").is_some_and(|name| name == "boolean");
            if is_switch && !required.contains(name) {
                field["default"] = field.get("default").cloned().unwrap_or(json!(false));
            }
            *property = field;
        }
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get_mut(inner).filter(|inner| inner.is_object()) {
            *inner = structural(inner);
        }
    }
    let is_object = schema.contains_key("properties");
    match schema.get_mut("default") {
        // Its fields have defaults of their own.
        Some(default) if is_object => *default = json!({}),
        _ => {}
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = one_line(text);
    }
    Value::Object(schema)
}

/// The words of an enumeration with their comments, if the schema is one.
pub(super) fn words_of(schema: &Map<String, Value>) -> Option<Vec<(Value, String)>> {
    let word = |alternative: &Value| {
        let comment = alternative.get("description").and_then(Value::as_str).unwrap_or_default();
        Some((alternative.get("const")?.clone(), one_line(comment)))
    };
    schema.get("oneOf")?.as_array()?.iter().map(word).collect()
}

/// A schema that also takes null takes what is left without it: Kubernetes drops nulls before it looks.
pub(super) fn without_null(schema: &Value) -> Map<String, Value> {
    let mut schema = schema.as_object().cloned().unwrap_or_default();
    if let Some(Value::Array(types)) = schema.get("type") {
        let first = types.iter().find(|name| *name != "null").cloned().unwrap_or_default();
        schema.insert("type".to_owned(), first);
    }
    if let Some(Value::Array(alternatives)) = schema.remove("anyOf") {
        let is_null = |alternative: &Value| alternative.get("type").is_some_and(|name| name == "null");
        if let Some(Value::Object(real)) = alternatives.into_iter().find(|alternative| !is_null(alternative))
        {
            // The field's own comment says more than its type's.
            let mut merged = real;
            merged.extend(schema);
            schema = merged;
        }
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    schema
}

/// Kubernetes knows signed formats only, and `minimum: 0` says nothing that they do not.
fn whole_number(schema: &mut Map<String, Value>) {
    let format = match schema.get("format").and_then(Value::as_str) {
        Some("uint16" | "uint32" | "int32") => "int32",
        Some("uint64" | "int64") => "int64",
        _ => return,
    };
    schema.insert("format".to_owned(), json!(format));
    for bound in ["minimum", "maximum"] {
        if let Some(number) = schema.get(bound).and_then(Value::as_f64) {
            schema.insert(bound.to_owned(), json!(number as i64));
        }
    }
}

/// The bounds that the contract gives a number, from the one place where they stand.
fn bounded(name: &str, field: &mut Value) {
    if let (Some(bounds), Some(field)) = (bounds_of(name), field.as_object_mut()) {
        field.insert("minimum".to_owned(), json!(bounds.start()));
        field.insert("maximum".to_owned(), json!(bounds.end()));
    }
}

/// The same without defaults: what a controller did not write is not there.
pub(super) fn without_defaults(mut schema: Value) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("default");
        for (keyword, inner) in schema {
            match (keyword.as_str(), inner) {
                ("properties", Value::Object(fields)) => {
                    fields.values_mut().for_each(|field| *field = without_defaults(field.take()));
                }
                ("items" | "additionalProperties", inner) => *inner = without_defaults(inner.take()),
                _ => {}
            }
        }
    }
    schema
}

/// The fields that must be given.
pub(super) fn required(schema: &Map<String, Value>) -> Vec<String> {
    let names = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A comment on one line, its list items and paragraphs apart by blanks.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
