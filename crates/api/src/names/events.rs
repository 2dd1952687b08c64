//! Reasons of the events that the controller and the webhook write.

/// A gateway reached the wanted commit.
pub const SYNC_COMPLETED: &str = "SyncCompleted";
/// A gateway's sync failed; its [`crate::Reason`] stands first in the message.
pub const SYNC_FAILED: &str = "SyncFailed";
/// A gateway's sync was skipped.
pub const SYNC_SKIPPED: &str = "SyncSkipped";
/// The repository could not be fetched.
pub const CLONE_FAILED: &str = "CloneFailed";
/// Open Designers block a sync.
pub const DESIGNER_SESSIONS_BLOCKED: &str = "DesignerSessionsBlocked";
/// A push arrived.
pub const WEBHOOK_RECEIVED: &str = "WebhookReceived";
/// The set of gateways changed.
pub const GATEWAYS_DISCOVERED: &str = "GatewaysDiscovered";
/// A pod asks for the sidecar and has none; on the transition only.
pub const MISSING_SIDECAR: &str = "MissingSidecar";
/// The resource was paused.
pub const PAUSED: &str = "Paused";
/// The profiles cannot be used.
pub const PROFILES_INVALID: &str = "ProfilesInvalid";
/// The ref cannot be resolved.
pub const REF_RESOLUTION_FAILED: &str = "RefResolutionFailed";
/// The agents' role could not be written.
pub const RBAC_ERROR: &str = "RBACError";
/// Managed files were changed by somebody else.
pub const DRIFT_DETECTED: &str = "DriftDetected";
/// A gateway went back to an earlier commit.
pub const ROLLED_BACK: &str = "RolledBack";
/// A gateway is held from now on.
pub const HOLD_STARTED: &str = "HoldStarted";
/// A gateway is not held any more.
pub const HOLD_ENDED: &str = "HoldEnded";
/// A commit is not signed as demanded.
pub const SIGNATURE_INVALID: &str = "SignatureInvalid";
/// A sync would exceed a limit.
pub const LIMIT_EXCEEDED: &str = "LimitExceeded";
/// A window forbids a sync.
pub const WINDOW_CLOSED: &str = "WindowClosed";
