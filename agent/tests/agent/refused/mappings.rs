//! Mappings that do not fit the commit or the gateway.

use serde_json::json;

use super::{DATA, refuses, synced};
use crate::support::assert_same;

#[test]
fn a_missing_source_fails_when_it_is_required() {
    let site = synced();
    let mapping = json!([{"source": "projects/linie", "destination": "projects/line", "required": true}]);
    let commit = &site.repository.head().unwrap()[..7];
    let words = ["\"projects/linie\"", "mapping 0", commit, "correct the path"];
    refuses(&site, &site.manifest().mappings(mapping), DATA, "SourceMissing", &words);
}

#[test]
fn a_missing_source_is_skipped_with_a_word_when_it_is_not_required() {
    let site = synced();
    let before = site.live();
    let mappings = json!([
        {"source": "shared", "destination": "projects/shared"},
        {"source": "projects", "destination": "projects"},
        {"source": "config", "destination": "config"},
    ]);
    let ended = site.once(&site.manifest().mappings(mappings), &[]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let skipped = ended.stderr.lines().find(|line| line.contains("it is skipped")).expect("a word");
    assert!(skipped.contains("WARN") && skipped.contains("\"shared\""), "{skipped}");
    assert_same(&before, &site.live(), "the other mappings are synced");
}

#[test]
fn a_type_that_the_source_is_not_is_refused() {
    let site = synced();
    let mapping = json!([{"source": "projects", "destination": "x", "type": "file"}]);
    let words = ["mapping 0", "\"file\"", "\"projects\" is a directory", "Correct"];
    refuses(&site, &site.manifest().mappings(mapping), DATA, "SourceMissing", &words);
}

#[test]
fn a_path_that_leaves_its_root_once_it_is_rendered_is_refused() {
    let site = synced();
    let manifest = site.manifest().profile("vars", json!({"line": "../.."}));
    for (field, source, destination) in
        [("destination", "projects", "projects/{{.Vars.line}}"), ("source", "a/{{.Vars.line}}", "projects")]
    {
        let words = [&*format!("mappings[0].{field}"), "\"..\""];
        let manifest = manifest.clone().mapping(source, destination);
        refuses(&site, &manifest, DATA, "UnsafePath", &words);
    }
    let manifest = manifest.profile("vars", json!({"line": "/etc"})).mapping("projects", "{{.Vars.line}}");
    refuses(&site, &manifest, DATA, "UnsafePath", &["mappings[0].destination", "\"/etc\"", "absolute"]);
}

#[test]
fn what_a_gateway_must_never_have_overwritten_is_refused_however_it_is_spelled() {
    let site = synced();
    for (destination, rule) in [
        ("db", "internal database"),
        ("DB/", "internal database"),
        ("./config/local", "belongs to this machine"),
        ("config/resources/local", "belongs to this machine"),
        ("config/ignition/keys", "encryption keys"),
        (".stoker", "agent's own state"),
        (".Stoker/undo", "agent's own state"),
        ("projects/.resources", "cache"),
    ] {
        // The default excludes would leave `.resources` out before anybody had to refuse it.
        let manifest = site.manifest().with("sync.defaults.excludePatterns", json!([]));
        let words = [rule, "must never be written", "\"projects\"", "Narrow the mapping"];
        refuses(&site, &manifest.mapping("projects", destination), DATA, "UnsafePath", &words);
    }
}

#[test]
fn a_mirror_of_everything_is_refused_with_where_to_put_it() {
    let site = synced();
    for destination in [".", "projects", "config/resources/core"] {
        let mapping = json!([{"source": "projects", "destination": destination, "prune": "all"}]);
        let words = ["prune: all is refused at", "or use prune: owned"];
        refuses(&site, &site.manifest().mappings(mapping), DATA, "UnsafePath", &words);
    }
}

#[test]
fn a_template_with_an_unknown_variable_is_refused_with_the_known_ones() {
    let site = synced();
    let vars = json!({"site": "one", "area": "two"});
    let manifest = site.manifest().profile("vars", vars);
    let words = ["mappings[0].destination:1:13", ".Vars.sitee", "known: area, site"];
    let wrong = manifest.clone().mapping("projects", "projects/{{ .Vars.sitee }}");
    refuses(&site, &wrong, DATA, "TemplateFailed", &words);

    site.repository.write("projects/line/notes.txt", "one\ntwo {{ .Vars.sitee }}\n").unwrap();
    site.repository.commit("template").unwrap();
    let mapping = json!([{"source": "projects", "destination": "projects", "template": true}]);
    let words = ["projects/line/notes.txt:2:8", ".Vars.sitee", "known: area, site"];
    refuses(&site, &manifest.mappings(mapping), DATA, "TemplateFailed", &words);
}

#[test]
fn a_patch_of_what_is_no_json_is_refused_with_the_place() {
    let site = synced();
    site.repository.write("config/broken.json", "{\n  \"a\": 1,\n  oops\n}\n").unwrap();
    site.repository.commit("broken").unwrap();
    let patches = json!([{"file": "**/*.json", "set": {"a": "2"}}]);
    let mapping = json!([{"source": "config", "destination": "config", "patches": patches}]);
    let words = ["config/broken.json", "line 3, column 3"];
    refuses(&site, &site.manifest().mappings(mapping), DATA, "PatchFailed", &words);
}
