//! Paths, taken apart as sjson takes them apart.

use crate::error::{Error, PathProblem};

/// One key of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// The key with its escapes resolved: what members of an object are compared with, and what a new one is called.
    pub(crate) name: String,
    /// The element it finds in an array that has one.
    pub(crate) index: Option<i64>,
    /// The element it creates, by which it also asks for an array rather than an object. The empty key counts as 0.
    pub(crate) new_index: Option<i64>,
    /// `-1`: append.
    pub(crate) appends: bool,
    /// Whether it can find anything: what gjson takes for a literal (`!true`) or a selector (`[a]`) cannot.
    pub(crate) finds: bool,
}

/// Takes a path apart.
pub(crate) fn parse(path: &str) -> Result<Vec<Key>, Error> {
    let mut keys = Vec::new();
    let mut rest = Some(path);
    while let Some(text) = rest {
        let (component, next) =
            split(text).map_err(|problem| Error::Path { path: path.to_owned(), problem })?;
        keys.push(key(component));
        rest = next;
    }
    Ok(keys)
}

/// The text up to the first dot that is not escaped, and what follows it.
fn split(path: &str) -> Result<(&str, Option<&str>), PathProblem> {
    let mut escaped = false;
    for (at, character) in path.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '.' => return Ok((&path[..at], Some(&path[at + 1..]))),
            '*' | '?' | '|' | '#' | '@' => return Err(PathProblem::Query(character)),
            _ => {}
        }
    }
    Ok((path, None))
}

fn key(component: &str) -> Key {
    let (forced, written) = component.strip_prefix(':').map_or((false, component), |rest| (true, rest));
    let name = unescape(written);
    Key {
        index: if written.is_empty() { None } else { digits(written) },
        new_index: if forced { None } else { digits(&name) },
        appends: name == "-1" && !forced,
        finds: !is_literal(written) && !is_selector(written),
        name,
    }
}

fn unescape(written: &str) -> String {
    let mut name = String::with_capacity(written.len());
    let mut characters = written.chars();
    while let Some(character) = characters.next() {
        name.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    name
}

/// The number that decimal digits spell, wrapped around as in the original; nothing spells 0.
fn digits(text: &str) -> Option<i64> {
    text.bytes().try_fold(0_i64, |number, byte| {
        byte.is_ascii_digit().then(|| number.wrapping_mul(10).wrapping_add(i64::from(byte - b'0')))
    })
}

/// What gjson reads as a value of its own rather than as a key.
fn is_literal(written: &str) -> bool {
    let Some(literal) = written.strip_prefix('!') else { return false };
    let lower = literal.to_lowercase();
    literal.starts_with(['{', '[', '"', '+', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
        || ["true", "false", "null", "nan", "inf"].contains(&&*lower)
}

/// What gjson reads as a list of paths: a bracket at the start whose partner is the last character.
fn is_selector(written: &str) -> bool {
    if !written.starts_with(['[', '{']) {
        return false;
    }
    let bytes = written.as_bytes();
    let mut depth = 1_usize;
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'"' => at = closing_quote(bytes, at),
            b'[' | b'(' | b'{' => depth += 1,
            b']' | b')' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1 == bytes.len();
                }
            }
            _ => {}
        }
        at += 1;
    }
    false
}

fn closing_quote(bytes: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at,
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &str) -> Vec<String> {
        parse(path).expect(path).into_iter().map(|key| key.name).collect()
    }

    #[test]
    fn dots_separate_and_backslashes_escape() {
        for (path, expected) in [
            ("a.b", vec!["a", "b"]),
            ("a\\.b.c", vec!["a.b", "c"]),
            ("a\\\\.b", vec!["a\\", "b"]),
            ("\\*\\?", vec!["*?"]),
            ("a\\", vec!["a"]),
            ("a..b.", vec!["a", "", "b", ""]),
            ("", vec![""]),
            (":1.\\:x", vec!["1", ":x"]),
            ("日.本", vec!["日", "本"]),
        ] {
            assert_eq!(names(path), expected, "{path}");
        }
    }

    #[test]
    fn queries_are_refused_unless_escaped() {
        for (path, character) in
            [("a*", '*'), ("a.?", '?'), ("a|b", '|'), ("list.#", '#'), ("@this", '@'), ("a.#(x==1).b", '#')]
        {
            match parse(path) {
                Err(Error::Path { problem: PathProblem::Query(found), .. }) => {
                    assert_eq!(found, character, "{path}");
                }
                other => panic!("{path}: {other:?}"),
            }
        }
    }

    #[test]
    fn numbers_are_indexes_unless_forced_to_be_keys() {
        let key = |path| parse(path).expect(path).remove(0);
        assert_eq!((key("12").index, key("12").new_index), (Some(12), Some(12)));
        assert_eq!((key(":12").index, key(":12").new_index), (Some(12), None));
        assert_eq!((key("\\1").index, key("\\1").new_index), (None, Some(1)));
        assert_eq!((key("").index, key("").new_index), (None, Some(0)));
        assert_eq!((key("-1").index, key("-1").new_index, key("-1").appends), (None, None, true));
        assert!(!key(":-1").appends);
    }

    #[test]
    fn what_the_original_takes_for_a_value_or_a_selector_finds_nothing() {
        for path in ["!true", "!NULL", "!1x", "[a]", "{a,b}", "[\"]\"]", "[]"] {
            assert!(!parse(path).expect(path)[0].finds, "{path}");
        }
        for path in ["!", "!x", "[", "[a", "{a}b", "a[0]", "[\\]"] {
            assert!(parse(path).expect(path)[0].finds, "{path}");
        }
    }
}
