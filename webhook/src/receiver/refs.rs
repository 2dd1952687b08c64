//! Names of refs as pushes write them.

use stoker_glob::Pattern;

/// The longest name of a ref that is taken.
const LONGEST: usize = 255;

/// Whether it can be the name of a ref: what `git check-ref-format` allows, and no longer than 255 bytes.
pub fn is_ref(name: &str) -> bool {
    let is_plain = |c: char| !c.is_control() && !matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.strip_suffix(".lock").is_none()
            && !part.ends_with('.')
    };
    (1..=LONGEST).contains(&name.len())
        && name != "@"
        && !name.starts_with('-')
        && name.chars().all(is_plain)
        && !name.contains("..")
        && !name.contains("@{")
        && name.split('/').all(is_part)
}

/// The branch's or the tag's own name.
pub fn short(name: &str) -> &str {
    let strip = |prefix| name.strip_prefix(prefix);
    strip("refs/heads/").or_else(|| strip("refs/tags/")).unwrap_or(name)
}

/// Whether two names are the same ref: `refs/tags/v1.2`, `v1.2` and, because people leave it out, `1.2`.
pub fn agree(left: &str, right: &str) -> bool {
    fn bare(name: &str) -> &str {
        let name = short(name);
        name.strip_prefix('v').unwrap_or(name)
    }
    bare(left) == bare(right)
}

/// Whether a push may ask for a ref. Without a list: every branch and tag. Pull requests and commits only where a glob is
/// written for them; one of nothing but wildcards is not. The controller decides the same way.
pub fn is_allowed(name: &str, globs: &[String]) -> bool {
    let is_commit = matches!(name.len(), 40 | 64) && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_special = is_commit || (name.starts_with("refs/") && short(name) == name);
    if globs.is_empty() {
        return !is_special;
    }
    let own = short(name);
    let spellings =
        [name.to_owned(), own.to_owned(), format!("refs/heads/{own}"), format!("refs/tags/{own}")];
    let matches = |glob: &str, text: &str| Pattern::new(glob).is_ok_and(|pattern| pattern.matches(text));
    globs.iter().any(|glob| {
        if is_special {
            glob.chars().any(|c| !matches!(c, '*' | '?' | '/')) && matches(glob, name)
        } else {
            spellings.iter().any(|spelling| matches(glob, spelling))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ref_is_what_git_allows() {
        for name in ["main", "refs/heads/main", "v1.2.3", "release/8.3", "ümläut", "a@b"] {
            assert!(is_ref(name), "{name}");
        }
        let long = "x".repeat(256);
        for name in [
            "", "@", "-x", "a b", "a..b", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b", "/a", "a/", "a//b",
            ".a", "a/.b", "a.lock", "a.", "a@{1}", "a\nb", &long,
        ] {
            assert!(!is_ref(name), "{name}");
        }
    }

    #[test]
    fn a_leading_v_and_a_full_name_do_not_count() {
        for (left, right) in [("v1", "1"), ("refs/tags/v1", "v1"), ("refs/heads/main", "main")] {
            assert!(agree(left, right) && agree(right, left), "{left} {right}");
        }
        assert!(!agree("v1", "v2"));
    }

    #[test]
    fn pull_requests_and_commits_are_allowed_only_when_listed() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let table: &[(&str, &[&str], bool)] = &[
            ("main", &[], true),
            ("refs/tags/v1", &[], true),
            ("refs/pull/1/head", &[], false),
            ("refs/merge-requests/1/head", &[], false),
            ("refs/changes/1/1", &[], false),
            (commit, &[], false),
            ("refs/heads/main", &["main"], true),
            ("main", &["refs/heads/main"], true),
            ("dev", &["main"], false),
            ("refs/pull/1/head", &["**"], false),
            ("refs/pull/1/head", &["refs/pull/*/head"], true),
            (commit, &["*"], false),
            (commit, &["[0-9a-f]*"], true),
            ("main", &["["], false),
        ];
        for (name, globs, expected) in table {
            let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
            assert_eq!(is_allowed(name, &globs), *expected, "{name} {globs:?}");
        }
    }
}
