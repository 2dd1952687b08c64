//! Good manifests, and what the server makes of them.

use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use stoker_api::crd::GatewaySync;
use stoker_api::manifest;

use crate::Cluster;
use crate::manifests::{EARLIER, LEAST, everything};

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn the_least_manifest_is_stored_with_every_default_of_the_contract() {
    let cluster = Cluster::with("least").await;
    let stored = cluster.judge(LEAST).await.unwrap();
    let expected = json!({
        "git": {"repo": "https://git.example.com/plant.git", "ref": "main"},
        "polling": {"enabled": true, "interval": "60s"},
        "gateway": {"port": 8088, "tls": false, "api": {"secretName": "ignition-api", "secretKey": "apiKey"}},
        "sync": {
            "defaults": {
                "excludePatterns": ["**/.git/", "**/.gitkeep", "**/.resources/**"],
                "syncPeriod": 30,
                "designerSessionPolicy": "proceed",
                "dryRun": false,
                "paused": false,
                "driftPolicy": "report",
                "rollbackOnFailure": false,
                "healthTimeoutSeconds": 120,
                "startDeadlineSeconds": 30,
                "undoGenerations": 3,
                "undoMaxBytes": "256Mi",
            },
            "profiles": {"default": {"mappings": [{
                "source": "projects",
                "destination": "projects",
                "required": false,
                "template": false,
                "prune": "owned",
            }]}},
        },
        "paused": false,
    });
    assert_eq!(stored["spec"], expected);
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn what_the_server_fills_in_is_what_the_types_fill_in() {
    let cluster = Cluster::with("defaults").await;
    let partial = LEAST
        .replace("  sync:\n", "  agent: {image: {tag: v1}}\n  git:\n  sync:\n    limits: {maxFiles: 7}\n")
        .replace("  git:\n  sync", "  sync");
    let app = partial.replace(
        "    ref: main\n",
        "    ref: main\n    auth: {githubApp: {appId: 1, installationId: 2, privateKeySecretRef: {name: a, key: b}}}\n",
    );
    for text in [LEAST, &partial, &app, EARLIER, &everything()] {
        let read = manifest::read(text, "gatewaysync.yaml").unwrap();
        let stored: GatewaySync = serde_json::from_value(cluster.judge(text).await.unwrap()).unwrap();
        let mut expected = read.spec;
        // The one default that the type keeps apart from its value: what nobody asked for is not waited for.
        expected.sync.defaults.health_timeout_seconds.get_or_insert(120);
        assert_eq!(stored.spec, expected);
    }
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn every_field_of_a_manifest_is_kept() {
    let cluster = Cluster::with("kept").await;
    for text in [LEAST, EARLIER, &everything()] {
        let written = serde_json::to_value(manifest::read(text, "gatewaysync.yaml").unwrap()).unwrap();
        // JSON is YAML; this one has each quantity in its shortest form.
        let stored = cluster.judge(&written.to_string()).await.unwrap();
        assert_contains(&stored["spec"], &written["spec"], "spec");
    }
}

/// That everything that was written is there; the server may have added more.
fn assert_contains(stored: &Value, written: &Value, at: &str) {
    match written {
        Value::Object(fields) => {
            for (name, value) in fields {
                assert_contains(&stored[name], value, &format!("{at}.{name}"));
            }
        }
        Value::Array(items) => {
            assert_eq!(stored.as_array().map(Vec::len), Some(items.len()), "{at}");
            for (index, item) in items.iter().enumerate() {
                assert_contains(&stored[index], item, &format!("{at}[{index}]"));
            }
        }
        _ => assert_eq!(stored, written, "{at}"),
    }
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_stored_resource_comes_back_as_it_was_and_its_status_apart_from_it() {
    let cluster = Cluster::with("stored").await;
    let api = cluster.typed();
    let read = manifest::read(EARLIER, "gatewaysync.yaml").unwrap();
    let object = GatewaySync::new("plant", read.spec);
    let made = api.create(&PostParams::default(), &object).await.unwrap();
    assert_eq!(made.metadata.generation, Some(1));
    let again = api.get("plant").await.unwrap();
    assert_eq!(again.spec, made.spec);

    let status = json!({"status": {"lastSyncRef": "2.2.0", "profileCount": 2}});
    api.patch_status("plant", &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
    let changed = json!({"spec": {"paused": true}, "status": {"lastSyncRef": "nobody asked"}});
    api.patch("plant", &PatchParams::default(), &Patch::Merge(&changed)).await.unwrap();
    let after = api.get("plant").await.unwrap();
    assert!(after.spec.paused);
    assert_eq!(after.metadata.generation, Some(2));
    assert_eq!(after.status.unwrap().last_sync_ref.as_deref(), Some("2.2.0"));
}
