use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use stoker_object::{Entries, Kind, Mode, ObjectId};
use tempfile::TempDir;

use super::{Completeness, TreeStore};
use crate::pack::testkit::object_id;

/// Commits made of trees alone: what a store holds.
struct Estate {
    objects: Vec<(Kind, ObjectId, Vec<u8>)>,
}

impl Estate {
    fn add(&mut self, kind: Kind, bytes: Vec<u8>) -> ObjectId {
        let id = object_id(kind, &bytes);
        self.objects.push((kind, id, bytes));
        id
    }

    fn tree(&mut self, entries: &[(&str, ObjectId)]) -> ObjectId {
        let mut bytes = Vec::new();
        for (name, id) in entries {
            bytes.extend_from_slice(format!("40000 {name}\0").as_bytes());
            bytes.extend_from_slice(id.as_bytes());
        }
        self.add(Kind::Tree, bytes)
    }

    /// A tree with one file, different for each number.
    fn leaf(&mut self, number: u32) -> ObjectId {
        let mut bytes = format!("100644 file-{number}\0").into_bytes();
        bytes.extend_from_slice(&[7; 20]);
        self.add(Kind::Tree, bytes)
    }

    fn commit(&mut self, tree: ObjectId) -> ObjectId {
        self.add(Kind::Commit, format!("tree {tree}\nauthor A <a> 1 +0000\n\nx\n").into_bytes())
    }

    /// Ten directories of `width` leaves, of which the first of each directory depends on `version`.
    fn version(version: u32, width: u32) -> (Self, ObjectId) {
        let mut estate = Self { objects: Vec::new() };
        let mut directories = Vec::new();
        for directory in 0..10 {
            let mut leaves = Vec::new();
            for number in 0..width {
                let number = if number == 0 {
                    1_000_000 * (version + 1) + directory
                } else {
                    directory * width + number
                };
                leaves.push(estate.leaf(number));
            }
            let names: Vec<String> = (0..width).map(|number| format!("leaf{number:05}")).collect();
            let entries: Vec<_> = names.iter().map(String::as_str).zip(leaves).collect();
            directories.push(estate.tree(&entries));
        }
        let names: Vec<String> = (0..10).map(|number| format!("directory{number}")).collect();
        let entries: Vec<_> = names.iter().map(String::as_str).zip(directories).collect();
        let root = estate.tree(&entries);
        let commit = estate.commit(root);
        (estate, commit)
    }

    fn put_into(&self, store: &mut TreeStore) {
        for (kind, id, bytes) in &self.objects {
            store.insert(*kind, id, bytes).unwrap();
        }
    }

    fn assert_all_in(&self, store: &mut TreeStore) {
        let mut object = Vec::new();
        for (kind, id, bytes) in &self.objects {
            assert_eq!(store.read(id, &mut object).unwrap(), Some(*kind), "{id}");
            assert_eq!(&object, bytes);
        }
    }
}

