//! Compares the engine with what Go answered: `golden.jsonl` is written by the program `template` of `tests/oracle`, whose
//! documentation describes the lines.

use std::collections::HashMap;

use base64::Engine as _;
use serde_json::Value as Json;
use stoker_gotemplate::{Limits, Map, Struct, Template, Value};

const TABLE: &str = include_str!("golden.jsonl");

#[test]
fn every_case_renders_as_in_go() {
    let mut data = HashMap::new();
    let mut cases = 0;
    let mut differences = Vec::new();
    for (number, line) in (1..).zip(TABLE.lines()) {
        let line: Json = serde_json::from_str(line).unwrap_or_else(|error| panic!("line {number}: {error}"));
        if let Some(name) = line["define"].as_str() {
            data.insert(name.to_owned(), value(&line["data"]));
            continue;
        }
        cases += 1;
        let text = bytes(&line["text"]);
        let wanted = (line["error"] != true).then(|| bytes(&line["output"]));
        let rendered = render(&text, &data[line["with"].as_str().expect("a name of data")]);
        if rendered.as_ref().ok() != wanted.as_ref() {
            let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            differences.push(format!(
                "line {number}: {}\n    Go:   {:?}\n    here: {:?}",
                show(&text),
                wanted.as_deref().map(show),
                rendered.as_deref().map(show)
            ));
        }
    }
    assert!(cases >= 400, "only {cases} cases");
    assert!(differences.is_empty(), "{} of {cases} differ:\n{}", differences.len(), differences.join("\n"));
}

fn render(text: &[u8], data: &Value) -> Result<Vec<u8>, String> {
    let template = Template::parse("template", text).map_err(|error| error.to_string())?;
    let mut output = Vec::new();
    template.render(data, &Limits::default(), &mut output).map_err(|error| error.to_string())?;
    Ok(output)
}

/// A JSON string, or `{"base64": …}` for what is not UTF-8.
fn bytes(json: &Json) -> Vec<u8> {
    match json["base64"].as_str() {
        Some(encoded) => base64::engine::general_purpose::STANDARD.decode(encoded).expect("base64"),
        None => json.as_str().expect("text").as_bytes().to_vec(),
    }
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::Int(integer),
            None => Value::Float(number.as_f64().expect("a float")),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::List(items.iter().map(value).collect()),
        Json::Object(entries) => {
            if let Some(strings) = entries.get("$strings") {
                return strings_of(strings);
            }
            if let Some(context) = entries.get("$context") {
                return context_of(context);
            }
            Value::Map(Map::of_values(entries.iter().map(|(key, item)| (key, value(item)))))
        }
    }
}

fn strings_of(json: &Json) -> Value {
    let entries = json.as_object().into_iter().flatten();
    Value::Map(Map::of_strings(entries.map(|(key, item)| (key, item.as_str().expect("a string")))))
}

fn context_of(json: &Json) -> Value {
    let text = |name: &str| Value::from(json[name].as_str().unwrap_or_default());
    Value::Struct(Struct::new(
        "main.Context",
        [
            ("GatewayName", text("GatewayName")),
            ("PodName", text("PodName")),
            ("PodOrdinal", Value::Int(json["PodOrdinal"].as_i64().unwrap_or_default())),
            ("Namespace", text("Namespace")),
            ("Ref", text("Ref")),
            ("Commit", text("Commit")),
            ("CRName", text("CRName")),
            ("Labels", strings_of(&json["Labels"])),
            ("Vars", strings_of(&json["Vars"])),
        ],
    ))
}
