//! Paths relative to the data directory or to the repository's root, and their order.

use crate::Error;
use std::cmp::Ordering;

/// The longest path that is accepted, in bytes (Linux' `PATH_MAX`).
const MAX_PATH: usize = 4095;
/// The longest path component, in bytes (`NAME_MAX` of every usual file system).
const MAX_NAME: usize = 255;
/// Directories deeper than this are refused, so that a hostile tree cannot exhaust the stack.
pub(crate) const MAX_DEPTH: usize = 100;

/// Brings a source or destination to one spelling: no `./`, no trailing or double slash, `""` for the root.
///
/// Absolute paths and `..` are refused: a mapping never leaves the repository or the data directory.
pub(crate) fn normalise(path: &str) -> Result<String, Error> {
    let refuse = |why: &'static str| Error::UnsafePath { path: shown(path), why };
    if path.starts_with('/') {
        return Err(refuse("is absolute; write it relative to the root"));
    }
    if path.len() > MAX_PATH {
        return Err(refuse("is longer than 4095 bytes"));
    }
    let mut clean = String::with_capacity(path.len());
    for component in path.split('/') {
        match component {
            "" | "." => continue,
            ".." => return Err(refuse("contains \"..\"; a path never leaves its root")),
            _ => check_name(component).map_err(refuse)?,
        }
        if !clean.is_empty() {
            clean.push('/');
        }
        clean.push_str(component);
    }
    if clean.split('/').count() > MAX_DEPTH {
        return Err(refuse("is more than 100 directories deep"));
    }
    Ok(clean)
}

/// Whether a path is spelled as [`normalise`] spells it.
pub(crate) fn is_plain(path: &str) -> bool {
    path.len() <= MAX_PATH
        && !path.as_bytes().contains(&0)
        && path.split('/').all(|name| !matches!(name, "" | "." | "..") && name.len() <= MAX_NAME)
}

/// Why a name cannot be a component of a path, if it cannot.
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    match name {
        "" | "." | ".." => Err("has a component that is no name"),
        _ if name.len() > MAX_NAME => Err("has a component of more than 255 bytes"),
        _ if name.contains(['/', '\0']) => Err("has a component with a slash or a NUL byte"),
        _ => Ok(()),
    }
}

/// A path or name from outside, fit for a message.
pub(crate) fn shown(path: &str) -> String {
    path.chars().map(|c| if c.is_control() { '?' } else { c }).take(300).collect()
}

/// `directory` and `name` joined; the root is `""`.
pub(crate) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// The directory of a path and its last component.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Whether `path` is `directory` itself or lies beneath it.
pub(crate) fn beneath(path: &str, directory: &str) -> bool {
    directory.is_empty()
        || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What two names have in common when only their case differs.
pub(crate) fn folded(name: &str) -> String {
    if name.is_ascii() { name.to_ascii_lowercase() } else { name.to_lowercase() }
}

/// The order of manifest and journal: depth first; in a directory first its directories, then its
/// payload files, then the files that declare a resource. Writing in this order never shows a
/// resource's manifest before its payload, nor a project's before its resources.
pub(crate) fn order(a: &str, b: &str, declares: &dyn Fn(&str) -> bool) -> Ordering {
    let (mut left, mut right) = (a.split('/').peekable(), b.split('/').peekable());
    loop {
        let (Some(x), Some(y)) = (left.next(), right.next()) else {
            return Ordering::Equal;
        };
        let by_kind = match (left.peek().is_some(), right.peek().is_some()) {
            (true, true) => x.cmp(y),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => (declares(x), x).cmp(&(declares(y), y)),
        };
        if by_kind != Ordering::Equal {
            return by_kind;
        }
    }
}

/// Where a path stands in that order beside all that lies in `directory` and beneath: before it, in it, after it.
pub(crate) fn order_beneath(path: &str, directory: &str) -> Ordering {
    let mut components = path.split('/').peekable();
    for wanted in directory.split('/').filter(|component| !component.is_empty()) {
        let Some(component) = components.next() else { return Ordering::Greater };
        let is_file = components.peek().is_none();
        match component.cmp(wanted) {
            _ if is_file => return Ordering::Greater,
            Ordering::Equal => {}
            other => return other,
        }
    }
    Ordering::Equal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_path_means_the_same() {
        for spelling in ["a/b", "a/b/", "./a/b", "./a//./b/", "a/./b"] {
            assert_eq!(normalise(spelling).unwrap(), "a/b", "{spelling}");
        }
        for root in [".", "./", ""] {
            assert_eq!(normalise(root).unwrap(), "", "{root}");
        }
    }

    #[test]
    fn a_path_is_plain_if_it_is_spelled_as_it_would_be() {
        for path in ["a", "a/b", ".a/b.", "a/b/", "./a", "a//b", "a/../b", "/a", "", ".", "a\0b", "ä/b"] {
            let plain = !path.is_empty() && normalise(path).is_ok_and(|normal| normal == path);
            assert_eq!(is_plain(path), plain, "{path:?}");
        }
    }

    #[test]
    fn a_path_that_leaves_its_root_is_refused() {
        for bad in ["/etc/passwd", "..", "a/../../b", "a/..", "a\0b", &"x".repeat(256), &"d/".repeat(200)] {
            assert!(matches!(normalise(bad), Err(Error::UnsafePath { .. })), "{bad}");
        }
    }

    #[test]
    fn manifests_come_after_payloads_and_directories_before_files() {
        let declares = |name: &str| name == "resource.json" || name == "project.json";
        let sorted =
            ["p/a/b/x", "p/a/view.json", "p/a/resource.json", "p/z/x", "p/a.txt", "p/project.json", "q"];
        for pair in sorted.windows(2) {
            assert_eq!(order(pair[0], pair[1], &declares), Ordering::Less, "{pair:?}");
            assert_eq!(order(pair[1], pair[0], &declares), Ordering::Greater, "{pair:?}");
        }
        assert_eq!(order("p/a", "p/a", &declares), Ordering::Equal);
    }

    #[test]
    fn what_lies_in_a_directory_stands_together() {
        let sorted = ["p/a/b/x", "p/a/view.json", "p/b/c/x", "p/b/x", "p/bb/x", "p/a.txt", "p/b", "q"];
        for (directory, inside) in [("p/b", 2..4), ("p/a", 0..2), ("p", 0..7), ("p/b/c", 2..3), ("", 0..8)] {
            for (at, path) in sorted.iter().enumerate() {
                let expected = if at < inside.start {
                    Ordering::Less
                } else if inside.contains(&at) {
                    Ordering::Equal
                } else {
                    Ordering::Greater
                };
                assert_eq!(order_beneath(path, directory), expected, "{path} {directory:?}");
            }
        }
    }

    #[test]
    fn beneath_looks_at_whole_components() {
        assert!(beneath("a/b", "a") && beneath("a", "a") && beneath("x", ""));
        assert!(!beneath("ab", "a") && !beneath("a", "a/b"));
    }
}
