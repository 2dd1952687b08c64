//! Documents with paths and values.

use std::collections::BTreeMap;

use stoker_jsonset::{Error, Patches, parse_value};

use crate::case::{Answer, Case};
use crate::random::Random;

#[rustfmt::skip]
pub(crate) const TOKENS: &[&str] = &[
    "{", "}", "[", "]", ":", ",", "\"", "\\", " ", "\n", "\t", "null", "true", "false", "0", "-1",
    "1.50", "1e5", "\"a\"", "\"a\":", "\"b\":1,", "{}", "[]", "\\u0061", "\\\"", "é", "😀", ".", "a",
    "a.b", ":0", "-1", "#", "*", "|", "@", "?", "!", "\\.", "..", "0", "1", "2", "\u{feff}", "\r\n",
    "\\ud83d", "(", ")", "~", "$", "%", "<", ">", "=", "{a,b}", "[0]",
];
#[rustfmt::skip]
const KEYS: &[&str] = &[
    "a", "b", "c", "ab", "A", "0", "1", "-1", "", "a.b", "é", "😀", "a b", "\\", "\"", "a*", "#",
    "\\u0061", "\n", "@a", ":a", "!", "x~", "a|b", "{", "[1]", "/", "<&>", "$ref", "a:b", "00", "1e1",
    "\u{7f}", "\u{2028}",
];
#[rustfmt::skip]
const SCALARS: &[&str] = &[
    "null", "true", "false", "0", "-0", "1", "-1", "1.50", "1E+5", "1e-9", "12345678901234567890",
    "\"\"", "\"a\"", "\"a\\\"b\"", "\"\\u00e9\"", "\"é\"", "\"[1]\"", "\"{\\\"a\\\":1}\"", "\"\\\\\"",
    "\"a.b\"", "\"}\"", "\"]\"", "\"\\ud83d\\ude00\"", "\"\\/\"",
];
#[rustfmt::skip]
const VALUES: &[&str] = &[
    "9", "null", "true", " 9 ", "\"x\"", "x", "", " ", "{\"k\":1}", "[ 1 ]", "1.500", "\"\\u0041\"",
    "a\"b", "a\\b", "é", "<&>", "{a}", "\n", "\u{0}", "\u{2028}", "9 9", "-", "1e5", "01", "\"", "tru",
    "[1,]", "\u{7f}\u{1}", "😀", "{\"a\": {\"b\" : [ ] } }\n",
];

pub(crate) fn answer(case: &Case) -> Answer {
    let mut set = BTreeMap::new();
    for pair in case.parts[1..].chunks_exact(2) {
        set.insert(String::from_utf8_lossy(&pair[0]).into_owned(), parse_value(&pair[1]));
    }
    let patched = Patches::new(set).and_then(|patches| patches.apply_to_bytes(&case.parts[0]));
    match patched {
        Ok(output) => Answer::Output(output),
        // A documented bound: there is none in the original.
        Err(Error::IndexTooFar { .. }) => Answer::Skip,
        Err(_) => Answer::Error,
    }
}

pub(crate) fn generate(random: &mut Random) -> Case {
    let mut document = Vec::new();
    space(&mut document, random);
    let mut paths = vec![String::new()];
    value(&mut document, 3, "", &mut paths, random);
    space(&mut document, random);
    if random.once_in(25) {
        let at = random.below(document.len());
        document.splice(at..=at, random.pick(TOKENS).bytes());
    }
    let mut parts = vec![document];
    for _ in 0..[1, 1, 1, 2, 3][random.below(5)] {
        let mut path = paths[random.below(paths.len())].clone();
        for _ in 0..random.below(3) {
            let step =
                random.pick(&["a", "b", "z", "0", "1", "2", "3", "7", "-1", ":1", ":a", "x\\.y", "é", ""]);
            path = if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") };
        }
        parts.extend([path.into_bytes(), random.pick(VALUES).as_bytes().to_vec()]);
    }
    Case { with: String::new(), parts }
}

/// Writes a value, and the paths of all that is in it.
fn value(out: &mut Vec<u8>, depth: usize, path: &str, paths: &mut Vec<String>, random: &mut Random) {
    let kind = if depth == 0 { 0 } else { random.below(5) };
    let below = |step: &str| if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") };
    match kind {
        1 | 2 => {
            out.push(b'{');
            space(out, random);
            for nth in 0..random.below(4) {
                if nth > 0 {
                    out.push(b',');
                    space(out, random);
                }
                let key = random.pick(KEYS);
                out.extend_from_slice(quoted(key, random).as_bytes());
                space(out, random);
                out.push(b':');
                space(out, random);
                let inner = below(&escaped(key, random));
                paths.push(inner.clone());
                value(out, depth - 1, &inner, paths, random);
                space(out, random);
            }
            out.push(b'}');
        }
        3 | 4 => {
            out.push(b'[');
            space(out, random);
            for nth in 0..random.below(4) {
                if nth > 0 {
                    out.push(b',');
                    space(out, random);
                }
                let inner = below(&nth.to_string());
                paths.push(inner.clone());
                value(out, depth - 1, &inner, paths, random);
                space(out, random);
            }
            out.push(b']');
        }
        _ => out.extend_from_slice(random.pick(SCALARS).as_bytes()),
    }
}

fn space(out: &mut Vec<u8>, random: &mut Random) {
    if random.once_in(4) {
        out.extend_from_slice(random.pick(&[" ", "\n", "  ", "\t", "\r\n", "\n    "]).as_bytes());
    }
}

fn quoted(key: &str, random: &mut Random) -> String {
    let mut text = serde_json::Value::from(key).to_string();
    if random.once_in(8) {
        text = text.replace('a', "\\u0061").replace('/', "\\/");
    }
    text
}

/// A key as a path names it; now and then without the escapes that it needs.
fn escaped(key: &str, random: &mut Random) -> String {
    if random.once_in(10) {
        return key.to_owned();
    }
    let mut text = String::new();
    for c in key.chars() {
        if ".*?|#@\\!{}[]()=<>%~:$".contains(c) && !random.once_in(20) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}
