//! The values that are set.

use crate::validate::Validator;

/// What a path is set to: JSON as it was written, or a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    json: Box<[u8]>,
}

/// What a rendered template stands for: valid JSON is taken as it is written, without the white space around it;
/// anything else is a string, white space included.
///
/// ```
/// use stoker_jsonset::{Value, parse_value};
///
/// assert_eq!(parse_value(" 1.50\n").as_json(), b"1.50");
/// assert_eq!(parse_value("Line 7"), Value::string("Line 7"));
/// assert_eq!(parse_value("\"7\""), Value::string("7"));
/// ```
pub fn parse_value(rendered: impl AsRef<[u8]>) -> Value {
    let rendered = rendered.as_ref();
    let mut validator = Validator::default();
    let valid = validator.feed(rendered).and_then(|()| validator.finish()).is_ok();
    // What is valid has only JSON's own white space around it.
    if valid { Value { json: rendered.trim_ascii().into() } } else { Value::string(rendered) }
}

impl Value {
    /// A string, whatever it looks like. Bytes that are not UTF-8 become U+FFFD.
    pub fn string(text: impl AsRef<[u8]>) -> Self {
        let mut json = Vec::new();
        push_string(text.as_ref(), &mut json);
        Self { json: json.into() }
    }

    /// The value as it will stand in the document.
    pub fn as_json(&self) -> &[u8] {
        &self.json
    }
}

/// Writes a JSON string as sjson does: plainly where nothing needs an escape, and otherwise as Go's `encoding/json`,
/// which then escapes `<`, `>`, `&`, U+2028 and U+2029 too.
pub(crate) fn push_string(text: &[u8], json: &mut Vec<u8>) {
    json.push(b'"');
    if text.iter().all(|byte| matches!(byte, b' '..=0x7F) && !matches!(byte, b'"' | b'\\')) {
        json.extend_from_slice(text);
    } else {
        for chunk in text.utf8_chunks() {
            chunk.valid().chars().for_each(|character| push_escaped(character, json));
            for _ in chunk.invalid() {
                json.extend_from_slice(b"\\ufffd");
            }
        }
    }
    json.push(b'"');
}

fn push_escaped(character: char, json: &mut Vec<u8>) {
    let short = match character {
        '"' => b'"',
        '\\' => b'\\',
        '\u{8}' => b'b',
        '\u{c}' => b'f',
        '\n' => b'n',
        '\r' => b'r',
        '\t' => b't',
        '\0'..' ' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
            return json.extend_from_slice(format!("\\u{:04x}", u32::from(character)).as_bytes());
        }
        plain => return json.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes()),
    };
    json.extend([b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_json_stays_as_written_and_all_else_is_a_string() {
        for (rendered, json) in [
            ("1e2", "1e2"),
            ("\t{ \"a\": 1 }\r\n", "{ \"a\": 1 }"),
            ("true", "true"),
            ("True", "\"True\""),
            ("01", "\"01\""),
            ("", "\"\""),
            (" ", "\" \""),
            ("1 2", "\"1 2\""),
            ("\u{a0}1", "\"\u{a0}1\""),
            ("\u{feff}1", "\"\u{feff}1\""),
        ] {
            assert_eq!(String::from_utf8_lossy(parse_value(rendered).as_json()), json, "{rendered:?}");
        }
    }

    #[test]
    fn strings_are_escaped_as_the_original_escapes_them() {
        for (text, json) in [
            (&b"a<b>&c"[..], r#""a<b>&c""#),
            ("é<".as_bytes(), r#""é\u003c""#),
            (b"a\"b\\c/", r#""a\"b\\c/""#),
            (b"\x08\x0c\n\r\t\x01\x1f", r#""\b\f\n\r\t\u0001\u001f""#),
            (b"\x7f", "\"\u{7f}\""),
            ("\u{2028}".as_bytes(), r#""\u2028""#),
            ("日本𝄞".as_bytes(), "\"日本𝄞\""),
            (b"a\xff\xe6\x97", r#""a\ufffd\ufffd\ufffd""#),
        ] {
            assert_eq!(String::from_utf8_lossy(Value::string(text).as_json()), json, "{text:?}");
        }
    }
}
