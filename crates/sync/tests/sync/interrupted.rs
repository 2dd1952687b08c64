//! A kill at every step of an apply, and what the next start makes of it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::*;
use stoker_object::ObjectId;
use stoker_sync::{Desired, Error, Rules, Trust};

/// Stops the apply after so many steps: it asks these rules once a step.
struct StopAfter<'a> {
    steps: AtomicUsize,
    stop: &'a AtomicBool,
}

impl Rules for StopAfter<'_> {
    fn key(&self) -> String {
        TestRules.key()
    }
    fn never_touch(&self, path: &str) -> Option<&'static str> {
        if self.steps.fetch_sub(1, Ordering::Relaxed) == 0 {
            self.stop.store(true, Ordering::Relaxed);
        }
        TestRules.never_touch(path)
    }
    fn never_delete(&self, path: &str) -> Option<&'static str> {
        TestRules.never_delete(path)
    }
    fn skip(&self, path: &str) -> bool {
        TestRules.skip(path)
    }
    fn declares_resource(&self, name: &str) -> bool {
        TestRules.declares_resource(name)
    }
    fn refuses_prune_all(&self, destination: &str) -> Option<String> {
        TestRules.refuses_prune_all(destination)
    }
    fn essence(&self, name: &str, content: &[u8]) -> Option<ObjectId> {
        TestRules.essence(name, content)
    }
}

const V1: &[(&str, &str)] = &[
    ("s/gone/view.json", "g"),
    ("s/gone/resource.json", "g"),
    ("s/main/view.json", "v1"),
    ("s/main/old.png", "png"),
    ("s/main/resource.json", "r1"),
    ("s/type", "file"),
];
const V2: &[(&str, &str)] = &[
    ("s/main/view.json", "v2"),
    ("s/main/new.png", "png2"),
    ("s/main/resource.json", "r2"),
    ("s/type/now-a-directory", "x"),
];

/// Applies V2 over V1 and stops after `steps`; true if it was stopped before the end.
fn interrupted(gateway: &Gateway, repo: &mut Repo, wanted: &Desired, steps: usize) -> bool {
    let volume = gateway.volume();
    let plan = volume.plan(wanted, repo, &TestRules, Trust::Nothing).unwrap();
    let mut staging = volume.staging().unwrap();
    stage(repo, &plan, &mut staging).unwrap();
    let prepared = volume.prepare(&mut staging, plan, wanted, &TestRules).unwrap();
    let stop = AtomicBool::new(false);
    let rules = StopAfter { steps: AtomicUsize::new(steps), stop: &stop };
    match volume.apply(&mut staging, prepared, &rules, &stop) {
        Ok(_) => false,
        Err(Error::Stopped) => true,
        Err(error) => panic!("{error}"),
    }
}

fn start() -> (Gateway, Repo, Desired) {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let first = repo.commit(V1);
    sync(&gateway, &mut repo, &desired(&first, vec![map("s", "d")])).unwrap();
    let second = repo.commit(V2);
    let wanted = desired(&second, vec![map("s", "d")]);
    (gateway, repo, wanted)
}

fn in_place(files: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    files.iter().map(|(path, content)| (path.replacen("s/", "d/", 1), (*content).to_owned())).collect()
}

#[test]
fn wherever_it_is_stopped_the_next_start_finishes_it_offline() {
    for steps in 0.. {
        let (gateway, mut repo, wanted) = start();
        let stopped = interrupted(&gateway, &mut repo, &wanted, steps);
        if stopped {
            let applied = gateway.volume().finish(&TestRules, &run(false)).unwrap().unwrap();
            assert_eq!(applied.commit, wanted.commit.to_string());
            assert_eq!(applied.displaced, [""; 0], "step {steps}");
        }
        assert_eq!(gateway.files(), in_place(V2), "step {steps}");
        let plan = gateway.volume().plan(&wanted, &mut repo, &TestRules, Trust::Nothing).unwrap();
        assert!(plan.is_nothing(), "step {steps}: {:?}", plan.summary);
        gateway.volume().rollback(None, &TestRules, &run(false)).unwrap();
        assert_eq!(gateway.files(), in_place(V1), "the way back, step {steps}");
        if !stopped {
            assert!(steps > 5, "the harness must have stopped somewhere");
            return;
        }
    }
}

