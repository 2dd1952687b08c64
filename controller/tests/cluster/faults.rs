//! Whatever breaks, the final state is right.

use std::time::{Duration, Instant};

use anyhow::Result;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use stoker_test_apiserver::{Options, Server};
use stoker_test_gitserver::HttpOptions;

use crate::harness::{Plant, wait};

/// A server of this test's own, which may be killed.
async fn own_server() -> Result<&'static Server> {
    let server: &'static Server =
        Box::leak(Box::new(Server::start(&Options { audit: true, ..Options::default() })?));
    server.install(&stoker_api::crd::definition()).await?;
    Ok(server)
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn an_api_server_that_restarts_and_an_etcd_that_is_slow_lose_nothing() -> Result<()> {
    let server = own_server().await?;
    let plant = Plant::on(server, "restart", HttpOptions::default()).await?;
    let _controller = plant.controller(&[])?;
    plant.pod("gw-0", |_| {}).await?;
    plant.gateway_sync("plant", |resource| resource["spec"]["polling"]["interval"] = json!("5s")).await?;
    let first = plant.repository.head()?;
    plant.wait_metadata("plant", "commit", &first).await?;
    plant.report("plant", "gw-0", &json!({ "syncStatus": "Synced", "syncedCommit": first })).await?;
    plant.wait_condition("plant", "Ready", "True").await?;

    server.kill_api_server();
    let second = plant.repository.commit("while it was away")?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.start_api_server()?;
    wait("the second commit", async || {
        // The first requests of our own client may still meet a closed connection.
        let now = plant.metadata("plant", "commit").await.unwrap_or_default();
        Ok(if now == second { Ok(()) } else { Err(now) })
    })
    .await?;
    let status = plant.resource("plant").await?.status.unwrap();
    assert_eq!(status.discovered_gateways.len(), 1, "a failed list takes no gateway away");
    assert_eq!(status.discovered_gateways[0].synced_commit.as_deref(), Some(first.as_str()));
    let binding = plant.api::<k8s_openapi::api::rbac::v1::RoleBinding>().get("stoker-agent-plant").await?;
    assert_eq!(binding.subjects.map(|subjects| subjects.len()), Some(1));

    let slow = server.slow_etcd(Duration::from_millis(200), Duration::from_millis(50));
    let third = plant.repository.commit("slowly")?;
    plant.annotate("plant", "stoker.io/requested-commit", Some(&third)).await?;
    plant.wait_metadata("plant", "commit", &third).await?;
    drop(slow);
    plant.report("plant", "gw-0", &json!({ "syncStatus": "Synced", "syncedCommit": third })).await?;
    plant.wait_condition("plant", "Ready", "True").await
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_watch_that_expired_is_begun_anew_and_what_went_meanwhile_is_gone() -> Result<()> {
    let options = Options {
        audit: true,
        api_server_flags: vec!["--etcd-compaction-interval=2s".into()],
        ..Options::default()
    };
    let server: &'static Server = Box::leak(Box::new(Server::start(&options)?));
    server.install(&stoker_api::crd::definition()).await?;
    let plant = Plant::on(server, "expired", HttpOptions::default()).await?;
    let controller = plant.controller(&[])?;
    plant.pod("gw-0", |_| {}).await?;
    plant.pod("gw-1", |_| {}).await?;
    plant.gateway_sync("plant", |_| {}).await?;
    plant.wait_condition("plant", "AllGatewaysSynced", "False SyncInProgress: 0/2 synced").await?;
    // The program sleeps while its watches break off and the versions that it knows are compacted away.
    controller.signal("STOP")?;
    server.restart_api_server()?;
    let maps = plant.api::<ConfigMap>();
    let pods = plant.api::<k8s_openapi::api::core::v1::Pod>();
    wait("our own client to be connected again", async || {
        Ok(pods.get("gw-1").await.map_err(|e| e.to_string()))
    })
    .await?;
    pods.delete("gw-1", &kube::api::DeleteParams::default().grace_period(0)).await?;
    let until = Instant::now() + Duration::from_secs(8);
    while Instant::now() < until {
        let patch = Patch::Merge(json!({ "data": { "noise": format!("{:?}", Instant::now()) } }));
        maps.patch("stoker-changes-plant", &PatchParams::default(), &patch).await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    controller.signal("CONT")?;
    plant.wait_condition("plant", "AllGatewaysSynced", "False SyncInProgress: 0/1 synced").await?;
    let log = controller.log();
    assert!(log.contains("too old resource version") || log.contains("410"), "no watch had expired:\n{log}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_poisoned_resource_is_told_and_stops_nobody_else() -> Result<()> {
    let server: &'static Server =
        Box::leak(Box::new(Server::start(&Options { audit: true, ..Options::default() })?));
    // Stored under a definition that asked for nothing.
    let mut lax = serde_json::to_value(stoker_api::crd::definition())?;
    let schema = "/spec/versions/0/schema/openAPIV3Schema";
    *lax.pointer_mut(schema).unwrap() =
        json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    server.install(&serde_json::from_value(lax)?).await?;
    let plant = Plant::on(server, "poison", HttpOptions::default()).await?;
    for (name, spec) in [
        ("no-spec", json!(null)),
        ("words", json!("words")),
        ("no-git", json!({ "sync": { "profiles": {} } })),
    ] {
        let object = json!({ "apiVersion": "stoker.io/v1alpha1", "kind": "GatewaySync",
            "metadata": { "name": name, "namespace": plant.namespace }, "spec": spec });
        plant.apply_raw(&object).await?;
    }
    let _controller = plant.controller(&[])?;
    plant.gateway_sync("good", |_| {}).await?;
    plant.wait_metadata("good", "commit", &plant.repository.head()?).await?;
    for name in ["no-spec", "words", "no-git"] {
        wait(&format!("{name} to be told"), async || {
            let object = plant.raw(name).await?;
            let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let told = conditions.iter().any(|condition| {
                condition["type"] == "Ready"
                    && condition["status"] == "False"
                    && condition["message"].as_str().is_some_and(|words| words.contains("cannot be read"))
            });
            Ok(if told { Ok(()) } else { Err(object) })
        })
        .await?;
    }
    plant.wait_event("ProfilesInvalid", "cannot be read").await
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_conflicting_writer_does_not_win_and_does_not_make_a_storm() -> Result<()> {
    let plant = Plant::new("conflict").await?;
    let _controller = plant.controller(&[])?;
    plant.gateway_sync("plant", |_| {}).await?;
    let commit = plant.repository.head()?;
    plant.wait_metadata("plant", "commit", &commit).await?;
    let mark = plant.server.audit_mark()?;
    for number in 0..20 {
        let patch = Patch::Merge(json!({ "data": { "commit": format!("wrong-{number}") } }));
        let parameters = PatchParams { field_manager: Some("other".into()), ..PatchParams::default() };
        plant.api::<ConfigMap>().patch("stoker-metadata-plant", &parameters, &patch).await?;
    }
    plant.wait_metadata("plant", "commit", &commit).await?;
    let asked = plant.server.audit_since(mark)?;
    let writes = asked.iter().filter(|entry| entry.user == plant.user && entry.is_write()).count();
    assert!(writes <= 25, "{writes} writes against twenty");
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn of_two_replicas_one_writes_and_the_other_takes_over_when_it_is_killed() -> Result<()> {
    let plant = Plant::new("leader").await?;
    let election = ["--leader-election", "true", "--lease-name", "stoker-controller"];
    let first = plant.controller(&election)?;
    plant.gateway_sync("plant", |resource| resource["spec"]["polling"]["interval"] = json!("5s")).await?;
    plant.wait_metadata("plant", "commit", &plant.repository.head()?).await?;
    let second = plant.controller(&election)?;
    wait("the second to be warm", async || {
        let answer = second.get("/readyz")?;
        Ok(if answer.0 == 200 { Ok(()) } else { Err(answer) })
    })
    .await?;
    assert!(!second.log().contains("\"is_leader\":true"));
    let holder = async || -> Result<Option<String>> {
        Ok(plant.api::<Lease>().get("stoker-controller").await?.spec.and_then(|spec| spec.holder_identity))
    };
    let before = holder().await?;
    let mark = plant.server.audit_mark()?;
    let began = Instant::now();
    first.kill();
    let commit = plant.repository.commit("second")?;
    plant.wait_metadata("plant", "commit", &commit).await?;
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_ne!(holder().await?, before);
    // Nothing is written twice: one write of the metadata for one commit.
    let asked = plant.server.audit_since(mark)?;
    let writes: Vec<_> = asked
        .iter()
        .filter(|entry| entry.user == plant.user && entry.is_write() && entry.name == "stoker-metadata-plant")
        .collect();
    assert_eq!(writes.len(), 1, "{writes:#?}");
    // A replica that is told to stop lets go at once.
    second.stop()?;
    assert_eq!(holder().await?.as_deref(), Some(""));
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn killed_at_random_moments_while_resources_change_it_ends_in_the_right_state() -> Result<()> {
    let plant = Plant::new("killed").await?;
    let kills = std::env::var("STOKER_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(15);
    let names = ["a", "b", "c"];
    for name in names {
        plant.gateway_sync(name, |_| {}).await?;
        let of =
            |pod: &mut serde_json::Value| pod["metadata"]["annotations"]["stoker.io/cr-name"] = json!(name);
        plant.pod(&format!("gw-{name}"), of).await?;
    }
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let mut last = String::new();
    for round in 0..kills {
        let controller = plant.controller(&[])?;
        last = plant.repository.commit(&format!("round {round}"))?;
        plant.repository.tag(&format!("v{round}"))?;
        let name = names[random(3) as usize];
        match random(4) {
            0 => plant.annotate(name, "stoker.io/requested-ref", Some(&format!("v{round}"))).await?,
            1 => plant.patch(name, &json!({ "spec": { "paused": round % 2 == 0 } })).await?,
            2 => plant.annotate(name, "stoker.io/hold", Some("x").filter(|_| round % 2 == 0)).await?,
            _ => plant.annotate(name, "stoker.io/requested-commit", Some(&last)).await?,
        }
        tokio::time::sleep(Duration::from_millis(random(900))).await;
        controller.kill();
    }
    let _controller = plant.controller(&[])?;
    for name in names {
        for annotation in ["requested-ref", "hold"] {
            plant.annotate(name, &format!("stoker.io/{annotation}"), None).await?;
        }
        plant.patch(name, &json!({ "spec": { "paused": false } })).await?;
        plant.wait_metadata(name, "commit", &last).await?;
        plant.wait_metadata(name, "ref", "main").await?;
        plant.wait_metadata(name, "targets", "").await?;
        plant.wait_metadata(name, "paused", "false").await?;
        wait("the status to be there", async || {
            Ok(plant.map(&format!("stoker-status-{name}")).await?.ok_or("none"))
        })
        .await?;
        plant
            .report(name, &format!("gw-{name}"), &json!({ "syncStatus": "Synced", "syncedCommit": last }))
            .await?;
        plant.wait_condition(name, "Ready", "True SyncSucceeded").await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn an_unreachable_server_does_not_keep_others_waiting() -> Result<()> {
    let plant = Plant::new("hanging").await?;
    let _controller = plant.controller(&[])?;
    // Accepts connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = silent.local_addr()?;
    for number in 0..5 {
        plant
            .gateway_sync(&format!("dead-{number}"), |resource| {
                resource["spec"]["git"]["repo"] = json!(format!("http://{address}/{number}"));
            })
            .await?;
    }
    let began = Instant::now();
    plant.gateway_sync("plant", |_| {}).await?;
    plant.wait_metadata("plant", "commit", &plant.repository.head()?).await?;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    plant.wait_condition("dead-0", "RefResolved", "False RefResolutionFailed").await?;
    assert!(plant.condition("dead-0", "RefResolved").await?.contains("did not answer"));
    Ok(())
}
