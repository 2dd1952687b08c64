//! Repositories that hold what cannot be applied.

use serde_json::json;

use super::{DATA, refuses, synced};
use crate::support::Site;

#[test]
fn an_unknown_ref_is_refused_with_similar_names() {
    let site = synced();
    site.repository.branch("release-1.4").unwrap();
    site.repository.tag("v1.4.0").unwrap();
    let place = site.repository.file_url();
    for (wanted, similar) in
        [("mian", "\"main\""), ("relese-1.4", "\"release-1.4\""), ("1.4.0", "\"v1.4.0\"")]
    {
        let words = [&*place, &*format!("{wanted:?}"), "similar", similar, "git.ref"];
        refuses(&site, &site.manifest().with("git.ref", wanted), DATA, "RefGone", &words);
    }
    let unlike = site.manifest().with("git.ref", "production");
    refuses(&site, &unlike, DATA, "RefGone", &[&place, "\"production\"", "git.ref"]);
}

#[test]
fn an_abbreviated_commit_and_one_that_is_gone_are_refused() {
    let site = synced();
    let head = site.repository.head().unwrap();
    let short = site.manifest().with("git.ref", &head[..10]);
    refuses(&site, &short, DATA, "RefGone", &[&head[..10], "all forty digits"]);
    let gone = "0123456789abcdef0123456789abcdef01234567";
    let words = [gone, &*site.repository.file_url()];
    refuses(&site, &site.manifest().with("git.ref", gone), DATA, "RefGone", &words);
}

#[test]
fn an_empty_repository_is_refused() {
    let site = Site::empty();
    refuses(&site, &site.manifest(), DATA, "RefGone", &["is empty", "push a commit"]);
}

#[test]
fn a_symbolic_link_is_refused_with_its_path_and_never_followed() {
    let site = synced();
    for target in ["/etc/passwd", "project.json", "../../../secrets"] {
        site.repository.symlink("projects/line/link", target).unwrap();
        site.repository.commit("a link").unwrap();
        let words = ["\"projects/line/link\"", "symbolic link", "excludePatterns"];
        refuses(&site, &site.manifest(), DATA, "UnsafePath", &words);
    }
    // Left out on purpose, it harms nobody.
    let manifest = site.manifest().with("sync.defaults.excludePatterns", json!(["projects/line/link"]));
    site.sync(&manifest);
    assert!(!site.data.join("projects/line/link").exists());
}

#[test]
fn a_mapping_whose_source_is_a_symbolic_link_is_refused() {
    let site = synced();
    site.repository.symlink("current", "projects").unwrap();
    site.repository.commit("a link").unwrap();
    for source in ["current", "current/line"] {
        let words = ["\"current", "symbolic link", "correct the mapping's source"];
        refuses(&site, &site.manifest().mapping(source, "projects"), DATA, "UnsafePath", &words);
    }
}

/// A commit on top of `main` whose directory `projects` holds a file under a name that git itself refuses.
fn commit_named(site: &Site, name: &str) {
    let blob = site.repository.write_object("blob", b"evil").unwrap();
    let tree = site.repository.write_object("tree", &entry("100644", name, &blob)).unwrap();
    let root = site.repository.write_object("tree", &entry("40000", "projects", &tree)).unwrap();
    site.repository.commit_tree(&root, "a hostile tree").unwrap();
}

fn entry(mode: &str, name: &str, id: &str) -> Vec<u8> {
    let mut bytes = format!("{mode} {name}\0").into_bytes();
    let digits = id.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    bytes.extend(digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()));
    bytes
}

#[test]
fn a_path_in_the_repository_that_leaves_its_root_is_refused() {
    for name in ["..", ".", "../../escaped", "/etc/passwd", "a/../../../escaped"] {
        let site = synced();
        commit_named(&site, name);
        let manifest = site.manifest().mapping("projects", "projects");
        let words = [&*format!("forbidden name {name:?}"), "\"projects\"", "Remove the entry"];
        refuses(&site, &manifest, DATA, "UnsafePath", &words);
        assert!(!site.path("escaped").exists() && !site.data.join("escaped").exists());
    }
}

#[test]
fn files_that_would_be_one_on_another_file_system_are_refused() {
    let site = synced();
    site.repository.write("projects/line/Notes.txt", "1").unwrap();
    site.repository.write("projects/line/notes.txt", "2").unwrap();
    site.repository.commit("two cases").unwrap();
    let words = ["projects/line/Notes.txt", "projects/line/notes.txt", "Rename one"];
    refuses(&site, &site.manifest(), DATA, "UnsafePath", &words);
}

#[test]
fn a_push_that_would_delete_too_much_is_refused_with_the_figures() {
    let site = synced();
    for view in 0..100 {
        site.repository.write(&format!("projects/line/notes/{view}.txt"), view.to_string()).unwrap();
    }
    site.repository.commit("many").unwrap();
    site.sync(&site.manifest());
    site.repository.remove("projects/line/notes").unwrap();
    site.repository.commit("gone").unwrap();
    let words = ["100", "maxDeletes"];
    refuses(&site, &site.manifest(), DATA, "LimitExceeded", &words);
    let three = site.manifest().with("sync.limits", json!({"maxDeletes": 99}));
    refuses(&site, &three, DATA, "LimitExceeded", &["100", "99", "maxDeletes"]);
    site.sync(&site.manifest().with("sync.limits", json!({"maxDeletes": 100})));
    assert!(!site.data.join("projects/line/notes").exists());
}

#[test]
fn more_files_or_bytes_than_allowed_are_refused_with_the_figures() {
    let site = synced();
    site.repository.write("projects/line/large.bin", vec![7; 70_000]).unwrap();
    site.repository.commit("large").unwrap();
    for (field, limit) in
        [("maxFiles", json!(3)), ("maxBytes", json!(50_000)), ("maxFileBytes", json!(60_000))]
    {
        let manifest = site.manifest().with(&format!("sync.limits.{field}"), limit.clone());
        refuses(&site, &manifest, DATA, "LimitExceeded", &[field]);
    }
}
