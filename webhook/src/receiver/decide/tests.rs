use serde_json::json;

use super::*;

fn entry(annotations: &[(&str, &str)], globs: &[&str]) -> Entry {
    let object = json!({
        "apiVersion": "stoker.io/v1alpha1", "kind": "GatewaySync",
        "metadata": {"name": "plant", "annotations": annotations.iter().copied().collect::<std::collections::BTreeMap<_, _>>()},
        "spec": {
            "git": {"repo": "https://example.com/r.git", "ref": "main"},
            "gateway": {"api": {"secretName": "api"}},
            "sync": {"profiles": {"default": {"mappings": [{"source": "a", "destination": "b"}]}}},
            "receiver": {"allowedRefs": globs},
        },
    });
    Entry::of(&mut serde_json::from_value(object).unwrap())
}

fn now() -> Timestamp {
    "2026-03-04T05:06:07.891Z".parse().unwrap()
}

fn want(reference: &str) -> Asked {
    Asked::Want { reference: reference.into() }
}

fn push(references: &[&str]) -> Asked {
    let pushed = |reference: &&str| Pushed { reference: (*reference).into(), commit: Some("c".repeat(40)) };
    Asked::Pushed(references.iter().map(pushed).collect())
}

#[test]
fn a_new_ref_is_requested_with_time_and_sender() {
    let decision = decide(&entry(&[], &[]), Source::Kargo, &want("v2"), false, now());
    let expected = [
        (annotations::REQUESTED_REF, "v2".to_owned()),
        (annotations::REQUESTED_AT, "2026-03-04T05:06:07Z".to_owned()),
        (annotations::REQUESTED_BY, "kargo".to_owned()),
    ];
    assert_eq!(decision.annotations, expected);
    assert_eq!(decision.verdict, Verdict::Accepted { reference: "v2".into() });
}

#[test]
fn a_ref_that_is_set_already_only_makes_the_controller_look() {
    let requested = entry(&[(annotations::REQUESTED_REF, "v2")], &[]);
    for (entry, reference) in [(&entry(&[], &[]), "refs/heads/main"), (&requested, "v2"), (&requested, "2")] {
        let decision = decide(entry, Source::Generic, &want(reference), false, now());
        assert_eq!(decision.verdict, Verdict::AlreadySet { reference: reference.into() });
        let expected = [(annotations::REQUESTED_COMMIT, "2026-03-04T05:06:07.891Z".to_owned())];
        assert_eq!(decision.annotations, expected);
    }
}

#[test]
fn a_push_of_the_followed_ref_names_the_commit_once() {
    let decision =
        decide(&entry(&[], &[]), Source::GitHub, &push(&["refs/heads/a", "refs/heads/main"]), false, now());
    assert_eq!(decision.annotations, [(annotations::REQUESTED_COMMIT, "c".repeat(40))]);
    let told = entry(&[(annotations::REQUESTED_COMMIT, &"c".repeat(40))], &[]);
    assert!(decide(&told, Source::GitHub, &push(&["refs/heads/main"]), false, now()).annotations.is_empty());
}

#[test]
fn a_push_of_another_ref_changes_nothing() {
    let decision = decide(&entry(&[], &[]), Source::GitHub, &push(&["refs/heads/dev"]), false, now());
    assert_eq!(decision, nothing("ref not followed"));
    // The wanted ref is the requested one.
    let requested = entry(&[(annotations::REQUESTED_REF, "v2")], &[]);
    let decision = decide(&requested, Source::GitHub, &push(&["refs/heads/main"]), false, now());
    assert_eq!(decision, nothing("ref not followed"));
}

#[test]
fn what_was_delivered_before_changes_nothing() {
    for asked in [want("v2"), push(&["refs/heads/main"])] {
        assert_eq!(
            decide(&entry(&[], &[]), Source::GitHub, &asked, true, now()),
            nothing("delivered before")
        );
    }
    // But a pipeline that signs the same words for every push of the followed ref is heard.
    let decision = decide(&entry(&[], &[]), Source::Generic, &want("main"), true, now());
    assert_eq!(decision.annotations.len(), 1);
}

#[test]
fn a_ref_that_is_not_allowed_is_refused() {
    let table: &[(&[&str], &str, bool)] = &[
        (&[], "refs/pull/1/head", false),
        (&["refs/heads/main", "v*"], "v9", true),
        (&["refs/heads/main", "v*"], "dev", false),
    ];
    for (globs, reference, is_allowed) in table {
        let decision = decide(&entry(&[], globs), Source::Generic, &want(reference), false, now());
        let is_accepted = matches!(decision.verdict, Verdict::Accepted { .. });
        assert_eq!(is_accepted, *is_allowed, "{reference}");
        assert_eq!(decision.annotations.is_empty(), !is_allowed);
    }
}
