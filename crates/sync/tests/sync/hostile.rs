//! The repository and the state directory are untrusted.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::*;
use stoker_sync::{Desired, Error, Trust};

fn refused(nodes: Vec<(&str, Node)>, destination: &str) -> Error {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    gateway.put("before", "untouched");
    let commit = repo.commit_nodes(nodes);
    let error = sync(&gateway, &mut repo, &desired(&commit, vec![map("s", destination)])).unwrap_err();
    assert_eq!(gateway.files(), expected(&[("before", "untouched")]));
    error
}

#[test]
fn a_link_in_the_repository_is_refused_with_its_path() {
    let link = || ("s/sub/creds", Node::Symlink("/etc/stoker/git-token/token".to_owned()));
    let error = refused(vec![link(), ("s/a", Node::File(b"1".to_vec()))], "d");
    assert_eq!(
        error.to_string(),
        "\"s/sub/creds\" in the repository is a symbolic link, which is never followed. Replace it by a file, or add \
         \"d/sub/creds\" to excludePatterns"
    );
    assert_eq!(error.reason(), "UnsafePath");
    let error = refused(vec![("s", Node::Symlink("elsewhere".to_owned()))], "d");
    assert!(error.to_string().contains("symbolic link"), "{error}");
    let error = refused(vec![("s/m", Node::Submodule)], "d");
    assert!(error.to_string().contains("submodule"), "{error}");
}

#[test]
fn an_excluded_link_is_passed_over() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let commit =
        repo.commit_nodes(vec![("s/l", Node::Symlink("x".to_owned())), ("s/a", Node::File(b"1".to_vec()))]);
    let mut wanted = desired(&commit, vec![map("s", "d")]);
    wanted.excludes.push("d/l".to_owned());
    sync(&gateway, &mut repo, &wanted).unwrap();
    assert_eq!(gateway.files(), expected(&[("d/a", "1")]));
}

