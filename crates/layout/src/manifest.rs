use serde_json::Value;

/// The largest manifest that is looked into, in bytes; real ones have some 500. A larger one is compared
/// byte by byte, and has no signature: parsing costs up to forty times the text in memory.
pub const MAX_MANIFEST: usize = 128 * 1024;

/// Whether two versions of a `resource.json` or `unary-resource.json` say the same.
///
/// The gateway rewrites manifests by itself: who changed a resource last, the signature, the order of
/// keys and white space are not content. What is no JSON object is compared byte by byte.
pub fn same_manifest(a: &[u8], b: &[u8]) -> bool {
    a == b || content(a).is_some_and(|ours| content(b).is_some_and(|theirs| ours == theirs))
}

/// What a manifest says, in one spelling: equal essences are the [`same_manifest`]. `None`: it is none.
pub fn essence(manifest: &[u8]) -> Option<Vec<u8>> {
    let mut value = content(manifest)?;
    value.sort_all_objects();
    serde_json::to_vec(&value).ok()
}

/// The manifest as a value, if it is one.
pub fn parse(manifest: &[u8]) -> Option<Value> {
    if manifest.len() > MAX_MANIFEST {
        return None;
    }
    serde_json::from_slice(manifest).ok().filter(Value::is_object)
}

fn content(manifest: &[u8]) -> Option<Value> {
    let mut value = parse(manifest)?;
    let all = value.as_object_mut()?;
    let Some(attributes) = all.get_mut("attributes").and_then(Value::as_object_mut) else {
        return Some(value);
    };
    attributes.remove("lastModification");
    attributes.remove("lastModificationSignature");
    // A manifest written by hand may have no attributes until the gateway adds those two.
    if attributes.is_empty() {
        all.remove("attributes");
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMITTED: &str = r#"{
  "scope": "G", "version": 1, "restricted": false, "overridable": true,
  "files": ["view.json", "thumbnail.png"],
  "attributes": {
    "lastModification": {"actor": "admin", "timestamp": "2025-10-08T20:07:51Z"},
    "lastModificationSignature": "c7401d5ccad0567bfcf24a6715235fdfe4e694178a966dc6891a68029253375d",
    "hintScope": 2
  }
}"#;

    fn same(a: &str, b: &str) -> bool {
        let answer = same_manifest(a.as_bytes(), b.as_bytes());
        assert_eq!(answer, same_manifest(b.as_bytes(), a.as_bytes()), "symmetric: {a} {b}");
        if let (Some(ours), Some(theirs)) = (essence(a.as_bytes()), essence(b.as_bytes())) {
            assert_eq!(answer, ours == theirs, "the essence says the same: {a} {b}");
        }
        answer
    }

    #[test]
    fn what_the_gateway_rewrites_by_itself_is_no_difference() {
        for rewritten in [
            COMMITTED.replace("admin", "external").replace("2025", "2026"),
            COMMITTED.replace("c7401d5c", "00000000"),
            COMMITTED.replace([' ', '\n'], ""),
            COMMITTED.replace('\n', "\r\n"),
            r#"{"attributes":{"hintScope":2},"files":["view.json","thumbnail.png"],"overridable":true,"restricted":false,"version":1,"scope":"G"}"#.to_owned(),
        ] {
            assert!(same(COMMITTED, &rewritten), "{rewritten}");
        }
    }

    #[test]
    fn everything_else_is_a_difference() {
        for changed in [
            COMMITTED.replace("\"G\"", "\"A\""),
            COMMITTED.replace("\"version\": 1", "\"version\": 2"),
            COMMITTED.replace("\"hintScope\": 2", "\"hintScope\": 3"),
            COMMITTED.replace(",\n    \"hintScope\": 2", ""),
            COMMITTED.replace("\"view.json\", \"thumbnail.png\"", "\"thumbnail.png\", \"view.json\""),
            COMMITTED.replace("\"overridable\": true", "\"overridable\": true, \"locked\": true"),
        ] {
            assert_ne!(changed, COMMITTED);
            assert!(!same(COMMITTED, &changed), "{changed}");
        }
    }

    #[test]
    fn the_last_modification_elsewhere_counts() {
        assert!(!same(r#"{"lastModification":1}"#, r#"{"lastModification":2}"#));
        assert!(!same(
            r#"{"x":{"lastModificationSignature":1}}"#,
            r#"{"x":{"lastModificationSignature":2}}"#
        ));
    }

    #[test]
    fn attributes_that_only_the_gateway_added_are_no_difference() {
        let bare = r#"{"scope":"G","files":["a"]}"#;
        let touched = r#"{"scope":"G","files":["a"],"attributes":{"lastModification":{"actor":"external"}}}"#;
        assert!(same(bare, touched));
        assert!(!same(bare, r#"{"scope":"G","files":["a"],"attributes":{"enabled":true}}"#));
    }

    #[test]
    fn what_is_no_manifest_is_compared_byte_by_byte() {
        for (a, b, equal) in
            [("", "", true), ("{", "{", true), ("{", "{ ", false), ("[1]", "[1 ]", false), ("{}", "", false)]
        {
            assert_eq!(same(a, b), equal, "{a} {b}");
        }
        let huge = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_MANIFEST));
        assert!(same(&huge, &huge));
        assert!(!same(&huge, &format!("{huge} ")));
        assert!(!same(&"[".repeat(1000), &"[".repeat(1001)));
    }
}
