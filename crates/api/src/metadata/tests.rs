use super::*;

fn data(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

const COMMIT: &str = "0123456789012345678901234567890123456789";

#[test]
fn metadata_of_the_first_contract_is_understood() {
    let metadata = Metadata::from_data(&data(&[
        ("commit", COMMIT),
        ("ref", "main"),
        ("gitURL", "https://git.example.com/plant.git"),
        ("paused", "true"),
        ("authType", "token"),
        ("gatewayPort", "8043"),
        ("gatewayTLS", "true"),
        (
            "profiles",
            r#"{"default":{"mappings":[{"source":"projects","destination":"projects","type":"dir","required":true}],
                "excludePatterns":["**/.git/"],"vars":{"site":"north"},"syncPeriod":60,"dryRun":true,
                "designerSessionPolicy":"wait","paused":false}}"#,
        ),
        ("somethingNew", "is skipped"),
    ]))
    .unwrap();
    assert_eq!((metadata.commit.as_str(), metadata.git_ref.as_str()), (COMMIT, "main"));
    assert!(metadata.paused && metadata.gateway_tls);
    assert_eq!((metadata.auth_type, metadata.gateway_port), (AuthType::Token, 8043));
    let profile = &metadata.profiles["default"];
    assert_eq!((profile.sync_period, profile.dry_run), (60, true));
    assert_eq!(profile.vars["site"], "north");
    assert_eq!(
        (profile.undo_generations, profile.health_timeout_seconds),
        (3, 120),
        "new ones have their defaults"
    );
    assert!(
        metadata.targets.is_empty() && metadata.requires.is_empty() && metadata.policy == Policy::default()
    );
}

#[test]
fn nothing_at_all_is_understood_as_the_defaults() {
    assert_eq!(Metadata::from_data(&BTreeMap::new()).unwrap(), Metadata::default());
}

#[test]
fn what_is_written_is_read_again() {
    let policy = r#"{"windows":[{"kind":"deny","schedule":"0 6 * * 1-5","duration":"10h","timeZone":"Europe/Berlin"}],
        "limits":{"maxFiles":10,"maxBytes":"1Mi","maxFileBytes":"1Ki","maxDeletes":5}}"#;
    let entries = data(&[
        ("commit", COMMIT),
        ("gitURL", "git@example.com:plant.git"),
        ("authType", "githubApp"),
        ("profiles", r#"{"edge":{"mappings":[],"driftPolicy":"restore","undoMaxBytes":"1Gi"}}"#),
        ("targets", r#"{"*":{"syncNow":"1"},"ignition-0":{"commit":"aa","ref":"v1","hold":"shift change"}}"#),
        ("policy", policy),
        ("requires", r#"["windows","hold"]"#),
    ]);
    let metadata = Metadata::from_data(&entries).unwrap();
    assert_eq!(metadata.policy.windows[0].duration.as_str(), "10h");
    assert_eq!(metadata.policy.limits.max_deletes, crate::MaxDeletes::Count(5));
    let written = metadata.to_data();
    assert_eq!(Metadata::from_data(&written).unwrap(), metadata);
    assert_eq!(Metadata::from_data(&written).unwrap().to_data(), written);
}

#[test]
fn keys_that_say_nothing_new_are_not_written() {
    let written = Metadata::default().to_data();
    let keys: Vec<&str> = written.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        ["authType", "commit", "gatewayPort", "gatewayTLS", "gitURL", "paused", "profiles", "ref"],
        "an agent of the first contract sees what it always saw"
    );
    assert_eq!((written["paused"].as_str(), written["gatewayPort"].as_str()), ("false", "8088"));
}

#[test]
fn a_pods_own_target_wins_over_what_all_are_told() {
    let metadata = Metadata::from_data(&data(&[(
        "targets",
        r#"{"*":{"commit":"cc","ref":"main","syncNow":"7","hold":"audit"},
            "a":{"commit":"aa","hold":"pump swap","statusConfigMap":"stoker-status1-plant"},
            "b":{"rollbackTo":"bb"}}"#,
    )]))
    .unwrap();
    let a = metadata.target_of("a");
    assert_eq!((a.commit.as_deref(), a.git_ref.as_deref()), (Some("aa"), None), "not the other commit's ref");
    assert_eq!((a.hold.as_deref(), a.sync_now.as_deref()), (Some("pump swap"), Some("7")));
    assert_eq!(a.status_map("plant"), "stoker-status1-plant");
    assert_eq!(a.changes_map("plant"), "stoker-changes1-plant");
    let b = metadata.target_of("b");
    assert_eq!(
        (b.rollback_to.as_deref(), b.commit.as_deref(), b.git_ref.as_deref()),
        (Some("bb"), Some("cc"), Some("main"))
    );
    assert_eq!(
        (b.status_map("plant"), b.changes_map("plant")),
        ("stoker-status-plant".into(), "stoker-changes-plant".into())
    );
    assert_eq!(metadata.target_of("elsewhere"), metadata.targets["*"]);
    assert_eq!(Metadata::default().target_of("a"), Target::default());
}

#[test]
fn a_required_feature_that_is_not_known_is_named() {
    let metadata = Metadata { requires: vec!["hold".into(), "verify".into()], ..Metadata::default() };
    assert_eq!(metadata.unknown_requirements(&["hold", "windows"]), ["verify"]);
    assert!(metadata.unknown_requirements(&["verify", "hold"]).is_empty());
}

#[test]
fn a_value_that_cannot_be_understood_names_its_key() {
    let tail = "; the controller's version and this one's may differ too much";
    let table = [
        (("paused", "yes"), "\"yes\" is neither true nor false"),
        (("gatewayTLS", "1"), "\"1\" is neither true nor false"),
        (("gatewayPort", "eighty"), "\"eighty\" is no port"),
        (("gatewayPort", "70000"), "\"70000\" is no port"),
        (("authType", "kerberos"), "\"kerberos\" is not known"),
        (("requires", "windows"), "expected value at line 1 column 1"),
        (("profiles", "[]"), "invalid type: sequence, expected a map at line 1 column 0"),
        (
            ("profiles", r#"{"a":{"driftPolicy":"later"}}"#),
            "unknown variant `later`, expected one of `report`, `hold`, `restore`, `ignore` at line 1 column 27",
        ),
    ];
    for ((key, value), why) in table {
        let error = Metadata::from_data(&data(&[(key, value)])).expect_err(value);
        assert_eq!(
            error.to_string(),
            format!("key {key:?} of the metadata ConfigMap cannot be understood: {why}{tail}")
        );
        assert_eq!(error.reason(), "UnsupportedFeature");
    }
}
