//! Compares the matcher with what doublestar answered: `golden.jsonl` is written by the program `glob` of `tests/oracle`.

use serde_json::Value as Json;
use stoker_glob::Pattern;

const TABLE: &str = include_str!("golden.jsonl");

#[test]
fn every_case_matches_as_in_doublestar() {
    let mut differences = Vec::new();
    for (number, line) in (1..).zip(TABLE.lines()) {
        let line: Json = serde_json::from_str(line).unwrap_or_else(|error| panic!("line {number}: {error}"));
        let (pattern, path) = (text(&line["pattern"]), text(&line["path"]));
        let wanted = (line["error"] != true).then(|| line["match"] == true);
        let found = Pattern::new(pattern).ok().map(|pattern| pattern.matches(path));
        if found != wanted {
            differences
                .push(format!("line {number}: {pattern:?} on {path:?}: Go {wanted:?}, here {found:?}"));
        }
    }
    let cases = TABLE.lines().count();
    assert!(cases >= 300, "only {cases} cases");
    assert!(differences.is_empty(), "{} of {cases} differ:\n{}", differences.len(), differences.join("\n"));
}

fn text(json: &Json) -> &str {
    json.as_str().expect("text")
}
