//! Metric names, as Prometheus sees them (counters with their `_total`), and their labels.

/// Controller: seconds of a reconcile.
pub const RECONCILE_DURATION: &str = "stoker_controller_reconcile_duration_seconds";
/// Controller: reconciles by [`labels::RESULT`] (`success`, `requeue`, `error`).
pub const RECONCILE_TOTAL: &str = "stoker_controller_reconcile_total";
/// Controller: seconds of a ref look-up, 0.1…30.
pub const REF_RESOLVE_DURATION: &str = "stoker_controller_ref_resolve_duration_seconds";
/// Controller: gateways found.
pub const GATEWAYS_DISCOVERED: &str = "stoker_controller_gateways_discovered";
/// Controller: gateways at the wanted commit.
pub const GATEWAYS_SYNCED: &str = "stoker_controller_gateways_synced";
/// Controller: gateways without a sidecar.
pub const GATEWAYS_MISSING_SIDECAR: &str = "stoker_controller_gateways_missing_sidecar";
/// Controller: 1 when ready.
pub const CR_READY: &str = "stoker_controller_cr_ready";
/// Controller: 1 when paused.
pub const CR_PAUSED: &str = "stoker_controller_cr_paused";
/// Controller: always 1, with repository, ref, kind of credentials and interval.
pub const CR_INFO: &str = "stoker_controller_cr_info";
/// Controller: 1 for each condition that is true.
pub const CONDITION_STATUS: &str = "stoker_controller_condition_status";
/// Controller: 0 Pending, 1 Synced, 2 Error, 3 `MissingSidecar`.
pub const GATEWAY_SYNC_STATUS: &str = "stoker_controller_gateway_sync_status";
/// Controller: when a gateway was synced last, Unix seconds.
pub const GATEWAY_LAST_SYNC: &str = "stoker_controller_gateway_last_sync_timestamp_seconds";
/// Controller: always 1, with commit and agent version.
pub const GATEWAY_INFO: &str = "stoker_controller_gateway_info";
/// Controller: when a gateway's agent was heard of last, Unix seconds.
pub const GATEWAY_LAST_SEEN: &str = "stoker_controller_gateway_last_seen_timestamp_seconds";
/// Controller: managed files that differ.
pub const GATEWAY_DRIFT_FILES: &str = "stoker_controller_gateway_drift_files";
/// Controller: 1 when held.
pub const GATEWAY_HELD: &str = "stoker_controller_gateway_held";
/// Controller: when an installation token expires, Unix seconds.
pub const GITHUB_TOKEN_EXPIRY: &str = "stoker_controller_github_app_token_expiry_timestamp_seconds";

/// Webhook: requests to the receiver.
pub const RECEIVER_REQUESTS: &str = "stoker_webhook_receiver_requests_total";
/// Webhook: pods that were looked at, by [`labels::RESULT`] (`injected`, `skipped`).
pub const INJECTIONS: &str = "stoker_webhook_injector_injections_total";
/// Webhook: when its certificate expires, Unix seconds.
pub const CERTIFICATE_EXPIRY: &str = "stoker_webhook_certificate_expiry_timestamp_seconds";

