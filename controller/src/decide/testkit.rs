//! Values that tests begin with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stoker_api::spec::GatewaySyncSpec;

use super::input::{Gone, Observed, Pod, PodFacts, Report, Resolution, Resource};
use super::{document::ResourceStatus, read_entry};

/// A commit.
pub const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// Another one.
pub const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// A time that tests call now.
pub fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

/// The shortest spec.
pub fn spec() -> GatewaySyncSpec {
    serde_json::from_value(serde_json::json!({
        "git": { "repo": "https://git.example.com/plant.git", "ref": "main" },
        "gateway": { "api": { "secretName": "ignition" } },
        "sync": { "profiles": { "default": { "mappings": [{ "source": "projects", "destination": "projects" }] } } },
    }))
    .unwrap()
}

pub fn resource() -> Resource {
    Resource {
        namespace: "plants".into(),
        name: "plant".into(),
        uid: "resource-uid".into(),
        generation: 3,
        annotations: BTreeMap::new(),
        deleting: false,
        has_finalizer: true,
        spec: Ok(Arc::new(spec())),
        status: ResourceStatus::default(),
    }
}

/// A pod with annotations, and with facts.
pub fn pod(name: &str, annotations: &[(&str, &str)]) -> Pod {
    Pod {
        namespace: "plants".into(),
        name: name.into(),
        uid: format!("uid-of-{name}"),
        created: now(),
        annotations: annotations
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        facts: Some(PodFacts { service_account: "gateway".into(), ..PodFacts::default() }),
        ..Pod::default()
    }
}

/// What an agent wrote, in the first status `ConfigMap`.
pub fn report(json: &str) -> Report {
    Report { entry: read_entry(json), shard: 0 }
}

/// A resource at commit [`A`], without pods.
pub fn observed() -> Observed {
    Observed {
        now: now(),
        uptime: Duration::from_secs(1000),
        resource: Arc::new(resource()),
        pods: Vec::new(),
        foreign_accounts: BTreeMap::new(),
        resolution: Resolution::Resolved { commit: A.into() },
        missing_secrets: Vec::new(),
        metadata: None,
        reports: BTreeMap::new(),
        bound: std::collections::BTreeSet::new(),
        gone: Gone::default(),
        default_agent_image: None,
        token: None,
    }
}