fn open(directory: &TempDir) -> TreeStore {
    TreeStore::open(directory.path()).unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_inserted_is_read_before_and_after_finishing_and_opening_again() {
    let directory = tempfile::tempdir().unwrap();
    let (estate, commit) = Estate::version(0, 700);
    let mut store = open(&directory);
    estate.put_into(&mut store);
    estate.assert_all_in(&mut store);
    assert_eq!(store.read(&ObjectId::default(), &mut Vec::new()).unwrap(), None);
    store.finish().unwrap();
    estate.assert_all_in(&mut store);
    drop(store);
    let mut store = open(&directory);
    estate.assert_all_in(&mut store);
    assert!(store.contains(&commit) && !store.contains(&ObjectId::default()));
    assert_eq!(names(directory.path()), ["1.idx", "1.seg"]);
}

#[test]
fn an_index_of_many_runs_finds_everything() {
    let directory = tempfile::tempdir().unwrap();
    let (estate, _) = Estate::version(0, 3000);
    assert!(estate.objects.len() > 30_000);
    let mut store = open(&directory);
    estate.put_into(&mut store);
    estate.assert_all_in(&mut store);
    store.finish().unwrap();
    estate.assert_all_in(&mut store);
    assert_eq!(names(directory.path()), ["1.idx", "1.seg"]);
}

#[test]
fn an_object_is_not_written_twice() {
    let directory = tempfile::tempdir().unwrap();
    let (estate, _) = Estate::version(0, 20);
    for _ in 0..3 {
        let mut store = open(&directory);
        estate.put_into(&mut store);
        estate.put_into(&mut store);
        store.finish().unwrap();
    }
    assert_eq!(names(directory.path()), ["1.idx", "1.seg"]);
}

#[test]
fn a_store_that_was_killed_keeps_what_it_wrote() {
    let directory = tempfile::tempdir().unwrap();
    let (estate, _) = Estate::version(0, 2);
    let mut store = open(&directory);
    estate.put_into(&mut store);
    store.finish().unwrap();
    drop(store);
    let whole = fs::read(directory.path().join("1.seg")).unwrap();
    let mut before = 0;
    for len in 0..=whole.len() {
        fs::write(directory.path().join("1.seg"), &whole[..len]).unwrap();
        let _ = fs::remove_file(directory.path().join("1.idx"));
        let mut store = open(&directory);
        let mut object = Vec::new();
        let kept =
            estate.objects.iter().take_while(|(_, id, _)| store.read(id, &mut object).unwrap().is_some());
        let kept = kept.count();
        assert!(kept == before || kept == before + 1, "{len}: {kept} after {before}");
        before = kept;
        assert_eq!(names(directory.path()).len(), if kept > 0 { 2 } else { 0 }, "{len}");
    }
    assert_eq!(before, estate.objects.len());
}

#[test]
fn an_unfinished_segment_is_continued_by_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let (first, _) = Estate::version(0, 20);
    let (second, commit) = Estate::version(1, 20);
    let mut store = open(&directory);
    first.put_into(&mut store);
    drop(store);
    assert_eq!(names(directory.path()), ["1.seg"], "no index: it was not finished");
    let mut store = open(&directory);
    second.put_into(&mut store);
    assert_eq!(store.complete(&commit).unwrap(), Completeness::Complete);
    first.assert_all_in(&mut store);
    second.assert_all_in(&mut store);
}

#[test]
fn damage_anywhere_loses_objects_and_never_gives_a_wrong_one() {
    let directory = tempfile::tempdir().unwrap();
    let (estate, commit) = Estate::version(0, 2);
    let mut store = open(&directory);
    estate.put_into(&mut store);
    store.complete(&commit).unwrap();
    drop(store);
    for file in ["1.seg", "1.idx"] {
        let path = directory.path().join(file);
        let whole = fs::read(&path).unwrap();
        let other = directory.path().join(if file == "1.seg" { "1.idx" } else { "1.seg" });
        let companion = fs::read(&other).unwrap();
        for at in (0..whole.len()).step_by(31).chain(0..40) {
            let mut changed = whole.clone();
            changed[at] ^= 0x55;
            for bytes in [&changed[..], &whole[..at]] {
                fs::write(&path, bytes).unwrap();
                fs::write(&other, &companion).unwrap();
                let mut store = open(&directory);
                let mut object = Vec::new();
                for (kind, id, expected) in &estate.objects {
                    if let Some(found) = store.read(id, &mut object).unwrap() {
                        assert_eq!((found, &object), (*kind, expected));
                    }
                }
                // And what was lost can be put there again.
                estate.put_into(&mut store);
                estate.assert_all_in(&mut store);
                drop(store);
                for name in names(directory.path()) {
                    if !name.starts_with("1.") {
                        fs::remove_file(directory.path().join(name)).unwrap();
                    }
                }
            }
        }
        fs::write(&path, &whole).unwrap();
        fs::write(&other, &companion).unwrap();
    }
}

