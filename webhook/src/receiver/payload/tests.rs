//! Bodies in the shapes that their senders publish.

use serde_json::json;

use super::*;

const COMMIT: &str = "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5";
const ZERO: &str = "0000000000000000000000000000000000000000";

fn read(header: Option<(&'static str, &str)>, body: &Value) -> Result<(Source, Asked), Unusable> {
    let event =
        Event::of(|name| header.filter(|(known, _)| *known == name).map(|(_, value)| value.as_bytes()));
    recognise(event, body.to_string().as_bytes())
}

fn pushed(reference: &str) -> Asked {
    Asked::Pushed(vec![Pushed { reference: reference.into(), commit: Some(COMMIT.into()) }])
}

fn want(reference: &str) -> Asked {
    Asked::Want { reference: reference.into() }
}

#[test]
fn github_sends_pushes_releases_and_pings() {
    let push = json!({
        "ref": "refs/heads/main", "before": "6113728f27ae82c7b1a177c8d03f9e96e0adf246", "after": COMMIT,
        "created": false, "deleted": false, "forced": false, "base_ref": null,
        "repository": {"id": 1, "full_name": "plant/ignition"}, "pusher": {"name": "a"}, "commits": [],
    });
    assert_eq!(
        read(Some(("x-github-event", "push")), &push),
        Ok((Source::GitHub, pushed("refs/heads/main")))
    );
    let release = |action: &str, draft: bool| json!({"action": action, "release": {"tag_name": "v1.2.0", "draft": draft, "target_commitish": "main"}});
    for action in ["published", "released", "created"] {
        let read = read(Some(("x-github-event", "release")), &release(action, false));
        assert_eq!(read, Ok((Source::GitHub, want("v1.2.0"))));
    }
    for body in [release("deleted", false), release("unpublished", false), release("created", true)] {
        let read = read(Some(("x-github-event", "release")), &body);
        assert_eq!(read, Ok((Source::GitHub, Asked::Nothing("not a published release"))));
    }
    let ping = Event::of(|name| (name == "x-github-event").then_some(b"ping".as_slice()));
    assert!(ping.is_ping());
}

#[test]
fn a_deleted_ref_asks_for_nothing() {
    let push = json!({"ref": "refs/heads/old", "before": COMMIT, "after": ZERO, "deleted": true});
    let nothing = Asked::Nothing("ref deleted");
    for (header, source) in [("x-github-event", Source::GitHub), ("x-gitea-event", Source::Gitea)] {
        assert_eq!(read(Some((header, "push")), &push), Ok((source, nothing.clone())));
    }
    let gitlab = json!({"object_kind": "push", "ref": "refs/heads/old", "after": ZERO, "checkout_sha": null});
    assert_eq!(read(Some(("x-gitlab-event", "Push Hook")), &gitlab), Ok((Source::GitLab, nothing.clone())));
    let cloud = json!({"push": {"changes": [{"old": {"type": "branch", "name": "old"}, "new": null, "closed": true}]}});
    assert_eq!(read(Some(("x-event-key", "repo:push")), &cloud), Ok((Source::Bitbucket, nothing.clone())));
    assert_eq!(read(None, &push), Ok((Source::Generic, nothing)));
    let delete = json!({"ref": "v1", "ref_type": "tag"});
    let ignored = Asked::Nothing("event ignored");
    assert_eq!(read(Some(("x-github-event", "delete")), &delete), Ok((Source::GitHub, ignored)));
}

#[test]
fn gitlab_sends_pushes_tags_and_releases() {
    let push = json!({
        "object_kind": "push", "event_name": "push", "before": "95790bf891e76fee5e1747ab589903a6a1f80f22",
        "after": COMMIT, "ref": "refs/heads/main", "checkout_sha": COMMIT, "project": {"id": 15},
    });
    assert_eq!(
        read(Some(("x-gitlab-event", "Push Hook")), &push),
        Ok((Source::GitLab, pushed("refs/heads/main")))
    );
    assert_eq!(
        read(Some(("x-gitlab-event", "System Hook")), &push),
        Ok((Source::GitLab, pushed("refs/heads/main")))
    );
    let tag = json!({"object_kind": "tag_push", "ref": "refs/tags/v1.0.0", "after": COMMIT});
    assert_eq!(
        read(Some(("x-gitlab-event", "Tag Push Hook")), &tag),
        Ok((Source::GitLab, pushed("refs/tags/v1.0.0")))
    );
    let release =
        json!({"object_kind": "release", "action": "create", "tag": "v1.1", "name": "R", "url": "u"});
    assert_eq!(read(Some(("x-gitlab-event", "Release Hook")), &release), Ok((Source::GitLab, want("v1.1"))));
    let merge = json!({"object_kind": "merge_request", "object_attributes": {}});
    let ignored = Asked::Nothing("event ignored");
    assert_eq!(read(Some(("x-gitlab-event", "Merge Request Hook")), &merge), Ok((Source::GitLab, ignored)));
}

#[test]
fn gitea_is_known_by_its_own_header() {
    let push = json!({"ref": "refs/heads/main", "before": ZERO, "after": COMMIT, "total_commits": 1});
    let headers = [("x-github-event", "push"), ("x-gitea-event", "push"), ("x-gogs-event", "push")];
    let event =
        Event::of(|name| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes()));
    assert_eq!(recognise(event, push.to_string().as_bytes()), Ok((Source::Gitea, pushed("refs/heads/main"))));
    let release = json!({"action": "published", "release": {"tag_name": "v3", "draft": false}});
    assert_eq!(read(Some(("x-gitea-event", "release")), &release), Ok((Source::Gitea, want("v3"))));
}

