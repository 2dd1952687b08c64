//! JSON values as YAML that people can read and diffs are small in: block style, one field a line.

use serde_json::Value;

/// The document, with its last line ended.
pub(super) fn of(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0);
    text
}

/// Writes a value that stands on lines of its own.
fn write(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                indent(text, depth);
                text.push_str(&scalar(key));
                text.push(':');
                write_after(text, value, depth + 1);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                indent(text, depth);
                text.push('-');
                write_item(text, item, depth + 1);
            }
        }
        flat => {
            indent(text, depth);
            text.push_str(&in_line(flat));
            text.push('\n');
        }
    }
}

/// Writes a value after its key.
fn write_after(text: &mut String, value: &Value, depth: usize) {
    if is_block(value) {
        text.push('\n');
        // Items stand no deeper than the key that holds them.
        write(text, value, if value.is_array() { depth - 1 } else { depth });
    } else {
        text.push(' ');
        text.push_str(&in_line(value));
        text.push('\n');
    }
}

/// Writes a value after the dash of its item: the first field of an object stands beside the dash.
fn write_item(text: &mut String, value: &Value, depth: usize) {
    if !is_block(value) {
        write_after(text, value, depth);
        return;
    }
    let mut block = String::new();
    write(&mut block, value, depth);
    text.push(' ');
    text.push_str(block.trim_start());
}

fn is_block(value: &Value) -> bool {
    match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

fn in_line(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        // `{}`, `[]`, numbers and switches read the same in JSON and YAML.
        other => other.to_string(),
    }
}

/// A text without quotes where nothing else could be meant, else as JSON writes it, which is YAML too.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '$')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ' ' | '$'))
        && !text.ends_with(' ')
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    if plain { text.to_owned() } else { Value::from(text).to_string() }
}

fn indent(text: &mut String, depth: usize) {
    for _ in 0..depth {
        text.push_str("  ");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_reads_as_people_write_it() {
        let document = json!({
            "kind": "Thing",
            "empty": {}, "none": [],
            "names": ["a", "yes", "1", "x: y", "{{ .A }}"],
            "columns": [{"name": "Ref", "deep": {"priority": 1}}, {"rules": [[1, 2]]}],
            "$ref": true,
            "text": "say \"when\"\n",
        });
        let expected = r#"kind: Thing
empty: {}
none: []
names:
- a
- "yes"
- "1"
- "x: y"
- "{{ .A }}"
columns:
- name: Ref
  deep:
    priority: 1
- rules:
  - - 1
    - 2
$ref: true
text: "say \"when\"\n"
"#;
        assert_eq!(of(&document), expected);
    }
}