#[test]
fn at_every_step_each_resource_is_whole() {
    for steps in 0..12 {
        let (gateway, mut repo, wanted) = start();
        interrupted(&gateway, &mut repo, &wanted, steps);
        let files = gateway.files();
        if files.contains_key("d/gone/resource.json") {
            assert!(files.contains_key("d/gone/view.json"), "step {steps}: a manifest without its payload");
        }
        if files["d/main/resource.json"] == "r2" {
            assert_eq!(files["d/main/view.json"], "v2", "step {steps}: the new manifest before its payload");
            assert!(files.contains_key("d/main/new.png"), "step {steps}");
        } else {
            assert!(files.contains_key("d/main/old.png"), "step {steps}: the old manifest names it");
        }
    }
}

#[test]
fn work_done_between_the_kill_and_the_start_is_kept_and_named() {
    let (gateway, mut repo, wanted) = start();
    assert!(interrupted(&gateway, &mut repo, &wanted, 1));
    gateway.put("d/main/view.json", "by hand");
    let applied = gateway.volume().finish(&TestRules, &run(false)).unwrap().unwrap();
    assert_eq!(applied.displaced, ["d/main/view.json"]);
    assert_eq!(gateway.files(), in_place(V2));
    assert_eq!(gateway.local()["d/main/view.json"], "by hand");
}

#[test]
fn work_done_between_plan_and_rename_is_kept_and_named() {
    let (gateway, mut repo, wanted) = start();
    let volume = gateway.volume();
    let plan = volume.plan(&wanted, &mut repo, &TestRules, Trust::Nothing).unwrap();
    let mut staging = volume.staging().unwrap();
    stage(&repo, &plan, &mut staging).unwrap();
    let prepared = volume.prepare(&mut staging, plan, &wanted, &TestRules).unwrap();
    gateway.put("d/main/view.json", "at the last moment");
    gateway.put("d/main/old.png", "edited");
    let applied = volume.apply(&mut staging, prepared, &TestRules, &run(false)).unwrap();
    assert_eq!(applied.displaced, ["d/main/view.json", "d/main/old.png"]);
    assert_eq!(gateway.local()["d/main/view.json"], "at the last moment");
    assert_eq!(gateway.files(), in_place(V2));
}

#[test]
fn without_its_staged_files_it_is_abandoned_and_a_new_sync_converges() {
    for steps in [0, 3, 5] {
        let (gateway, mut repo, wanted) = start();
        assert!(interrupted(&gateway, &mut repo, &wanted, steps));
        for entry in std::fs::read_dir(gateway.data.join(".stoker/staging")).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
        let volume = gateway.volume();
        let error = volume.finish(&TestRules, &run(false)).unwrap_err();
        assert!(matches!(error, Error::ObjectMissing { .. }), "{error}");
        volume.abandon().unwrap();
        drop(volume);
        sync(&gateway, &mut repo, &wanted).unwrap();
        assert_eq!(gateway.files(), in_place(V2), "step {steps}");
    }
}

#[test]
fn a_staged_file_that_somebody_changed_is_never_put_in_place() {
    let (gateway, mut repo, wanted) = start();
    let volume = gateway.volume();
    let plan = volume.plan(&wanted, &mut repo, &TestRules, Trust::Nothing).unwrap();
    let mut staging = volume.staging().unwrap();
    stage(&repo, &plan, &mut staging).unwrap();
    let prepared = volume.prepare(&mut staging, plan, &wanted, &TestRules).unwrap();
    for entry in std::fs::read_dir(gateway.data.join(".stoker/staging")).unwrap() {
        std::fs::write(entry.unwrap().path(), "planted").unwrap();
    }
    let error = volume.apply(&mut staging, prepared, &TestRules, &run(false)).unwrap_err();
    assert!(error.to_string().contains("changed by somebody else"), "{error}");
    assert!(gateway.files().values().all(|content| content != "planted"));
}
