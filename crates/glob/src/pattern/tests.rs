use super::*;

fn matches(pattern: &str, path: &str) -> bool {
    Pattern::new(pattern).expect(pattern).matches(path)
}

#[test]
fn a_double_star_is_special_only_as_a_whole_component() {
    for (pattern, path, answer) in [
        ("a/**", "a", true),
        ("a/**", "a/", true),
        ("a/**", "a/b/c", true),
        ("a/**", "ab", false),
        ("**/a", "a", true),
        ("**/a", "x/y/a", true),
        ("a/**/b", "a/b", true),
        ("a/**/b", "a/x/y/b", true),
        ("a**", "a/b", false),
        ("a**/b", "axy/b", true),
        ("a**/b", "ax/y/b", false),
        ("**b", "a/b", false),
        ("a/**/", "a", true),
        ("**", "", true),
    ] {
        assert_eq!(matches(pattern, path), answer, "{pattern} on {path}");
    }
}

#[test]
fn characters_are_characters_not_bytes() {
    for (pattern, path, answer) in [
        ("?", "é", true),
        ("??", "é", false),
        ("[à-ü]", "é", true),
        ("[^a]", "日", true),
        ("*語", "日本語", true),
        ("日?語", "日本語", true),
        ("\\日", "日", true),
    ] {
        assert_eq!(matches(pattern, path), answer, "{pattern} on {path}");
    }
}

#[test]
fn the_corners_of_the_original_are_kept() {
    for (pattern, path, answer) in [
        // What is left of the pattern at the end of the path counts only in a few spellings.
        ("a***", "a", false),
        ("a***", "ab", true),
        ("a*{,b}", "a", false),
        ("a{*,b}", "a", true),
        ("a/{**,x}", "a", false),
        ("a{/**,x}", "a", true),
        // A class may match the separator, a question mark may not.
        ("a[^b]c", "a/c", true),
        ("a[/]c", "a/c", true),
        ("a?c", "a/c", false),
        // Stars that meet through a group.
        ("*{*,a}/b", "x/b", true),
        ("{*,b}*/c", "x/y/c", true),
    ] {
        assert_eq!(matches(pattern, path), answer, "{pattern} on {path}");
    }
}

#[test]
fn a_long_path_of_near_misses_is_answered_at_once() {
    let path = "a/".repeat(2_000) + "b";
    let started = std::time::Instant::now();
    assert!(!matches("**/a*a*a*a*a*/**/c", &path));
    assert!(started.elapsed() < std::time::Duration::from_secs(5), "{:?}", started.elapsed());
}
