//! What needs neither Git nor gateway: signatures of what is rendered, `render` and `lint`.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::site::program;
use crate::support::tree::Entry;
use crate::support::{Ended, Manifest, Site, Tree, assert_same};

const RESOURCE: &str = "projects/line/com.inductiveautomation.perspective/views/signed";
/// Both signatures were calculated by hand after the formula, over `{"site":"?","n":1.50}\n` and `{"site":"gw","n":1.50}\n`.
const COMMITTED: &str = "3ec87c5b81d79771b31188f8ff57ca2593e22d199437ccefc874997322148c07";
const RENDERED: &str = "f366f9e513f7967b8d1d3dd7e83ec53587be89c04f68fd0d12f3c428b91df7b9";

fn manifest(signature: &str) -> String {
    format!(
        "{{\n  \"scope\": \"A\",\n  \"documentation\": \"by hand\",\n  \"files\": [\n    \"view.json\",\n    \"image.png\"\n  ],\n  \
         \"attributes\": {{\n    \"lastModificationSignature\": \"{signature}\",\n    \"lastModification\": {{ \"actor\": \"admin\", \
         \"timestamp\": \"2026-03-01T10:00:00Z\" }},\n    \"hintScope\": 2\n  }}\n}}\n"
    )
}

/// A site with a signed resource of which one file is patched.
fn signed_site(signature: &str) -> (Site, Manifest) {
    let site = Site::new();
    site.repository.write(&format!("{RESOURCE}/view.json"), "{\"site\":\"?\",\"n\":1.50}\n").unwrap();
    site.repository.write(&format!("{RESOURCE}/image.png"), "png").unwrap();
    site.repository.write(&format!("{RESOURCE}/resource.json"), manifest(signature)).unwrap();
    site.repository.commit("signed").unwrap();
    let manifest = site.manifest().mappings(json!([{
        "source": "projects", "destination": "projects",
        "patches": [{"file": "**/signed/view.json", "set": {"site": "{{ .GatewayName }}"}}],
    }]));
    (site, manifest)
}

fn lint(directory: &Path, arguments: &[&str]) -> Ended {
    Ended::of(program().arg("lint").arg(directory).args(arguments))
}

fn render(site: &Site, source: &Path, arguments: &[&str]) -> Ended {
    let mut command = program();
    command.arg("render").arg("--config").arg(site.config()).arg("--source").arg(source);
    command.arg("--out").arg(site.path("out")).args(["--gateway-name", "gw", "--pod-name", "gw-0"]);
    Ended::of(command.args(arguments))
}

/// What was rendered, without the mark that says so.
fn rendered(site: &Site) -> Tree {
    let mut tree = Tree::of(&site.path("out"));
    assert!(tree.0.remove(".stoker-render").is_some(), "a rendered directory is marked");
    tree
}

#[test]
fn a_patched_resource_bears_a_signature_that_fits_it_and_is_left_alone_after() {
    let (site, settings) = signed_site(COMMITTED);
    site.sync(&settings);
    let live = site.data.join(RESOURCE);
    assert_eq!(fs::read_to_string(live.join("view.json")).unwrap(), "{\"site\":\"gw\",\"n\":1.50}\n");
    assert_eq!(fs::read_to_string(live.join("resource.json")).unwrap(), manifest(RENDERED));
    let before = fs::metadata(live.join("resource.json")).unwrap();
    site.sync(&settings);
    let after = fs::metadata(live.join("resource.json")).unwrap();
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()), "not written again");
    assert_eq!(Ended::of(program().arg("diff").arg("--data").arg(&site.data)).code, 0);
    let linted = lint(&site.data, &[]);
    assert_eq!(linted.code, 0, "{}", linted.stdout);
}

#[test]
fn a_signature_that_was_stale_in_the_repository_stays_stale() {
    let stale = "0".repeat(64);
    let (site, settings) = signed_site(&stale);
    site.sync(&settings);
    let live = site.data.join(RESOURCE).join("resource.json");
    assert_eq!(fs::read_to_string(live).unwrap(), manifest(&stale));
}

