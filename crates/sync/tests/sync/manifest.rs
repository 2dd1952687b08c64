//! The manifest's two files: whatever a kill, a power cut or somebody's hand makes of them, nothing is lost.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::*;
use stoker_sync::{Error, Trust};

fn state(gateway: &Gateway, name: &str) -> PathBuf {
    gateway.data.join(".stoker").join(name)
}

/// The path of file `n`: a small project, one of 1,280 files, and the rest.
fn path(n: usize) -> String {
    let project = match n {
        0..20 => 0,
        20..1300 => 1,
        _ => 2,
    };
    format!("s/project {project}/views/view-{n:04}/view.json")
}

/// So many files; file `n` has the version that `version` says.
fn files(count: usize, version: impl Fn(usize) -> usize) -> BTreeMap<String, String> {
    (0..count).map(|n| (path(n), format!("version {} of {n}", version(n)))).collect()
}

fn commit(repo: &mut Repo, files: &BTreeMap<String, String>) -> Commit {
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    repo.commit(&files)
}

fn wanted(repo: &mut Repo, files: &BTreeMap<String, String>) -> stoker_sync::Desired {
    let commit = commit(repo, files);
    desired(&commit, vec![map("s", "d")])
}

fn assert_in_place(gateway: &Gateway, files: &BTreeMap<String, String>) {
    let expected: BTreeMap<String, String> =
        files.iter().map(|(path, text)| (path.replacen('s', "d", 1), text.clone())).collect();
    assert!(gateway.files() == expected, "the files are not those of the commit");
    let differences = &mut Vec::new();
    let looked_at =
        gateway.volume().diff(&TestRules, &mut |path, _| differences.push(path.to_owned())).unwrap();
    assert_eq!((looked_at, differences.len()), (files.len() as u64, 0));
    assert_eq!(gateway.volume().synced().unwrap().unwrap().files, files.len() as u64);
}