/// Agent: seconds of a sync.
pub const SYNC_DURATION: &str = "stoker_agent_sync_duration_seconds";
/// Agent: syncs by profile and result.
pub const SYNC_TOTAL: &str = "stoker_agent_sync_total";
/// Agent: files that the last sync changed.
pub const FILES_CHANGED: &str = "stoker_agent_files_changed";
/// Agent: files that the last sync added.
pub const FILES_ADDED: &str = "stoker_agent_files_added";
/// Agent: files that the last sync modified.
pub const FILES_MODIFIED: &str = "stoker_agent_files_modified";
/// Agent: files that the last sync deleted.
pub const FILES_DELETED: &str = "stoker_agent_files_deleted";
/// Agent: seconds of a fetch, by operation (`clone`, `fetch`).
pub const GIT_FETCH_DURATION: &str = "stoker_agent_git_fetch_duration_seconds";
/// Agent: fetches by operation and result.
pub const GIT_FETCH_TOTAL: &str = "stoker_agent_git_fetch_total";
/// Agent: seconds of a scan.
pub const SCAN_DURATION: &str = "stoker_agent_scan_duration_seconds";
/// Agent: scans by result.
pub const SCAN_TOTAL: &str = "stoker_agent_scan_total";
/// Agent: 1 while open Designers block a sync.
pub const DESIGNER_SESSIONS_BLOCKED: &str = "stoker_agent_designer_sessions_blocked";
/// Agent: open Designers.
pub const DESIGNER_SESSIONS_ACTIVE: &str = "stoker_agent_designer_sessions_active";
/// Agent: when it synced last, Unix seconds.
pub const LAST_SYNC: &str = "stoker_agent_last_sync_timestamp_seconds";
/// Agent: 1 when the last sync succeeded.
pub const LAST_SYNC_SUCCESS: &str = "stoker_agent_last_sync_success";
/// Agent: syncs that were skipped, by reason ([`skipped`]).
pub const SYNC_SKIPPED: &str = "stoker_agent_sync_skipped_total";
/// Agent: seconds until the gateway ran.
pub const GATEWAY_STARTUP_DURATION: &str = "stoker_agent_gateway_startup_duration_seconds";
/// Agent: rollbacks by reason.
pub const ROLLBACKS: &str = "stoker_agent_rollbacks_total";
/// Agent: managed files that differ.
pub const DRIFT_FILES: &str = "stoker_agent_drift_files";
/// Agent: what the undo generations take up.
pub const UNDO_BYTES: &str = "stoker_agent_undo_bytes";
/// Agent: bytes received from the repository.
pub const FETCH_BYTES: &str = "stoker_agent_fetch_bytes_total";
/// Agent: requests to the Kubernetes API, by verb.
pub const API_REQUESTS: &str = "stoker_agent_api_requests_total";

/// Label names.
pub mod labels {
    /// Name of the GatewaySync.
    pub const NAME: &str = "name";
    /// Namespace of the GatewaySync, or of the pod.
    pub const NAMESPACE: &str = "namespace";
    /// Name of the gateway.
    pub const GATEWAY: &str = "gateway";
    /// Name of the gateway's pod.
    pub const POD: &str = "pod";
    /// Name of the profile.
    pub const PROFILE: &str = "profile";
    /// How it ended.
    pub const RESULT: &str = "result";
    /// Why.
    pub const REASON: &str = "reason";
    /// `clone` or `fetch`.
    pub const OPERATION: &str = "operation";
    /// HTTP verb of the Kubernetes API.
    pub const VERB: &str = "verb";
    /// Type of a condition.
    pub const TYPE: &str = "type";
    /// Repository, without credentials.
    pub const GIT_REPO: &str = "git_repo";
    /// Ref.
    pub const GIT_REF: &str = "git_ref";
    /// Kind of credentials.
    pub const AUTH_TYPE: &str = "auth_type";
    /// Interval as it was written.
    pub const POLLING_INTERVAL: &str = "polling_interval";
    /// Commit.
    pub const COMMIT: &str = "commit";
    /// Version of an agent.
    pub const AGENT_VERSION: &str = "agent_version";
    /// Number of a GitHub App.
    pub const APP_ID: &str = "app_id";
    /// Number of its installation.
    pub const INSTALLATION_ID: &str = "installation_id";
    /// Who pushed (`github`, …).
    pub const SOURCE: &str = "source";
    /// HTTP status.
    pub const STATUS_CODE: &str = "status_code";
}

/// Values of the label `reason` of [`SYNC_SKIPPED`].
pub mod skipped {
    /// The wanted commit is on disk.
    pub const COMMIT_UNCHANGED: &str = "commit_unchanged";
    /// Paused.
    pub const PAUSED: &str = "paused";
    /// The profile cannot be used.
    pub const PROFILE_ERROR: &str = "profile_error";
    /// Open Designers.
    pub const DESIGNER_BLOCKED: &str = "designer_blocked";
    /// Waiting after a failure.
    pub const BACKOFF: &str = "backoff";
    /// Held.
    pub const HELD: &str = "held";
    /// A window forbids it.
    pub const WINDOW_CLOSED: &str = "window_closed";
    /// A limit would be exceeded.
    pub const LIMIT: &str = "limit";
    /// Not signed as demanded.
    pub const SIGNATURE: &str = "signature";
}
