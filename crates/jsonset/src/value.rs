//! The values that are set.

use crate::validate::Validator;

/// What a path is set to: JSON as it was written, or a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    json: Box<str>,
}

/// What a rendered template stands for: valid JSON is taken as it is written, without the white space around it;
/// anything else is a string, white space included.
///
/// ```
/// use stoker_jsonset::{Value, parse_value};
///
/// assert_eq!(parse_value(" 1.50\n").as_json(), "1.50");
/// assert_eq!(parse_value("Line 7"), Value::string("Line 7"));
/// assert_eq!(parse_value("\"7\""), Value::string("7"));
/// ```
pub fn parse_value(rendered: &str) -> Value {
    let mut validator = Validator::default();
    let valid = validator.feed(rendered.as_bytes()).and_then(|()| validator.finish()).is_ok();
    if valid {
        Value { json: rendered.trim_matches([' ', '\t', '\r', '\n']).into() }
    } else {
        Value::string(rendered)
    }
}

impl Value {
    /// A string, whatever it looks like.
    pub fn string(text: &str) -> Self {
        let mut json = String::with_capacity(text.len() + 2);
        push_string(text, &mut json);
        Self { json: json.into() }
    }

    /// The value as it will stand in the document.
    pub fn as_json(&self) -> &str {
        &self.json
    }
}

/// Writes a JSON string as sjson does: plainly where nothing needs an escape, and otherwise as Go's `encoding/json`,
/// which then escapes `<`, `>`, `&`, U+2028 and U+2029 too.
pub(crate) fn push_string(text: &str, json: &mut String) {
    json.push('"');
    if text.bytes().any(|byte| !(b' '..=0x7F).contains(&byte) || matches!(byte, b'"' | b'\\')) {
        text.chars().for_each(|character| push_escaped(character, json));
    } else {
        json.push_str(text);
    }
    json.push('"');
}

fn push_escaped(character: char, json: &mut String) {
    let short = match character {
        '"' | '\\' => character,
        '\u{8}' => 'b',
        '\u{c}' => 'f',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\0'..' ' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
            json.push_str("\\u");
            let code = u32::from(character);
            json.extend(
                [12, 8, 4, 0].map(|shift| char::from(b"0123456789abcdef"[(code >> shift & 0xF) as usize])),
            );
            return;
        }
        plain => return json.push(plain),
    };
    json.extend(['\\', short]);
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
            assert_eq!(parse_value(rendered).as_json(), json, "{rendered:?}");
        }
    }

    #[test]
    fn strings_are_escaped_as_the_original_escapes_them() {
        for (text, json) in [
            ("a<b>&c", r#""a<b>&c""#),
            ("é<", r#""é\u003c""#),
            ("a\"b\\c/", r#""a\"b\\c/""#),
            ("\u{8}\u{c}\n\r\t\u{1}\u{1f}", r#""\b\f\n\r\t\u0001\u001f""#),
            ("\u{7f}", "\"\u{7f}\""),
            ("\u{2028}", r#""\u2028""#),
            ("日本𝄞", "\"日本𝄞\""),
        ] {
            assert_eq!(Value::string(text).as_json(), json, "{text:?}");
        }
    }
}
