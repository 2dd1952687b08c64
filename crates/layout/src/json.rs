//! Where things stand in a JSON text that `serde_json` has accepted: the signature is computed over the
//! text's own numbers, and replaced without touching another byte, neither of which a parsed value allows.

use std::ops::Range;

/// The span of the value of `key` in the object at `object`; the last one if the key is there twice, as
/// `serde_json` takes it.
pub fn member(text: &[u8], object: Range<usize>, key: &str) -> Option<Range<usize>> {
    members(text, object).filter(|(name, _)| name == key).map(|(_, value)| value).last()
}

/// The members of the object at `object`, in the text's order: decoded key, span of the value.
pub fn members(text: &[u8], object: Range<usize>) -> impl Iterator<Item = (String, Range<usize>)> {
    let mut at = object.start + 1;
    std::iter::from_fn(move || {
        at = skip_space(text, at);
        if text.get(at) == Some(&b',') {
            at = skip_space(text, at + 1);
        }
        if at >= object.end || text.get(at) != Some(&b'"') {
            return None;
        }
        let key = at..value_end(text, at);
        let colon = skip_space(text, key.end);
        let start = skip_space(text, colon + 1);
        let value = start..value_end(text, start);
        at = value.end;
        Some((decoded(&text[key]), value))
    })
}

/// The spans of the elements of the array at `array`.
pub fn elements(text: &[u8], array: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut at = array.start + 1;
    std::iter::from_fn(move || {
        at = skip_space(text, at);
        if text.get(at) == Some(&b',') {
            at = skip_space(text, at + 1);
        }
        if at >= array.end || text.get(at) == Some(&b']') {
            return None;
        }
        let value = at..value_end(text, at);
        at = value.end;
        Some(value)
    })
}

/// The span of the text's one value.
pub fn root(text: &[u8]) -> Range<usize> {
    let start = skip_space(text, 0);
    start..value_end(text, start)
}

/// The value at `span` as Ignition's own writer puts it in one line: no white space between tokens,
/// numbers as they are written, escapes only where they are needed.
pub fn compact(text: &[u8], span: Range<usize>) -> Vec<u8> {
    let mut line = Vec::with_capacity(span.len());
    let mut at = span.start;
    while at < span.end {
        let end = match text[at] {
            b'"' => {
                let end = value_end(text, at);
                write_string(&text[at..end], &mut line);
                end
            }
            byte => {
                if !is_space(byte) {
                    line.push(byte);
                }
                at + 1
            }
        };
        at = end;
    }
    line
}

