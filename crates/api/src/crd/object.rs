//! One GatewaySync as the API server holds it.

use std::borrow::Cow;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::{Deserialize, Serialize};

use crate::observed::GatewaySyncStatus;
use crate::resource::{API_VERSION, GROUP, KIND, PLURAL, VERSION};
use crate::spec::GatewaySyncSpec;

/// One GatewaySync as the API server holds it, for `kube::Api`, watches and patches.
///
/// What a person wrote into a file is [`crate::resource::GatewaySync`]; both have the same `spec`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewaySync {
    /// [`API_VERSION`].
    #[serde(default = "api_version")]
    pub api_version: Cow<'static, str>,
    /// [`KIND`].
    #[serde(default = "kind")]
    pub kind: Cow<'static, str>,
    /// Kubernetes' own.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: GatewaySyncSpec,
    /// What the controller has seen; `None` until it has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<GatewaySyncStatus>,
}

const fn api_version() -> Cow<'static, str> {
    Cow::Borrowed(API_VERSION)
}

const fn kind() -> Cow<'static, str> {
    Cow::Borrowed(KIND)
}

impl GatewaySync {
    /// A resource of that name, without a namespace and without a status.
    pub fn new(name: &str, spec: GatewaySyncSpec) -> Self {
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        Self { api_version: api_version(), kind: kind(), metadata, spec, status: None }
    }
}

impl Resource for GatewaySync {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        kind()
    }

    fn group((): &()) -> Cow<'_, str> {
        GROUP.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        VERSION.into()
    }

    fn api_version((): &()) -> Cow<'_, str> {
        api_version()
    }

    fn plural((): &()) -> Cow<'_, str> {
        PLURAL.into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
