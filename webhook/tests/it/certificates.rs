//! Certificates from nothing, renewed, lost, and somebody else's.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::world::{Replica, Turned, World, global_keys, has_sidecar, wait};

const DAY: i64 = 86_400;

/// A pod is made and has its sidecar: the API server reached the webhook and trusted it.
async fn is_called(world: &World) -> bool {
    let mut pod = world.pod("", |_| ());
    pod["metadata"] = json!({"generateName": "gw-", "annotations": pod["metadata"]["annotations"]});
    has_sidecar(&world.accepted(&pod).await.0)
}

async fn data(world: &World, key: &str) -> String {
    let secret = world.secrets().get_opt("stoker-webhook-tls").await.unwrap();
    let value = secret.and_then(|secret| secret.data.pointer(&format!("/data/{key}")).cloned());
    let bytes = STANDARD.decode(value.as_ref().and_then(Value::as_str).unwrap_or_default()).unwrap();
    String::from_utf8(bytes).unwrap()
}

async fn bundle(world: &World) -> String {
    String::from_utf8(STANDARD.decode(world.bundle().await).unwrap()).unwrap()
}

async fn expiry(replica: &Replica) -> f64 {
    replica.metric("stoker_webhook_certificate_expiry_timestamp_seconds").await
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn two_replicas_make_one_certificate_within_seconds() {
    let world = World::new("empty").await;
    world.gateway_sync("plant", |_| ()).await;
    let config = world.config().await;
    world.call("127.0.0.1:1".parse().unwrap()).await;
    let began = Instant::now();
    let start = |config: kube::Config| Replica::start(world.options(), config, &world.clock, global_keys());
    let (first, second) = tokio::join!(start(config.clone()), start(config));
    wait("both are ready", async || first.is_ready().await && second.is_ready().await).await;
    wait("the API server is told", async || !world.bundle().await.is_empty()).await;
    let took = began.elapsed();
    println!("two replicas were ready, and the bundle written, after {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(expiry(&first).await, expiry(&second).await);
    assert_eq!(bundle(&world).await, data(&world, "ca.crt").await);
    for replica in [&first, &second] {
        world.call(replica.addresses.admission).await;
        wait("it is called", async || is_called(&world).await).await;
    }
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_deleted_secret_is_made_anew_without_a_pod_going_without() {
    let world = World::new("deleted").await;
    let _replica = world.called(world.options()).await;
    world.gateway_sync("plant", |_| ()).await;
    wait("it is called", async || is_called(&world).await).await;
    let before = data(&world, "ca.crt").await;
    world.secrets().delete("stoker-webhook-tls", &DeleteParams::default()).await.unwrap();
    wait("there is a new one", async || {
        assert!(is_called(&world).await, "a pod went without");
        let now = data(&world, "ca.crt").await;
        !now.is_empty() && now != before
    })
    .await;
    let new = data(&world, "ca.crt").await;
    wait("both roots are trusted", async || {
        assert!(is_called(&world).await, "a pod went without");
        let bundle = bundle(&world).await;
        bundle.contains(new.trim()) && bundle.contains(before.trim())
    })
    .await;
    for _ in 0..20 {
        assert!(is_called(&world).await, "a pod went without");
    }
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_clock_that_jumps_past_expiry_gets_new_certificates_on_every_replica() {
    let world = World::new("clock").await;
    world.gateway_sync("plant", |_| ()).await;
    // What they make first expired long ago, as the API server sees it.
    world.clock.by(-200 * DAY);
    let config = world.config().await;
    let start = |config: kube::Config| Replica::start(world.options(), config, &world.clock, global_keys());
    let (first, second) = tokio::join!(start(config.clone()), start(config));
    world.call(first.addresses.admission).await;
    wait("both are ready", async || first.is_ready().await && second.is_ready().await).await;
    wait("the API server is told", async || !world.bundle().await.is_empty()).await;
    let expired = expiry(&first).await;
    assert!(!is_called(&world).await, "nobody trusts what is expired");
    let authority = data(&world, "ca.crt").await;
    world.clock.by(0);
    wait("both swapped", async || {
        let now = (expiry(&first).await, expiry(&second).await);
        now.0 > expired && now.0 == now.1
    })
    .await;
    assert_eq!(data(&world, "ca.crt").await, authority, "ten years are not over");
    wait("it is called", async || is_called(&world).await).await;
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_leaf_is_renewed_before_it_expires() {
    let world = World::new("renewed").await;
    world.gateway_sync("plant", |_| ()).await;
    let clock = Turned::default();
    clock.by(-61 * DAY);
    let replica = Replica::start(world.options(), world.config().await, &clock, global_keys()).await;
    world.call(replica.addresses.admission).await;
    wait("it is called", async || is_called(&world).await).await;
    let before = expiry(&replica).await;
    clock.by(0);
    wait("it is renewed, and every pod has its sidecar", async || {
        assert!(is_called(&world).await, "a pod went without");
        expiry(&replica).await > before
    })
    .await;
    assert!(is_called(&world).await);
}

/// An authority of a person's own and a leaf of it.
fn of_a_person() -> (String, String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "the plant's own");
    let root = parameters.self_signed(&key).unwrap().pem();
    let leaf_key = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::new(parameters, key);
    let leaf = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    (root, leaf.signed_by(&leaf_key, &issuer).unwrap().pem(), leaf_key.serialize_pem())
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_secret_of_somebody_elses_is_served_and_never_written() {
    for annotation in [None, Some("cert-manager.io/certificate-name")] {
        let world = World::new("foreign").await;
        world.gateway_sync("plant", |_| ()).await;
        let supply = async || {
            let (root, leaf, key) = of_a_person();
            world
                .secret("stoker-webhook-tls", json!({"ca.crt": root, "tls.crt": leaf, "tls.key": key}))
                .await;
            if let Some(annotation) = annotation {
                let patch = json!({"metadata": {"annotations": {annotation: "webhook"}}});
                let secrets = world.secrets();
                secrets
                    .patch("stoker-webhook-tls", &PatchParams::default(), &Patch::Merge(patch))
                    .await
                    .unwrap();
            }
            root
        };
        let root = supply().await;
        let replica = world.called(world.options()).await;
        assert_eq!(bundle(&world).await.trim(), root.trim());
        assert!(is_called(&world).await);
        // Its owner renews it, with another root: both are trusted, and no pod goes without.
        let root = supply().await;
        wait("the new root is trusted", async || {
            assert!(is_called(&world).await, "a pod went without");
            bundle(&world).await.contains(root.trim())
        })
        .await;
        for _ in 0..20 {
            assert!(is_called(&world).await, "a pod went without");
        }
        assert_eq!(data(&world, "ca.crt").await, root);
        assert_eq!(data(&world, "ca.key").await, "");
        replica.end().await;
    }
}
