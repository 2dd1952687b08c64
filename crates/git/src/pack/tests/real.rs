//! Packs that git wrote.

use std::fmt::Write as _;

use stoker_object::Kind;
use stoker_test_gitserver::Repository;
use tempfile::TempDir;

use crate::pack::testkit::{Stores, noise, object_id, pack_objects};

/// Thirty versions of files of several sizes, with tags: chains of deltas of every kind of object.
fn history() -> (TempDir, Repository) {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::init(directory.path().join("r")).unwrap();
    let mut lines = String::new();
    for version in 0..30 {
        writeln!(lines, "line {version} of a resource that grows").unwrap();
        repository.write("projects/line/views/a b/view.json", &lines).unwrap();
        repository
            .write(&format!("projects/line/views/v{version}/resource.json"), format!("{{\"v\":{version}}}"))
            .unwrap();
        let mut script = lines.repeat(20);
        script.insert_str(version * 11, "changed");
        repository.write("projects/größe/code.py", script).unwrap();
        // Around the size from which on a blob is no longer held in memory.
        let mut edge = noise(1, 64 * 1024 - 2 + version % 5);
        edge[version] = 0;
        repository.write("edge.bin", edge).unwrap();
        repository.write("empty", "").unwrap();
        repository.commit(&format!("Version {version}")).unwrap();
    }
    repository.annotated_tag("v1", "The first").unwrap();
    (directory, repository)
}

#[test]
fn every_object_of_a_packed_history_arrives() {
    let (_directory, repository) = history();
    repository.git(&["repack", "-adfq", "--depth=50", "--window=50"]).unwrap();
    for arguments in
        [&["--delta-base-offset"][..], &[], &["--delta-base-offset", "--no-reuse-delta", "--window=0"]]
    {
        let pack = pack_objects(&repository, arguments, "");
        let mut stores = Stores::new();
        let stats = stores.receive(&pack).unwrap();
        assert_eq!(stats.pack_bytes, pack.len() as u64);
        assert_eq!(stats.deltas > 50, arguments.len() < 3, "{stats:?}");
        stores.assert_has_all(&repository);
        stores.trees.finish().unwrap();
        stores.assert_has_all(&repository);
    }
}

#[test]
fn a_shallow_pack_without_blobs_fills_the_tree_store_alone() {
    let (_directory, repository) = history();
    let head = repository.head().unwrap();
    let arguments = ["--delta-base-offset", "--filter=blob:none", "--shallow"];
    let revisions = format!("--shallow {head}\n{head}\n");
    let mut stores = Stores::new();
    let stats = stores.receive(&pack_objects(&repository, &arguments, &revisions)).unwrap();
    assert_eq!(stats.blobs, 0);
    let mut object = Vec::new();
    assert_eq!(stores.trees.read(&head.parse().unwrap(), &mut object).unwrap(), Some(Kind::Commit));
    let tree = repository.rev_parse("HEAD:projects/größe").unwrap();
    assert_eq!(stores.trees.read(&tree.parse().unwrap(), &mut object).unwrap(), Some(Kind::Tree));
}

#[test]
fn a_thin_pack_is_completed_from_what_is_there() {
    let (_directory, repository) = history();
    let mut stores = Stores::new();
    stores.receive(&pack_objects(&repository, &["--delta-base-offset"], "HEAD~1\n")).unwrap();
    let thin = pack_objects(&repository, &["--thin", "--delta-base-offset"], "HEAD\n^HEAD~1\nv1\n");
    let stats = stores.receive(&thin).unwrap();
    assert!(stats.deltas > 0, "{stats:?}");
    stores.assert_has_all(&repository);
}

#[test]
fn large_versions_of_each_other_arrive_as_deltas() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::init(directory.path().join("r")).unwrap();
    let mut large = noise(7, 20 << 20);
    for version in 0..3_usize {
        large[version << 20..][..1000].copy_from_slice(&noise(version as u64 + 9, 1000));
        large.splice(5 << 20..5 << 20, noise(version as u64 + 20, 313));
        repository.write("modules/driver.modl", &large).unwrap();
        repository.commit("A version").unwrap();
    }
    repository.git(&["repack", "-adfq", "--window=10", "--depth=10"]).unwrap();
    let pack = pack_objects(&repository, &["--delta-base-offset"], "");
    assert!(pack.len() < 25 << 20, "git made deltas: {}", pack.len());
    let mut stores = Stores::new();
    let stats = stores.receive(&pack).unwrap();
    assert!(stats.deltas >= 2, "{stats:?}");
    assert_eq!((stores.blobs.small, stores.blobs.large), (0, 3));
    let id = repository.rev_parse("HEAD:modules/driver.modl").unwrap();
    let content = stores.blobs.content(&id.parse().unwrap()).unwrap();
    assert!(content == large);
    assert_eq!(object_id(Kind::Blob, &large).to_string(), id);
}

#[test]
fn what_is_there_already_is_not_written_again() {
    let (_directory, repository) = history();
    let pack = pack_objects(&repository, &["--delta-base-offset"], "");
    let mut stores = Stores::new();
    stores.receive(&pack).unwrap();
    let small = stores.blobs.small;
    stores.receive(&pack).unwrap();
    assert_eq!(stores.blobs.small, small);
    stores.assert_has_all(&repository);
}