#[test]
fn what_is_rendered_is_byte_for_byte_what_a_sync_writes() {
    let (site, settings) = signed_site(COMMITTED);
    let settings = settings
        .profile("vars", json!({"site": "south"}))
        .mappings(json!([
            {"source": "projects", "destination": "projects",
             "patches": [{"file": "**/view.json", "set": {"site": "{{ .GatewayName }} {{ .Commit }} {{ .Ref }}"}}]},
            {"source": "config", "destination": "config"},
            {"source": "notes", "destination": "notes/{{ .Vars.site }}", "template": true},
        ]));
    site.repository.write("notes/a.txt", "{{ .PodOrdinal }} {{ .Labels.role }} {{ .Vars.site }}\n").unwrap();
    site.repository.write("ignored.txt", "no mapping").unwrap();
    let commit = site.repository.commit("notes").unwrap();
    let ended = site.once(&settings, &["--label", "role=press"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let checkout = site.repository.archive(&commit).unwrap();
    let ended = render(&site, checkout.path(), &["--label", "role=press", "--commit", &commit]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("gateway gw and profile default"), "{}", ended.stdout);
    assert_same(&rendered(&site), &site.live(), "rendered and synced");
}

#[test]
fn only_what_was_rendered_before_is_replaced_without_a_word() {
    let (site, settings) = signed_site(COMMITTED);
    site.write_manifest(&settings.text());
    let source = site.path("checkout");
    let put = |path: &str, text: &str| {
        fs::create_dir_all(source.join(path).parent().unwrap()).unwrap();
        fs::write(source.join(path), text).unwrap();
    };
    put("projects/a/project.json", "{}");
    put("projects/a/gone", "1");
    fs::create_dir(site.path("out")).unwrap();
    fs::write(site.path("out/mine"), "work").unwrap();
    let refused = render(&site, &source, &[]);
    assert_eq!(refused.code, 65);
    assert!(
        refused.message().contains("not empty") && refused.message().contains("--replace"),
        "{}",
        refused.stderr
    );
    assert_eq!(fs::read_to_string(site.path("out/mine")).unwrap(), "work");

    assert_eq!(render(&site, &source, &["--replace"]).code, 0);
    assert_eq!(
        rendered(&site).0.keys().filter(|path| !path.ends_with("/a")).count(),
        3,
        "{:?}",
        rendered(&site)
    );
    fs::remove_file(source.join("projects/a/gone")).unwrap();
    let again = render(&site, &source, &[]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(!site.path("out/projects/a/gone").exists());

    // A failure leaves what was rendered last.
    put("projects/a/bad.txt", "{{ .Vars.sitee }}");
    site.write_manifest(
        &site
            .manifest()
            .mappings(json!([
                {"source": "projects", "destination": "projects", "template": true},
            ]))
            .text(),
    );
    let failed = render(&site, &source, &[]);
    assert_eq!(failed.code, 65);
    assert!(failed.message().contains("projects/a/bad.txt:1:4: .Vars.sitee"), "{}", failed.stderr);
    assert_eq!(rendered(&site).0.len(), 3);
    let inside = Ended::of(
        program()
            .arg("render")
            .arg("--config")
            .arg(site.config())
            .arg("--source")
            .arg(&source)
            .args(["--replace", "--out"])
            .arg(source.parent().unwrap()),
    );
    assert_eq!(inside.code, 65);
    assert!(inside.message().contains("holds the source"), "{}", inside.stderr);
}

#[test]
fn a_link_in_the_checkout_is_refused_as_in_a_commit() {
    let (site, settings) = signed_site(COMMITTED);
    site.write_manifest(&settings.text());
    let source = site.path("checkout");
    fs::create_dir_all(source.join("projects/a")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", source.join("projects/a/link")).unwrap();
    let refused = render(&site, &source, &[]);
    assert_eq!(refused.code, 65);
    assert!(refused.message().contains("projects/a/link") && refused.message().contains("symbolic link"));
    assert!(!site.path("out/.stoker-rendering").exists());
}

#[test]
fn manifests_that_do_not_fit_are_named_with_place_and_remedy() {
    let (site, _) = signed_site(&"1".repeat(64));
    let directory = site.path("tree");
    let put = |path: &str, text: &str| {
        fs::create_dir_all(directory.join(path).parent().unwrap()).unwrap();
        fs::write(directory.join(path), text).unwrap();
    };
    put("a/view.json", "{\"site\":\"?\",\"n\":1.50}\n");
    put("a/image.png", "png");
    put("a/resource.json", &manifest(&"1".repeat(64)));
    put("b/resource.json", "{\"scope\":\"A\",\n \"files\": [\"x.json\", \"gone\"]}");
    put("b/x.json", "{\"a\":\n 01}");
    put("b/extra.py", "");
    put("c/resource.json", "{\"scope\":\"A\",}");
    put("d/resource.json", "{\"scope\":\"A\",\"files\":{{ .Vars.files }}}");
    put("e/project.json", "\u{feff}{}");
    put(".git/resource.json", "no");
    let ended = lint(&directory, &[]);
    assert_eq!(ended.code, 65);
    let mut lines: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let total = lines.pop().unwrap();
    assert_eq!(total, json!({"manifests": 5, "errors": 6, "notes": 1}));
    let found: Vec<(&str, u64, u64, &str, &str)> = lines
        .iter()
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap();
            let number = |key: &str| line[key].as_u64().unwrap();
            assert!(text("message").len() > 10 && text("advice").len() > 10, "{line}");
            (text("path"), number("line"), number("column"), text("kind"), text("severity"))
        })
        .collect();
    assert_eq!(
        found,
        [
            ("a/resource.json", 9, 35, "signature", "error"),
            ("b/resource.json", 2, 22, "missing", "error"),
            ("b/resource.json", 2, 11, "unlisted", "error"),
            ("b/x.json", 2, 3, "json", "error"),
            ("c/resource.json", 1, 14, "json", "error"),
            ("d/resource.json", 1, 23, "json", "note"),
            ("e/project.json", 1, 1, "json", "error"),
        ]
    );
    assert!(lines[0]["message"].as_str().unwrap().ends_with(COMMITTED), "{}", lines[0]);
    let nowhere = lint(&site.path("nowhere"), &["--json"]);
    assert_eq!(nowhere.code, 65);
    assert!(nowhere.message().contains("is no directory"), "{}", nowhere.stderr);
}

#[test]
fn what_the_gateway_keeps_for_itself_is_not_judged() {
    let (site, settings) = signed_site(COMMITTED);
    site.sync(&settings);
    for path in ["db/resource.json", "config/local/x/resource.json", "projects/.resources/1/resource.json"] {
        let path = site.data.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "no json").unwrap();
    }
    let linted = lint(&site.data, &[]);
    assert_eq!(linted.code, 0, "{}", linted.stdout);
    assert!(matches!(Tree::of(&site.data).0["db"], Entry::Directory));
}
