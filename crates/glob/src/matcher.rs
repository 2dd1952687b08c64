//! The general matcher: every construct, in the order and with the corners of `doublestar.Match`.
//!
//! It walks pattern and path together and remembers two places to go back to: after the last `*` (which may swallow one
//! more character of the same component) and after the last `**/` (which may swallow one more component). Alternatives
//! are tried by writing each one out into the pattern and going on from there; that is what gives corners such as
//! `a/{**,x}` (does not match `a`, though `a/**` does) their meaning.

/// Where to go on when the text at hand does not fit.
#[derive(Clone, Copy)]
struct Retry {
    /// Offset in the pattern, just after the star.
    pattern: usize,
    /// Offset in the path up to which the star has swallowed.
    path: usize,
}

/// How far a match has come; carried into alternatives.
#[derive(Clone, Copy)]
struct Progress {
    pattern: usize,
    path: usize,
    star: Option<Retry>,
    double_star: Option<Retry>,
}

/// What looking at one construct of the pattern led to.
enum Step {
    Fits,
    Mismatch,
    Decided(bool),
}

/// Whether the whole path matches a pattern that [`crate::validate::check`] accepts.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    let start = Progress { pattern: 0, path: 0, star: None, double_star: None };
    matches_from(pattern, path, start)
}

fn matches_from(pattern: &str, path: &str, mut at: Progress) -> bool {
    let mut component_start = at.pattern == 0 || pattern.as_bytes()[at.pattern - 1] == b'/';
    while at.path < path.len() {
        match step(pattern, path, &mut at, &mut component_start) {
            Step::Fits => {}
            Step::Decided(answer) => return answer,
            Step::Mismatch => match retry(path, &mut at) {
                Some(after_double_star) => component_start = after_double_star,
                None => return false,
            },
        }
    }
    matches_nothing(&pattern[at.pattern..])
}

/// Looks at the construct at `at.pattern`, and at the path where it stands.
fn step(pattern: &str, path: &str, at: &mut Progress, component_start: &mut bool) -> Step {
    let Some(&byte) = pattern.as_bytes().get(at.pattern) else { return Step::Mismatch };
    match byte {
        b'*' => return star(pattern, at, component_start),
        b'?' => {
            *component_start = false;
            let next = first(&path[at.path..]);
            if next == '/' {
                return Step::Mismatch;
            }
            at.pattern += 1;
            at.path += next.len_utf8();
        }
        b'[' => {
            *component_start = false;
            let next = first(&path[at.path..]);
            let Some(len) = class(&pattern[at.pattern..], next) else { return Step::Mismatch };
            at.pattern += len;
            at.path += next.len_utf8();
        }
        b'{' => return Step::Decided(alternatives(pattern, path, *at)),
        _ => {
            let escape = usize::from(byte == b'\\');
            let wanted = first(&pattern[at.pattern + escape..]);
            if first(&path[at.path..]) != wanted {
                return Step::Mismatch;
            }
            at.pattern += escape + wanted.len_utf8();
            at.path += wanted.len_utf8();
            *component_start = wanted == '/';
        }
    }
    Step::Fits
}

/// `*`, `**` at the end, `**/`; or a `**` that is not a whole component and therefore is one `*`.
fn star(pattern: &str, at: &mut Progress, component_start: &mut bool) -> Step {
    let rest = &pattern.as_bytes()[at.pattern..];
    if rest.starts_with(b"**") {
        if *component_start && rest.len() == 2 {
            return Step::Decided(true);
        }
        if *component_start && rest[2] == b'/' {
            at.pattern += 3;
            at.double_star = Some(Retry { pattern: at.pattern, path: at.path });
            at.star = None;
            return Step::Fits;
        }
        at.pattern += 2;
    } else {
        at.pattern += 1;
    }
    *component_start = false;
    at.star = Some(Retry { pattern: at.pattern, path: at.path });
    Step::Fits
}

