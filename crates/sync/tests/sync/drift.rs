use crate::support::*;
use stoker_sync::{Difference, Trust};

const FILES: &[(&str, &str)] =
    &[("s/view.json", "v"), ("s/resource.json", "declares actor git"), ("s/other.txt", "o")];

fn synced() -> (Gateway, Repo, stoker_sync::Desired) {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let commit = repo.commit(FILES);
    let desired = desired(&commit, vec![map("s", "d")]);
    sync(&gateway, &mut repo, &desired).unwrap();
    (gateway, repo, desired)
}

#[test]
fn with_the_same_commit_local_work_is_reported_and_left() {
    let (gateway, mut repo, desired) = synced();
    gateway.put("d/view.json", "by hand");
    gateway.remove("d/other.txt");
    let (applied, summary) = sync(&gateway, &mut repo, &desired).unwrap();
    assert_eq!((applied.written, applied.deleted, summary.drifted), (0, 0, 2));
    assert_eq!(summary.drift, ["d/other.txt", "d/view.json"]);
    assert_eq!(gateway.read("d/view.json"), "by hand");
    assert!(!gateway.has("d/other.txt"));
    let (_, summary) = sync(&gateway, &mut repo, &desired).unwrap();
    assert_eq!(summary.drifted, 2, "it stays drift until a commit or a person settles it");
}

#[test]
fn before_the_gateway_first_ran_differences_are_put_right() {
    let (gateway, mut repo, mut desired) = synced();
    gateway.put("d/view.json", "by commissioning");
    desired.restore = true;
    let (applied, summary) = sync(&gateway, &mut repo, &desired).unwrap();
    assert_eq!((applied.written, summary.drifted), (2, 0), "the file and its manifest");
    assert_eq!(gateway.read("d/view.json"), "v");
    assert_eq!(gateway.local(), expected(&[("d/view.json", "by commissioning")]));
}

#[test]
fn a_new_commit_keeps_the_local_version_aside() {
    let (gateway, mut repo, _) = synced();
    gateway.put("d/view.json", "by hand");
    let commit = repo.commit(&[
        ("s/view.json", "v"),
        ("s/resource.json", "declares actor git"),
        ("s/other.txt", "o2"),
    ]);
    let (applied, _) = sync(&gateway, &mut repo, &desired(&commit, vec![map("s", "d")])).unwrap();
    assert_eq!(gateway.read("d/view.json"), "v");
    assert_eq!(applied.displaced, ["d/view.json"]);
    assert_eq!(gateway.local(), expected(&[("d/view.json", "by hand")]));
}

#[test]
fn a_removed_file_with_local_work_is_kept_aside() {
    let (gateway, mut repo, _) = synced();
    gateway.put("d/other.txt", "by hand");
    let commit = repo.commit(&FILES[..2]);
    sync(&gateway, &mut repo, &desired(&commit, vec![map("s", "d")])).unwrap();
    assert!(!gateway.has("d/other.txt"));
    assert_eq!(gateway.local(), expected(&[("d/other.txt", "by hand")]));
}

#[test]
fn a_manifest_that_the_gateway_rewrote_by_itself_is_no_drift() {
    let (gateway, mut repo, desired_before) = synced();
    gateway.put("d/resource.json", "declares actor gateway 12:00");
    let (_, summary) = sync(&gateway, &mut repo, &desired_before).unwrap();
    assert_eq!(summary.drifted, 0);
    assert_eq!(differences(&gateway), []);
    let commit = repo.commit(&[("s/view.json", "v2"), FILES[1], FILES[2]]);
    let (applied, _) = sync(&gateway, &mut repo, &desired(&commit, vec![map("s", "d")])).unwrap();
    assert_eq!(gateway.read("d/resource.json"), "declares actor git");
    assert_eq!(applied.displaced, [""; 0], "the gateway's own note is nobody's work");
}

#[test]
fn diff_reads_every_byte_offline() {
    let (gateway, _, _) = synced();
    assert_eq!(differences(&gateway), []);
    gateway.put("d/view.json", "V");
    gateway.remove("d/other.txt");
    assert_eq!(
        differences(&gateway),
        [("d/other.txt".to_owned(), Difference::Missing), ("d/view.json".to_owned(), Difference::Changed)]
    );
}

fn differences(gateway: &Gateway) -> Vec<(String, Difference)> {
    let mut found = Vec::new();
    let volume = stoker_sync::Volume::open_read_only(&gateway.data).unwrap();
    volume.diff(&TestRules, &mut |path, difference| found.push((path.to_owned(), difference))).unwrap();
    found
}

#[test]
fn a_dry_run_touches_nothing_but_the_state() {
    let (gateway, mut repo, _) = synced();
    let before = gateway.files();
    let commit = repo.commit(&[("s/view.json", "v2"), ("s/new.txt", "n")]);
    let plan = gateway
        .volume()
        .plan(&desired(&commit, vec![map("s", "d")]), &mut repo, &TestRules, Trust::Nothing)
        .unwrap();
    let changes: Vec<String> =
        plan.summary.changes.iter().map(|change| format!("{:?} {}", change.kind, change.path)).collect();
    assert_eq!(
        changes,
        ["Added d/new.txt", "Deleted d/other.txt", "Modified d/view.json", "Deleted d/resource.json"]
    );
    assert_eq!(gateway.files(), before);
}
