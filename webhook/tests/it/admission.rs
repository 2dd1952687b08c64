//! Which pods get the sidecar, and what becomes of the others.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use stoker_webhook::inject::Policy;

use crate::world::{World, has_sidecar, sidecar, wait};

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_pod_that_asks_gets_the_sidecar_and_others_cause_no_calls() {
    let world = World::new("scope").await;
    let replica = world.called(world.options()).await;
    world.gateway_sync("plant", |_| ()).await;
    world.secret("api", json!({"apiKey": "name:secret"})).await;
    let (pod, warnings) = world.accepted(&world.pod("plant-0", |_| ())).await;
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(sidecar(&pod)["image"], crate::world::IMAGE);
    assert_eq!(pod["metadata"]["annotations"]["stoker.io/cr-name"], "plant");

    let before = replica.asked(&world.namespace).await;
    for number in 0..200 {
        let other = world.pod(&format!("other-{number}"), |pod| match number % 4 {
            0 => pod["metadata"] = json!({"name": format!("other-{number}")}),
            1 => pod["metadata"]["annotations"] = json!({"stoker.io/inject": "false"}),
            2 => pod["metadata"]["annotations"] = json!({"stoker.io/profile": "default"}),
            _ => pod["metadata"]["annotations"] = json!({"other": "true"}),
        });
        assert!(!has_sidecar(&world.accepted(&other).await.0));
    }
    assert_eq!(replica.asked(&world.namespace).await, before, "200 other pods cost nothing");
    world.accepted(&world.pod("plant-1", |_| ())).await;
    assert_eq!(replica.asked(&world.namespace).await, before + 1.0, "each gateway is counted once");
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_resource_that_was_made_a_moment_ago_is_found() {
    let world = World::new("moment").await;
    let _replica = world.called(world.options()).await;
    for number in 0..20 {
        let name = format!("plant{number}");
        world.gateway_sync(&name, |_| ()).await;
        let pod = world.pod(&format!("{name}-0"), |pod| {
            pod["metadata"]["annotations"]["stoker.io/cr-name"] = json!(name);
        });
        assert!(has_sidecar(&world.accepted(&pod).await.0), "{name}");
    }
    // A profile that was added a moment ago, too.
    let patch = json!({"spec": {"sync": {"profiles": {"edge": {"mappings": [{"source": "a", "destination": "b"}]}}}}});
    world.gateway_syncs().patch("plant7", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    let pod = world.pod("edge-0", |pod| {
        pod["metadata"]["annotations"]["stoker.io/cr-name"] = json!("plant7");
        pod["metadata"]["annotations"]["stoker.io/profile"] = json!("edge");
    });
    let (_, warnings) = world.accepted(&pod).await;
    assert!(!warnings.iter().any(|warning| warning.contains("profile")), "{warnings:?}");
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn what_is_missing_or_ambiguous_or_paused_starts_with_a_warning() {
    let world = World::new("admit").await;
    let _replica = world.called(world.options()).await;
    let warned = async |change: fn(&mut Value), expected: &str, injected: bool| {
        let mut pod = world.pod("", change);
        pod["metadata"] = json!({"generateName": "gw-", "annotations": pod["metadata"]["annotations"]});
        let (pod, warnings) = world.accepted(&pod).await;
        assert!(warnings.iter().any(|warning| warning.contains(expected)), "{expected}: {warnings:?}");
        assert_eq!(has_sidecar(&pod), injected, "{expected}");
    };
    let named = |pod: &mut Value| pod["metadata"]["annotations"]["stoker.io/cr-name"] = json!("paused");
    warned(|_| (), "has no GatewaySync", false).await;
    world.gateway_sync("plant", |_| ()).await;
    warned(
        |pod| pod["metadata"]["annotations"]["stoker.io/cr-name"] = json!("nobody"),
        "nobody does not exist",
        false,
    )
    .await;
    warned(|pod| pod["metadata"]["annotations"]["stoker.io/profile"] = json!("edge"), "profile", true).await;
    warned(|_| (), "secret api with the gateway's API token does not exist", true).await;
    warned(
        |pod| pod["spec"]["containers"][0]["volumeMounts"] = json!([]),
        "no container mounts a volume",
        false,
    )
    .await;
    warned(|pod| pod["spec"]["securityContext"] = json!({"runAsUser": 0}), "runs as user 0", false).await;
    world.gateway_sync("paused", |object| object["spec"]["paused"] = json!(true)).await;
    warned(named, "is paused", true).await;
    wait("the second one is seen", async || {
        let mut pod = world.pod("", |_| ());
        pod["metadata"] = json!({"generateName": "gw-", "annotations": pod["metadata"]["annotations"]});
        let (pod, warnings) = world.accepted(&pod).await;
        let is_seen = warnings.iter().any(|warning| warning.contains("several GatewaySyncs (paused, plant)"));
        assert_eq!(has_sidecar(&pod), !is_seen);
        is_seen
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn where_the_chart_says_deny_such_pods_are_refused() {
    let world = World::new("deny").await;
    let mut options = world.options();
    (options.when_paused, options.when_invalid) = (Policy::Deny, Policy::Deny);
    let _replica = world.called(options).await;
    let refused = async |change: fn(&mut Value), expected: &str| {
        let (status, _, answer) = world.create(&world.pod("gw", change)).await;
        assert_eq!(status, 403, "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(expected), "{answer}");
    };
    refused(|_| (), "has no GatewaySync").await;
    world.gateway_sync("plant", |object| object["spec"]["paused"] = json!(true)).await;
    refused(|_| (), "is paused").await;
    refused(|pod| pod["metadata"]["annotations"]["stoker.io/profile"] = json!("edge"), "profile \"edge\"")
        .await;
    refused(|pod| pod["metadata"]["annotations"]["stoker.io/cr-name"] = json!("x"), "x does not exist").await;
    world.gateway_sync("other", |_| ()).await;
    // A cache learns of the second one moments later.
    wait("the second one is seen", async || {
        let (_, _, answer) = world.create(&world.pod("gw", |_| ())).await;
        answer["message"].as_str().unwrap().contains("several")
    })
    .await;
    // But what the sidecar cannot do is no reason to keep a gateway down.
    let pod = world.pod("root", |pod| {
        pod["metadata"]["annotations"]["stoker.io/cr-name"] = json!("other");
        pod["spec"]["securityContext"] = json!({"runAsUser": 0});
    });
    assert!(!has_sidecar(&world.accepted(&pod).await.0));
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn what_the_command_injected_the_webhook_leaves_alone() {
    let world = World::new("byhand").await;
    let replica = world.called(world.options()).await;
    world.gateway_sync("plant", |_| ()).await;
    let gateway_sync = json!({
        "apiVersion": "stoker.io/v1alpha1", "kind": "GatewaySync",
        "metadata": {"name": "plant", "namespace": world.namespace},
        "spec": {
            "git": {"repo": "https://git.example.com/plant.git", "ref": "main"},
            "gateway": {"api": {"secretName": "api"}},
            "sync": {"profiles": {"default": {"mappings": [{"source": "projects", "destination": "projects"}]}}},
        },
    });
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, document: &Value| {
        let path = directory.path().join(name);
        std::fs::write(&path, document.to_string()).unwrap();
        path
    };
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_stoker-webhook"))
        .args(["inject", "-f"])
        .arg(write("pod.yaml", &world.pod("by-hand", |_| ())))
        .arg("--gatewaysync")
        .arg(write("gs.yaml", &gateway_sync))
        .env("DEFAULT_AGENT_IMAGE", "example.com/by-hand:1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let pod: Value = serde_saphyr::from_slice(&output.stdout).unwrap();
    let before = replica.asked(&world.namespace).await;
    let (made, warnings) = world.accepted(&pod).await;
    assert_eq!(replica.asked(&world.namespace).await, before, "there was nothing to do");
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(sidecar(&made)["image"], "example.com/by-hand:1");
    assert_eq!(made["spec"]["initContainers"].as_array().unwrap().len(), 1);
    assert_eq!(made["metadata"]["annotations"], pod["metadata"]["annotations"]);
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn with_the_webhook_stopped_pods_are_made() {
    let world = World::new("stopped").await;
    let replica = world.called(world.options()).await;
    world.gateway_sync("plant", |_| ()).await;
    assert!(has_sidecar(&world.accepted(&world.pod("before", |_| ())).await.0));
    replica.end().await;
    let (pod, _) = world.accepted(&world.pod("after", |_| ())).await;
    assert!(!has_sidecar(&pod));
    // And by its annotation, which the controller sees, it is one that should have the sidecar.
    assert_eq!(pod["metadata"]["annotations"]["stoker.io/inject"], "true");
    let replica = world.replica(world.options()).await;
    world.call(replica.addresses.admission).await;
    wait("a new replica serves again", async || {
        let mut pod = world.pod("", |_| ());
        pod["metadata"] = json!({"generateName": "again-", "annotations": pod["metadata"]["annotations"]});
        has_sidecar(&world.accepted(&pod).await.0)
    })
    .await;
}
