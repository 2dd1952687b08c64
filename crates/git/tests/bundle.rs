//! Bundles made by the real git, as a repository.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use common::{Client, Estate, remote_with};
use stoker_git::{Options, Remote};
use stoker_object::ObjectId;

struct Stick {
    estate: Estate,
    scratch: tempfile::TempDir,
}

impl Stick {
    fn new() -> Self {
        Self { estate: Estate::new(), scratch: tempfile::tempdir().unwrap() }
    }

    fn bundle(&self, name: &str, arguments: &[&str]) -> std::path::PathBuf {
        let path = self.estate.root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = path.display().to_string();
        let (flags, refs): (Vec<&str>, Vec<&str>) =
            arguments.iter().partition(|word| word.starts_with("--version"));
        let words = [vec!["bundle", "create", "-q"], flags, vec![&*text], refs].concat();
        self.estate.repository.git(&words).unwrap();
        path
    }

    fn remote(&self, path: &Path) -> Remote {
        let options = Options { scratch: self.scratch.path().to_owned(), ..Options::default() };
        remote_with(&format!("file://{}", path.display()), &options)
    }
}

fn age(path: &Path, seconds: u64) {
    let time = SystemTime::now() - Duration::from_secs(seconds);
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn a_commit_is_fetched_byte_for_byte_from_a_bundle_of_either_version() {
    let stick = Stick::new();
    let repository = &stick.estate.repository;
    for n in 0..5 {
        stick.estate.change_ten(&format!("round {n}"));
    }
    repository.annotated_tag("v1", "Release").unwrap();
    repository.gc().unwrap();
    let head = repository.head().unwrap();
    for (name, arguments) in [
        ("two.bundle", &["--all"][..]),
        ("three.bundle", &["--version=3", "main", "v1"]),
        ("shallow.bundle", &["HEAD", "main"]),
    ] {
        let mut remote = stick.remote(&stick.bundle(name, arguments));
        let commit = remote.resolve("main").unwrap().commit;
        assert_eq!(commit.to_string(), head);
        let mut client = Client::new();
        client.fetch(&mut remote, &commit).unwrap_or_else(|error| panic!("{name}: {error}"));
        client.assert_equals(repository, &head);
        assert!(remote.descends(&commit, &stick.estate.first, &mut client.trees).unwrap(), "{name}");
        if name != "shallow.bundle" {
            let tag = remote.resolve("v1").unwrap();
            assert_eq!(tag.commit, commit, "{name}");
            assert_ne!(tag.object, tag.commit, "{name}");
        }
        let unknown = remote.resolve("mian").unwrap_err().to_string();
        assert!(unknown.contains("similar: \"main\""), "{unknown}");
    }
}

#[test]
fn a_bundle_is_indexed_once_and_again_when_it_changes_or_the_index_is_damaged() {
    let stick = Stick::new();
    let path = stick.bundle("plant.bundle", &["main"]);
    let index = || {
        let dir = fs::read_dir(stick.scratch.path().join("bundles")).unwrap().next().unwrap().unwrap();
        dir.path().join("pack/bundle.idx")
    };
    let fetch = || {
        let mut remote = stick.remote(&path);
        let commit = remote.resolve("main").unwrap().commit;
        Client::new().fetch(&mut remote, &commit).unwrap();
        commit
    };
    fetch();
    let made = fs::metadata(index()).unwrap().modified().unwrap();
    fetch();
    assert_eq!(fs::metadata(index()).unwrap().modified().unwrap(), made);
    let mut bytes = fs::read(index()).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(index(), bytes).unwrap();
    fetch();
    let after = stick.estate.change_ten("two");
    stick.bundle("plant.bundle", &["main"]);
    assert_eq!(fetch(), after);
    assert_eq!(
        fs::read_dir(stick.scratch.path().join("bundles")).unwrap().count(),
        1,
        "the old index is gone"
    );
}

#[test]
fn a_bundle_that_builds_on_others_names_the_commits() {
    let stick = Stick::new();
    let base = stick.estate.first;
    stick.estate.change_ten("two");
    let path = stick.bundle("part.bundle", &["main", &format!("^{base}")]);
    let error = stick.remote(&path).resolve("main").unwrap_err().to_string();
    assert!(error.contains(&base.to_string()) && error.contains("git bundle create part.bundle"), "{error}");
}

#[test]
fn a_bundle_that_is_cut_off_or_changed_is_refused() {
    let stick = Stick::new();
    let path = stick.bundle("plant.bundle", &["main"]);
    let whole = fs::read(&path).unwrap();
    let fetch = || {
        let mut remote = stick.remote(&path);
        let commit = remote.resolve("main")?.commit;
        Client::new().fetch(&mut remote, &commit).map(drop)
    };
    for length in [10, 60, 90, whole.len() / 2, whole.len() - 30] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(fetch().is_err(), "{length} of {}", whole.len());
    }
    let mut changed = whole.clone();
    let at = whole.len() / 2;
    changed[at..at + 20].fill(0x5a);
    fs::write(&path, &changed).unwrap();
    assert!(fetch().is_err());
    fs::write(&path, &whole).unwrap();
    fetch().unwrap();
}

#[test]
fn of_a_directory_the_newest_bundle_that_has_the_ref_is_taken() {
    let stick = Stick::new();
    let first = stick.estate.first;
    let old = stick.bundle("stick/a.bundle", &["main"]);
    let second = stick.estate.change_ten("two");
    let new = stick.bundle("stick/b.bundle", &["main"]);
    stick.estate.repository.branch("other").unwrap();
    let newest = stick.bundle("stick/c.bundle", &["other"]);
    age(&old, 300);
    age(&new, 200);
    age(&newest, 100);
    let directory = stick.estate.root.path().join("stick");
    let resolve = |reference: &str| stick.remote(&directory).resolve(reference).unwrap().commit;
    assert_eq!((resolve("main"), resolve("other")), (second, second));
    let fetch = |commit: ObjectId| {
        let mut client = Client::new();
        client.fetch(&mut stick.remote(&directory), &commit).unwrap();
        client.assert_equals(&stick.estate.repository, &commit.to_string());
    };
    fetch(second);
    fs::write(&newest, "still being copied").unwrap();
    fs::remove_file(&new).unwrap();
    assert_eq!(resolve("main"), first);
    fetch(first);
    let gone = Client::new().fetch(&mut stick.remote(&directory), &second).unwrap_err();
    assert_eq!(gone.reason(), "RefGone", "{gone}");
}
