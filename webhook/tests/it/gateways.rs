//! Pods of every kind, each accepted by the API server with its sidecar.

use serde_json::{Value, json};
use stoker_api::names::{env, volumes};

use crate::world::{World, sidecar};

fn variable<'a>(container: &'a Value, name: &str) -> Option<&'a str> {
    let all = container["env"].as_array().unwrap();
    all.iter().find(|entry| entry["name"] == name)?["value"].as_str()
}

/// Every kind of credentials and what else the way to Git can need, in a namespace of the level `restricted`.
#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn every_kind_of_credentials_is_accepted_in_a_restricted_namespace() {
    let world = World::new("restricted").await;
    let _replica = world.called(world.options()).await;
    world.restrict().await;
    let reference = json!({"name": "git", "key": "token"});
    let github =
        json!({"appId": 1, "installationId": 2, "privateKeySecretRef": {"name": "app", "key": "key.pem"}});
    let ssh =
        json!({"secretRef": reference, "knownHosts": {"secretRef": {"name": "git", "key": "known_hosts"}}});
    let table = [
        ("none", json!({}), vec![]),
        (
            "token",
            json!({"auth": {"token": {"secretRef": reference}}}),
            vec![(env::GIT_TOKEN_FILE, "/etc/stoker/git-credentials/token")],
        ),
        (
            "ssh",
            json!({"auth": {"sshKey": ssh}}),
            vec![
                (env::GIT_SSH_KEY_FILE, "/etc/stoker/git-credentials/token"),
                (env::GIT_KNOWN_HOSTS_FILE, "/etc/stoker/known-hosts/known_hosts"),
            ],
        ),
        (
            "app",
            json!({"auth": {"githubApp": github}}),
            vec![(env::GIT_TOKEN_FILE, "/etc/stoker/git-token/token")],
        ),
        (
            "all",
            json!({
                "auth": {"token": {"secretRef": reference}},
                "verify": {"secretRef": {"name": "policy"}},
                "tls": {"caSecretRef": {"name": "ca", "key": "ca.crt"}, "clientCertSecretRef": {"name": "client"}},
                "proxy": {"url": "http://proxy:3128", "noProxy": ".local", "secretRef": {"name": "proxy", "key": "auth"}},
            }),
            vec![
                (env::GIT_CA_FILE, "/etc/stoker/git-ca/ca.crt"),
                (env::GIT_CLIENT_CERT_DIR, volumes::GIT_CLIENT.path),
                (env::GIT_PROXY, "http://proxy:3128"),
                (env::GIT_PROXY_AUTH_FILE, "/etc/stoker/git-proxy/auth"),
                (env::VERIFY_DIR, volumes::VERIFY.path),
            ],
        ),
    ];
    for (name, git, expected) in table {
        world
            .gateway_sync(name, |object| {
                object["spec"]["git"].as_object_mut().unwrap().extend(git.as_object().unwrap().clone());
            })
            .await;
        let pod = world.restricted_pod(&format!("{name}-0"), |pod| {
            pod["metadata"]["annotations"]["stoker.io/cr-name"] = json!(name);
        });
        let (pod, _) = world.accepted(&pod).await;
        let sidecar = sidecar(&pod);
        for (variable_name, value) in expected {
            assert_eq!(variable(sidecar, variable_name), Some(value), "{name}");
        }
        let names: Vec<&str> =
            sidecar["env"].as_array().unwrap().iter().filter_map(|each| each["name"].as_str()).collect();
        assert_eq!(name == "none", !names.iter().any(|name| name.starts_with("GIT_")), "{name}: {names:?}");
    }
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn pods_of_every_shape_are_accepted() {
    type Change = fn(&mut Value);
    let world = World::new("shapes").await;
    let _replica = world.called(world.options()).await;
    world.gateway_sync("plant", |_| ()).await;
    let shapes: [(&str, Change); 9] = [
        ("statefulset", |pod| {
            pod["metadata"]["labels"] = json!({"apps.kubernetes.io/pod-index": "0"});
            pod["spec"]["hostname"] = json!("plant-0");
            pod["spec"]["subdomain"] = json!("plant");
        }),
        ("deployment", |pod| {
            pod["metadata"] =
                json!({"generateName": "plant-6f7-", "annotations": pod["metadata"]["annotations"]});
        }),
        ("fsgroup", |pod| {
            pod["spec"]["securityContext"] = json!({"fsGroup": 2003, "fsGroupChangePolicy": "OnRootMismatch"})
        }),
        ("readonly", |pod| {
            pod["spec"]["containers"][0]["securityContext"] =
                json!({"readOnlyRootFilesystem": true, "runAsUser": 2003})
        }),
        ("several", |pod| {
            pod["spec"]["containers"].as_array_mut().unwrap().insert(0, json!({"name": "logs", "image": "x"}))
        }),
        ("init", |pod| {
            pod["spec"]["initContainers"] = json!([
                {"name": "seed", "image": "x", "volumeMounts": [{"name": "ignition-data", "mountPath": "/seed"}]},
                {"name": "proxy", "image": "x", "restartPolicy": "Always"},
            ])
        }),
        ("collision", |pod| {
            pod["spec"]["volumes"].as_array_mut().unwrap().push(json!({"name": "api-key", "emptyDir": {}}))
        }),
        ("subpath", |pod| {
            pod["spec"]["containers"][0]["volumeMounts"][0]["subPathExpr"] = json!("$(POD_NAME)")
        }),
        ("repo", |pod| pod["spec"]["containers"][0]["volumeMounts"][0]["mountPath"] = json!("/repo")),
    ];
    for (name, change) in shapes {
        let mut pod = world.pod(name, change);
        if name == "subpath" {
            pod["spec"]["containers"][0]["env"] =
                json!([{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]);
        }
        let (pod, _) = world.accepted(&pod).await;
        sidecar(&pod);
    }
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn the_class_of_service_stays() {
    let world = World::new("qos").await;
    let _replica = world.called(world.options()).await;
    world.gateway_sync("plant", |_| ()).await;
    for (name, resources, class) in [
        ("guaranteed", json!({"limits": {"cpu": "1", "memory": "2Gi"}}), "Guaranteed"),
        ("burstable", json!({"requests": {"cpu": "1"}}), "Burstable"),
    ] {
        let pod = world.pod(name, |pod| pod["spec"]["containers"][0]["resources"] = resources);
        let (pod, _) = world.accepted(&pod).await;
        sidecar(&pod);
        assert_eq!(pod["status"]["qosClass"], class);
    }
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn the_sidecar_alone_has_a_token_where_the_pod_has_none() {
    let world = World::new("token").await;
    let _replica = world.called(world.options()).await;
    world.gateway_sync("plant", |_| ()).await;
    world
        .apply_core(json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "tokenless"},
            "automountServiceAccountToken": false,
        }))
        .await;
    let tokens = |container: &Value| -> Vec<String> {
        let mounts = container["volumeMounts"].as_array().unwrap();
        let mounted = mounts
            .iter()
            .filter(|mount| mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount");
        mounted.map(|mount| mount["name"].as_str().unwrap().to_owned()).collect()
    };
    let (plain, _) = world.accepted(&world.pod("plain", |_| ())).await;
    assert_eq!(
        tokens(sidecar(&plain)),
        tokens(&plain["spec"]["containers"][0]),
        "the API server's own volume"
    );
    assert!(tokens(sidecar(&plain))[0].starts_with("kube-api-access-"));
    let by_pod = world.pod("by-pod", |pod| pod["spec"]["automountServiceAccountToken"] = json!(false));
    let by_account = world.pod("by-account", |pod| pod["spec"]["serviceAccountName"] = json!("tokenless"));
    for pod in [by_pod, by_account] {
        let (pod, _) = world.accepted(&pod).await;
        assert_eq!(tokens(sidecar(&pod)), ["stoker-token"]);
        assert_eq!(tokens(&pod["spec"]["containers"][0]), Vec::<String>::new());
    }
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server: cargo xtask test"]
async fn limit_ranges_and_quotas_do_not_keep_the_pod_out() {
    let table = [
        (
            "quota",
            json!({"kind": "ResourceQuota", "spec": {"hard": {
                "limits.cpu": "8", "limits.memory": "8Gi", "requests.cpu": "8", "requests.memory": "8Gi",
            }}}),
        ),
        (
            "least",
            json!({"kind": "LimitRange", "spec": {"limits": [{"type": "Container", "min": {"memory": "64Mi", "cpu": "20m"}}]}}),
        ),
        (
            "most",
            json!({"kind": "LimitRange", "spec": {"limits": [{"type": "Container", "max": {"memory": "3Gi"}, "min": {"memory": "8Mi"}}]}}),
        ),
        (
            "ratio",
            json!({"kind": "LimitRange", "spec": {"limits": [{"type": "Container", "maxLimitRequestRatio": {"memory": "1"}}]}}),
        ),
        (
            "defaults",
            json!({"kind": "LimitRange", "spec": {"limits": [{"type": "Container", "default": {"cpu": "500m"}, "defaultRequest": {"cpu": "5m"}}]}}),
        ),
    ];
    for (purpose, mut rule) in table {
        let world = World::new(purpose).await;
        let _replica = world.called(world.options()).await;
        world.gateway_sync("plant", |_| ()).await;
        rule["apiVersion"] = json!("v1");
        rule["metadata"] = json!({"name": "rule"});
        world.apply_core(rule).await;
        let pod = world.pod("plant-0", |pod| {
            pod["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": "1", "memory": "2Gi"}, "requests": {"cpu": "100m", "memory": "2Gi"}});
        });
        world.accepted_in_time(&pod, purpose).await;
    }
}