#[test]
fn what_is_missing_is_named_once_and_the_walk_goes_no_deeper() {
    let directory = tempfile::tempdir().unwrap();
    let (estate, commit) = Estate::version(0, 5);
    let mut store = open(&directory);
    assert_eq!(store.complete(&commit).unwrap(), Completeness::CommitMissing);
    let last = estate.objects.len() - 1;
    let (kind, id, bytes) = &estate.objects[last];
    store.insert(*kind, id, bytes).unwrap();
    let (_, root, bytes) = &estate.objects[last - 1];
    assert_eq!(store.complete(&commit).unwrap(), Completeness::Missing(vec![*root]));
    store.insert(Kind::Tree, root, bytes).unwrap();
    let Completeness::Missing(mut missing) = store.complete(&commit).unwrap() else { panic!() };
    let mut directories: Vec<_> = Entries::new(bytes).map(|entry| entry.unwrap().id).collect();
    missing.sort();
    directories.sort();
    assert_eq!(missing, directories);
    estate.put_into(&mut store);
    assert_eq!(store.complete(&commit).unwrap(), Completeness::Complete);
    assert_eq!(store.haves(), [commit]);
    drop(store);
    assert_eq!(open(&directory).haves(), [commit]);
}

#[test]
fn a_long_list_of_missing_trees_is_cut() {
    let directory = tempfile::tempdir().unwrap();
    let (estate, commit) = Estate::version(0, 600);
    let mut store = open(&directory);
    for (kind, id, bytes) in &estate.objects {
        let is_leaf = bytes.starts_with(b"100644");
        if !is_leaf {
            store.insert(*kind, id, bytes).unwrap();
        }
    }
    let Completeness::Missing(missing) = store.complete(&commit).unwrap() else { panic!() };
    assert_eq!(missing.len(), 4000);
}

#[test]
fn the_next_commit_is_compared_with_the_one_before() {
    let directory = tempfile::tempdir().unwrap();
    let (first, first_commit) = Estate::version(0, 50);
    let (second, second_commit) = Estate::version(1, 50);
    let mut store = open(&directory);
    first.put_into(&mut store);
    assert_eq!(store.complete(&first_commit).unwrap(), Completeness::Complete);
    // All that is new but one leaf, which only the second commit has.
    let known: Vec<_> = first.objects.iter().map(|(_, id, _)| *id).collect();
    let (_, lost, _) = second.objects.iter().find(|(_, id, _)| !known.contains(id)).unwrap();
    for (kind, id, bytes) in second.objects.iter().filter(|(_, id, _)| id != lost) {
        store.insert(*kind, id, bytes).unwrap();
    }
    assert_eq!(store.complete(&second_commit).unwrap(), Completeness::Missing(vec![*lost]));
    second.put_into(&mut store);
    assert_eq!(store.complete(&second_commit).unwrap(), Completeness::Complete);
    assert_eq!(store.haves(), [first_commit, second_commit]);
}

#[test]
fn a_damaged_tree_ends_the_trust_in_what_was_complete() {
    let directory = tempfile::tempdir().unwrap();
    let (estate, commit) = Estate::version(0, 5);
    let mut store = open(&directory);
    estate.put_into(&mut store);
    store.complete(&commit).unwrap();
    drop(store);
    let path = directory.path().join("1.seg");
    let mut bytes = fs::read(&path).unwrap();
    bytes[60] ^= 1;
    fs::write(&path, bytes).unwrap();
    let mut store = open(&directory);
    assert_eq!(store.complete(&commit).unwrap(), Completeness::Complete, "the marker is believed");
    let first = estate.objects[0].1;
    assert_eq!(store.read(&first, &mut Vec::new()).unwrap(), None);
    assert_eq!(store.complete(&commit).unwrap(), Completeness::Missing(vec![first]));
    assert_eq!(names(directory.path()), ["1.idx", "1.seg"]);
    estate.put_into(&mut store);
    assert_eq!(store.complete(&commit).unwrap(), Completeness::Complete);
}

#[test]
fn a_tree_that_holds_itself_a_million_times_is_walked_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut estate = Estate { objects: Vec::new() };
    let mut tree = estate.leaf(1);
    for _ in 0..40 {
        tree = estate.tree(&[("a", tree), ("b", tree), ("c", tree), ("d", tree)]);
    }
    let commit = estate.commit(tree);
    let mut store = open(&directory);
    estate.put_into(&mut store);
    assert_eq!(store.complete(&commit).unwrap(), Completeness::Complete);
}