/// A volume with a base and one small commit after it.
fn changed(count: usize) -> (Gateway, Repo, stoker_sync::Desired, BTreeMap<String, String>) {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let first = wanted(&mut repo, &files(count, |_| 1));
    sync(&gateway, &mut repo, &first).unwrap();
    let now = files(count, |n| if n == 7 { 2 } else { 1 });
    let second = wanted(&mut repo, &now);
    sync(&gateway, &mut repo, &second).unwrap();
    (gateway, repo, second, now)
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_small_commit_writes_a_small_file_and_leaves_the_base_alone() {
    let (gateway, mut repo, second, now) = changed(300);
    let base = fs::read(state(&gateway, "manifest")).unwrap();
    let changes = fs::metadata(state(&gateway, "manifest.changes")).unwrap().len();
    assert!(base.len() > 15_000 && changes < 1_000, "{} {changes}", base.len());
    assert_in_place(&gateway, &now);
    // Removed, added, moved to another directory: counted, and found again.
    let mut then = now.clone();
    then.retain(|path, _| !path.contains("view-0008"));
    then.insert("s/new".to_owned(), "new".to_owned());
    let third = wanted(&mut repo, &then);
    let (applied, summary) = sync_trusting(&gateway, &mut repo, &third, Trust::AllBut(&[].into())).unwrap();
    assert_eq!((applied.written, applied.deleted, summary.files), (1, 1, 300));
    assert_eq!(fs::read(state(&gateway, "manifest")).unwrap(), base);
    assert_in_place(&gateway, &then);
    gateway.volume().rollback(None, &TestRules, &run(false)).unwrap();
    assert_in_place(&gateway, &now);
    assert_eq!(gateway.volume().synced().unwrap().unwrap().commit, second.commit.to_string());
}

#[test]
fn a_block_that_nobody_reads_does_not_matter_and_one_that_is_read_means_hash_everything() {
    let (gateway, mut repo, _, now) = changed(1400);
    let base = state(&gateway, "manifest");
    let length = fs::metadata(&base).unwrap().len() as usize;
    // In the middle of the large project.
    flip(&base, length / 2);
    let mut then = now.clone();
    then.insert("s/project 0/views/view-0000/view.json".to_owned(), "version 3".to_owned());
    let third = wanted(&mut repo, &then);
    let (applied, summary) = sync_trusting(&gateway, &mut repo, &third, Trust::AllBut(&[].into())).unwrap();
    assert_eq!((applied.written, summary.files, summary.hashed), (1, 1400, 0));
    // Now all is looked at.
    gateway.put("d/foreign", "not ours");
    let (applied, summary) = sync(&gateway, &mut repo, &third).unwrap();
    assert_eq!((applied.written, applied.deleted, summary.hashed), (0, 0, 1400));
    assert_eq!(applied.displaced, [""; 0]);
    assert_eq!(gateway.read("d/foreign"), "not ours");
    gateway.remove("d/foreign");
    assert_in_place(&gateway, &then);
    let plan = gateway.volume().plan(&third, &mut repo, &TestRules, Trust::Nothing).unwrap();
    assert!(plan.is_nothing() && plan.summary.hashed == 0, "{:?}", plan.summary);
}

#[test]
fn damage_anywhere_costs_a_look_and_nothing_else() {
    let (gateway, mut repo, second, now) = changed(300);
    for name in ["manifest", "manifest.changes"] {
        let path = state(&gateway, name);
        let good = ["manifest", "manifest.changes"].map(|name| fs::read(state(&gateway, name)).unwrap());
        let length = fs::metadata(&path).unwrap().len() as usize;
        for at in (0..length).step_by(length / 40) {
            flip(&path, at);
            match sync(&gateway, &mut repo, &second) {
                Ok((applied, _)) => {
                    assert_eq!((applied.written, applied.deleted), (0, 0), "{name} at {at}");
                    assert_in_place(&gateway, &now);
                }
                // The byte of the format itself.
                Err(error) => assert!(matches!(error, Error::NewerFormat { .. }), "{error}"),
            }
            for (name, bytes) in ["manifest", "manifest.changes"].iter().zip(&good) {
                fs::write(state(&gateway, name), bytes).unwrap();
            }
        }
    }
}

#[test]
fn without_its_changes_the_base_is_an_older_manifest_and_nothing_is_lost() {
    let (gateway, mut repo, second, now) = changed(300);
    fs::remove_file(state(&gateway, "manifest.changes")).unwrap();
    sync(&gateway, &mut repo, &second).unwrap();
    assert_in_place(&gateway, &now);
}

#[test]
fn wherever_a_compaction_is_killed_the_manifest_says_the_same() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let first = wanted(&mut repo, &files(400, |_| 1));
    sync(&gateway, &mut repo, &first).unwrap();
    // Many changes, and nobody has tidied up yet.
    let now = files(400, |n| if n % 3 > 0 { 2 } else { 1 });
    let second = wanted(&mut repo, &now);
    let volume = gateway.volume();
    let plan = volume.plan(&second, &mut repo, &TestRules, Trust::Nothing).unwrap();
    let mut staging = volume.staging().unwrap();
    stage(&repo, &plan, &mut staging).unwrap();
    let prepared = volume.prepare(&mut staging, plan, &second, &TestRules).unwrap();
    volume.apply(&mut staging, prepared, &TestRules, &run(false)).unwrap();
    drop((staging, volume));
    assert_in_place(&gateway, &now);
    let (base, changes) = (state(&gateway, "manifest"), state(&gateway, "manifest.changes"));
    let before = (fs::read(&base).unwrap(), fs::read(&changes).unwrap());
    assert!(gateway.volume().tidy(second.undo, &TestRules).unwrap(), "it was worth it");
    assert!(!changes.exists());
    assert!(!gateway.volume().tidy(second.undo, &TestRules).unwrap(), "once");
    assert_in_place(&gateway, &now);
    let after = fs::read(&base).unwrap();
    // While the new base is written, and between its rename and the removal of the changes.
    let moments = [
        (&before.0, Some(&after[..0])),
        (&before.0, Some(&after[..after.len() / 2])),
        (&before.0, Some(&after[..])),
        (&after, None),
    ];
    for (at, (in_force, unfinished)) in moments.into_iter().enumerate() {
        fs::write(&base, in_force).unwrap();
        fs::write(&changes, &before.1).unwrap();
        if let Some(unfinished) = unfinished {
            fs::write(state(&gateway, "manifest.new"), unfinished).unwrap();
        }
        assert_in_place(&gateway, &now);
        let plan = gateway.volume().plan(&second, &mut repo, &TestRules, Trust::Nothing).unwrap();
        assert!(plan.is_nothing() && plan.summary.hashed == 0, "moment {at}: {:?}", plan.summary);
        gateway.volume().tidy(second.undo, &TestRules).unwrap();
        assert_in_place(&gateway, &now);
    }
}

/// A copy of the journal of a commit, as it lay there while the commit was applied.
fn with_its_journal(then: &BTreeMap<String, String>) -> (Gateway, Repo, stoker_sync::Desired, Vec<u8>) {
    let (gateway, mut repo, ..) = changed(300);
    let third = wanted(&mut repo, then);
    let volume = gateway.volume();
    let plan = volume.plan(&third, &mut repo, &TestRules, Trust::Nothing).unwrap();
    let mut staging = volume.staging().unwrap();
    stage(&repo, &plan, &mut staging).unwrap();
    let prepared = volume.prepare(&mut staging, plan, &third, &TestRules).unwrap();
    let journal = fs::read(state(&gateway, "journal.new")).unwrap();
    volume.apply(&mut staging, prepared, &TestRules, &run(false)).unwrap();
    drop((staging, volume));
    (gateway, repo, third, journal)
}