fn write_string(quoted: &[u8], line: &mut Vec<u8>) {
    if quoted.is_ascii() && !quoted.contains(&b'\\') {
        line.extend_from_slice(quoted);
        return;
    }
    // A string is always serialisable; Java's writer escapes two line separators that serde_json leaves.
    let plain = serde_json::Value::String(decoded(quoted)).to_string();
    line.extend_from_slice(plain.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029").as_bytes());
}

fn decoded(quoted: &[u8]) -> String {
    serde_json::from_slice(quoted).unwrap_or_default()
}

/// Where the value that begins at `start` ends.
fn value_end(text: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => at = string_end(text, at),
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' => {
                at += 1;
                continue;
            }
            _ => at = scalar_end(text, at),
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

fn string_end(text: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

fn scalar_end(text: &[u8], start: usize) -> usize {
    let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}') || is_space(*byte);
    text[start..].iter().position(ends).map_or(text.len(), |length| start + length)
}

fn skip_space(text: &[u8], from: usize) -> usize {
    from + text.iter().skip(from).take_while(|byte| is_space(**byte)).count()
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(text: &'a str, key: &str) -> Option<&'a str> {
        member(text.as_bytes(), root(text.as_bytes()), key).map(|span| &text[span])
    }

    #[test]
    fn a_member_is_found_where_it_stands() {
        let text = r#" { "a" : 1.50 , "b":"x,}\"]" ,"c":[1,{"a":"inner"}], "d":{}, "\u0065":null,"a2":true}"#;
        for (key, value) in [
            ("a", Some("1.50")),
            ("b", Some(r#""x,}\"]""#)),
            ("c", Some(r#"[1,{"a":"inner"}]"#)),
            ("d", Some("{}")),
            ("e", Some("null")),
            ("a2", Some("true")),
            ("inner", None),
        ] {
            assert_eq!(found(text, key), value, "{key}");
        }
    }

    #[test]
    fn of_two_the_last_counts_as_for_the_parser() {
        assert_eq!(found(r#"{"a":1,"a":2}"#, "a"), Some("2"));
    }

    #[test]
    fn an_empty_object_has_no_members() {
        assert_eq!(found("{}", "a"), None);
        assert_eq!(found(" { } ", "a"), None);
    }

    #[test]
    fn one_line_keeps_numbers_and_unescapes_what_needs_no_escape() {
        let text = r#"{ "n" : [ 1.50, 1E+10, -0 ], "s" : "a\u003db \"q\" ü\n\u2028", "o" : { } }"#;
        let line = compact(text.as_bytes(), root(text.as_bytes()));
        assert_eq!(
            String::from_utf8(line).unwrap(),
            r#"{"n":[1.50,1E+10,-0],"s":"a=b \"q\" ü\n\u2028","o":{}}"#
        );
    }

    #[test]
    fn spans_agree_with_the_parser_on_every_member() {
        let text = r#"{"x":[[],[{}],"[",{"y":"}"}],"z":{"q":"\\","r":-1.0e-3},"":0}"#;
        let value: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap();
        let spans: Vec<_> = members(text.as_bytes(), root(text.as_bytes())).collect();
        assert_eq!(spans.len(), value.len());
        for (key, span) in spans {
            let part: serde_json::Value = serde_json::from_str(&text[span]).unwrap();
            assert_eq!(Some(&part), value.get(&key), "{key}");
        }
    }

    /// A value of some depth, from a generator of numbers.
    fn value(next: &mut impl FnMut(u64) -> u64, depth: u64) -> serde_json::Value {
        const TEXTS: [&str; 8] = ["", "a", "\"", "\\", "\u{1}\n", "ü\u{1f600}", "{[,:]}", " \t "];
        let text = |number: u64| TEXTS[number as usize].to_owned();
        match next(if depth == 0 { 4 } else { 6 }) {
            0 => serde_json::Value::Null,
            1 => (next(2) == 0).into(),
            2 => next(1_000_000).cast_signed().wrapping_sub(500_000).into(),
            3 => text(next(8)).into(),
            4 => (0..next(4)).map(|_| value(next, depth - 1)).collect::<Vec<_>>().into(),
            _ => serde_json::Value::Object(
                (0..next(4)).map(|_| (text(next(8)), value(next, depth - 1))).collect(),
            ),
        }
    }

    #[test]
    fn one_line_of_any_value_is_what_the_parser_s_own_writer_makes_of_it() {
        let mut state = 7_u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..2_000 {
            let value = value(&mut next, 5);
            let pretty = serde_json::to_vec_pretty(&value).unwrap();
            assert_eq!(root(&pretty), 0..pretty.len());
            let line = compact(&pretty, root(&pretty));
            assert_eq!(String::from_utf8(line).unwrap(), value.to_string());
            let Some(object) = value.as_object() else { continue };
            for (key, wanted) in object {
                let span = member(&pretty, root(&pretty), key).unwrap();
                assert_eq!(&serde_json::from_slice::<serde_json::Value>(&pretty[span]).unwrap(), wanted);
            }
        }
    }

    #[test]
    fn a_text_that_is_no_json_ends_somewhere() {
        for text in ["", " ", "{", "{\"a", "{\"a\":", "{\"a\":[", "\"\\", "}", "{]"] {
            let _ = members(text.as_bytes(), root(text.as_bytes())).count();
            let _ = compact(text.as_bytes(), root(text.as_bytes()));
        }
    }
}
