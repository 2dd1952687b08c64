//! The rights that this program needs, in one place: the chart's roles are made from it, and a test compares it with what
//! an API server's audit log says was used.

use serde_json::{Value, json};

/// Where rights are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In every watched namespace: a `ClusterRole`, or a Role in each of `--namespaces`.
    Watched,
    /// In the program's own namespace.
    Own,
}

/// One kind of object and what is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where.
    pub scope: Scope,
    /// API group.
    pub group: &'static str,
    /// Plural, with its subresource.
    pub resource: &'static str,
    /// In alphabetical order.
    pub verbs: &'static [&'static str],
    /// Only objects of this name; `{lease}` stands for `--lease-name`.
    pub name: Option<&'static str>,
    /// Why, for whoever reads the role.
    pub why: &'static str,
}

const fn rule(
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
    why: &'static str,
) -> Rule {
    Rule { scope: Scope::Watched, group, resource, verbs, name: None, why }
}

const RBAC: &str = "rbac.authorization.k8s.io";

/// Every right.
pub const RULES: &[Rule] = &[
    rule(
        "stoker.io",
        "gatewaysyncs",
        &["list", "patch", "watch"],
        "the resources; patch: finalizer, requested-ref",
    ),
    rule("stoker.io", "gatewaysyncs/status", &["patch"], "what is shown"),
    rule("", "pods", &["get", "list", "patch", "watch"], "gateways; patch: updateStrategy inPlace"),
    rule(
        "",
        "configmaps",
        &["create", "delete", "get", "list", "patch", "watch"],
        "metadata, status and changes; agents are given a part of these rights by name",
    ),
    rule(
        "",
        "secrets",
        &["create", "delete", "list", "patch", "watch"],
        "credentials by name; installation tokens",
    ),
    rule(RBAC, "roles", &["create", "delete", "list", "patch", "watch"], "the agents' rights"),
    rule(RBAC, "rolebindings", &["create", "delete", "get", "list", "patch", "watch"], "the agents' rights"),
    rule("events.k8s.io", "events", &["create"], "what happened"),
    Rule {
        scope: Scope::Own,
        name: None,
        ..rule("coordination.k8s.io", "leases", &["create"], "a Lease cannot be made by name")
    },
    Rule {
        scope: Scope::Own,
        name: Some("{lease}"),
        ..rule("coordination.k8s.io", "leases", &["get", "update"], "which replica writes")
    },
];

/// The rules of a Role or `ClusterRole`, as Kubernetes takes them.
pub fn policy_rules(scope: Scope, lease_name: &str) -> Vec<Value> {
    let of_scope = RULES.iter().filter(|rule| rule.scope == scope);
    of_scope
        .map(|rule| {
            let mut policy =
                json!({ "apiGroups": [rule.group], "resources": [rule.resource], "verbs": rule.verbs });
            if let Some(name) = rule.name {
                policy["resourceNames"] = json!([name.replace("{lease}", lease_name)]);
            }
            policy
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_granted_by_a_wildcard() {
        for rule in RULES {
            assert!(!rule.verbs.contains(&"*") && rule.resource != "*" && rule.group != "*");
            assert!(rule.verbs.is_sorted(), "{}", rule.resource);
        }
    }

    #[test]
    fn the_lease_is_named() {
        let rules = policy_rules(Scope::Own, "mine");
        assert_eq!(rules[1]["resourceNames"], json!(["mine"]));
    }
}
