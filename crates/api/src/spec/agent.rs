//! `spec.agent`: the injected sidecar. Without a cluster there is none, and this part means nothing.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::{is_default, words};
use crate::quantity::number_or_text;

/// The injected sidecar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct Agent {
    /// The image; without it the webhook's own default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<AgentImage>,
    /// Requests and limits; without them requests of 10m CPU and 16Mi, a memory limit of 32Mi, and no CPU limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// How a new image reaches pods that run.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "crd", schemars(extend("default" = "onRestart")))]
    pub update_strategy: UpdateStrategy,
}

/// Image of the sidecar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct AgentImage {
    /// Repository of the image; without a tag it means `latest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Tag of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// When the node asks the registry.
    #[serde(default)]
    pub pull_policy: PullPolicy,
}

words! {
    /// Kubernetes' image pull policies.
    #[derive(Default)]
    PullPolicy {
        /// At every start.
        Always = "Always",
        /// When the node does not have the image.
        #[default]
        IfNotPresent = "IfNotPresent",
        /// Never.
        Never = "Never",
    }
}

words! {
    /// How a new agent image reaches pods that run.
    #[derive(Default)]
    UpdateStrategy {
        /// With the pod's next restart.
        #[default]
        OnRestart = "onRestart",
        /// The controller patches the sidecar in live pods, a few at a time.
        InPlace = "inPlace",
    }
}

/// core/v1 `ResourceRequirements`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct Resources {
    /// Upper bounds, by the name of the resource.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, ResourceQuantity>,
    /// Reservations, by the name of the resource.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, ResourceQuantity>,
    /// Claims of the pod that the container uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<ResourceClaim>,
}

/// core/v1 `ResourceClaim`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema))]
pub struct ResourceClaim {
    /// Name of the pod's claim.
    pub name: String,
    /// Request within it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// A quantity of Kubernetes (`10m`, `32Mi`, `1`), handed on as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ResourceQuantity(pub String);

impl ResourceQuantity {
    /// Whether Kubernetes would read it: a decimal number and a suffix or an exponent. What it means is not looked at.
    pub fn is_quantity(&self) -> bool {
        const SUFFIXES: [&str; 16] =
            ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        let unsigned = |text: &str| text.strip_prefix(['+', '-']).unwrap_or(text).to_owned();
        let is_decimal = |text: &str| {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        };
        let text = unsigned(&self.0);
        let end = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let is_exponent =
            || suffix.strip_prefix(['e', 'E']).is_some_and(|exponent| is_decimal(&unsigned(exponent)));
        is_decimal(number) && (SUFFIXES.contains(&suffix) || is_exponent())
    }
}

impl fmt::Display for ResourceQuantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ResourceQuantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number_or_text(deserializer, "a quantity such as \"10m\" or \"32Mi\"").map(Self)
    }
}
