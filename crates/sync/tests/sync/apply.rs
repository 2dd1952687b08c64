use std::collections::BTreeSet;

use crate::support::*;
use stoker_sync::{Limits, MaxDeletes, Trust};

const V1: &[(&str, &str)] = &[
    ("site/projects/a/project.json", "{}"),
    ("site/projects/a/views/main/view.json", "v1"),
    ("site/projects/a/views/main/resource.json", "r1 actor x"),
    ("site/projects/a/views/old/view.json", "old"),
    ("site/projects/a/views/old/resource.json", "old"),
    ("site/tags/tags.json", "[]"),
];

#[test]
fn a_first_sync_writes_the_commit_and_nothing_else() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let commit = repo.commit(V1);
    let (applied, summary) = sync(&gateway, &mut repo, &desired(&commit, vec![map("site", ".")])).unwrap();
    assert_eq!(gateway.files(), expected(&V1.iter().map(|(p, c)| (&p[5..], *c)).collect::<Vec<_>>()));
    assert_eq!((applied.written, applied.deleted, applied.generation), (6, 0, Some(0)));
    assert!(summary.first);
    assert_eq!(gateway.volume().synced().unwrap().unwrap().files, 6);
}

#[test]
fn a_second_sync_writes_what_changed_and_its_manifest_and_removes_what_is_gone() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let first = repo.commit(V1);
    sync(&gateway, &mut repo, &desired(&first, vec![map("site", ".")])).unwrap();
    gateway.put("projects/a/foreign.txt", "mine");
    let second = repo.commit(&[
        ("site/projects/a/project.json", "{}"),
        ("site/projects/a/views/main/view.json", "v2"),
        ("site/projects/a/views/main/resource.json", "r1 actor x"),
        ("site/tags/tags.json", "[]"),
        ("site/tags/udts.json", "{}"),
    ]);
    let (applied, summary) = sync(&gateway, &mut repo, &desired(&second, vec![map("site", ".")])).unwrap();
    assert_eq!(
        gateway.files(),
        expected(&[
            ("projects/a/foreign.txt", "mine"),
            ("projects/a/project.json", "{}"),
            ("projects/a/views/main/resource.json", "r1 actor x"),
            ("projects/a/views/main/view.json", "v2"),
            ("tags/tags.json", "[]"),
            ("tags/udts.json", "{}"),
        ])
    );
    assert!(!gateway.has("projects/a/views/old"), "an emptied directory goes");
    assert_eq!((summary.added, summary.modified, summary.rewritten, summary.deleted), (1, 1, 1, 2));
    assert_eq!((applied.written, applied.deleted), (3, 2));
    assert_eq!(summary.unmanaged_paths, ["projects/a/foreign.txt"]);
    assert_eq!(summary.hashed, 0, "nothing that we wrote is read again");
}

#[test]
fn the_same_commit_again_does_nothing() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let commit = repo.commit(V1);
    let desired = desired(&commit, vec![map("site", ".")]);
    sync(&gateway, &mut repo, &desired).unwrap();
    let plan = gateway.volume().plan(&desired, &mut repo, &TestRules, Trust::Nothing).unwrap();
    assert!(plan.is_nothing(), "{:?}", plan.summary);
    assert_eq!((plan.summary.unchanged, plan.summary.hashed), (6, 0));
}

#[test]
fn what_is_equal_already_is_adopted_and_not_written() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    for (path, content) in V1 {
        gateway.put(&path[5..], content);
    }
    let commit = repo.commit(V1);
    let (applied, _) = sync(&gateway, &mut repo, &desired(&commit, vec![map("site", ".")])).unwrap();
    assert_eq!((applied.written, applied.generation), (0, None));
    let next = repo.commit(&V1[..3]);
    let (applied, _) = sync(&gateway, &mut repo, &desired(&next, vec![map("site", ".")])).unwrap();
    assert_eq!(applied.deleted, 3, "what was found equal is ours to remove");
}

