//! Patterns with paths.

use stoker_glob::{Pattern, Problem};

use crate::case::{Answer, Case};
use crate::random::Random;

#[rustfmt::skip]
pub(crate) const TOKENS: &[&str] = &[
    "*", "**", "?", "/", "**/", "/**", "[", "]", "[^", "[!", "-", "{", "}", ",", "\\", "a", "b", "ab",
    ".", "é", "日", "{a,b}", "[a-c]", "[^b]", "\\*", "//", "{,a}", "json",
];
const NAMES: &[&str] =
    &["a", "b", "ab", "abc", "c", ".a", "a.json", "é", "日本", "-", "]", "*", "b.c", "^", "{a}", ",", "A"];

pub(crate) fn answer(case: &Case) -> Answer {
    let text = |at: usize| String::from_utf8_lossy(&case.parts[at]).into_owned();
    match Pattern::new(&text(0)) {
        Ok(pattern) => Answer::Output(pattern.matches(&text(1)).to_string().into_bytes()),
        Err(error) if error.problem == Problem::TooManyAlternatives => Answer::Skip,
        Err(_) => Answer::Error,
    }
}

pub(crate) fn generate(random: &mut Random) -> Case {
    let mut pattern = String::new();
    let mut path = String::new();
    for component in 0..=random.below(4) {
        if component > 0 {
            pattern.push('/');
            path.push('/');
        }
        match random.below(5) {
            0 => {
                pattern += "**";
                for depth in 0..random.below(3) {
                    path += if depth > 0 { "/" } else { "" };
                    path += random.pick(NAMES);
                }
                if random.once_in(2) {
                    path.truncate(path.trim_end_matches('/').len());
                }
            }
            1 => {
                pattern += random.pick(NAMES);
                path += random.pick(NAMES);
            }
            _ => {
                let name = random.pick(NAMES);
                path += name;
                pattern_of(name, 2, &mut pattern, random);
            }
        }
    }
    if random.once_in(8) {
        pattern += random.pick(TOKENS);
    }
    if random.once_in(8) {
        path += random.pick(&["/", "a", "//", "/.", "."]);
    }
    Case { with: String::new(), parts: vec![pattern.into_bytes(), path.into_bytes()] }
}

/// A pattern that this name may well match.
fn pattern_of(name: &str, depth: usize, pattern: &mut String, random: &mut Random) {
    for c in name.chars() {
        match random.below(9) {
            0 => pattern.push('?'),
            1 => pattern.push('*'),
            2 => class(c, pattern, random),
            3 => {
                pattern.push('\\');
                pattern.push(c);
            }
            4 if depth > 0 => alternatives(c, depth, pattern, random),
            5 if random.once_in(2) => {}
            _ => pattern.push(c),
        }
    }
}

fn class(c: char, pattern: &mut String, random: &mut Random) {
    pattern.push('[');
    *pattern += random.pick(&["", "", "^", "!"]);
    for _ in 0..=random.below(3) {
        match random.below(5) {
            0 => {
                *pattern += random
                    .pick(&["a-c", "c-a", "x-", "-x", "é-日", "\\]", "\\-", "]", "[", "/", "a-\\z", "^"]);
            }
            1 => *pattern += random.pick(NAMES),
            _ => pattern.push(c),
        }
    }
    if !random.once_in(12) {
        pattern.push(']');
    }
}

fn alternatives(c: char, depth: usize, pattern: &mut String, random: &mut Random) {
    pattern.push('{');
    for alternative in 0..=random.below(3) {
        *pattern += if alternative > 0 { "," } else { "" };
        match random.below(5) {
            0 => {}
            1 => {
                *pattern += random.pick(&["**", "*/b", "a/**", "**/a", "/", "x/y", "\\,", "\\}", "*", "[,]"]);
            }
            2 => pattern_of(random.pick(NAMES), depth - 1, pattern, random),
            _ => pattern_of(&c.to_string(), depth - 1, pattern, random),
        }
    }
    if !random.once_in(12) {
        pattern.push('}');
    }
}
