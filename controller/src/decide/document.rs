//! The resource's own status, which is the contract's; the names by which it is spoken of here.

pub use stoker_api::observed::{
    Condition, ConditionStatus, DiscoveredGateway as Gateway, GatewaySyncStatus as ResourceStatus,
    RefResolutionStatus,
};

/// The condition of a type.
pub fn condition<'a>(status: &'a ResourceStatus, kind: &str) -> Option<&'a Condition> {
    status.conditions.iter().find(|condition| condition.condition_type == kind)
}