#[test]
fn a_trusted_walk_finds_what_a_full_walk_finds() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let first = repo.commit(V1);
    sync(&gateway, &mut repo, &desired(&first, vec![map("site", ".")])).unwrap();
    let mut files = V1.to_vec();
    files[5].1 = "[1]";
    let second = repo.commit(&files);
    let nothing_dirty = BTreeSet::new();
    let desired = desired(&second, vec![map("site", ".")]);
    let (_, summary) = sync_trusting(&gateway, &mut repo, &desired, Trust::AllBut(&nothing_dirty)).unwrap();
    assert_eq!((summary.modified, summary.unchanged, summary.files), (1, 5, 6));
    assert_eq!(gateway.read("tags/tags.json"), "[1]");
    let plan = gateway.volume().plan(&desired, &mut repo, &TestRules, Trust::Nothing).unwrap();
    assert!(plan.is_nothing(), "{:?}", plan.summary);
}

#[test]
fn a_volume_where_nothing_was_signalled_takes_a_new_commit_all_the_same() {
    for destination in [".", "d", "d/deeper"] {
        let (gateway, mut repo, untouched) = (Gateway::new(), Repo::default(), BTreeSet::new());
        let commit = repo.commit(&[("s/a/1", "1"), ("s/b/2", "2"), ("s/3", "3")]);
        sync(&gateway, &mut repo, &desired(&commit, vec![map("s", destination)])).unwrap();
        let commit = repo.commit(&[("s/a/1", "new"), ("s/b/2", "2"), ("s/3", "3")]);
        let desired = desired(&commit, vec![map("s", destination)]);
        let trust = Trust::AllBut(&untouched);
        let (applied, _) = sync_trusting(&gateway, &mut repo, &desired, trust).unwrap();
        assert_eq!(applied.written, 1, "{destination}");
        assert_eq!(gateway.read(format!("{destination}/a/1").trim_start_matches("./")), "new");
    }
}

#[test]
fn a_dirty_directory_is_looked_at_even_when_git_did_not_change_it() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let first = repo.commit(V1);
    sync(&gateway, &mut repo, &desired(&first, vec![map("site", ".")])).unwrap();
    gateway.put("projects/a/views/main/view.json", "by hand");
    let mut files = V1.to_vec();
    files[5].1 = "[1]";
    let second = repo.commit(&files);
    let dirty = ["projects/a/views/main".to_owned()].into();
    let (applied, _) =
        sync_trusting(&gateway, &mut repo, &desired(&second, vec![map("site", ".")]), Trust::AllBut(&dirty))
            .unwrap();
    assert_eq!(gateway.read("projects/a/views/main/view.json"), "v1");
    assert_eq!(applied.displaced, ["projects/a/views/main/view.json"]);
    assert_eq!(gateway.local(), expected(&[("projects/a/views/main/view.json", "by hand")]));
}

#[test]
fn a_file_becomes_a_directory_and_back() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    for files in [
        &[("s/a", "file"), ("s/z", "z")] as &[(&str, &str)],
        &[("s/a/b/c", "deep"), ("s/z", "z")],
        &[("s/a", "again"), ("s/z", "z")],
    ] {
        let commit = repo.commit(files);
        sync(&gateway, &mut repo, &desired(&commit, vec![map("s", "d")])).unwrap();
        let wanted: Vec<(String, &str)> =
            files.iter().map(|(p, c)| (p.replacen("s/", "d/", 1), *c)).collect();
        let wanted: Vec<(&str, &str)> = wanted.iter().map(|(p, c)| (p.as_str(), *c)).collect();
        assert_eq!(gateway.files(), expected(&wanted));
    }
}

#[test]
fn the_x_bit_follows_git_without_a_byte_from_it() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let plain = repo.commit(&[("s/run.sh", "#!"), ("s/copy.sh", "#!")]);
    sync(&gateway, &mut repo, &desired(&plain, vec![map("s", "d")])).unwrap();
    assert!(!gateway.is_executable("d/run.sh"));
    let bytes = || b"#!".to_vec();
    let executable =
        repo.commit_nodes(vec![("s/run.sh", Node::Executable(bytes())), ("s/copy.sh", Node::File(bytes()))]);
    let wanted = desired(&executable, vec![map("s", "d")]);
    let volume = gateway.volume();
    let plan = volume.plan(&wanted, &mut repo, &TestRules, Trust::Nothing).unwrap();
    assert_eq!(plan.wants(&volume.staging().unwrap()).unwrap().count(), 0);
    drop((plan, volume));
    sync(&gateway, &mut repo, &wanted).unwrap();
    assert!(gateway.is_executable("d/run.sh") && !gateway.is_executable("d/copy.sh"));
}

