//! Labels on pods, namespaces and created objects.

/// On a pod, by the webhook: `"true"` where the agent is in it.
pub const AGENT: &str = "stoker.io/agent";
/// On a namespace, only when the chart asks for it: [`INJECTION_ENABLED`].
pub const INJECTION: &str = "stoker.io/injection";
/// The value of [`INJECTION`].
pub const INJECTION_ENABLED: &str = "enabled";
/// On created objects: the GatewaySync.
pub const CR_NAME: &str = "stoker.io/cr-name";
/// On created `RoleBinding`s: the GatewaySync.
pub const GATEWAY_SYNC: &str = "stoker.io/gatewaysync";
/// On created objects: [`MANAGED_BY_STOKER`].
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY`].
pub const MANAGED_BY_STOKER: &str = "stoker";
/// On a pod, by its author: the gateway's name where no annotation says it.
pub const APP_NAME: &str = "app.kubernetes.io/name";
/// On a pod, by Kubernetes: its ordinal.
pub const POD_INDEX: &str = "apps.kubernetes.io/pod-index";
