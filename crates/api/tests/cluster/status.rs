//! The status that a controller writes.

use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;
use stoker_api::crd::GatewaySync;
use stoker_api::manifest;
use stoker_api::observed::{
    Condition, ConditionStatus, DiscoveredGateway, GatewaySyncStatus, RefResolutionStatus,
};
use stoker_api::status::{Held, PathList, SyncStatus};

use crate::Cluster;
use crate::manifests::LEAST;

#[allow(clippy::unnecessary_wraps, reason = "every field it fills is optional")]
fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn full() -> GatewaySyncStatus {
    GatewaySyncStatus {
        observed_generation: Some(1),
        last_sync_time: text("2026-01-01T00:00:00Z"),
        last_sync_ref: text("v1.2.0"),
        last_sync_commit: text("0123456789abcdef0123456789abcdef01234567"),
        last_sync_commit_short: text("0123456"),
        ref_resolution_status: Some(RefResolutionStatus::Resolved),
        profile_count: Some(1),
        conditions: vec![Condition {
            condition_type: "Ready".into(),
            status: ConditionStatus::False,
            observed_generation: Some(1),
            last_transition_time: "2026-01-01T00:00:00Z".into(),
            reason: "SyncFailed".into(),
            message: "ignition-0: LimitExceeded: 300 deletions".into(),
        }],
        discovered_gateways: vec![DiscoveredGateway {
            name: "line-4".into(),
            namespace: "site1".into(),
            pod_name: "ignition-0".into(),
            service_account_name: "ignition".into(),
            profile: "default".into(),
            sync_status: SyncStatus::Error,
            last_sync_time: text("2026-01-01T00:00:00Z"),
            last_sync_duration: text("2.5s"),
            synced_commit: text("0123456789abcdef0123456789abcdef01234567"),
            synced_ref: text("v1.1.0"),
            agent_version: text("0.1.0"),
            last_scan_result: text("projects=200 config=200"),
            files_changed: Some(7),
            projects_synced: vec!["line".into()],
            error_message: text("300 deletions"),
            last_seen: text("2026-01-01T00:00:00Z"),
            drift: PathList::of(vec!["projects/line/x.json".into()]),
            unmanaged: PathList::of(vec!["old".into()]),
            held: Some(Held { reason: "LocalChanges".into(), since: "2026-01-01T00:00:00Z".into() }),
            rolled_back_from: text("fedcba9876543210fedcba9876543210fedcba98"),
            previous_commit: text("fedcba9876543210fedcba9876543210fedcba98"),
            next_sync_window: text("2026-01-02T02:00:00Z"),
            restart_required: vec!["ignition.conf".into()],
            agent_outdated: true,
        }],
    }
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn every_field_of_a_status_is_kept() {
    let cluster = Cluster::with("status").await;
    let api = cluster.typed();
    let spec = manifest::read(LEAST, "gatewaysync.yaml").unwrap().spec;
    api.create(&PostParams::default(), &GatewaySync::new("plant", spec)).await.unwrap();
    let patch = json!({"apiVersion": "stoker.io/v1alpha1", "kind": "GatewaySync", "status": full()});
    let mut parameters = PatchParams::apply("stoker-controller").force();
    parameters.field_validation = Some(kube::api::ValidationDirective::Strict);
    api.patch_status("plant", &parameters, &Patch::Apply(&patch)).await.unwrap();
    assert_eq!(api.get("plant").await.unwrap().status, Some(full()));
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn conditions_are_merged_by_their_type() {
    let cluster = Cluster::with("conditions").await;
    let api = cluster.typed();
    let spec = manifest::read(LEAST, "gatewaysync.yaml").unwrap().spec;
    api.create(&PostParams::default(), &GatewaySync::new("plant", spec)).await.unwrap();
    for (manager, kind) in [("one", "Ready"), ("two", "Drifted")] {
        let mut status = full();
        status.conditions[0].condition_type = kind.into();
        let patch = json!({
            "apiVersion": "stoker.io/v1alpha1", "kind": "GatewaySync",
            "status": {"conditions": status.conditions},
        });
        api.patch_status("plant", &PatchParams::apply(manager), &Patch::Apply(&patch)).await.unwrap();
    }
    let status = api.get("plant").await.unwrap().status.unwrap();
    let kinds: Vec<&str> =
        status.conditions.iter().map(|condition| condition.condition_type.as_str()).collect();
    assert_eq!(kinds, ["Ready", "Drifted"]);
}
