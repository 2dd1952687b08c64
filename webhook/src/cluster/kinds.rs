//! The kinds of objects that are looked at.

use kube::api::{ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use stoker_api::resource;

/// A kind: group, version, kind, plural, and whether its objects are in namespaces.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    group: &'static str,
    version: &'static str,
    name: &'static str,
    plural: &'static str,
}

const fn kind(group: &'static str, version: &'static str, name: &'static str, plural: &'static str) -> Kind {
    Kind { group, version, name, plural }
}

/// Ours.
pub const GATEWAY_SYNC: Kind = kind(resource::GROUP, resource::VERSION, resource::KIND, resource::PLURAL);
/// core/v1.
pub const SECRET: Kind = kind("", "v1", "Secret", "secrets");
/// core/v1.
pub const LIMIT_RANGE: Kind = kind("", "v1", "LimitRange", "limitranges");
/// core/v1.
pub const RESOURCE_QUOTA: Kind = kind("", "v1", "ResourceQuota", "resourcequotas");
/// Who writes the CA bundle.
pub const LEASE: Kind = kind("coordination.k8s.io", "v1", "Lease", "leases");
/// Where the API server finds us.
pub const WEBHOOK_CONFIGURATION: Kind = kind(
    "admissionregistration.k8s.io",
    "v1",
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
);

/// The objects of a kind in one namespace, or everywhere.
pub fn api(client: &Client, kind: Kind, namespace: Option<&str>) -> Api<DynamicObject> {
    let group_version_kind = GroupVersionKind::gvk(kind.group, kind.version, kind.name);
    let resource = ApiResource::from_gvk_with_plural(&group_version_kind, kind.plural);
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}
