//! Paths, taken apart as sjson takes them apart.

use crate::error::{Error, PathProblem};

/// One key of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// The key with its escapes resolved: what a new member is called.
    pub(crate) name: String,
    /// The member it finds in an object. Other than `name` only where gjson has a syntax of its own ([`lookup`]).
    pub(crate) member: Option<String>,
    /// The element it finds in an array.
    pub(crate) element: Option<i64>,
    /// The element it creates, by which it also asks for an array rather than an object. The empty key counts as 0.
    pub(crate) new_index: Option<i64>,
    /// `-1`: append.
    pub(crate) appends: bool,
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
    let lookup = lookup(written);
    Key {
        member: lookup.map(unescape),
        element: lookup.and_then(element),
        new_index: if forced { None } else { new_index(&name) },
        appends: name == "-1" && !forced,
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

/// The number that decimal digits spell, wrapped around as in sjson; no digits spell 0.
fn new_index(text: &str) -> Option<i64> {
    text.bytes().try_fold(0_i64, |number, byte| {
        byte.is_ascii_digit().then(|| number.wrapping_mul(10).wrapping_add(i64::from(byte - b'0')))
    })
}

/// The number of an element that decimal digits spell, as gjson reads it: what does not fit finds nothing.
fn element(text: &str) -> Option<i64> {
    if text.is_empty() {
        return None;
    }
    let number = text.bytes().try_fold(0_u64, |number, byte| {
        let next = number.wrapping_mul(10).wrapping_add(u64::from(byte.wrapping_sub(b'0')));
        (byte.is_ascii_digit() && next >= number).then_some(next)
    });
    i64::try_from(number?).ok()
}

/// What a key is looked up by in the document: itself, but for what gjson takes for syntax of its own. That finds nothing
/// (`!true` is a literal, `[a]` a list of paths), or what stands behind it (`{a}b`), or the empty key (`[a`, unclosed).
fn lookup(written: &str) -> Option<&str> {
    if written.len() < 2 {
        return Some(written);
    }
    match written.as_bytes()[0] {
        b'!' if is_literal(&written[1..]) => None,
        b'[' | b'{' => match selector_length(written.as_bytes()) {
            None => Some(""),
            Some(length) if length == written.len() => None,
            Some(length) => Some(&written[length..]),
        },
        _ => Some(written),
    }
}

fn is_literal(text: &str) -> bool {
    text.starts_with(['{', '[', '"', '+', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
        || ["true", "false", "null", "nan", "inf"].contains(&&*text.to_lowercase())
}

/// The length of a list of paths, from its bracket to the one that closes it.
fn selector_length(written: &[u8]) -> Option<usize> {
    let mut depth = 1_usize;
    let mut at = 1;
    while let Some(&byte) = written.get(at) {
        match byte {
            b'\\' => at += 1,
            b'"' => at = closing_quote(written, at),
            b'[' | b'(' | b'{' => depth += 1,
            b']' | b')' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
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
        let indexes = |path| {
            let key = parse(path).expect(path).remove(0);
            (key.element, key.new_index, key.appends)
        };
        assert_eq!(indexes("12"), (Some(12), Some(12), false));
        assert_eq!(indexes(":12"), (Some(12), None, false));
        assert_eq!(indexes("\\1"), (None, Some(1), false));
        assert_eq!(indexes(""), (None, Some(0), false));
        assert_eq!(indexes("-1"), (None, None, true));
        assert_eq!(indexes(":-1"), (None, None, false));
        assert_eq!(indexes("18446744073709551617").0, None);
    }

    #[test]
    fn what_gjson_takes_for_its_own_syntax_finds_something_else() {
        let member = |path| parse(path).expect(path).remove(0).member;
        for path in ["!true", "!NULL", "!1x", "[a]", "{a,b}", "[\"]\"]", "[]"] {
            assert_eq!(member(path), None, "{path}");
        }
        for (path, found) in [("[a", ""), ("[\\]", ""), ("{a}b", "b"), ("{a}b\\.c", "b.c")] {
            assert_eq!(member(path).as_deref(), Some(found), "{path}");
        }
        for path in ["!", "!x", "[", "a[0]"] {
            assert_eq!(member(path).as_deref(), Some(path), "{path}");
        }
    }
}