/// Lets the last star swallow more; says whether that was a `**/`. `None`: there is nothing left to try.
fn retry(path: &str, at: &mut Progress) -> Option<bool> {
    if let Some(star) = &mut at.star {
        let next = first(&path[star.path..]);
        if next != '/' {
            star.path += next.len_utf8();
            (at.pattern, at.path) = (star.pattern, star.path);
            return Some(false);
        }
    }
    let double_star = at.double_star.as_mut()?;
    let slash = path.as_bytes()[double_star.path..].iter().position(|byte| *byte == b'/')?;
    double_star.path += slash + 1;
    (at.pattern, at.path) = (double_star.pattern, double_star.path);
    Some(true)
}

/// The length of the class that opens `pattern` if it holds `character`. A class may match `/`: so it is there.
fn class(pattern: &str, character: char) -> Option<usize> {
    let negated = matches!(pattern.as_bytes()[1], b'!' | b'^');
    let mut rest = &pattern[1 + usize::from(negated)..];
    let mut found = false;
    let mut range_start = None;
    while !rest.starts_with(']') {
        let low = first(rest);
        rest = &rest[low.len_utf8()..];
        if let (Some(start), '-', false) = (range_start, low, rest.starts_with(']')) {
            let high = class_member(&mut rest);
            found |= (start..=high).contains(&character);
            range_start = None;
        } else {
            let member = if low == '\\' { take(&mut rest) } else { low };
            found |= member == character;
            // The last code point never begins a range: doublestar uses it to say "none".
            range_start = (member < char::MAX).then_some(member);
        }
    }
    (found != negated).then_some(pattern.len() - rest.len() + 1)
}

fn class_member(rest: &mut &str) -> char {
    if rest.starts_with('\\') {
        *rest = &rest[1..];
    }
    take(rest)
}

fn take(rest: &mut &str) -> char {
    let character = first(rest);
    *rest = rest.get(character.len_utf8()..).unwrap_or_default();
    character
}

/// Tries each alternative of the group at `at.pattern`, written out into the pattern.
fn alternatives(pattern: &str, path: &str, at: Progress) -> bool {
    let (before, group) = pattern.split_at(at.pattern);
    let (body, after) = split_group(group);
    let mut written = String::with_capacity(pattern.len());
    Alternatives(Some(body)).any(|alternative| {
        written.clear();
        written.extend([before, alternative, after]);
        matches_from(&written, path, at)
    })
}

/// Whether what is left of a pattern matches nothing at all, when the path has ended.
///
/// Only these shapes do, not every pattern that could: `a***` does not match `a`.
fn matches_nothing(pattern: &str) -> bool {
    if matches!(pattern, "" | "*" | "**" | "/**" | "**/" | "/**/") {
        return true;
    }
    if !pattern.starts_with('{') {
        return false;
    }
    let (body, after) = split_group(pattern);
    Alternatives(Some(body)).any(|alternative| matches_nothing(&[alternative, after].concat()))
}

/// `{a,b}c` → (`a,b`, `c`). The group is known to be closed.
fn split_group(group: &str) -> (&str, &str) {
    let end = scan(&group[1..], b'}').map_or(group.len(), |end| end + 1);
    (&group[1..end], group.get(end + 1..).unwrap_or_default())
}

/// The comma-separated parts of a group's body, nested groups and classes kept whole.
struct Alternatives<'a>(Option<&'a str>);

impl<'a> Iterator for Alternatives<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let body = self.0?;
        let (alternative, rest) = match scan(body, b',') {
            Some(comma) => (&body[..comma], Some(&body[comma + 1..])),
            None => (body, None),
        };
        self.0 = rest;
        Some(alternative)
    }
}

/// The first `wanted` outside of escapes, classes and nested groups.
fn scan(text: &str, wanted: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'[' => at = skip_class(bytes, at),
            _ if byte == wanted && depth == 0 => return Some(at),
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}

fn skip_class(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b']' => return at,
            _ => at += 1,
        }
    }
    at
}

/// The first character of a text that is known to have one; NUL otherwise, which then fits nothing wanted.
fn first(text: &str) -> char {
    text.chars().next().unwrap_or('\0')
}
