use crate::support::*;
use stoker_sync::{Error, Mapping, MappingKind};

fn fails(files: &[(&str, &str)], mappings: Vec<Mapping>) -> Error {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    gateway.put("before", "untouched");
    let commit = repo.commit(files);
    let error = sync(&gateway, &mut repo, &desired(&commit, mappings)).unwrap_err();
    assert_eq!(gateway.files(), expected(&[("before", "untouched")]));
    error
}

fn writes(files: &[(&str, &str)], mappings: Vec<Mapping>, result: &[(&str, &str)]) {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let commit = repo.commit(files);
    sync(&gateway, &mut repo, &desired(&commit, mappings)).unwrap();
    assert_eq!(gateway.files(), expected(result));
}

#[test]
fn later_mappings_overlay_earlier_ones() {
    writes(
        &[("base/a", "base"), ("base/d/b", "base"), ("site/a", "site"), ("one.txt", "one")],
        vec![map("base", "x"), map("site", "x"), map("one.txt", "x/d/b")],
        &[("x/a", "site"), ("x/d/b", "one")],
    );
    writes(
        &[("base/a", "base"), ("base/d/b", "base"), ("one.txt", "one")],
        vec![map("one.txt", "x/d/b"), map("base", "x")],
        &[("x/a", "base"), ("x/d/b", "base")],
    );
}

#[test]
fn every_spelling_of_source_and_destination_means_the_same() {
    for (source, destination) in
        [("s/t", "d/e"), ("./s/t/", "d/e/"), ("s//t", "./d/./e"), ("s/t/.", "d//e//")]
    {
        writes(&[("s/t/f", "1")], vec![map(source, destination)], &[("d/e/f", "1")]);
    }
    writes(&[("s/f", "1")], vec![map("s/f", "./d/g")], &[("d/g", "1")]);
    writes(&[("s/f", "1")], vec![map(".", "./")], &[("s/f", "1")]);
}

#[test]
fn a_missing_source_is_skipped_unless_it_is_required() {
    writes(&[("s/f", "1")], vec![map("s", "d"), map("nowhere", "e")], &[("d/f", "1")]);
    let error =
        fails(&[("s/f", "1")], vec![map("s", "d"), Mapping { required: true, ..map("no/where", "e") }]);
    assert_eq!(
        error.to_string(),
        "source \"no/where\" of mapping 1 is not in commit 0101010 and the mapping is required. Commit it, correct the \
         path, or drop \"required\""
    );
    assert_eq!(error.reason(), "SourceMissing");
}

#[test]
fn a_wrong_type_is_named() {
    let typed = |kind, mapping| Mapping { kind: Some(kind), ..mapping };
    let error = fails(&[("s/f", "1")], vec![typed(MappingKind::File, map("s", "d"))]);
    assert!(error.to_string().contains("type \"file\", but its source \"s\" is a directory"), "{error}");
    let error = fails(&[("s/f", "1")], vec![typed(MappingKind::Dir, map("s/f", "d"))]);
    assert!(error.to_string().contains("type \"dir\", but its source \"s/f\" is a file"), "{error}");
    let error = fails(&[("s/f", "1")], vec![map("s/f", ".")]);
    assert!(error.to_string().contains("names the file"), "{error}");
}

#[test]
fn excluded_paths_are_neither_written_nor_removed() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    gateway.put("d/keep/local.txt", "mine");
    gateway.put("d/.resources/cache", "cache");
    let commit =
        repo.commit(&[("s/a", "1"), ("s/keep/git.txt", "git"), ("s/.gitkeep", ""), ("s/.resources/x", "x")]);
    let mut wanted = desired(&commit, vec![mirror("s", "d")]);
    wanted.excludes.push("d/keep/".to_owned());
    sync(&gateway, &mut repo, &wanted).unwrap();
    let after = [("d/a", "1"), ("d/keep/local.txt", "mine"), ("d/.resources/cache", "cache")];
    assert_eq!(gateway.files(), expected(&after));
}

