//! Objects of the cluster that more than one test needs.

use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::client::Body;
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};
use stoker_test_apiserver::Server;
use tokio::sync::OnceCell;

/// The objects of a kind.
pub fn api(
    client: &Client,
    group: &str,
    version: &str,
    kind: &str,
    namespace: Option<&str>,
) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

/// Installs the resource's definition, once.
pub async fn install(server: &'static Server) {
    static DONE: OnceCell<()> = OnceCell::const_new();
    DONE.get_or_init(async || server.install(&stoker_api::crd::definition()).await.unwrap()).await;
}

pub async fn apply(client: &Client, group: &str, version: &str, namespace: Option<&str>, object: Value) {
    let kind = object["kind"].as_str().unwrap().to_owned();
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    let parameters = PatchParams::apply("test").force();
    let patched =
        api(client, group, version, &kind, namespace).patch(&name, &parameters, &Patch::Apply(&object)).await;
    patched.unwrap();
}

/// What the webhook's service account may do, and nothing else: the rights that the chart has to give.
pub async fn grant(client: &Client, namespace: &str, configuration: &str) {
    const RBAC: &str = "rbac.authorization.k8s.io";
    let everywhere = json!([
        {"apiGroups": ["stoker.io"], "resources": ["gatewaysyncs"], "verbs": ["get", "list", "watch", "patch"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["limitranges", "resourcequotas"], "verbs": ["list"]},
        {"apiGroups": ["admissionregistration.k8s.io"], "resources": ["mutatingwebhookconfigurations"],
         "resourceNames": [configuration], "verbs": ["get", "list", "watch", "patch"]},
    ]);
    let here = json!([
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch", "create", "update"]},
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]},
    ]);
    let subjects = json!([{"kind": "ServiceAccount", "name": "stoker-webhook", "namespace": namespace}]);
    let name = format!("stoker-webhook-{namespace}");
    let binding = |kind: &str, of: &str| {
        json!({
            "apiVersion": format!("{RBAC}/v1"), "kind": kind, "metadata": {"name": name}, "subjects": subjects,
            "roleRef": {"apiGroup": RBAC, "kind": of, "name": name},
        })
    };
    let role = |kind: &str, rules: Value| json!({"apiVersion": format!("{RBAC}/v1"), "kind": kind, "metadata": {"name": name}, "rules": rules});
    apply(client, RBAC, "v1", None, role("ClusterRole", everywhere)).await;
    apply(client, RBAC, "v1", None, binding("ClusterRoleBinding", "ClusterRole")).await;
    apply(client, RBAC, "v1", Some(namespace), role("Role", here)).await;
    apply(client, RBAC, "v1", Some(namespace), binding("RoleBinding", "Role")).await;
}

/// Makes an object: status, warnings, and the answer.
pub async fn create(client: &Client, path: &str, object: &Value) -> (u16, Vec<String>, Value) {
    let request = hyper::Request::post(path)
        .header("content-type", "application/json")
        .body(Body::from(object.to_string().into_bytes()))
        .unwrap();
    let answer = client.send(request).await.unwrap();
    let status = answer.status().as_u16();
    let warnings = answer.headers().get_all("warning");
    let warnings = warnings.iter().map(|value| value.to_str().unwrap().to_owned()).collect();
    let body = answer.into_body().collect_bytes().await.unwrap();
    (status, warnings, serde_json::from_slice(&body).unwrap())
}
