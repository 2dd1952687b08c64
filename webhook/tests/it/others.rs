//! Other webhooks, and an API server that goes away.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use rustls::ServerConfig;
use serde_json::{Value, json};
use stoker_webhook::server::{Answer, Handler, Limits, Listener, answer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::cluster::apply;
use crate::world::{Replica, World, global_keys, has_sidecar, sidecar, wait};

/// A webhook that puts an init container of its own in front, as service meshes do.
struct Prepends;

impl Handler for Prepends {
    async fn handle(&self, request: Request<Incoming>, _: IpAddr) -> Answer {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let review: Value = serde_json::from_slice(&body).unwrap();
        let object = &review["request"]["object"];
        let init =
            object.pointer("/spec/initContainers").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut response = json!({"uid": review["request"]["uid"], "allowed": true});
        if !init.iter().any(|container| container["name"] == "mesh-init") {
            let mut all = vec![json!({"name": "mesh-init", "image": "mesh"})];
            all.extend(init);
            let patch = json!([{"op": "add", "path": "/spec/initContainers", "value": all}]);
            response["patchType"] = json!("JSONPatch");
            response["patch"] = json!(STANDARD.encode(patch.to_string()));
        }
        let review =
            json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
        answer(StatusCode::OK, "application/json", review.to_string())
    }
}

/// Starts it, and tells the API server: after ours, by name.
async fn start_other(world: &World) -> watch::Sender<bool> {
    let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let limits = Limits { connections: 50, per_source: 50, head: Duration::from_mins(2) };
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), Some(acceptor), limits).await.unwrap();
    let address = listener.address().unwrap();
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(listener.serve(Arc::new(Prepends), stopped));
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": format!("zz-{}", world.namespace)},
        "webhooks": [{
            "name": "mesh.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "reinvocationPolicy": "Never", "failurePolicy": "Fail",
            "clientConfig": {"url": format!("https://{address}/"), "caBundle": STANDARD.encode(certified.cert.pem())},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": world.namespace}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}],
        }],
    });
    apply(&world.admin, "admissionregistration.k8s.io", "v1", None, configuration).await;
    stop
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn the_agent_stays_in_front_of_what_others_prepend() {
    let world = World::new("mesh").await;
    let _replica = world.called(world.options()).await;
    world.gateway_sync("plant", |_| ()).await;
    let _stop = start_other(&world).await;
    let mut names = Vec::new();
    wait("the other webhook is called", async || {
        let mut pod = world.pod("", |_| ());
        pod["metadata"] = json!({"generateName": "mesh-", "annotations": pod["metadata"]["annotations"]});
        let (pod, _) = world.accepted(&pod).await;
        sidecar(&pod);
        let init = pod["spec"]["initContainers"].as_array().unwrap();
        names = init.iter().map(|container| container["name"].as_str().unwrap().to_owned()).collect();
        names.len() > 1
    })
    .await;
    assert_eq!(names, ["stoker-agent", "mesh-init"]);
}

/// Forwards connections until it is cut: then nothing answers any more.
async fn cable(to: SocketAddr) -> (SocketAddr, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (cut, is_cut) = watch::channel(false);
    tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let mut is_cut = is_cut.clone();
            tokio::spawn(async move {
                if *is_cut.borrow() {
                    return;
                }
                let mut far = TcpStream::connect(to).await.unwrap();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    _ = is_cut.changed() => {}
                }
            });
        }
    });
    (address, cut)
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn without_the_api_warm_caches_serve_and_the_rest_is_admitted_with_a_warning() {
    let world = World::new("cut").await;
    let mut config = world.config().await;
    let to = config.cluster_url.authority().unwrap().as_str().parse().unwrap();
    let (address, cut) = cable(to).await;
    config.cluster_url = format!("https://{address}").parse().unwrap();
    let replica = Replica::start(world.options(), config, &world.clock, global_keys()).await;
    world.call(replica.addresses.admission).await;
    world.gateway_sync("plant", |_| ()).await;
    world.wait_until_called().await;
    wait("the cache has the resource", async || {
        let mut pod = world.pod("", |_| ());
        pod["metadata"] = json!({"generateName": "warm-", "annotations": pod["metadata"]["annotations"]});
        has_sidecar(&world.accepted(&pod).await.0)
    })
    .await;
    cut.send_replace(true);
    let (known, _) = world.accepted(&world.pod("known", |_| ())).await;
    assert!(has_sidecar(&known), "the cache is enough");
    let series = format!(
        "stoker_webhook_injector_injections_total{{namespace=\"{}\",result=\"skipped\"}}",
        world.namespace
    );
    let before = replica.metric(&series).await;
    let unknown = world.pod("unknown", |pod| {
        pod["metadata"]["annotations"]["stoker.io/cr-name"] = json!("other");
    });
    let (pod, warnings) = world.accepted(&unknown).await;
    assert!(!has_sidecar(&pod));
    assert!(warnings[0].contains("cannot be looked up just now"), "{warnings:?}");
    assert_eq!(replica.metric(&series).await, before + 1.0);
}