#[test]
fn a_file_that_was_ours_and_is_excluded_now_stays() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let commit = repo.commit(&[("s/a", "1"), ("s/b", "2")]);
    sync(&gateway, &mut repo, &desired(&commit, vec![map("s", "d")])).unwrap();
    let commit = repo.commit(&[("s/a", "1")]);
    let mut wanted = desired(&commit, vec![map("s", "d")]);
    wanted.excludes.push("d/b".to_owned());
    sync(&gateway, &mut repo, &wanted).unwrap();
    assert_eq!(gateway.files(), expected(&[("d/a", "1"), ("d/b", "2")]));
    wanted.excludes.pop();
    sync(&gateway, &mut repo, &wanted).unwrap();
    assert_eq!(gateway.files(), expected(&[("d/a", "1")]), "it was ours all the time");
}

#[test]
fn what_a_skipped_or_removed_mapping_wrote_stays_and_is_reported() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let both = repo.commit(&[("s/a", "1"), ("t/b", "2")]);
    sync(&gateway, &mut repo, &desired(&both, vec![map("s", "d"), map("t", "e")])).unwrap();
    let one = repo.commit(&[("s/a", "1")]);
    for mappings in [vec![map("s", "d"), map("t", "e")], vec![map("s", "d")]] {
        let (_, summary) = sync(&gateway, &mut repo, &desired(&one, mappings)).unwrap();
        assert_eq!(gateway.files(), expected(&[("d/a", "1"), ("e/b", "2")]));
        assert_eq!(summary.unmanaged_paths, ["e/b"]);
    }
    let again = repo.commit(&[("s/a", "1"), ("t/c", "3")]);
    sync(&gateway, &mut repo, &desired(&again, vec![map("s", "d"), map("t", "e")])).unwrap();
    assert_eq!(
        gateway.files(),
        expected(&[("d/a", "1"), ("e/c", "3")]),
        "the mapping is back, and Git lacks e/b"
    );
}

#[test]
fn a_mapping_whose_source_moved_still_clears_its_destination() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let first = repo.commit(&[("old/a", "1"), ("old/b", "2")]);
    sync(&gateway, &mut repo, &desired(&first, vec![map("old", "d")])).unwrap();
    let second = repo.commit(&[("new/a", "1")]);
    sync(&gateway, &mut repo, &desired(&second, vec![map("new", "d")])).unwrap();
    assert_eq!(gateway.files(), expected(&[("d/a", "1")]));
}

#[test]
fn a_mirroring_mapping_removes_what_the_source_lacks_but_no_identity() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    gateway.put("d/sub/foreign", "f");
    gateway.put("d/user-source/x", "u");
    gateway.put("outside", "o");
    let commit = repo.commit(&[("s/a", "1")]);
    sync(&gateway, &mut repo, &desired(&commit, vec![mirror("s", "d")])).unwrap();
    assert_eq!(gateway.files(), expected(&[("d/a", "1"), ("d/user-source/x", "u"), ("outside", "o")]));
    let error = fails(&[("s/a", "1")], vec![mirror("s", "projects/")]);
    assert!(error.to_string().contains("map a project instead"), "{error}");
}

#[test]
fn names_that_cannot_both_exist_are_refused() {
    let error = fails(&[("s/View", "1"), ("s/view", "2")], vec![map("s", "d")]);
    assert!(error.to_string().contains("\"d/View\"") && error.to_string().contains("case"), "{error}");
    let error = fails(&[("s/a/b", "1"), ("t/a", "2")], vec![map("s", "d"), map("t", "d")]);
    assert!(error.to_string().contains("one is a file and the other a directory"), "{error}");
}

#[test]
fn what_another_part_looks_after_is_left_alone() {
    writes(&[("s/skipped/x", "1"), ("s/y", "2")], vec![map("s", ".")], &[("y", "2")]);
}

#[test]
fn a_shared_parent_directory_of_two_mappings_is_not_searched() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    gateway.put("config/other/foreign", "f");
    let commit = repo.commit(&[("s/a", "1"), ("t/b", "2")]);
    let wanted = desired(&commit, vec![map("s", "config/one"), map("t", "config/two")]);
    let (_, summary) = sync(&gateway, &mut repo, &wanted).unwrap();
    assert_eq!(summary.unmanaged, 0);
}
