//! Condition types of a GatewaySync and their reasons.

/// Everything is as it should be.
pub const READY: &str = "Ready";
/// The ref was resolved to a commit.
pub const REF_RESOLVED: &str = "RefResolved";
/// The profiles can be used.
pub const PROFILES_VALID: &str = "ProfilesValid";
/// Every gateway is at the wanted commit.
pub const ALL_GATEWAYS_SYNCED: &str = "AllGatewaysSynced";
/// Every gateway pod has its sidecar.
pub const SIDECAR_INJECTED: &str = "SidecarInjected";
/// Host keys of the SSH server are verified.
pub const SSH_HOST_KEY_VERIFICATION: &str = "SSHHostKeyVerification";
/// Every agent reports.
pub const AGENTS_REPORTING: &str = "AgentsReporting";
/// Managed files differ from the commit.
pub const DRIFTED: &str = "Drifted";
/// Gateways are held where they are.
pub const HELD: &str = "Held";
/// Gateways went back to an earlier commit.
pub const ROLLED_BACK: &str = "RolledBack";
/// The commit is signed as the policy demands.
pub const SOURCE_VERIFIED: &str = "SourceVerified";
/// Gateways have changes that only a restart applies.
pub const RESTART_REQUIRED: &str = "RestartRequired";
/// kstatus: on its way.
pub const RECONCILING: &str = "Reconciling";
/// kstatus: stuck.
pub const STALLED: &str = "Stalled";

/// Reasons of conditions.
pub mod reasons {
    /// `Ready`, `AllGatewaysSynced`: every gateway is synced.
    pub const SYNC_SUCCEEDED: &str = "SyncSucceeded";
    /// `Ready`: the resource is paused.
    pub const PAUSED: &str = "Paused";
    /// `Ready`: on its way.
    pub const RECONCILING: &str = "Reconciling";
    /// `Ready`: a gateway's sync failed.
    pub const SYNC_FAILED: &str = "SyncFailed";
    /// `Ready`, `AgentsReporting`: an agent was not heard of for 2.5 h.
    pub const AGENT_SILENT: &str = "AgentSilent";
    /// `Ready`: a gateway is held.
    pub const HELD: &str = "Held";
    /// `RefResolved`: resolved.
    pub const REF_RESOLVED: &str = "RefResolved";
    /// `Ready`, `RefResolved`: the ref cannot be resolved.
    pub const REF_RESOLUTION_FAILED: &str = "RefResolutionFailed";
    /// `RefResolved`: no installation token could be had.
    pub const GITHUB_APP_EXCHANGE_FAILED: &str = "GitHubAppExchangeFailed";
    /// `ProfilesValid`: valid.
    pub const PROFILES_VALID: &str = "ProfilesValid";
    /// `Ready`, `ProfilesValid`: not valid.
    pub const PROFILES_INVALID: &str = "ProfilesInvalid";
    /// `AllGatewaysSynced`: not all yet.
    pub const SYNC_IN_PROGRESS: &str = "SyncInProgress";
    /// `AllGatewaysSynced`: there is none.
    pub const NO_GATEWAYS_DISCOVERED: &str = "NoGatewaysDiscovered";
    /// `SidecarInjected`: every pod has it.
    pub const SIDECAR_PRESENT: &str = "SidecarPresent";
    /// `SidecarInjected`: some pods have none.
    pub const SIDECAR_MISSING: &str = "SidecarMissing";
    /// `SSHHostKeyVerification`: known hosts are given.
    pub const HOST_KEY_VERIFICATION_ENABLED: &str = "HostKeyVerificationEnabled";
    /// `SSHHostKeyVerification`: no known hosts are given.
    pub const HOST_KEY_VERIFICATION_DISABLED: &str = "HostKeyVerificationDisabled";
    /// `SourceVerified`: not signed as demanded.
    pub const SIGNATURE_INVALID: &str = "SignatureInvalid";
    /// `SourceVerified`: the policy is for another repository or ref.
    pub const POLICY_MISMATCH: &str = "PolicyMismatch";
}
