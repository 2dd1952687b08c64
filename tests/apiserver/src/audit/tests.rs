use super::*;

fn line(id: &str, stage: &str, verb: &str, uri: &str, code: u16) -> Line {
    let text = format!(
        r#"{{"auditID":"{id}","stage":"{stage}","requestURI":"{uri}","verb":"{verb}","user":{{"username":"u"}},
            "objectRef":{{"resource":"pods","namespace":"ns","apiVersion":"v1"}},"responseStatus":{{"metadata":{{}},"code":{code}}},
            "requestReceivedTimestamp":"2026-01-01T00:00:00.000000Z"}}"#
    );
    serde_json::from_str(&text).unwrap()
}

#[test]
fn reading_waits_for_the_answer_of_what_came_before_the_marker() {
    let received = || {
        vec![
            line("a", "RequestReceived", "create", "/a", 0),
            line("m", "RequestReceived", "get", "/version?audit-marker=1", 0),
            line("m", "ResponseComplete", "get", "/version?audit-marker=1", 200),
        ]
    };
    assert_eq!(completed(received(), "/version?audit-marker=1"), None);
    assert_eq!(completed(received(), "/version?audit-marker=2"), None);
    let mut lines = received();
    lines.push(line("a", "ResponseComplete", "create", "/a", 201));
    let entries = completed(lines, "/version?audit-marker=1").unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].uri.as_str(), entries[0].code), ("/a", Some(201)));
}

#[test]
fn a_watch_is_one_entry_and_is_not_waited_for() {
    let lines = vec![
        line("w", "RequestReceived", "watch", "/w", 0),
        line("w", "ResponseStarted", "watch", "/w", 200),
        line("m", "RequestReceived", "get", "/version?audit-marker=1", 0),
        // Received after the marker: not waited for, but told.
        line("late", "RequestReceived", "get", "/late", 0),
        line("m", "ResponseComplete", "get", "/version?audit-marker=1", 200),
    ];
    let entries = completed(lines, "/version?audit-marker=1").unwrap();
    let seen: Vec<_> = entries.iter().map(|entry| (entry.uri.as_str(), entry.code)).collect();
    assert_eq!(seen, [("/w", Some(200)), ("/late", None)]);
}
