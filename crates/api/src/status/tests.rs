use serde_json::json;

use super::*;

/// Every field of contract §3 and §8, in one entry.
fn full() -> GatewayStatus {
    GatewayStatus {
        sync_status: SyncStatus::Error,
        synced_commit: Some("0123456789012345678901234567890123456789".into()),
        synced_ref: Some("main".into()),
        last_sync_time: Some("2026-03-01T12:00:00Z".into()),
        last_sync_duration: Some("2.5s".into()),
        agent_version: Some("0.1.0".into()),
        last_scan_result: Some("projects=200 config=200".into()),
        files_changed: Some(10),
        projects_synced: vec!["line-1".into()],
        error_message: Some("the scan was refused".into()),
        reason: Some(Reason::ScanFailed),
        profile_name: Some("default".into()),
        dry_run: true,
        dry_run_diff_added: Some(1),
        dry_run_diff_modified: Some(2),
        dry_run_diff_deleted: Some(0),
        designer_sessions_blocked: true,
        last_seen: Some("2026-03-01T13:00:00Z".into()),
        drift: PathList::of(vec!["projects/a/project.json".into()]),
        unmanaged: PathList { count: 3, paths: vec!["projects/old/project.json".into()] },
        held: Some(Held { reason: "LocalChanges".into(), since: "2026-03-01T12:30:00Z".into() }),
        rolled_back_from: Some("a".repeat(40)),
        previous_commit: Some("b".repeat(40)),
        next_sync_window: Some("2026-03-02T02:00:00Z".into()),
        restart_required: vec!["redundancy.xml".into()],
        agent_outdated: true,
        pod_uid: Some("6f1c3a52-9a5c-4d0e-8f0a-2f7d5a4f6a10".into()),
    }
}

#[test]
fn an_entry_has_the_names_of_the_contract() {
    let expected = json!({
        "syncStatus": "Error",
        "syncedCommit": "0123456789012345678901234567890123456789",
        "syncedRef": "main",
        "lastSyncTime": "2026-03-01T12:00:00Z",
        "lastSyncDuration": "2.5s",
        "agentVersion": "0.1.0",
        "lastScanResult": "projects=200 config=200",
        "filesChanged": 10,
        "projectsSynced": ["line-1"],
        "errorMessage": "the scan was refused",
        "reason": "ScanFailed",
        "profileName": "default",
        "dryRun": true,
        "dryRunDiffAdded": 1,
        "dryRunDiffModified": 2,
        "dryRunDiffDeleted": 0,
        "designerSessionsBlocked": true,
        "lastSeen": "2026-03-01T13:00:00Z",
        "drift": {"count": 1, "paths": ["projects/a/project.json"]},
        "unmanaged": {"count": 3, "paths": ["projects/old/project.json"]},
        "held": {"reason": "LocalChanges", "since": "2026-03-01T12:30:00Z"},
        "rolledBackFrom": "a".repeat(40),
        "previousCommit": "b".repeat(40),
        "nextSyncWindow": "2026-03-02T02:00:00Z",
        "restartRequired": ["redundancy.xml"],
        "agentOutdated": true,
        "podUID": "6f1c3a52-9a5c-4d0e-8f0a-2f7d5a4f6a10",
    });
    assert_eq!(serde_json::to_value(full()).unwrap(), expected);
    assert_eq!(serde_json::from_value::<GatewayStatus>(expected).unwrap(), full());
}

