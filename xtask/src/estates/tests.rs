use std::collections::HashSet;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::contents::{Kind, contents};
use super::*;

fn paths(estate: &Estate) -> Vec<String> {
    let resources = estate.resources();
    let of = |resource: &Resource| {
        let names = resource.payloads.iter().map(|payload| payload.name.clone());
        let names = names.chain(resource.manifest.map(str::to_owned));
        names.map(|name| format!("{}/{name}", resource.dir)).collect::<Vec<_>>()
    };
    resources.iter().flat_map(of).collect()
}

#[test]
fn every_estate_has_the_files_and_bytes_it_is_named_for() {
    for estate in Estate::ALL {
        assert_eq!(paths(&estate).len(), estate.files, "{}", estate.name);
        let resources = estate.resources();
        let mut lengths = manifest::Lengths::default();
        let payloads: u64 =
            resources.iter().flat_map(|found| &found.payloads).map(|payload| payload.size).sum();
        let bytes = payloads + resources.iter().map(|resource| lengths.of(resource)).sum::<u64>();
        assert!(bytes.abs_diff(estate.bytes) <= estate.bytes / 1000, "{}: {bytes}", estate.name);
    }
}

#[test]
fn no_two_paths_differ_only_in_case_and_none_is_in_the_way_of_another() {
    let paths = paths(&Estate::L);
    let folded: HashSet<String> = paths.iter().map(|path| path.to_lowercase()).collect();
    assert_eq!(folded.len(), paths.len());
    for path in &paths {
        for (at, _) in path.match_indices('/') {
            assert!(!folded.contains(&path[..at].to_lowercase()), "{path}: a file is one of its directories");
        }
    }
}

#[test]
fn paths_are_as_odd_as_those_of_plants() {
    let paths = paths(&Estate::S);
    let longest = paths.iter().max_by_key(|path| path.chars().count()).unwrap();
    assert_eq!(longest.chars().count(), 190, "{longest}");
    assert_eq!(longest.split('/').count(), 16, "{longest}");
    assert!(paths.iter().any(|path| path.contains(' ')));
    assert!(paths.iter().any(|path| !path.is_ascii()));
    assert!(longest.contains("/Ebene 00"), "{longest}");
    for part in paths.iter().flat_map(|path| path.split('/')) {
        assert!(!part.is_empty() && !part.starts_with([' ', '.']) && !part.ends_with([' ', '.']), "{part:?}");
    }
}

#[test]
fn contents_have_exactly_their_size_and_json_is_valid() {
    for payload in Estate::S.resources().iter().flat_map(|resource| &resource.payloads) {
        let bytes = contents(payload, 3);
        assert_eq!(bytes.len() as u64, payload.size, "{payload:?}");
        if matches!(payload.kind, Kind::View | Kind::Tags | Kind::Config) {
            serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();
        }
    }
    let kinds: HashSet<_> =
        Estate::S.resources().iter().map(|resource| resource.payloads[0].kind as u8).collect();
    assert!(kinds.contains(&(Kind::Empty as u8)) && kinds.contains(&(Kind::Image as u8)), "{kinds:?}");
}

#[test]
fn a_repository_is_the_same_every_time_and_holds_what_was_planned() {
    let root = TempDir::new().unwrap();
    let one = Estate::S.create(&root.path().join("one")).unwrap();
    let two = Estate::S.create(&root.path().join("two")).unwrap();
    let head = one.rev_parse("main").unwrap();
    assert_eq!(head, two.rev_parse("main").unwrap());
    assert_eq!(one.git(&["fsck", "--strict"]).unwrap(), "");

    let listing = one.git(&["-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", "main"]).unwrap();
    let listed: HashSet<&str> = listing.lines().collect();
    let planned = paths(&Estate::S);
    assert_eq!(listed, planned.iter().map(String::as_str).collect());
    let modes = one.git(&["ls-tree", "-r", "main"]).unwrap();
    assert!(modes.lines().filter(|line| line.starts_with("100755 ")).count() >= 2);
}

#[test]
fn each_round_changes_exactly_ten_files() {
    let root = TempDir::new().unwrap();
    let repository = Estate::S.create(&root.path().join("site")).unwrap();
    let mut seen = HashSet::new();
    for round in 1..=3 {
        let commit = Estate::S.change_ten_files(&repository, round).unwrap();
        assert_eq!(commit, repository.rev_parse("main").unwrap());
        let parent = format!("{commit}^");
        let changed = repository.git(&["diff", "--name-status", "--no-renames", &parent, &commit]).unwrap();
        assert_eq!(changed.lines().count(), CHANGED_FILES, "{changed}");
        assert!(changed.lines().all(|line| line.starts_with("M\t")), "{changed}");
        seen.extend(changed.lines().map(str::to_owned));
    }
    assert_eq!(seen.len(), 3 * CHANGED_FILES);
    Estate::S.change_ten_files(&repository, 0).unwrap_err();
}

/// The product's own check of signatures, which was written apart from what signs here.
#[test]
fn a_manifest_names_its_files_and_is_signed() {
    let resource = Estate::S.resources().into_iter().find(Resource::is_view).unwrap();
    let view = contents(&resource.payloads[0], 0);
    let digest: [u8; 32] = Sha256::digest(&view).into();
    let text = manifest::contents(&resource, &[digest], 0);
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(manifest["files"], serde_json::json!(["view.json"]));
    assert_eq!(stoker_layout::valid_signature(text.as_bytes(), |_| Some(digest)), Some(true));
}

#[test]
fn the_later_version_of_a_binary_is_a_delta_in_the_pack() {
    const BINARY: u64 = 2_000_000;
    let small = Estate {
        files: 100,
        bytes: 2 * BINARY + 100_000,
        binaries: &[BINARY, BINARY],
        binary_versions: true,
        ..Estate::M
    };
    let root = TempDir::new().unwrap();
    let repository = small.create(&root.path().join("site")).unwrap();
    let objects = repository
        .git(&[
            "cat-file",
            "--batch-all-objects",
            "--batch-check=%(objectsize) %(objectsize:disk) %(deltabase)",
        ])
        .unwrap();
    let mut binaries: Vec<Vec<&str>> = objects.lines().map(|line| line.split(' ').collect()).collect();
    binaries.retain(|object| object[0] == BINARY.to_string());
    let on_disk = |object: &Vec<&str>| object[1].parse::<u64>().unwrap();
    binaries.sort_by_key(on_disk);
    assert_eq!(binaries.len(), 2);
    assert!(on_disk(&binaries[0]) < BINARY / 20, "{binaries:?}");
    assert_ne!(binaries[0][2], "0".repeat(40), "no delta: {binaries:?}");
    assert!(on_disk(&binaries[1]) >= BINARY, "{binaries:?}");
}
