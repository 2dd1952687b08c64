//! Wording that several messages share: lists of names, and the nearest known one to a misspelling.

use std::fmt::Write as _;

/// Names in their order, separated by commas; beyond twenty, how many more there are.
pub(crate) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 20;
    let mut text = String::new();
    let mut count = 0;
    for name in names {
        count += 1;
        if count <= SHOWN {
            if count > 1 {
                text.push_str(", ");
            }
            text.push_str(name);
        }
    }
    if count > SHOWN {
        _ = write!(text, " and {} more", count - SHOWN);
    }
    text
}

/// ` (did you mean "x"?)` or nothing.
pub(crate) fn did_you_mean<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(written, known).map_or_else(String::new, |name| format!(" (did you mean {name:?}?)"))
}

/// The known name that the written one most likely stands for: the same but for case and separators, or a few slips
/// away (one in three letters, at most three).
pub(crate) fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Longer names are not typed by hand; the bound keeps a hostile key from costing time.
    if written.len() > 64 {
        return None;
    }
    let wanted = folded(written);
    known
        .map(|name| (slips(&wanted, &folded(name)), name))
        .filter(|(slips, name)| *slips <= (wanted.len().max(name.len()) / 3).min(3))
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, name)| name)
}

fn folded(name: &str) -> Vec<char> {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

/// Letters to insert, remove, replace or swap with their neighbour to turn one name into the other.
fn slips(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// At most `max` bytes from the front of a text, cut between characters.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let known = ["mappings", "vars", "dryRun", "excludePatterns", "paused"];
        let table = [
            ("mapings", Some("mappings")),
            ("mapping", Some("mappings")),
            ("MAPPINGS", Some("mappings")),
            ("dry_run", Some("dryRun")),
            ("dryrun", Some("dryRun")),
            ("excludes", None),
            ("excludePattern", Some("excludePatterns")),
            ("puased", Some("paused")),
            ("var", Some("vars")),
            ("gateway", None),
            ("", None),
        ];
        for (written, expected) in table {
            assert_eq!(nearest(written, known.into_iter()), expected, "{written}");
        }
    }

    #[test]
    fn a_hostile_key_gets_no_suggestion() {
        assert_eq!(nearest(&"x".repeat(1 << 20), ["x"].into_iter()), None);
    }

    #[test]
    fn long_lists_say_how_many_are_left_out() {
        let names: Vec<String> = (0..25).map(|n| n.to_string()).collect();
        let text = list(names.iter().map(String::as_str));
        assert!(text.ends_with("18, 19 and 5 more"), "{text}");
        assert_eq!(list(["a", "b"].into_iter()), "a, b");
    }
}
