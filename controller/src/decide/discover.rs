//! Which pods are gateways, of which `GatewaySync`, and what they are called (contract, section 2).

use stoker_api::names::{MAX_GATEWAY_NAME, annotations, is_gateway_name};
use stoker_api::profile::DEFAULT_PROFILE;

use super::input::Pod;

/// Whether a pod has to do with us at all: everything else is not even kept.
pub fn is_interesting(pod: &Pod) -> bool {
    pod.agent_label || !pod.annotations.is_empty()
}

/// The `GatewaySync` that a pod belongs to. `only` is the one in its namespace, where there is exactly one.
pub fn owner<'a>(pod: &'a Pod, only: Option<&'a str>) -> Option<&'a str> {
    if let Some(name) = text(pod, annotations::CR_NAME) {
        return Some(name);
    }
    let asks = text(pod, annotations::INJECT) == Some(annotations::TRUE);
    if asks || has_sidecar(pod) { only } else { None }
}

/// Whether the webhook put the agent into it.
pub fn has_sidecar(pod: &Pod) -> bool {
    pod.agent_label || text(pod, annotations::INJECTED) == Some(annotations::TRUE)
}

/// The gateway's name: the annotation, else the label `app.kubernetes.io/name`, else the pod's name. What cannot be a
/// gateway's name (contract, section 8) is passed over; a pod's name is cut.
pub fn gateway_name(pod: &Pod) -> &str {
    text(pod, annotations::GATEWAY_NAME)
        .filter(|name| is_gateway_name(name))
        .or_else(|| pod.app_name.as_deref().filter(|name| is_gateway_name(name)))
        .unwrap_or_else(|| &pod.name[..pod.name.len().min(MAX_GATEWAY_NAME)])
}

/// The name of the pod's profile.
pub fn profile(pod: &Pod) -> &str {
    text(pod, annotations::PROFILE).unwrap_or(DEFAULT_PROFILE)
}

/// An annotation that says something.
pub fn text<'a>(pod: &'a Pod, annotation: &str) -> Option<&'a str> {
    pod.annotations.get(annotation).map(|value| value.trim()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::testkit::pod;

    /// Annotations, the only resource, the owner.
    type Row<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>, Option<&'a str>);

    #[test]
    fn a_pod_belongs_to_the_resource_it_names_and_else_to_the_only_one() {
        let table: &[Row] = &[
            (&[(annotations::CR_NAME, "a"), (annotations::INJECT, "true")], Some("b"), Some("a")),
            (&[(annotations::INJECT, "true")], Some("b"), Some("b")),
            (&[(annotations::INJECT, "true")], None, None),
            (&[(annotations::INJECTED, "true")], Some("b"), Some("b")),
            (&[(annotations::INJECT, "false")], Some("b"), None),
            (&[(annotations::PROFILE, "x")], Some("b"), None),
            (&[(annotations::CR_NAME, " ")], Some("b"), None),
            (&[(annotations::CR_NAME, "a")], None, Some("a")),
        ];
        for (given, only, expected) in table {
            assert_eq!(owner(&pod("p", given), *only), *expected, "{given:?}");
        }
    }

    #[test]
    fn the_annotation_names_the_gateway_then_the_label_then_the_pod() {
        let mut gateway = pod("ignition-0", &[(annotations::GATEWAY_NAME, "line-1")]);
        gateway.app_name = Some("ignition".into());
        assert_eq!(gateway_name(&gateway), "line-1");
        gateway.annotations.clear();
        assert_eq!(gateway_name(&gateway), "ignition");
        gateway.app_name = None;
        assert_eq!(gateway_name(&gateway), "ignition-0");
    }

    #[test]
    fn a_name_that_is_none_is_passed_over_and_a_long_pod_name_is_cut() {
        let mut gateway = pod(&"x".repeat(100), &[(annotations::GATEWAY_NAME, "a/b")]);
        gateway.app_name = Some("$(POD_NAME)".into());
        assert_eq!(gateway_name(&gateway), "x".repeat(63));
    }
}
