//! The objects that are watched, each with the fields that matter and no others: what is skipped while parsing costs no
//! memory.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::rbac::v1::{PolicyRule, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use kube::Resource;
use kube::core::NamespaceResourceScope;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Metadata without managed fields, which are most of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lean {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    generation: Option<i64>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    finalizers: Option<Vec<String>>,
    owner_references: Option<Vec<OwnerReference>>,
}

fn lean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let lean = Lean::deserialize(deserializer)?;
    let ours = |key: &String| key.starts_with("stoker.io/");
    Ok(ObjectMeta {
        name: lean.name,
        namespace: lean.namespace,
        uid: lean.uid,
        resource_version: lean.resource_version,
        generation: lean.generation,
        creation_timestamp: lean.creation_timestamp,
        deletion_timestamp: lean.deletion_timestamp,
        labels: lean.labels,
        annotations: lean.annotations.map(|all| all.into_iter().filter(|(key, _)| ours(key)).collect()),
        finalizers: lean.finalizers,
        owner_references: lean.owner_references,
        ..ObjectMeta::default()
    })
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident($kind:literal, $plural:literal, $group:expr, $version:expr, metadata_only: $lean:literal) {
        $($(#[$attribute:meta])* $field:ident: $type:ty,)*
    })+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Deserialize)]
            #[serde(rename_all = "camelCase")]
            pub struct $name {
                #[serde(deserialize_with = "lean")]
                pub metadata: ObjectMeta,
                $($(#[$attribute])* #[serde(default)] pub $field: $type,)*
            }

            impl Resource for $name {
                type DynamicType = ();
                type Scope = NamespaceResourceScope;

                fn kind((): &()) -> Cow<'_, str> { $kind.into() }
                fn group((): &()) -> Cow<'_, str> { $group.into() }
                fn version((): &()) -> Cow<'_, str> { $version.into() }
                fn plural((): &()) -> Cow<'_, str> { $plural.into() }
                fn meta(&self) -> &ObjectMeta { &self.metadata }
                fn meta_mut(&mut self) -> &mut ObjectMeta { &mut self.metadata }
                fn metadata_api() -> bool { $lean }
            }
        )+
    };
}

const RBAC: &str = "rbac.authorization.k8s.io";

kinds! {
    /// A `GatewaySync`, unread: one that does not parse must not keep the others from being seen.
    GatewaySyncSeen("GatewaySync", "gatewaysyncs", stoker_api::resource::GROUP, stoker_api::resource::VERSION, metadata_only: false) {
        spec: Value,
        status: Value,
    }
    /// A pod's metadata.
    PodMeta("Pod", "pods", "", "v1", metadata_only: true) {}
    /// A `ConfigMap`.
    ConfigMapSeen("ConfigMap", "configmaps", "", "v1", metadata_only: false) {
        data: Option<BTreeMap<String, String>>,
    }
    /// A `ConfigMap`'s metadata.
    ConfigMapMeta("ConfigMap", "configmaps", "", "v1", metadata_only: true) {}
    /// A Secret that a resource refers to.
    SecretSeen("Secret", "secrets", "", "v1", metadata_only: false) {
        data: Option<BTreeMap<String, ByteString>>,
    }
    /// A Secret's metadata.
    SecretMeta("Secret", "secrets", "", "v1", metadata_only: true) {}
    /// A Role.
    RoleSeen("Role", "roles", RBAC, "v1", metadata_only: false) {
        rules: Option<Vec<PolicyRule>>,
    }
    /// A `RoleBinding`.
    BindingSeen("RoleBinding", "rolebindings", RBAC, "v1", metadata_only: false) {
        role_ref: Option<RoleRef>,
        subjects: Option<Vec<Subject>>,
    }
}
