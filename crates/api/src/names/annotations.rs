//! Annotations on pods, on the resource and on created objects.

/// On a pod, by its author: `"true"` asks for the sidecar.
pub const INJECT: &str = "stoker.io/inject";
/// On a pod, by its author (or by the webhook where the namespace has exactly one): the GatewaySync.
pub const CR_NAME: &str = "stoker.io/cr-name";
/// On a pod, by its author: the profile.
pub const PROFILE: &str = "stoker.io/profile";
/// On a pod, by its author: the gateway's name.
pub const GATEWAY_NAME: &str = "stoker.io/gateway-name";
/// On a pod, by the webhook: `"true"` says that the sidecar is in it.
pub const INJECTED: &str = "stoker.io/injected";
/// Ignored on purpose: it would let any pod author choose an image.
pub const AGENT_IMAGE_IGNORED: &str = "stoker.io/agent-image";

/// On a GatewaySync, by the receiver: the ref that was pushed; wins over `spec.git.ref` until the two agree.
pub const REQUESTED_REF: &str = "stoker.io/requested-ref";
/// On a GatewaySync, by the receiver: when, RFC 3339.
pub const REQUESTED_AT: &str = "stoker.io/requested-at";
/// On a GatewaySync, by the receiver: who (`github`, `argocd`, `kargo`, `generic`, `gitlab`, `gitea`, `bitbucket`).
pub const REQUESTED_BY: &str = "stoker.io/requested-by";
/// On a GatewaySync, by the receiver: makes the controller look at once. Never trusted as a value.
pub const REQUESTED_COMMIT: &str = "stoker.io/requested-commit";

/// On a GatewaySync or a pod: anything new means look again and apply.
pub const SYNC_NOW: &str = "stoker.io/sync-now";
/// On a GatewaySync or a pod: `previous` or a commit to go back to.
pub const ROLLBACK_TO: &str = "stoker.io/rollback-to";
/// The value of [`ROLLBACK_TO`] that the controller resolves for each gateway.
pub const ROLLBACK_TO_PREVIOUS: &str = "previous";
/// On a GatewaySync or a pod: a reason; nothing is applied.
pub const HOLD: &str = "stoker.io/hold";
/// On a GatewaySync or a pod: anything new ends a hold or a rollback.
pub const RESUME: &str = "stoker.io/resume";
/// On a GatewaySync or a pod: [`ACCEPT_GIT`] lets local changes, or many deletions, pass for the wanted commit.
pub const ACCEPT: &str = "stoker.io/accept";
/// The value of [`ACCEPT`].
pub const ACCEPT_GIT: &str = "git";

/// On a created Secret: what it holds.
pub const SECRET_TYPE: &str = "stoker.io/secret-type";
/// The value of [`SECRET_TYPE`] on an installation token.
pub const SECRET_TYPE_GITHUB_APP: &str = "github-app-token";

/// The value of annotations that are switches.
pub const TRUE: &str = "true";