#[test]
fn a_thousand_files_of_one_content_all_arrive() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let names: Vec<String> = (0..1000).map(|n| format!("s/{}/f{n}", n % 7)).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "same")).collect();
    let commit = repo.commit(&files);
    sync(&gateway, &mut repo, &desired(&commit, vec![map("s", "d")])).unwrap();
    let all = gateway.files();
    assert_eq!(all.len(), 1000);
    assert!(all.values().all(|content| content == "same"));
}

#[test]
fn a_sync_beyond_a_limit_stops_before_anything_moves() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let names: Vec<String> = (0..120).map(|n| format!("s/f{n:03}")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "0123456789")).collect();
    let first = repo.commit(&files);
    let limited = |commit, limits| {
        let mut desired = desired(commit, vec![map("s", "d")]);
        desired.limits = limits;
        desired
    };
    for (limits, field) in [
        (Limits { max_files: 119, ..Limits::default() }, "maxFiles"),
        (Limits { max_bytes: 1199, ..Limits::default() }, "maxBytes"),
        (Limits { max_file_bytes: 9, ..Limits::default() }, "maxFileBytes"),
    ] {
        let error = sync(&gateway, &mut repo, &limited(&first, limits)).unwrap_err();
        assert!(error.reason() == "LimitExceeded" && error.to_string().contains(field), "{error}");
        assert_eq!(gateway.files(), expected(&[]));
    }
    sync(
        &gateway,
        &mut repo,
        &limited(&first, Limits { max_files: 120, max_bytes: 1200, ..Limits::default() }),
    )
    .unwrap();
    let second = repo.commit(&files[..69]);
    let error = sync(&gateway, &mut repo, &limited(&second, Limits::default())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the commit removes too many files at once: 51 of 120 (such as d/f069, d/f070, d/f071), and 50 is the limit \
         (sync.limits.maxDeletes). If that is meant, raise the limit for this commit; if not, correct the repository \
         or the mapping"
    );
    assert_eq!(gateway.files().len(), 120);
    let generous = Limits { max_deletes: MaxDeletes::Count(51), ..Limits::default() };
    sync(&gateway, &mut repo, &limited(&second, generous)).unwrap();
    assert_eq!(gateway.files().len(), 69);
}

#[test]
fn a_second_agent_on_the_volume_is_refused_and_told_who_holds_it() {
    let gateway = Gateway::new();
    let held = stoker_sync::Volume::open(&gateway.data, "agent 1 of pod press-3").unwrap();
    let error = stoker_sync::Volume::open(&gateway.data, "me").err().unwrap();
    assert!(error.to_string().contains("agent 1 of pod press-3"), "{error}");
    drop(held);
    gateway.volume();
}

#[test]
fn every_directory_on_the_way_to_a_managed_file_is_named_once() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let commit = repo.commit(&[("s/a/b/f", "1"), ("s/a/c/d/f", "1"), ("s/f", "1"), ("s/z/f", "1")]);
    sync(&gateway, &mut repo, &desired(&commit, vec![map("s", "x")])).unwrap();
    let mut named = Vec::new();
    gateway.volume().managed_dirs(&TestRules, &mut |directory| named.push(directory.to_owned())).unwrap();
    assert_eq!(named, ["x/a/b", "x/a/c/d", "x/a/c", "x/a", "x/z", "x"]);
}

#[test]
fn what_moved_or_was_reverted_is_not_fetched() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let first = repo.commit(&[("s/a", "1"), ("s/b", "2")]);
    sync(&gateway, &mut repo, &desired(&first, vec![map("s", "d")])).unwrap();
    for files in [&[("s/moved/a", "1"), ("s/b", "3")] as &[(&str, &str)], &[("s/moved/a", "1"), ("s/b", "2")]]
    {
        let commit = repo.commit(files);
        let wanted = desired(&commit, vec![map("s", "d")]);
        let volume = gateway.volume();
        let plan = volume.plan(&wanted, &mut repo, &TestRules, Trust::Nothing).unwrap();
        let mut staging = volume.staging().unwrap();
        assert_eq!(volume.reuse(&plan, &mut staging).unwrap(), 1);
        drop((plan, staging, volume));
        sync(&gateway, &mut repo, &wanted).unwrap();
    }
    assert_eq!(gateway.files(), expected(&[("d/moved/a", "1"), ("d/b", "2")]));
}