#[test]
fn names_that_leave_the_directory_are_refused() {
    for name in ["..", ".git", ".GIT"] {
        let path = format!("s/{name}");
        let error = refused(vec![(path.as_str(), Node::File(b"x".to_vec()))], "d");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn paths_of_a_mapping_that_leave_their_root_are_refused() {
    for (source, destination) in
        [("s", "../out"), ("../s", "d"), ("/s", "d"), ("s", "/etc"), ("s", "d/../../e")]
    {
        let (gateway, mut repo) = (Gateway::new(), Repo::default());
        let commit = repo.commit(&[("s/a", "1")]);
        let error = sync(&gateway, &mut repo, &desired(&commit, vec![map(source, destination)])).unwrap_err();
        assert_eq!(error.reason(), "UnsafePath", "{error}");
    }
}

#[test]
fn a_rendered_path_is_checked_after_rendering() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let commit = repo.commit(&[("s/a", "1")]);
    let mut wanted = desired(&commit, vec![map("s", "{{ .Vars.site }}/x")]);
    wanted.data.vars.insert("site".to_owned(), "../../etc".to_owned());
    let error = sync(&gateway, &mut repo, &wanted).unwrap_err();
    assert_eq!(error.reason(), "UnsafePath", "{error}");
}

#[test]
fn a_mapping_over_a_sacred_path_is_refused_whatever_its_case() {
    for path in ["s/db/config.idb", "s/DB/config.idb", "s/.stoker/manifest"] {
        let error = refused(vec![(path, Node::File(b"x".to_vec()))], ".");
        assert!(error.to_string().contains("must never be written"), "{error}");
    }
}

fn synced() -> (Gateway, Repo, Desired) {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let commit = repo.commit(&[("s/a/f", "1"), ("s/b", "2")]);
    let wanted = desired(&commit, vec![map("s", "d")]);
    sync(&gateway, &mut repo, &wanted).unwrap();
    (gateway, repo, wanted)
}

#[test]
fn a_link_planted_in_place_of_a_directory_is_never_written_through() {
    let (gateway, mut repo, _) = synced();
    let outside = tempfile::tempdir().unwrap();
    fs::remove_dir_all(gateway.data.join("d/a")).unwrap();
    symlink(outside.path(), gateway.data.join("d/a")).unwrap();
    let commit = repo.commit(&[("s/a/f", "new"), ("s/b", "2")]);
    let error = sync(&gateway, &mut repo, &desired(&commit, vec![map("s", "d")])).unwrap_err();
    assert!(matches!(error, Error::InTheWay { .. }), "{error}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn a_link_planted_in_place_of_a_file_is_replaced_and_kept_aside() {
    let (gateway, mut repo, _) = synced();
    let outside = tempfile::NamedTempFile::new().unwrap();
    gateway.remove("d/b");
    symlink(outside.path(), gateway.data.join("d/b")).unwrap();
    let commit = repo.commit(&[("s/a/f", "1"), ("s/b", "new")]);
    sync(&gateway, &mut repo, &desired(&commit, vec![map("s", "d")])).unwrap();
    assert_eq!(gateway.read("d/b"), "new");
    assert!(gateway.data.join("d/b").symlink_metadata().unwrap().is_file());
    assert_eq!(fs::read(outside.path()).unwrap(), b"");
    assert!(gateway.local().contains_key("d/b"));
}

#[test]
fn a_damaged_manifest_means_hash_everything_and_nothing_is_lost() {
    let (gateway, mut repo, wanted) = synced();
    gateway.put("d/foreign", "mine");
    let manifest = gateway.data.join(".stoker/manifest");
    let mut bytes = fs::read(&manifest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&manifest, bytes).unwrap();
    assert_eq!(gateway.volume().synced().unwrap(), None);
    let before = gateway.files();
    let (applied, summary) = sync(&gateway, &mut repo, &wanted).unwrap();
    assert_eq!((applied.written, applied.deleted, summary.hashed), (0, 0, 2));
    assert_eq!(gateway.files(), before);
    assert!(gateway.volume().synced().unwrap().is_some());
}

#[test]
fn a_state_of_a_newer_version_is_refused_and_named() {
    let (gateway, mut repo, wanted) = synced();
    let manifest = gateway.data.join(".stoker/manifest");
    let mut bytes = fs::read(&manifest).unwrap();
    bytes[5] = 9;
    let body = bytes.len() - 20;
    let mut sum = stoker_object::FastHasher::checksum();
    sum.update(&bytes[..body]);
    let sum = sum.finish();
    bytes[body..].copy_from_slice(sum.as_bytes());
    fs::write(&manifest, bytes).unwrap();
    let error = sync(&gateway, &mut repo, &wanted).unwrap_err();
    assert!(error.to_string().contains("has format 9"), "{error}");
}

#[test]
fn a_foreign_directory_where_a_file_must_go_is_named_and_left() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    gateway.put("d/b/precious", "p");
    let commit = repo.commit(&[("s/b", "file")]);
    for mappings in [vec![map("s", "d")], vec![map("s/b", "d/b")]] {
        let error = sync(&gateway, &mut repo, &desired(&commit, mappings)).unwrap_err();
        assert!(error.to_string().contains("\"d/b\" is in the way"), "{error}");
        assert_eq!(gateway.files(), expected(&[("d/b/precious", "p")]));
    }
}

#[test]
fn a_state_directory_that_is_a_link_is_refused() {
    let gateway = Gateway::new();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), gateway.data.join(".stoker")).unwrap();
    let error = stoker_sync::Volume::open(&gateway.data, "me").err().unwrap();
    assert!(matches!(error, Error::InTheWay { .. }), "{error}");
}

#[test]
fn a_planted_manifest_cannot_make_us_remove_what_is_sacred() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    gateway.put("db/config.idb", "precious");
    let commit = repo.commit(&[("s/a", "1")]);
    let mut wanted = desired(&commit, vec![mirror("s", ".")]);
    wanted.limits.max_deletes = stoker_sync::MaxDeletes::Count(100);
    sync(&gateway, &mut repo, &wanted).unwrap();
    let plan = gateway.volume().plan(&wanted, &mut repo, &TestRules, Trust::Nothing).unwrap();
    assert_eq!(plan.summary.deleted, 0);
    assert_eq!(gateway.read("db/config.idb"), "precious");
}
