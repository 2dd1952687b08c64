//! The pods whole, as reviewed: whoever changes one sees all of what changes.

use serde_json::{Value, json};

use super::pods::{injected, pod, spec};

fn snapshot(name: &str, pod: &Value, change: impl FnOnce(&mut Value)) {
    let (pod, warnings) = injected(pod, &spec(change));
    assert_eq!(warnings, Vec::<String>::new());
    let text = serde_json::to_string_pretty(&pod).unwrap();
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn a_public_repository() {
    snapshot("public", &pod(), |_| ());
}

#[test]
fn a_token() {
    snapshot("token", &pod(), |spec| {
        spec["git"]["auth"] = json!({"token": {"secretRef": {"name": "git", "key": "token"}}});
    });
}

#[test]
fn an_ssh_key_with_known_hosts() {
    snapshot("ssh", &pod(), |spec| {
        spec["git"]["repo"] = json!("git@git.example.com:plant.git");
        spec["git"]["auth"] = json!({"sshKey": {
            "secretRef": {"name": "git-ssh", "key": "id_ed25519"},
            "knownHosts": {"secretRef": {"name": "git-ssh", "key": "known_hosts"}},
        }});
    });
}

#[test]
fn a_github_app() {
    snapshot("github-app", &pod(), |spec| {
        spec["git"]["auth"] = json!({"githubApp": {
            "appId": 1, "installationId": 2, "privateKeySecretRef": {"name": "app", "key": "key.pem"},
        }});
    });
}

#[test]
fn everything_at_once() {
    let mut pod = pod();
    pod["metadata"]["annotations"]["stoker.io/gateway-name"] = json!("line-7");
    pod["metadata"]["annotations"]["stoker.io/profile"] = json!("edge");
    pod["spec"]["automountServiceAccountToken"] = json!(false);
    pod["spec"]["initContainers"] = json!([{"name": "seed", "image": "busybox"}]);
    let gateway = &mut pod["spec"]["containers"][0];
    gateway["securityContext"] = json!({"runAsUser": 2003, "runAsGroup": 2003});
    gateway["volumeMounts"][0]["subPath"] = json!("plant");
    snapshot("everything", &pod, |spec| {
        spec["git"]["auth"] = json!({"token": {"secretRef": {"name": "git", "key": "token"}}});
        spec["git"]["verify"] = json!({"secretRef": {"name": "policy"}});
        spec["git"]["tls"] = json!({
            "caSecretRef": {"name": "git-ca", "key": "ca.crt"}, "clientCertSecretRef": {"name": "git-client"},
        });
        spec["git"]["proxy"] = json!({
            "url": "http://proxy:3128", "noProxy": ".local", "secretRef": {"name": "proxy", "key": "auth"},
        });
        spec["gateway"] = json!({
            "port": 8043, "tls": true, "tlsCaSecretRef": {"name": "gateway-ca", "key": "ca.crt"},
            "api": {"secretName": "api", "secretKey": "{{ .GatewayName }}"},
        });
        spec["sync"]["profiles"]["edge"] = json!({
            "mappings": [{"source": "edge", "destination": "projects"}], "syncPeriod": 5,
        });
        spec["agent"] = json!({
            "image": {"repository": "example.com/agent", "tag": "9", "pullPolicy": "Always"},
            "resources": {"requests": {"cpu": "20m"}, "limits": {"memory": "64Mi"}},
        });
    });
}
