use serde_json::json;

use super::*;

fn paths(prefix: &str, count: usize) -> PathList {
    PathList::of((0..count).map(|number| format!("{prefix}/{number}/resource.json")).collect())
}

#[test]
fn an_entry_names_what_was_added_modified_and_deleted() {
    let changes = GatewayChanges {
        dry_run: None,
        last_sync: Some(ChangeSet {
            commit: "0123456".into(),
            time: "2026-01-01T00:00:00Z".into(),
            added: paths("a", 1),
            modified: PathList::default(),
            deleted: paths("d", 2),
        }),
    };
    let expected = json!({"lastSync": {
        "commit": "0123456",
        "time": "2026-01-01T00:00:00Z",
        "added": {"count": 1, "paths": ["a/0/resource.json"]},
        "deleted": {"count": 2, "paths": ["d/0/resource.json", "d/1/resource.json"]},
    }});
    let text = changes.to_json(MAX_ENTRY_BYTES);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), expected);
    assert_eq!(serde_json::from_str::<GatewayChanges>(&text).unwrap(), changes);
}

#[test]
fn lists_give_way_the_longest_first_and_say_how_long_they_were() {
    let set = ChangeSet {
        commit: "f".repeat(40),
        time: "2026-01-01T00:00:00Z".into(),
        added: paths("added", 10_000),
        modified: paths("modified", 3),
        deleted: PathList::of(vec!["x\u{1b}[2J\n".into(), "y".repeat(5000)]),
    };
    let changes = GatewayChanges { dry_run: Some(set.clone()), last_sync: Some(set) };
    let text = changes.to_json(MAX_ENTRY_BYTES);
    assert!((600..=MAX_ENTRY_BYTES).contains(&text.len()), "{} bytes", text.len());
    let read: GatewayChanges = serde_json::from_str(&text).unwrap();
    let set = read.last_sync.unwrap();
    assert_eq!((set.added.count, set.modified.count, set.deleted.count), (10_000, 3, 2));
    assert!(!set.added.paths.is_empty() && set.added.paths.len() < 20);
    assert!(!text.contains('\u{1b}') && !text.contains("\\n"));
}

#[test]
fn an_entry_of_another_version_is_read_as_far_as_it_is_understood() {
    let read: GatewayChanges =
        serde_json::from_str(r#"{"later": 1, "lastSync": {"commit": "abc", "moved": []}}"#).unwrap();
    assert_eq!(read.last_sync.unwrap().commit, "abc");
}
