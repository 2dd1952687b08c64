//! Changes on the gateway: reported and left, until another commit comes.

use std::fs;

use serde_json::Value;

use super::Plant;
use crate::support::{STATE, Tree, assert_same};

#[test]
fn a_change_by_hand_is_reported_and_left_and_kept_when_a_new_commit_comes() {
    let plant = Plant::new();
    let agent = plant.start();
    let (view, project) = (plant.site.live_view("main"), plant.site.data.join("projects/line/project.json"));
    fs::write(&view, "{\"word\":\"by hand\"}\n").unwrap();
    fs::remove_file(&project).unwrap();
    let status = agent.wait_for_status("drift", |status| status["drift"]["count"] == 2);
    assert_eq!(status["syncStatus"], "Synced", "{status:#}");
    let changed = "projects/line/com.inductiveautomation.perspective/views/main/view.json";
    let paths: Vec<&str> =
        status["drift"]["paths"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
    assert_eq!(paths, [changed, "projects/line/project.json"]);
    assert!(!project.exists() && fs::read_to_string(&view).unwrap().contains("by hand"), "it is left");

    let text = plant.site.volume("diff", &[]);
    assert_eq!(text.code, 1, "{}", text.stderr);
    assert!(text.stdout.contains(&format!("changed   {changed}\n")), "{}", text.stdout);
    assert!(text.stdout.contains("missing   projects/line/project.json\n"), "{}", text.stdout);
    assert!(text.stdout.ends_with("2 of 6 managed files differ from what was synced\n"), "{}", text.stdout);
    let json = plant.site.volume("diff", &["--json"]);
    let lines: Vec<Value> = json.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{}", json.stdout);
    assert_eq!(lines[0], serde_json::json!({"path": changed, "difference": "changed"}));
    assert_eq!((json.code, &lines[1]["difference"]), (1, &Value::from("missing")));

    // The same commit leaves it; another one does not, and what was there is kept.
    let commit = plant.push("two");
    plant.wait_for_scanned(&agent, &commit);
    assert_same(&plant.site.archive(&commit), &plant.site.live(), "the new commit is not live");
    let kept = format!("{:?}", Tree::of(&plant.site.data.join(STATE).join("local")));
    assert!(kept.contains("by hand"), "{kept}");
    let status = agent.wait_for_status("no drift", |status| status["drift"].is_null());
    assert_eq!(status["syncedCommit"], commit);
    assert_eq!(plant.site.volume("diff", &[]).code, 0);
}

#[test]
fn what_the_gateway_rewrites_by_itself_is_no_drift() {
    let plant = Plant::new();
    let agent = plant.start();
    plant.gateway.touch_resource(super::VIEW).unwrap();
    fs::write(plant.site.data.join("projects/line/project.json"), "{\"title\":\"by hand\"}").unwrap();
    let status = agent.wait_for_status("drift", |status| status["drift"]["count"] == 1);
    assert_eq!(status["drift"]["paths"][0], "projects/line/project.json", "not the manifest: {status:#}");
}

#[test]
fn an_undone_change_is_drift_no_more() {
    let plant = Plant::new();
    let agent = plant.start();
    let view = plant.site.live_view("main");
    let ours = fs::read(&view).unwrap();
    fs::write(&view, "{\"word\":\"by hand\"}\n").unwrap();
    agent.wait_for_status("drift", |status| status["drift"]["count"] == 1);
    fs::write(&view, ours).unwrap();
    agent.wait_for_status("no drift", |status| status["drift"].is_null());
}
