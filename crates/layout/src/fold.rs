use std::borrow::Cow;

/// The components of a path, without empty ones and `.`.
pub fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|component| !component.is_empty() && *component != ".")
}

/// Whether `name` is `lower` (ASCII, in lower case) on a volume that ignores case.
pub fn same(name: &str, lower: &str) -> bool {
    name.eq_ignore_ascii_case(lower) || (!name.is_ascii() && name.chars().flat_map(folded).eq(lower.chars()))
}

/// Whether `name` ends in `lower` (ASCII, in lower case) on a volume that ignores case.
pub fn ends_with(name: &str, lower: &str) -> bool {
    let ending = &name.as_bytes()[name.len().saturating_sub(lower.len())..];
    ending.eq_ignore_ascii_case(lower.as_bytes()) || (!name.is_ascii() && fold(name).ends_with(lower))
}

/// The path or name as a volume that ignores case sees it; borrowed when it is that already.
///
/// Characters go through upper case, since `ſ` (long s) and `s` are one letter only there.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().flat_map(folded).collect())
}

fn folded(letter: char) -> impl Iterator<Item = char> {
    letter.to_uppercase().flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_volume_may_take_for_one_are_one() {
        for (name, lower) in [
            ("DB", "db"),
            (".Resources", ".resources"),
            (".reſources", ".resources"),
            ("log\u{212A}", "logk"),
        ] {
            assert!(same(name, lower), "{name}");
            assert_eq!(fold(name), lower);
        }
        assert!(!same("dbx", "db"));
        assert!(!same("é", "e"));
    }

    #[test]
    fn endings_are_compared_the_same_way() {
        assert!(ends_with("Config.IDB", ".idb"));
        assert!(ends_with("größe.IDB", ".idb"));
        assert!(!ends_with("db", ".idb"));
        assert!(!ends_with("ü", ".idb"));
    }

    #[test]
    fn lower_case_costs_nothing() {
        assert!(matches!(fold("projects/a/resource.json"), Cow::Borrowed(_)));
    }
}