#[test]
fn entries_that_are_no_directories_are_not_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let mut estate = Estate { objects: Vec::new() };
    let mut bytes = Vec::new();
    for mode in ["100644", "100755", "120000", "160000"] {
        bytes.extend_from_slice(format!("{mode} {mode}\0").as_bytes());
        bytes.extend_from_slice(&[9; 20]);
    }
    assert!(Entries::new(&bytes).all(|entry| entry.unwrap().mode != Mode::Tree));
    let tree = estate.add(Kind::Tree, bytes);
    let commit = estate.commit(tree);
    let mut store = open(&directory);
    estate.put_into(&mut store);
    assert_eq!(store.complete(&commit).unwrap(), Completeness::Complete);
    assert!(store.complete(&tree).is_err(), "a tree is no commit");
}

#[test]
fn retaining_rewrites_what_is_mostly_dead() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory);
    let mut last = None;
    for version in 0..60 {
        let (estate, commit) = Estate::version(version, 40);
        estate.put_into(&mut store);
        assert_eq!(store.complete(&commit).unwrap(), Completeness::Complete);
        store.retain(&[commit]).unwrap();
        assert_eq!(store.haves(), [commit]);
        let files = names(directory.path());
        assert!(files.len() <= 2 * 17 + 1, "{files:?}");
        estate.assert_all_in(&mut store);
        last = Some((estate, commit));
    }
    drop(store);
    let mut store = open(&directory);
    let (estate, commit) = last.unwrap();
    assert_eq!(store.haves(), [commit]);
    estate.assert_all_in(&mut store);
    let (old, _) = Estate::version(0, 40);
    let gone = old.objects.iter().filter(|(_, id, _)| !store.contains(id)).count();
    assert!(gone >= 20, "what only the first version had went with a rewriting: {gone}");
}

/// A directory with some of its files, each cut to a length.
fn copy_of(directory: &Path, files: &[(String, Vec<u8>)]) -> TempDir {
    let copy = tempfile::tempdir_in(directory.parent().unwrap()).unwrap();
    for (name, bytes) in files {
        fs::write(copy.path().join(name), bytes).unwrap();
    }
    copy
}

fn contents(directory: &Path) -> Vec<(String, Vec<u8>)> {
    names(directory).into_iter().map(|name| (name.clone(), fs::read(directory.join(name)).unwrap())).collect()
}

#[test]
fn a_rewriting_can_be_killed_anywhere() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory);
    for version in 0..18 {
        Estate::version(version, 8).0.put_into(&mut store);
        store.finish().unwrap();
    }
    let (estate, commit) = Estate::version(17, 8);
    assert_eq!(store.complete(&commit).unwrap(), Completeness::Complete);
    let before = contents(directory.path());
    store.retain(&[commit]).unwrap();
    drop(store);
    let after = contents(directory.path());
    assert_eq!(names(directory.path()).len(), 3, "one segment and the marker");
    let new: Vec<_> =
        after.iter().filter(|file| !before.iter().any(|old| old.0 == file.0)).cloned().collect();
    let mut states: Vec<Vec<(String, Vec<u8>)>> = Vec::new();
    // While the new segment is written: cut short, without its index.
    let segment = new.iter().find(|file| file.0.contains(".seg")).unwrap();
    for len in (0..segment.1.len()).step_by(173) {
        states.push(before.iter().cloned().chain([(segment.0.clone(), segment.1[..len].to_vec())]).collect());
    }
    // While its index is written.
    let index = new.iter().find(|file| file.0.contains(".idx")).unwrap();
    for len in (0..index.1.len()).step_by(211) {
        let unfinished = (index.0.clone(), index.1[..len].to_vec());
        states.push(before.iter().cloned().chain([segment.clone(), unfinished]).collect());
    }
    // While the old ones are removed.
    for removed in 0..=before.len() {
        states.push(before[removed..].iter().chain(&after).cloned().collect());
    }
    for state in states {
        let copy = copy_of(directory.path(), &state);
        let mut store = open(&copy);
        estate.assert_all_in(&mut store);
        store.distrust();
        assert_eq!(store.complete(&commit).unwrap(), Completeness::Complete);
        store.retain(&[commit]).unwrap();
        estate.assert_all_in(&mut store);
    }
}