#[test]
fn a_journal_that_comes_back_after_its_removal_finds_everything_done() {
    let mut then = files(300, |n| if n == 9 { 3 } else { 1 });
    then.retain(|path, _| !path.contains("view-0011"));
    let (gateway, mut repo, third, journal) = with_its_journal(&then);
    let changes = fs::read(state(&gateway, "manifest.changes")).unwrap();
    // Killed before the changes were in force, while they were written, and before the journal was removed.
    for unfinished in [None, Some(0), Some(changes.len() / 2), Some(changes.len())] {
        fs::write(state(&gateway, "journal"), &journal).unwrap();
        if let Some(length) = unfinished {
            fs::write(state(&gateway, "manifest.changes.new"), &changes[..length]).unwrap();
        }
        let applied = gateway.volume().finish(&TestRules, &run(false)).unwrap().unwrap();
        assert_eq!((applied.written, applied.deleted, applied.displaced.len()), (0, 0, 0));
        assert_eq!(fs::read(state(&gateway, "manifest.changes")).unwrap(), changes);
        assert_in_place(&gateway, &then);
    }
    let plan = gateway.volume().plan(&third, &mut repo, &TestRules, Trust::Nothing).unwrap();
    assert!(plan.is_nothing(), "{:?}", plan.summary);
}

#[test]
fn a_journal_that_comes_back_over_work_done_since_keeps_that_work() {
    let then = files(300, |n| if n == 9 { 3 } else { 1 });
    let (gateway, mut repo, third, journal) = with_its_journal(&then);
    let edited = "d/project 0/views/view-0009/view.json";
    gateway.put(edited, "by hand, since");
    fs::write(state(&gateway, "journal"), &journal).unwrap();
    let volume = gateway.volume();
    let error = volume.finish(&TestRules, &run(false)).unwrap_err();
    assert!(matches!(error, Error::ObjectMissing { .. }), "{error}");
    volume.abandon().unwrap();
    drop(volume);
    assert_eq!(gateway.read(edited), "by hand, since");
    // The commit is the one on disk: it is drift, and stays.
    let plan = gateway.volume().plan(&third, &mut repo, &TestRules, Trust::Nothing).unwrap();
    assert_eq!((plan.summary.drifted, plan.summary.writes()), (1, 0));
}

#[test]
fn a_journal_whose_base_is_gone_is_finished_and_everything_is_looked_at_then() {
    let then = files(300, |n| if n == 9 { 3 } else { 1 });
    let (gateway, mut repo, third, journal) = with_its_journal(&then);
    for name in ["manifest", "manifest.changes"] {
        fs::remove_file(state(&gateway, name)).unwrap();
    }
    fs::write(state(&gateway, "journal"), &journal).unwrap();
    gateway.volume().finish(&TestRules, &run(false)).unwrap().unwrap();
    // Trusting or not: what the manifest does not know is looked at.
    let (applied, summary) = sync_trusting(&gateway, &mut repo, &third, Trust::AllBut(&[].into())).unwrap();
    assert_eq!((applied.written, applied.deleted, summary.files), (0, 0, 300));
    assert_in_place(&gateway, &then);
}

#[test]
fn after_any_history_the_manifest_counts_what_lies_there() {
    for seed in 1..4_usize {
        let (gateway, mut repo) = (Gateway::new(), Repo::default());
        let mut now = files(120, |_| 0);
        let mut random = seed;
        let mut below = |most: usize| {
            // The constants of Knuth's MMIX.
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % most
        };
        for round in 0..12 {
            for _ in 0..below(25) {
                let n = below(160);
                if below(4) == 0 {
                    now.remove(&path(n));
                } else {
                    now.insert(path(n), format!("version {round} of {n}"));
                }
            }
            let mut desired = wanted(&mut repo, &now);
            desired.limits.max_deletes = stoker_sync::MaxDeletes::Count(1000);
            let trust = if below(3) == 0 { Trust::Nothing } else { Trust::AllBut(&[].into()) };
            let (_, summary) = sync_trusting(&gateway, &mut repo, &desired, trust).unwrap();
            assert_eq!(summary.files, now.len() as u64, "seed {seed}, round {round}");
            assert_in_place(&gateway, &now);
        }
    }
}
