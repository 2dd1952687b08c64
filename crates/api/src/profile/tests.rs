use super::*;
use crate::spec::GatewaySyncSpec;

fn sync(json: serde_json::Value) -> SyncSpec {
    serde_json::from_value(json).unwrap()
}

#[test]
fn a_profile_that_says_nothing_has_the_defaults() {
    let sync = sync(serde_json::json!({
        "defaults": {
            "excludePatterns": ["**/*.bak"], "vars": {"site": "north", "line": "1"}, "syncPeriod": 60, "dryRun": true,
            "designerSessionPolicy": "wait", "paused": true, "driftPolicy": "hold", "rollbackOnFailure": true,
            "healthTimeoutSeconds": 300, "startDeadlineSeconds": 0, "undoGenerations": 5, "undoMaxBytes": "1Gi",
        },
        "profiles": {"default": {"mappings": [{"source": "a", "destination": "b"}]}},
    }));
    let resolved = resolve(&sync.defaults, &sync.profiles["default"]);
    let expected = serde_json::json!({
        "mappings": [{"source": "a", "destination": "b"}],
        "excludePatterns": ["**/*.bak"], "vars": {"site": "north", "line": "1"}, "syncPeriod": 60, "dryRun": true,
        "designerSessionPolicy": "wait", "paused": true, "driftPolicy": "hold", "rollbackOnFailure": true,
        "healthTimeoutSeconds": 300, "startDeadlineSeconds": 0, "undoGenerations": 5, "undoMaxBytes": "1Gi",
    });
    assert_eq!(serde_json::to_value(&resolved).unwrap(), expected);
}

#[test]
fn a_profile_adds_patterns_overrides_variables_and_replaces_the_rest() {
    let sync = sync(serde_json::json!({
        "defaults": {
            "vars": {"site": "north", "line": "1"}, "dryRun": true, "paused": true, "rollbackOnFailure": true,
            "driftPolicy": "hold", "designerSessionPolicy": "fail", "healthTimeoutSeconds": 10,
        },
        "profiles": {"edge": {
            "mappings": [{"source": "a", "destination": "b"}], "excludePatterns": ["**/*.bak", "**/.gitkeep"],
            "vars": {"line": "2", "area": "x"}, "syncPeriod": 5, "dryRun": false, "paused": false,
            "rollbackOnFailure": false, "driftPolicy": "report", "designerSessionPolicy": "proceed",
            "healthTimeoutSeconds": 20, "startDeadlineSeconds": 40, "undoGenerations": 1, "undoMaxBytes": "1Mi",
        }},
    }));
    let resolved = resolve(&sync.defaults, &sync.profiles["edge"]);
    let expected = serde_json::json!({
        "mappings": [{"source": "a", "destination": "b"}],
        "excludePatterns": ["**/.git/", "**/.gitkeep", "**/.resources/**", "**/*.bak"],
        "vars": {"site": "north", "line": "2", "area": "x"}, "syncPeriod": 5, "dryRun": false,
        "designerSessionPolicy": "proceed", "paused": false,
        "healthTimeoutSeconds": 20, "startDeadlineSeconds": 40, "undoGenerations": 1, "undoMaxBytes": "1Mi",
    });
    assert_eq!(serde_json::to_value(&resolved).unwrap(), expected);
    assert_eq!(resolve_all(&sync), BTreeMap::from([("edge".to_owned(), resolved)]));
}

#[test]
fn a_resolved_profile_survives_its_json() {
    let sync = sync(serde_json::json!({"profiles": {"default": {"mappings": [{
        "source": "templates/{{ .GatewayName }}", "destination": "config", "type": "dir", "required": true,
        "template": true, "prune": "all", "patches": [{"file": "**/config.json", "set": {"a.b": "{{ .Vars.x }}"}}],
    }]}}}));
    let resolved = resolve(&sync.defaults, &sync.profiles["default"]);
    let json = serde_json::to_string(&resolved).unwrap();
    assert_eq!(serde_json::from_str::<ResolvedProfile>(&json).unwrap(), resolved);
    assert_eq!(resolved.health_timeout_seconds, 120);
}

#[test]
fn a_profile_is_chosen_by_name_and_default_stands_in_for_none() {
    let profiles = BTreeMap::from([("default".to_owned(), 1), ("edge".to_owned(), 2)]);
    assert_eq!(select(&profiles, None), Ok(("default", &1)));
    assert_eq!(select(&profiles, Some("")), Ok(("default", &1)));
    assert_eq!(select(&profiles, Some("edge")), Ok(("edge", &2)));
}

#[test]
fn an_unknown_profile_is_refused_with_the_known_names() {
    let profiles = BTreeMap::from([("edge".to_owned(), 1), ("line".to_owned(), 2)]);
    let told = |name| select(&profiles, name).unwrap_err().to_string();
    let known = "known profiles: edge, line";
    assert_eq!(
        told(Some("egde")),
        format!("profile \"egde\" does not exist (did you mean \"edge\"?); {known}")
    );
    assert_eq!(told(Some("packaging")), format!("profile \"packaging\" does not exist; {known}"));
    assert_eq!(
        told(None),
        format!("no profile is named, and there is no profile \"default\"; name one; {known}")
    );
    let none: BTreeMap<String, u8> = BTreeMap::new();
    let told = select(&none, Some("a")).unwrap_err().to_string();
    assert_eq!(told, "profile \"a\" does not exist; there are none");
}

#[test]
fn a_spec_survives_its_json() {
    let text = include_str!("../manifest/tests/everything.yaml");
    let spec = crate::manifest::read(text, "everything.yaml").unwrap().spec;
    let json = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<GatewaySyncSpec>(&json).unwrap(), spec);
}
