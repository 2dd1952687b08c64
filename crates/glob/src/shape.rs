//! Patterns of everyday shape, answered without the general matcher.
//!
//! Excludes are asked for every path of a tree, and nearly all of them look like one of these. Each answer here equals
//! the general one: `shape::tests` compares them over many paths.

use crate::matcher;

/// What a pattern boils down to. The literals are never empty and hold no special character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `a/b`
    Literal(Box<str>),
    /// `**/a/b`: the path, or its end after some `/`.
    Tail(Box<str>),
    /// `a/b/**`: the path or anything below it.
    Below(Box<str>),
    /// `**/a/b/**`: these components anywhere.
    Anywhere(Box<str>),
    /// `*.json`: one component with this end.
    NameEnd(Box<str>),
    /// `**/*.json`: a last component with this end.
    TailNameEnd(Box<str>),
    /// `**`
    Everything,
    /// Anything else.
    General,
}

impl Shape {
    pub(crate) fn of(pattern: &str) -> Self {
        if pattern == "**" {
            return Self::Everything;
        }
        let (deep, rest) = pattern.strip_prefix("**/").map_or((false, pattern), |rest| (true, rest));
        if let Some(end) = rest.strip_prefix('*') {
            return match literal(end) {
                Some(end) if !end.contains('/') && deep => Self::TailNameEnd(end),
                Some(end) if !end.contains('/') => Self::NameEnd(end),
                _ => Self::General,
            };
        }
        let (below, rest) = rest.strip_suffix("/**").map_or((false, rest), |rest| (true, rest));
        match literal(rest) {
            Some(text) => match (deep, below) {
                (false, false) => Self::Literal(text),
                (true, false) => Self::Tail(text),
                (false, true) => Self::Below(text),
                (true, true) => Self::Anywhere(text),
            },
            None => Self::General,
        }
    }

    /// Whether a path matches the pattern that has this shape.
    pub(crate) fn matches(&self, pattern: &str, path: &str) -> bool {
        match self {
            Self::Literal(text) => path == &**text,
            Self::Tail(text) => is_tail(path, text),
            Self::Below(text) => is_head(path, text),
            Self::Anywhere(text) => holds_components(path, text),
            Self::NameEnd(end) => path.ends_with(&**end) && !path.contains('/'),
            Self::TailNameEnd(end) => path.ends_with(&**end),
            Self::Everything => true,
            Self::General => matcher::matches(pattern, path),
        }
    }

    /// Whether a match of a directory implies a match of all that lies below it.
    pub(crate) fn covers_descendants(&self, pattern: &str) -> bool {
        match self {
            Self::Below(_) | Self::Anywhere(_) | Self::Everything => true,
            Self::General => pattern.ends_with("/**"),
            _ => false,
        }
    }
}

fn literal(text: &str) -> Option<Box<str>> {
    (!text.is_empty() && !text.contains(['*', '?', '[', '{', '}', '\\'])).then(|| text.into())
}

/// Whether `path` is `tail`, or ends with it after a `/`.
fn is_tail(path: &str, tail: &str) -> bool {
    path.strip_suffix(tail).is_some_and(|head| head.is_empty() || head.ends_with('/'))
}

/// Whether `path` is `head`, or begins with it before a `/`.
fn is_head(path: &str, head: &str) -> bool {
    path.strip_prefix(head).is_some_and(|tail| tail.is_empty() || tail.starts_with('/'))
}

/// Whether `components` occur in `path` from the start of a component to the end of one.
fn holds_components(path: &str, components: &str) -> bool {
    let mut rest = path;
    loop {
        if is_head(rest, components) {
            return true;
        }
        match rest.split_once('/') {
            Some((_, next)) => rest = next,
            None => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyday_patterns_have_a_shape() {
        for pattern in
            ["a", "a/b.c", "**/.git", "**/a/b", "x/**", "**/.resources/**", "*.bak", "**/*.bak", "**"]
        {
            assert_ne!(Shape::of(pattern), Shape::General, "{pattern}");
        }
        for pattern in [
            "*", "**/", "a*", "**/a*", "*/a", "**/*/a", "/**", "**/**", "a/**/b", "{a,b}", "\\a", "a?",
            "*.{a,b}",
        ] {
            assert_eq!(Shape::of(pattern), Shape::General, "{pattern}");
        }
    }

    /// All paths of up to five of these pieces: every way in which names, dots and slashes can follow each other.
    fn paths() -> Vec<String> {
        let pieces = ["a", "b", "/", ".", "é"];
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..5 {
            last = last.iter().flat_map(|path| pieces.map(|piece| format!("{path}{piece}"))).collect();
            all.extend_from_slice(&last);
        }
        all
    }

    #[test]
    fn a_shape_answers_what_the_general_matcher_answers() {
        let paths = paths();
        let literals = ["a", "ab", "a/b", "a/a", "a.", "/a", "a/", "é", ".", "aa/", "//"];
        for literal in literals {
            for pattern in
                ["{}", "**/{}", "{}/**", "**/{}/**", "*{}", "**/*{}"].map(|p| p.replace("{}", literal))
            {
                let shape = Shape::of(&pattern);
                if shape == Shape::General {
                    continue;
                }
                for path in &paths {
                    assert_eq!(
                        shape.matches(&pattern, path),
                        matcher::matches(&pattern, path),
                        "{pattern} on {path}"
                    );
                }
            }
        }
    }
}
