//! The resource itself: `stoker.io/v1alpha1`, kind `GatewaySync`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::spec::GatewaySyncSpec;

/// API group of the resource.
pub const GROUP: &str = "stoker.io";
/// The version that is stored and served.
pub const VERSION: &str = "v1alpha1";
/// `group/version`, as manifests spell it.
pub const API_VERSION: &str = "stoker.io/v1alpha1";
/// Kind of the resource.
pub const KIND: &str = "GatewaySync";
/// Plural, the name in URLs and RBAC rules.
pub const PLURAL: &str = "gatewaysyncs";
/// Singular, what `kubectl` also accepts.
pub const SINGULAR: &str = "gatewaysync";
/// Short name for `kubectl get gs`.
pub const SHORT_NAME: &str = "gs";

/// One `GatewaySync` as a manifest spells it. Status belongs to the controller and is not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewaySync {
    /// [`API_VERSION`].
    pub api_version: String,
    /// [`KIND`].
    pub kind: String,
    /// Name, namespace, labels and annotations.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: GatewaySyncSpec,
}

/// The part of Kubernetes' object metadata that matters here. Whatever else stands there (`uid`, `managedFields`, …) is
/// Kubernetes' business and is skipped, by the strict reader too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectMeta {
    /// Name of the resource.
    pub name: String,
    /// Namespace; a manifest may leave it to whoever applies it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations, among them the requests of [`crate::names::annotations`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl GatewaySync {
    /// `namespace/name`, or the name alone where no namespace is given: how messages name the resource.
    pub fn display_name(&self) -> String {
        match &self.metadata.namespace {
            Some(namespace) => format!("{namespace}/{}", self.metadata.name),
            None => self.metadata.name.clone(),
        }
    }
}
