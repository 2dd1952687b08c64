//! Blobs that only say which bytes are meant: others stand in for them.

use crate::support::*;
use stoker_object::blob_id;
use stoker_sync::{Applied, Desired, Mapping, Trust};

/// As [`sync`], where the bytes of every blob that begins with `>` are what follows, from elsewhere.
fn sync_with_others(gateway: &Gateway, repo: &mut Repo, wanted: &Desired) -> (Applied, usize) {
    let volume = gateway.volume();
    let plan = volume.plan(wanted, repo, &TestRules, Trust::Nothing).unwrap();
    let mut staging = volume.staging().unwrap();
    let fetched = stage(repo, &plan, &mut staging).unwrap();
    let mut sources = Vec::new();
    plan.sources(&mut |_, id| sources.push(id)).unwrap();
    for id in sources {
        let text = String::from_utf8(repo.bytes(&id).to_vec()).unwrap();
        if let Some(other) = text.strip_prefix('>') {
            let content = blob_id(other.as_bytes());
            staging.small(&content, other.as_bytes()).unwrap();
            staging.stand_in(&id, &content).unwrap();
        }
    }
    // What a kill leaves is enough.
    drop(staging);
    let mut staging = volume.staging().unwrap();
    let prepared = volume.prepare(&mut staging, plan, wanted, &TestRules).unwrap();
    (volume.apply(&mut staging, prepared, &TestRules, &run(false)).unwrap(), fetched)
}

#[test]
fn what_stands_in_is_written_and_counts_as_the_commits() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let commit = repo.commit(&[("s/a", ">large"), ("s/b", ">large"), ("s/c", "plain")]);
    let wanted = desired(&commit, vec![map("s", "d")]);
    let (applied, _) = sync_with_others(&gateway, &mut repo, &wanted);
    assert_eq!(applied.written, 3);
    assert_eq!(
        (gateway.read("d/a"), gateway.read("d/b"), gateway.read("d/c")),
        ("large".into(), "large".into(), "plain".into())
    );
    let plan = gateway.volume().plan(&wanted, &mut repo, &TestRules, Trust::Nothing).unwrap();
    assert!(plan.is_nothing(), "{:?}", plan.summary);

    // Only what changed is fetched.
    let commit = repo.commit(&[("s/a", ">larger"), ("s/b", ">large"), ("s/c", "plain")]);
    let (applied, fetched) = sync_with_others(&gateway, &mut repo, &desired(&commit, vec![map("s", "d")]));
    assert_eq!((applied.written, fetched), (1, 1));
    assert_eq!(gateway.read("d/a"), "larger");
}

#[test]
fn a_local_change_of_such_a_file_is_drift_and_a_new_commit_puts_it_right() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let commit = repo.commit(&[("s/a", ">large"), ("s/c", "1")]);
    let wanted = desired(&commit, vec![map("s", "d")]);
    sync_with_others(&gateway, &mut repo, &wanted);
    gateway.put("d/a", "local");
    let plan = gateway.volume().plan(&wanted, &mut repo, &TestRules, Trust::Nothing).unwrap();
    assert_eq!((plan.summary.drifted, plan.summary.writes()), (1, 0));
    let commit = repo.commit(&[("s/a", ">large"), ("s/c", "2")]);
    let (applied, _) = sync_with_others(&gateway, &mut repo, &desired(&commit, vec![map("s", "d")]));
    assert_eq!((gateway.read("d/a"), applied.displaced), ("large".into(), vec!["d/a".to_owned()]));
}

#[test]
fn a_gateway_that_has_the_bytes_already_keeps_its_file() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    gateway.put("d/a", "large");
    let commit = repo.commit(&[("s/a", ">large")]);
    let wanted = desired(&commit, vec![map("s", "d")]);
    let (applied, _) = sync_with_others(&gateway, &mut repo, &wanted);
    assert_eq!(applied.written, 0);
    let plan = gateway.volume().plan(&wanted, &mut repo, &TestRules, Trust::Nothing).unwrap();
    assert!(plan.is_nothing(), "{:?}", plan.summary);
}

#[test]
fn what_stands_in_is_what_a_template_is_made_of() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let commit = repo.commit(&[("s/a", ">gateway {{ .GatewayName }}")]);
    let wanted = desired(&commit, vec![Mapping { template: true, ..map("s", "d") }]);
    sync_with_others(&gateway, &mut repo, &wanted);
    let written = gateway.read("d/a");
    assert!(written.starts_with("gateway ") && !written.contains('{'), "{written}");
    let plan = gateway.volume().plan(&wanted, &mut repo, &TestRules, Trust::Nothing).unwrap();
    assert!(plan.is_nothing(), "{:?}", plan.summary);
}
