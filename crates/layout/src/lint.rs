use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::Value;

use crate::json;
use crate::manifest::{MAX_MANIFEST, parse};
use crate::names::odd_name;
use crate::order::{Class, class};
use crate::signature::{FileHash, has_scope, signature, signature_span};

/// What does not fit in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// One word for programs: `json`, `files`, `missing`, `unlisted`, `scope`, `signature`, `size`.
    pub kind: &'static str,
    /// Line and column, both from 1; the column in characters.
    pub line: usize,
    /// See `line`.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub advice: &'static str,
}

/// What does not fit in a `resource.json` or `unary-resource.json` that is valid JSON: its list of files against those that
/// lie beside it, and its signature.
///
/// `beside` holds the names of the files in the manifest's directory, the manifest among them; `hash_of` gives the
/// SHA-256 of one. A manifest that is not signed may be as it is: the gateway signs when it writes.
pub fn lint_manifest(
    manifest: &[u8],
    beside: &BTreeSet<String>,
    mut hash_of: impl FnMut(&str) -> Option<FileHash>,
) -> Vec<Finding> {
    let Some(value) = parse(manifest) else { return vec![no_manifest(manifest)] };
    let mut findings = Vec::new();
    let complete = lint_files(manifest, &value, beside, &mut findings);
    if !has_scope(&value) {
        let span = span_of(manifest, &["scope"]);
        findings.push(finding(
            manifest,
            span,
            "scope",
            "\"scope\" is missing, or none of N G D DG C CG CD A".to_owned(),
            "Write the scope that resources of this type have, such as \"G\" or \"A\"",
        ));
    }
    if let Some(span) = signature_span(manifest, &value).filter(|_| complete)
        && let Some(right) = signature(manifest, &mut hash_of)
        && right.as_bytes() != &manifest[span.clone()]
    {
        findings.push(finding(
            manifest,
            Some(span),
            "signature",
            format!("lastModificationSignature does not fit the manifest and its files, which give {right}"),
            "Save the resource in the Designer, or write that signature; if nobody edited these files, look for a \
             conversion of line ends (.gitattributes, core.autocrlf)",
        ));
    }
    findings
}

/// The files of a directory that no manifest in it lists: the gateway does not load them. `manifests` are the texts of all.
pub fn unlisted(beside: &BTreeSet<String>, manifests: &[Vec<u8>]) -> Vec<String> {
    let mut listed = BTreeSet::new();
    for manifest in manifests {
        // What cannot be read may list everything.
        let Some(value) = parse(manifest) else { return Vec::new() };
        match value.get("files").and_then(Value::as_array) {
            Some(files) => listed.extend(files.iter().filter_map(Value::as_str).map(str::to_owned)),
            None => return Vec::new(),
        }
    }
    let counts = |name: &&String| class(name) == Class::Payload && !name.starts_with('.');
    beside.iter().filter(counts).filter(|name| !listed.contains(*name)).cloned().collect()
}

/// The finding for a file that [`unlisted`] names, at the manifest's list.
pub fn unlisted_finding(manifest: &[u8], name: &str) -> Finding {
    finding(
        manifest,
        span_of(manifest, &["files"]),
        "unlisted",
        format!("\"files\" does not list {name:?}, which lies beside it; the gateway does not load it"),
        "Add the name to \"files\" (and save the resource in the Designer, for its signature), or remove the file",
    )
}

/// False if a file that is listed is not to be had.
fn lint_files(
    manifest: &[u8],
    value: &Value,
    beside: &BTreeSet<String>,
    findings: &mut Vec<Finding>,
) -> bool {
    let Some(files) = value.get("files") else { return true };
    let span = span_of(manifest, &["files"]);
    let mut wrong = |span, kind, message: String, advice| {
        findings.push(finding(manifest, span, kind, message, advice));
    };
    let Some(files) = files.as_array() else {
        wrong(
            span,
            "files",
            "\"files\" is no list".to_owned(),
            "Write a list of the names beside the manifest",
        );
        return false;
    };
    let spans: Vec<Range<usize>> =
        span.clone().map(|list| json::elements(manifest, list).collect()).unwrap_or_default();
    let (mut complete, mut seen) = (true, BTreeSet::new());
    for (nth, file) in files.iter().enumerate() {
        let place = spans.get(nth).cloned().or_else(|| span.clone());
        let Some(name) = file.as_str() else {
            wrong(place, "files", format!("\"files\" holds {file}, which is no name"), "Write names only");
            complete = false;
            continue;
        };
        if odd_name(name).is_some() || name == ".." {
            let message = format!("\"files\" holds {name:?}, which is no name of a file beside it");
            wrong(place, "files", message, "Write the name alone, without a directory");
            complete = false;
        } else if !beside.contains(name) {
            let message = format!("\"files\" lists {name:?}, and there is no such file beside it");
            wrong(place, "missing", message, "Commit the file, or take its name out of the list");
            complete = false;
        } else if !seen.insert(name) {
            wrong(place, "files", format!("\"files\" lists {name:?} twice"), "Take one out");
        }
    }
    complete
}