#[test]
fn empty_fields_are_not_written() {
    assert_eq!(GatewayStatus::default().to_json(MAX_ENTRY_BYTES), r#"{"syncStatus":"Pending"}"#);
    let nothing_changed = GatewayStatus { files_changed: Some(0), ..GatewayStatus::default() };
    assert_eq!(nothing_changed.to_json(MAX_ENTRY_BYTES), r#"{"syncStatus":"Pending","filesChanged":0}"#);
}

#[test]
fn an_entry_of_another_version_is_read_as_far_as_it_is_known() {
    let status: GatewayStatus =
        serde_json::from_str(r#"{"syncStatus":"Synced","reason":"SomethingNew","invented":[1],"drift":{}}"#)
            .unwrap();
    assert_eq!(status, GatewayStatus { sync_status: SyncStatus::Synced, ..GatewayStatus::default() });
    assert_eq!(serde_json::from_str::<GatewayStatus>("{}").unwrap(), GatewayStatus::default());
}

#[test]
fn an_entry_that_fits_is_left_as_it_is() {
    let status = full();
    let size = serde_json::to_string(&status).unwrap().len();
    assert!(size > MAX_ENTRY_BYTES / 2, "a test worth its name");
    assert_eq!(status.bounded(size), status);
    assert_ne!(status.bounded(size - 1), status);
}

#[test]
fn lists_give_way_before_the_message_and_keep_their_counts() {
    let message = "the commit would delete 900 of 1000 files, more than maxDeletes allows".to_owned();
    let paths: Vec<String> =
        (0..500).map(|n| format!("projects/line-{n}/ignition/script-python/code.py")).collect();
    let status = GatewayStatus {
        error_message: Some(message.clone()),
        projects_synced: (0..20).map(|n| format!("line-{n}")).collect(),
        drift: PathList::of(paths[..4].to_vec()),
        unmanaged: PathList::of(paths),
        ..GatewayStatus::default()
    };
    let bounded = status.bounded(MAX_ENTRY_BYTES);
    assert_eq!(bounded.error_message.as_ref(), Some(&message));
    assert_eq!((bounded.unmanaged.count, bounded.drift.count), (500, 4));
    assert_eq!(bounded.drift.paths.len(), 4, "what is missed least goes first");
    assert_eq!(bounded.projects_synced.len(), 20);
    assert!(!bounded.unmanaged.paths.is_empty() && bounded.unmanaged.paths.len() < 20);
    let size = bounded.to_json(MAX_ENTRY_BYTES).len();
    assert!((900..=MAX_ENTRY_BYTES).contains(&size), "no more is cut than needed: {size}");
}

#[test]
fn a_long_message_is_cut_between_characters_and_says_so() {
    let status = GatewayStatus { error_message: Some("\u{e4}".repeat(4000)), ..full() };
    let bounded = status.bounded(MAX_ENTRY_BYTES);
    let message = bounded.error_message.unwrap();
    assert!(message.starts_with('\u{e4}') && message.ends_with('…'), "{message}");
}

#[test]
fn control_characters_never_reach_an_entry() {
    let status = GatewayStatus { error_message: Some("a\u{1b}[31mb\nc".into()), ..GatewayStatus::default() };
    assert_eq!(status.bounded(MAX_ENTRY_BYTES).error_message.unwrap(), "a [31mb c");
}

#[test]
fn whatever_an_entry_holds_it_fits() {
    let texts = ["x", "\u{1}", "\"", "\\", "\u{1F3ED}", "\u{7f}\u{9f}"];
    for text in texts {
        for length in [0, 1, 50, 300, 600] {
            for items in [0, 1, 40] {
                let long = || Some(text.repeat(length));
                let list = || vec![text.repeat(length); items];
                let status = GatewayStatus {
                    synced_commit: long(),
                    synced_ref: long(),
                    last_sync_time: long(),
                    last_sync_duration: long(),
                    agent_version: long(),
                    last_scan_result: long(),
                    projects_synced: list(),
                    error_message: long(),
                    profile_name: long(),
                    last_seen: long(),
                    drift: PathList::of(list()),
                    unmanaged: PathList::of(list()),
                    held: Some(Held { reason: text.repeat(length), since: text.repeat(length) }),
                    rolled_back_from: long(),
                    previous_commit: long(),
                    next_sync_window: long(),
                    restart_required: list(),
                    pod_uid: long(),
                    ..full()
                };
                for max in [900, MAX_ENTRY_BYTES] {
                    let json = status.to_json(max);
                    assert!(
                        json.len() <= max,
                        "{} bytes of at most {max}: {text:?} {length} {items}",
                        json.len()
                    );
                    let read: GatewayStatus = serde_json::from_str(&json).unwrap();
                    assert_eq!((read.sync_status, read.reason), (status.sync_status, status.reason));
                    assert_eq!(
                        status.bounded(max).bounded(max),
                        status.bounded(max),
                        "bounding once is enough"
                    );
                }
            }
        }
    }
}