#[test]
fn bitbucket_sends_several_refs_at_once() {
    let change =
        |kind: &str, name: &str| json!({"new": {"type": kind, "name": name, "target": {"hash": COMMIT}}});
    let cloud = json!({"push": {"changes": [change("branch", "main"), {"new": null}, change("tag", "v1")]}});
    let Ok((Source::Bitbucket, Asked::Pushed(refs))) = read(Some(("x-event-key", "repo:push")), &cloud)
    else {
        panic!("not a push");
    };
    let names: Vec<&str> = refs.iter().map(|pushed| pushed.reference.as_str()).collect();
    assert_eq!(names, ["refs/heads/main", "refs/tags/v1"]);
    let data_center = json!({"eventKey": "repo:refs_changed", "changes": [{
        "ref": {"id": "refs/heads/main", "displayId": "main", "type": "BRANCH"},
        "refId": "refs/heads/main", "fromHash": ZERO, "toHash": COMMIT, "type": "UPDATE",
    }]});
    let read_back = read(Some(("x-event-key", "repo:refs_changed")), &data_center);
    assert_eq!(read_back, Ok((Source::Bitbucket, pushed("refs/heads/main"))));
    let ping = Event::of(|name| (name == "x-event-key").then_some(b"diagnostics:ping".as_slice()));
    assert!(ping.is_ping());
}

#[test]
fn bodies_without_a_header_are_told_by_their_shape_in_the_contracts_order() {
    let argo = json!({"app": {"metadata": {"name": "plant", "annotations": {"git.ref": "v2"}}}});
    let kargo = json!({"freight": {"name": "f", "commits": [{"repoURL": "r", "id": COMMIT, "tag": "v3"}]}});
    let mut all = json!({"release": {"tag_name": "v1"}, "ref": "v4"});
    all["app"] = argo["app"].clone();
    all["freight"] = kargo["freight"].clone();
    for (body, source, reference) in [
        (all, Source::GitHub, "v1"),
        (argo, Source::ArgoCd, "v2"),
        (kargo, Source::Kargo, "v3"),
        (json!({"ref": " v4 "}), Source::Generic, "v4"),
        (json!({"release": null, "app": {}, "freight": {"commits": []}, "ref": "v5"}), Source::Generic, "v5"),
    ] {
        assert_eq!(read(None, &body), Ok((source, want(reference))));
    }
}

#[test]
fn what_names_no_ref_is_refused() {
    for body in [json!({}), json!([]), json!("main"), json!({"ref": 1}), json!({"ref": ""}), json!(null)] {
        assert_eq!(read(None, &body), Err(Unusable::NoRef), "{body}");
    }
    assert_eq!(read(None, &json!({"ref": "a..b"})), Err(Unusable::BadRef));
    assert_eq!(read(Some(("x-github-event", "push")), &json!({})), Err(Unusable::NoRef));
    assert_eq!(recognise(Event::default(), b"payload=%7B%7D"), Err(Unusable::NotJson));
}
