//! The `MutatingWebhookConfiguration`.
//!
//! The chart renders all of it but `caBundle`, which the leader of the webhook's replicas writes: a chart must not render
//! a field that a program writes. This function is the same document for tests, and what the chart is compared with.

use serde_json::{Value, json};
use stoker_api::names::{annotations, webhook};

/// How the API server reaches the webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach<'a> {
    /// By its Service.
    Service {
        /// Namespace of the Service.
        namespace: &'a str,
        /// Its name.
        name: &'a str,
    },
    /// By a URL, without the path.
    Url(&'a str),
}

/// Seconds that the API server waits. The webhook looks nothing up for longer than two.
const TIMEOUT_SECONDS: u32 = 5;

/// The configuration, without `caBundle`.
pub fn configuration(name: &str, reach: Reach<'_>) -> Value {
    let client = match reach {
        Reach::Service { namespace, name } => json!({
            "service": {"namespace": namespace, "name": name, "path": webhook::MUTATE_PATH, "port": webhook::MUTATE_PORT},
        }),
        Reach::Url(url) => json!({"url": format!("{url}{}", webhook::MUTATE_PATH)}),
    };
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [{
            "name": webhook::NAME,
            "clientConfig": client,
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "timeoutSeconds": TIMEOUT_SECONDS,
            // A webhook that is away must never keep a gateway down.
            "failurePolicy": "Ignore",
            // Others that prepend to initContainers are followed by a second look, which restores the order.
            "reinvocationPolicy": "IfNeeded",
            "matchPolicy": "Equivalent",
            "rules": [{
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "resources": ["pods"],
                "operations": ["CREATE"],
                "scope": "Namespaced",
            }],
            "namespaceSelector": {"matchExpressions": [{
                "key": "kubernetes.io/metadata.name",
                "operator": "NotIn",
                "values": webhook::EXEMPT_NAMESPACES,
            }]},
            "matchConditions": [{"name": "asks-for-the-sidecar", "expression": match_condition()}],
        }],
    })
}

/// CEL: the opt-in is an annotation, and selectors see labels only.
pub fn match_condition() -> String {
    format!(
        "has(object.metadata.annotations) && '{key}' in object.metadata.annotations && object.metadata.annotations['{key}'] == '{value}'",
        key = annotations::INJECT,
        value = annotations::TRUE,
    )
}
