//! Resources that an earlier operator's definition let in stay usable below this one.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, Patch, PatchParams, PostParams, Request};
use kube::{Client, Resource as _};
use serde_json::{Value, json};
use stoker_api::crd::{GatewaySync, definition};
use stoker_api::manifest;
use stoker_test_apiserver::{Options, Server};

use crate::manifests::{EARLIER, LEAST};

/// A definition of the same names that checks nothing, with a column of its own.
fn lenient() -> CustomResourceDefinition {
    let mut document = serde_json::to_value(definition()).unwrap();
    let version = &mut document["spec"]["versions"][0];
    version["schema"]["openAPIV3Schema"] =
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    version["additionalPrinterColumns"] = json!([{"name": "Old", "type": "string", "jsonPath": ".spec.old"}]);
    serde_json::from_value(document).unwrap()
}

async fn create(client: &Client, manifest: &Value) {
    let path = GatewaySync::url_path(&(), Some("default"));
    let body = manifest.to_string().into_bytes();
    let request = Request::new(path).create(&PostParams::default(), body).unwrap();
    client.request::<Value>(request).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn stored_resources_outlive_the_change_of_definition() {
    let server = Server::start(&Options::default()).unwrap();
    server.install(&lenient()).await.unwrap();
    let client = server.admin().unwrap();
    let earlier = serde_json::to_value(manifest::read(EARLIER, "earlier").unwrap()).unwrap();
    create(&client, &earlier).await;
    // What nobody would let in today: an interval that is no duration, and a field that is not known.
    let mut odd = serde_json::to_value(manifest::read(LEAST, "odd").unwrap()).unwrap();
    odd["metadata"]["name"] = "odd".into();
    odd["spec"]["polling"]["interval"] = "60".into();
    odd["spec"]["old"] = "field".into();
    create(&client, &odd).await;

    server.install(&definition()).await.unwrap();
    let api: Api<GatewaySync> = Api::namespaced(client.clone(), "default");
    let read = api.get("plant-sync").await.unwrap();
    assert_eq!(serde_json::to_value(&read.spec).unwrap()["git"], earlier["spec"]["git"]);
    assert_eq!(read.metadata.annotations.unwrap()["stoker.io/requested-ref"], "2.1.0");

    let raw = Request::new(GatewaySync::url_path(&(), Some("default")));
    let patch = |body: Value| raw.patch("odd", &PatchParams::default(), &Patch::Merge(body)).unwrap();
    let paused: Value = client.request(patch(json!({"spec": {"paused": true}}))).await.unwrap();
    assert_eq!(
        (&paused["spec"]["paused"], &paused["spec"]["polling"]["interval"]),
        (&json!(true), &json!("60"))
    );
    assert!(paused["spec"].get("old").is_none());
    let refused = client.request::<Value>(patch(json!({"spec": {"polling": {"interval": "70"}}}))).await;
    let told = refused.unwrap_err().to_string();
    assert!(told.contains("is not a duration"), "{told}");
}
