//! The `CustomResourceDefinition`.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};

use super::structural::{of, structural, without_defaults};
use super::{rules, yaml};
use crate::names::conditions;
use crate::observed::GatewaySyncStatus;
use crate::resource::{GROUP, KIND, PLURAL, SHORT_NAME, SINGULAR, VERSION};
use crate::spec::GatewaySyncSpec;

/// Where the definition lies in the checkout.
pub const DEFINITION_FILE: &str = "charts/stoker/files/crds/stoker.io_gatewaysyncs.yaml";

/// What the whole resource is for, in the words of `kubectl explain gatewaysync`.
pub(super) const PURPOSE: &str = "Keeps a set of Ignition gateways in step with a Git repository: where the configuration comes from, what of it goes where, and how carefully.";

/// The definition, for tests and for whoever installs it by program.
///
/// # Panics
/// Never: the document is made here, and a test reads it.
pub fn definition() -> CustomResourceDefinition {
    serde_json::from_value(document()).expect("the document is a definition")
}

/// The file [`DEFINITION_FILE`].
pub fn definition_yaml() -> String {
    format!(
        "# Written by `cargo xtask gen crd` from the types of crates/api. Do not edit.\n{}",
        yaml::of(&document())
    )
}

fn document() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{PLURAL}.{GROUP}") },
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": format!("{KIND}List"),
                "plural": PLURAL,
                "singular": SINGULAR,
                "shortNames": [SHORT_NAME],
                "categories": ["stoker"],
            },
            "scope": "Namespaced",
            "versions": [{
                "name": VERSION,
                "served": true,
                "storage": true,
                "subresources": { "status": {} },
                "additionalPrinterColumns": columns(),
                "schema": { "openAPIV3Schema": schema() },
            }],
        },
    })
}

fn schema() -> Value {
    let mut root = schemars::json_schema!({
        "description": PURPOSE,
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": { "type": "string", "description": "stoker.io/v1alpha1." },
            "kind": { "type": "string", "description": "GatewaySync." },
            "metadata": { "type": "object" },
            "spec": structural(&of::<GatewaySyncSpec>()),
            "status": without_defaults(structural(&of::<GatewaySyncStatus>())),
        },
    });
    rules::name_fits_a_label(&mut root);
    root.to_value()
}

/// What `kubectl get gs` shows, in this order; priority 1 only with `-o wide`.
pub(super) fn columns() -> Value {
    let of = |condition: &str, field: &str| format!(".status.conditions[?(@.type==\"{condition}\")].{field}");
    json!([
        { "name": "Ref", "type": "string", "jsonPath": ".status.lastSyncRef" },
        { "name": "Gateways", "type": "string", "jsonPath": of(conditions::ALL_GATEWAYS_SYNCED, "message") },
        { "name": "Ready", "type": "string", "jsonPath": of(conditions::READY, "status") },
        { "name": "Status", "type": "string", "jsonPath": of(conditions::READY, "message") },
        { "name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp" },
        { "name": "Commit", "type": "string", "priority": 1, "jsonPath": ".status.lastSyncCommitShort" },
        { "name": "Profiles", "type": "integer", "priority": 1, "jsonPath": ".status.profileCount" },
        { "name": "Last Sync", "type": "date", "priority": 1, "jsonPath": ".status.lastSyncTime" },
    ])
}
