//! Why a pod gets no sidecar, or one that will not work.

use stoker_api::names::{annotations, env};
use stoker_api::profile::UnknownProfile;

/// Why a pod gets no sidecar, or one that will not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Problem {
    #[error(
        "GatewaySync {namespace}/{name} does not exist; create it, or correct the annotation {}",
        annotations::CR_NAME
    )]
    Unknown { namespace: String, name: String },
    #[error("namespace {namespace} has no GatewaySync; create one")]
    NoneInNamespace { namespace: String },
    #[error(
        "namespace {namespace} has several GatewaySyncs ({}); name one in the annotation {}",
        shortened(names),
        annotations::CR_NAME
    )]
    Several { namespace: String, names: Vec<String> },
    #[error("GatewaySync {name} cannot be read: {why}")]
    Unreadable { name: String, why: String },
    #[error("GatewaySync {name}: {unknown}")]
    UnknownProfile { name: String, unknown: UnknownProfile },
    #[error("GatewaySync {name} is paused: nothing is synced until spec.paused is false")]
    Paused { name: String },
    #[error(
        "container {container} runs as user 0, and the sidecar must not run as root; set runAsUser to another user, such as 2003"
    )]
    RunsAsRoot { container: String },
    #[error(
        "no container mounts a volume named ignition-data or data; name the volume of the gateway's data so"
    )]
    NoDataVolume,
    #[error(
        "no image of the agent is known; set spec.agent.image, or {} of the webhook",
        env::DEFAULT_AGENT_IMAGE
    )]
    NoImage,
    #[error("the pod has a container of its own named stoker-agent; rename it")]
    NameTaken,
    #[error("a Windows pod cannot have the sidecar")]
    Windows,
    #[error("the GatewaySyncs cannot be looked up just now ({why}); delete the pod later to try again")]
    Unavailable { why: String },
}

impl Problem {
    /// A word for logs and metrics, of a bounded list.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "UnknownGatewaySync",
            Self::NoneInNamespace { .. } => "NoGatewaySync",
            Self::Several { .. } => "SeveralGatewaySyncs",
            Self::Unreadable { .. } => "UnreadableGatewaySync",
            Self::UnknownProfile { .. } => "UnknownProfile",
            Self::Paused { .. } => "Paused",
            Self::RunsAsRoot { .. } => "RunsAsRoot",
            Self::NoDataVolume => "NoDataVolume",
            Self::NoImage => "NoImage",
            Self::NameTaken => "NameTaken",
            Self::Windows => "Windows",
            Self::Unavailable { .. } => "Unavailable",
        }
    }
}

fn shortened(names: &[String]) -> String {
    const SHOWN: usize = 5;
    match names.len() {
        0..=SHOWN => names.join(", "),
        count => format!("{} and {} more", names[..SHOWN].join(", "), count - SHOWN),
    }
}
