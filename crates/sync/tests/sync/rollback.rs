use std::os::unix::fs::MetadataExt as _;

use crate::support::*;
use stoker_sync::{Error, UndoPolicy};

fn go(gateway: &Gateway, repo: &mut Repo, files: &[(&str, &str)]) {
    let commit = repo.commit(files);
    sync(gateway, repo, &desired(&commit, vec![map("s", "d")])).unwrap();
}

#[test]
fn each_generation_leads_back_to_what_was_there_before_it() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    gateway.put("d/seeded", "by the image");
    gateway.put("d/a", "before the first sync");
    let mut states = vec![gateway.files()];
    for files in [
        &[("s/a", "1"), ("s/b", "1")] as &[(&str, &str)],
        &[("s/a", "2"), ("s/b", "1"), ("s/c/new", "2")],
        &[("s/a", "3")],
    ] {
        go(&gateway, &mut repo, files);
        states.push(gateway.files());
    }
    let history = gateway.volume().history().unwrap();
    assert_eq!(history.iter().map(|generation| generation.number).collect::<Vec<_>>(), [2, 1, 0]);
    assert_eq!(history[2].from_commit, None);

    states.pop();
    for (generation, state) in states.iter().enumerate().rev() {
        let volume = gateway.volume();
        volume.rollback(None, &TestRules, &run(false)).unwrap();
        assert_eq!(&gateway.files(), state, "before generation {generation}");
        assert!(volume.hold().unwrap().is_some());
    }
    let error = gateway.volume().rollback(None, &TestRules, &run(false)).unwrap_err();
    assert!(matches!(error, Error::NoGeneration { .. }), "{error}");
}

#[test]
fn a_manifest_beside_a_payload_that_goes_back_is_written_anew() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let inode = |path: &str| std::fs::metadata(gateway.data.join(path)).unwrap().ino();
    let resources = |word: &'static str| {
        let manifests = [("s/v/resource.json", "{}"), ("s/w/resource.json", "{}")];
        [("s/v/view.json", word), manifests[0], ("s/w/view.json", "still"), manifests[1]]
    };
    go(&gateway, &mut repo, &resources("1"));
    let first = gateway.files();
    go(&gateway, &mut repo, &resources("2"));
    let (before, beside) = (inode("d/v/resource.json"), inode("d/w/resource.json"));
    let applied = gateway.volume().rollback(None, &TestRules, &run(false)).unwrap();
    assert_eq!(gateway.files(), first);
    assert_ne!(inode("d/v/resource.json"), before, "the gateway would not notice the payload");
    assert_eq!(inode("d/w/resource.json"), beside);
    assert_eq!(applied.written, 2);
}

#[test]
fn several_generations_at_once() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    go(&gateway, &mut repo, &[("s/a", "1"), ("s/b", "1")]);
    let first = gateway.files();
    let first_commit = gateway.volume().synced().unwrap().unwrap().commit;
    go(&gateway, &mut repo, &[("s/a", "2"), ("s/c", "2")]);
    go(&gateway, &mut repo, &[("s/a", "3"), ("s/b", "3"), ("s/c", "3")]);
    let left = gateway.volume().synced().unwrap().unwrap().commit;
    gateway.volume().rollback(Some(1), &TestRules, &run(false)).unwrap();
    assert_eq!(gateway.files(), first);
    let volume = gateway.volume();
    assert_eq!(volume.synced().unwrap().unwrap().commit, first_commit);
    assert_eq!(volume.hold().unwrap().unwrap().left_commit, left);
    assert!(volume.release_hold().unwrap() && !volume.release_hold().unwrap());
    drop(volume);
    go(&gateway, &mut repo, &[("s/a", "4")]);
    assert_eq!(gateway.files(), expected(&[("d/a", "4")]), "and forward again");
}

#[test]
fn local_work_at_the_time_of_a_rollback_is_kept_aside() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    go(&gateway, &mut repo, &[("s/a", "1")]);
    go(&gateway, &mut repo, &[("s/a", "2"), ("s/b", "2")]);
    gateway.put("d/a", "by hand");
    gateway.put("d/b", "by hand too");
    gateway.volume().rollback(None, &TestRules, &run(false)).unwrap();
    assert_eq!(gateway.files(), expected(&[("d/a", "1")]));
    assert_eq!(gateway.local(), expected(&[("d/a", "by hand"), ("d/b", "by hand too")]));
}

#[test]
fn a_kept_file_that_was_changed_stops_the_rollback_before_anything_moves() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    go(&gateway, &mut repo, &[("s/a", "1"), ("s/b", "1")]);
    go(&gateway, &mut repo, &[("s/a", "2"), ("s/b", "2")]);
    for entry in std::fs::read_dir(gateway.data.join(".stoker/undo/1")).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with("index") {
            std::fs::write(path, "tampered").unwrap();
        }
    }
    let error = gateway.volume().rollback(None, &TestRules, &run(false)).unwrap_err();
    assert!(matches!(error, Error::UndoDamaged { .. }), "{error}");
    assert_eq!(gateway.files(), expected(&[("d/a", "2"), ("d/b", "2")]));
    assert_eq!(gateway.volume().hold().unwrap(), None);
}

#[test]
fn only_so_many_generations_are_kept_besides_the_first() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    for n in 0..6 {
        let content = n.to_string();
        let commit = repo.commit(&[("s/a", content.as_str())]);
        let mut wanted = desired(&commit, vec![map("s", "d")]);
        wanted.undo = UndoPolicy { generations: 2, max_bytes: 1 << 20 };
        sync(&gateway, &mut repo, &wanted).unwrap();
    }
    let numbers: Vec<u64> = gateway.volume().history().unwrap().iter().map(|one| one.number).collect();
    assert_eq!(numbers, [5, 4, 0]);
}
