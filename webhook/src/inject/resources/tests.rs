#![allow(clippy::needless_pass_by_value, reason = "tables read better by value")]

use super::*;

fn container(resources: Value) -> Value {
    json!({"spec": {"containers": [{"name": "gateway", "resources": resources}]}})
}

fn of(given: Option<Value>, pod: &Value, rules: &NamespaceRules) -> Value {
    let given: Option<Resources> = given.map(|given| serde_json::from_value(given).unwrap());
    resources(given.as_ref(), Pod(pod), rules, &mut Vec::new()).unwrap_or_default()
}

fn rules(limits: Value, hard: Value) -> NamespaceRules {
    NamespaceRules::of(&[json!({"spec": {"limits": [limits]}})], &[json!({"spec": {"hard": hard}})])
}

const NONE: fn() -> NamespaceRules = NamespaceRules::default;

#[test]
fn the_defaults_are_the_contracts() {
    let expected = json!({"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "32Mi"}});
    assert_eq!(of(None, &container(json!({})), &NONE()), expected);
    assert_eq!(of(None, &container(json!({"limits": {"cpu": "1"}})), &NONE()), expected);
}

#[test]
fn a_guaranteed_pod_stays_guaranteed() {
    let guaranteed =
        json!({"limits": {"cpu": "2", "memory": "4Gi"}, "requests": {"cpu": "2000m", "memory": "4096Mi"}});
    let all = json!({"cpu": "100m", "memory": "32Mi"});
    let expected = json!({"requests": all, "limits": all});
    assert_eq!(of(None, &container(guaranteed.clone()), &NONE()), expected);
    assert_eq!(of(None, &container(json!({"limits": {"cpu": "2", "memory": "4Gi"}})), &NONE()), expected);
    let given = json!({"requests": {"cpu": "30m", "memory": "24Mi"}, "limits": {"memory": "48Mi"}});
    let all = json!({"cpu": "30m", "memory": "48Mi"});
    assert_eq!(of(Some(given), &container(guaranteed), &NONE()), json!({"requests": all, "limits": all}));
}

#[test]
fn what_a_quota_counts_is_stated() {
    let quota =
        json!({"limits.cpu": "4", "limits.memory": "8Gi", "requests.ephemeral-storage": "1Gi", "pods": "10"});
    let expected = json!({
        "requests": {"cpu": "10m", "ephemeral-storage": "64Mi", "memory": "16Mi"},
        "limits": {"cpu": "100m", "memory": "32Mi"},
    });
    assert_eq!(of(None, &container(json!({})), &rules(json!({}), quota)), expected);
    let given = json!({"limits": {"cpu": "50m"}});
    let quota = json!({"cpu": "4", "memory": "8Gi"});
    let expected = json!({"requests": {"cpu": "50m", "memory": "16Mi"}, "limits": {"cpu": "50m"}});
    assert_eq!(of(Some(given), &container(json!({})), &rules(json!({}), quota)), expected);
}

#[test]
fn a_limit_range_is_kept_to() {
    let table = [
        (
            json!({"min": {"memory": "64Mi", "cpu": "5m"}}),
            json!({"cpu": "10m", "memory": "64Mi"}),
            json!({"memory": "64Mi"}),
        ),
        (
            json!({"max": {"memory": "24Mi"}}),
            json!({"cpu": "10m", "memory": "16Mi"}),
            json!({"memory": "24Mi"}),
        ),
        (json!({"max": {"memory": "8Mi"}}), json!({"cpu": "10m", "memory": "8Mi"}), json!({"memory": "8Mi"})),
        (
            json!({"maxLimitRequestRatio": {"memory": "1"}}),
            json!({"cpu": "10m", "memory": "32Mi"}),
            json!({"memory": "32Mi"}),
        ),
        (json!({"min": {"cpu": "50m"}}), json!({"cpu": "50m", "memory": "16Mi"}), json!({"memory": "32Mi"})),
    ];
    for (mut range, requests, limits) in table {
        range["type"] = json!("Container");
        let rules = rules(range.clone(), json!({}));
        assert_eq!(
            of(None, &container(json!({})), &rules),
            json!({"requests": requests, "limits": limits}),
            "{range}"
        );
    }
    let of_pods = rules(json!({"type": "Pod", "min": {"memory": "64Mi"}}), json!({}));
    assert_eq!(of(None, &container(json!({})), &of_pods)["requests"]["memory"], "16Mi");
}

#[test]
fn a_pod_with_resources_of_its_own_shares_them() {
    let pod = json!({"spec": {"resources": {"limits": {"memory": "1Gi"}}, "containers": [{}]}});
    assert_eq!(of(None, &pod, &NONE()), Value::Null);
    assert_eq!(
        of(Some(json!({"limits": {"memory": "64Mi"}})), &pod, &NONE()),
        json!({"limits": {"memory": "64Mi"}})
    );
}

#[test]
fn what_the_api_server_would_refuse_is_left_out() {
    let given = json!({
        "requests": {"cpu": "many", "memory": "64Mi"}, "limits": {"memory": "32Mi"}, "claims": [{"name": "gpu"}],
    });
    let given: Resources = serde_json::from_value(given).unwrap();
    let mut warnings = Vec::new();
    let pod = container(json!({}));
    let made = resources(Some(&given), Pod(&pod), &NONE(), &mut warnings).unwrap();
    assert_eq!(made, json!({"requests": {"memory": "64Mi"}, "limits": {"memory": "64Mi"}}));
    assert_eq!(warnings.len(), 2, "{warnings:?}");
}