#[test]
fn fetches_that_never_end_keep_what_each_of_them_brought() {
    let directory = tempfile::tempdir().unwrap();
    let (estate, commit) = Estate::version(0, 30);
    for (kind, id, bytes) in &estate.objects {
        // Killed after each object, as a store that is dropped without being finished.
        let mut store = open(&directory);
        store.insert(*kind, id, bytes).unwrap();
    }
    let mut store = open(&directory);
    estate.assert_all_in(&mut store);
    assert_eq!(store.complete(&commit).unwrap(), Completeness::Complete);
    let files = names(directory.path());
    assert!(files.len() <= 2 * 33 + 1, "{}", files.len());
}

#[test]
fn tags_and_their_commits_are_retained_together() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory);
    let (mut estate, commit) = Estate::version(0, 5);
    let tag = estate.add(Kind::Tag, format!("object {commit}\ntype commit\ntag v1\n\nx\n").into_bytes());
    estate.put_into(&mut store);
    store.finish().unwrap();
    for version in 1..30 {
        Estate::version(version, 5).0.put_into(&mut store);
        store.finish().unwrap();
    }
    store.retain(&[tag]).unwrap();
    assert_eq!(names(directory.path()).len(), 2);
    estate.assert_all_in(&mut store);
}

#[test]
fn what_others_put_into_the_directory_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("precious");
    fs::write(&target, "not a segment").unwrap();
    symlink(&target, directory.path().join("3.seg")).unwrap();
    symlink(&target, directory.path().join("4.idx")).unwrap();
    symlink("/nowhere", directory.path().join("scratch-1-2")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        directory.path().join("5.seg"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    fs::create_dir(directory.path().join("6.seg")).unwrap();
    fs::write(directory.path().join("7.seg"), "STKSEG1\nand nothing that we wrote").unwrap();
    fs::write(directory.path().join("4294967295.seg"), "a number that has no next one").unwrap();
    fs::write(directory.path().join("complete-xyz"), "").unwrap();
    let (estate, commit) = Estate::version(0, 5);
    let mut store = open(&directory);
    estate.put_into(&mut store);
    assert_eq!(store.complete(&commit).unwrap(), Completeness::Complete);
    assert_eq!(fs::read_to_string(&target).unwrap(), "not a segment");
}

#[test]
fn objects_of_every_length_are_read_in_any_order_while_more_come() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = TreeStore::open(directory.path()).unwrap();
    // Around what a record's head, one read of a segment and the writer's buffer hold.
    let lengths = [0, 1, 300, 4071, 8167, 8192, 16_358, 16_359, 16_360, 40_000, 3, 32_743, 100];
    let objects: Vec<_> = (0..65_u8)
        .map(|number| vec![number; lengths[usize::from(number) % lengths.len()]])
        .map(|bytes| (object_id(Kind::Tag, &bytes), bytes))
        .collect();
    let mut object = Vec::new();
    let mut assert_there = |store: &mut TreeStore, (id, bytes): &(ObjectId, Vec<u8>)| {
        assert_eq!(store.read(id, &mut object).unwrap(), Some(Kind::Tag), "{} bytes", bytes.len());
        assert!(object == *bytes);
    };
    for (number, (id, bytes)) in objects.iter().enumerate() {
        store.insert(Kind::Tag, id, bytes).unwrap();
        assert_there(&mut store, &objects[number]);
        assert_there(&mut store, &objects[number * 7 % (number + 1)]);
    }
    store.finish().unwrap();
    for step in [1, 64, 7, 33] {
        for number in 0..objects.len() {
            assert_there(&mut store, &objects[number * step % objects.len()]);
        }
    }
}
