//! Clients, rights, and the log of who asked for what.

use k8s_openapi::api::core::v1::{ConfigMap, Pod, ServiceAccount};
use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject};
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::json;
use stoker_test_apiserver::Server;

fn code<T: std::fmt::Debug>(result: Result<T, kube::Error>) -> u16 {
    match result {
        Err(kube::Error::Api(status)) => status.code,
        other => panic!("not refused by the API server: {other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_service_account_may_do_what_its_role_says_and_the_log_tells_it() {
    let server = Server::shared();
    let namespace = server.namespace("rights").await.unwrap();
    let account = server.service_account(&namespace, "agent").await.unwrap();
    let admin = server.admin().unwrap();
    let role = Role {
        metadata: kube::core::ObjectMeta { name: Some("agent".into()), ..Default::default() },
        rules: Some(vec![PolicyRule {
            api_groups: Some(vec![String::new()]),
            resources: Some(vec!["configmaps".into()]),
            resource_names: Some(vec!["mine".into()]),
            verbs: vec!["get".into(), "patch".into()],
            ..PolicyRule::default()
        }]),
    };
    let binding = RoleBinding {
        metadata: role.metadata.clone(),
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".into(),
            kind: "Role".into(),
            name: "agent".into(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".into(),
            name: "agent".into(),
            namespace: Some(namespace.clone()),
            ..Subject::default()
        }]),
    };
    let create = PostParams::default();
    Api::<Role>::namespaced(admin.clone(), &namespace).create(&create, &role).await.unwrap();
    Api::<RoleBinding>::namespaced(admin.clone(), &namespace).create(&create, &binding).await.unwrap();
    for name in ["mine", "other"] {
        let map = ConfigMap {
            metadata: kube::core::ObjectMeta { name: Some(name.into()), ..Default::default() },
            ..ConfigMap::default()
        };
        Api::<ConfigMap>::namespaced(admin.clone(), &namespace).create(&create, &map).await.unwrap();
    }

    let mark = server.audit_mark().unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(account.client().unwrap(), &namespace);
    // RBAC objects reach the authorizer by a watch: moments later.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while maps.get("mine").await.is_err() {
        assert!(std::time::Instant::now() < deadline, "the role never counts");
    }
    let patch = json!({"data": {"key": "value"}});
    maps.patch("mine", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    assert_eq!(code(maps.get("other").await), 403);
    assert_eq!(code(maps.list(&ListParams::default()).await), 403);

    let entries = server.audit_since(mark).unwrap();
    let mut seen: Vec<_> = entries
        .iter()
        .filter(|entry| entry.user == account.user)
        .map(|entry| (entry.verb.as_str(), entry.resource.as_str(), entry.name.as_str(), entry.code))
        .collect();
    seen.dedup();
    let expected = [
        ("get", "configmaps", "mine", Some(200)),
        ("patch", "configmaps", "mine", Some(200)),
        ("get", "configmaps", "other", Some(403)),
        ("list", "configmaps", "", Some(403)),
    ];
    assert_eq!(seen[seen.len() - 4..], expected, "{seen:?}");
    assert!(entries.iter().all(|entry| entry.user != "system:apiserver"));
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_pod_can_be_made_in_a_fresh_namespace() {
    let server = Server::shared();
    let namespace = server.namespace("pods").await.unwrap();
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "ignition-0", "annotations": {"stoker.io/inject": "true"}},
        "spec": {"containers": [{"name": "gateway", "image": "example.com/ignition:8.3"}]},
    }))
    .unwrap();
    let pods: Api<Pod> = Api::namespaced(server.admin().unwrap(), &namespace);
    let made = pods.create(&PostParams::default(), &pod).await.unwrap();
    assert_eq!(made.spec.unwrap().service_account_name.as_deref(), Some("default"));
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn a_kubeconfig_opens_the_server_as_the_account_that_it_is_for() {
    let server = Server::shared();
    let namespace = server.namespace("kubeconfig").await.unwrap();
    let account = server.service_account(&namespace, "somebody").await.unwrap();
    let path = server.kubeconfig(&account.token, &namespace).unwrap();
    let kubeconfig = Kubeconfig::read_from(path).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    assert_eq!(config.default_namespace, namespace);
    let mark = server.audit_mark().unwrap();
    let accounts: Api<ServiceAccount> = Api::default_namespaced(Client::try_from(config).unwrap());
    assert_eq!(code(accounts.list(&ListParams::default()).await), 403);
    let entries = server.audit_since(mark).unwrap();
    let entry = entries.iter().find(|entry| entry.user == account.user).unwrap();
    assert_eq!((entry.namespace.as_str(), entry.code), (namespace.as_str(), Some(403)));
}