fn no_manifest(manifest: &[u8]) -> Finding {
    if manifest.len() > MAX_MANIFEST {
        return finding(
            manifest,
            None,
            "size",
            format!(
                "it has {} bytes; a manifest larger than {MAX_MANIFEST} is not looked into",
                manifest.len()
            ),
            "Move what it holds into a payload file",
        );
    }
    finding(manifest, None, "json", "it is no JSON object".to_owned(), "Write an object: {\"scope\": …}")
}

fn span_of(text: &[u8], path: &[&str]) -> Option<Range<usize>> {
    path.iter().try_fold(json::root(text), |object, key| json::member(text, object, key))
}

fn finding(
    text: &[u8],
    span: Option<Range<usize>>,
    kind: &'static str,
    message: String,
    advice: &'static str,
) -> Finding {
    let before = &text[..span.map_or(0, |span| span.start).min(text.len())];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = before.split(|byte| *byte == b'\n').count();
    let column = 1 + String::from_utf8_lossy(&before[line_start..]).chars().count();
    Finding { kind, line, column, message, advice }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{file_hash, with_signature};

    const VIEW: &[u8] = b"{}";

    fn beside(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn hash(name: &str) -> Option<FileHash> {
        (name == "view.json").then(|| file_hash(VIEW).unwrap())
    }

    fn found(manifest: &str) -> Vec<Finding> {
        lint_manifest(manifest.as_bytes(), &beside(&["resource.json", "view.json"]), hash)
    }

    fn places(manifest: &str) -> Vec<(&'static str, usize, usize)> {
        found(manifest).iter().map(|finding| (finding.kind, finding.line, finding.column)).collect()
    }

    #[test]
    fn what_does_not_fit_is_found_where_it_stands() {
        for (manifest, expected) in [
            ("{\"scope\":\"G\",\"files\":[\"view.json\"]}", vec![]),
            ("{\"scope\":\"G\"}", vec![]),
            ("[]", vec![("json", 1, 1)]),
            ("{\n \"files\": {},\"scope\":\"G\"}", vec![("files", 2, 11)]),
            ("{\"scope\":\"G\",\n  \"files\": [\"view.json\",\n   \"gone.png\"]}", vec![("missing", 3, 4)]),
            ("{\"scope\":\"G\",\"files\":[\"view.json\", \"view.json\"]}", vec![("files", 1, 36)]),
            ("{\"scope\":\"G\",\"files\":[\"../x\"]}", vec![("files", 1, 23)]),
            ("{\"scope\":\"é\",\"files\":[7]}", vec![("files", 1, 23), ("scope", 1, 10)]),
        ] {
            assert_eq!(places(manifest), expected, "{manifest}");
        }
    }

    #[test]
    fn a_signature_is_judged_over_the_files_as_they_lie_there() {
        let unsigned = "{\"scope\":\"G\",\"files\":[\"view.json\"],\n\"attributes\":{\"lastModificationSignature\":\"00\"}}";
        let stale = found(unsigned);
        assert_eq!((stale.len(), stale[0].kind, stale[0].line, stale[0].column), (1, "signature", 2, 44));
        let signed = with_signature(unsigned.as_bytes(), hash).unwrap();
        let signed = String::from_utf8(signed).unwrap();
        assert_eq!(found(&signed), []);
        assert!(
            stale[0].message.ends_with(&signed[signed.len() - 67..signed.len() - 3]),
            "{}",
            stale[0].message
        );
        let elsewhere = signed.replace("\"files\"", "\"version\":2,\"files\"");
        assert_eq!(found(&elsewhere)[0].kind, "signature");
    }

    #[test]
    fn what_no_manifest_lists_is_named_once_for_all_of_them() {
        let names = beside(&["resource.json", "unary-resource.json", "a", "b", "c", ".gitkeep"]);
        let (one, two) = (b"{\"files\":[\"a\"]}".to_vec(), b"{\"files\":[\"b\"]}".to_vec());
        assert_eq!(unlisted(&names, &[one.clone(), two]), ["c"]);
        assert_eq!(unlisted(&names, std::slice::from_ref(&one)), ["b", "c"]);
        assert!(
            unlisted(&names, &[one, b"{".to_vec()]).is_empty(),
            "what cannot be read may list everything"
        );
        let finding = unlisted_finding(b"{\n\"files\": []}", "c");
        assert_eq!((finding.line, finding.column), (2, 10));
    }
}
