//! The injected container (contract, sections 4 and 8).

use serde_json::{Map, Value, json};
use stoker_api::names::{env, objects, sidecar, volumes};
use stoker_api::spec::{Auth, GatewaySyncSpec, Git};

use super::attachments::Attachments;
use super::image::Image;
use super::pod::{Data, GatewayName, TOKEN_PATH, is_same_variable};
use super::secret_key;
use super::{Request, Source};

/// Everything that was decided about the sidecar.
pub(super) struct Plan<'a> {
    pub request: &'a Request<'a>,
    /// Name of the GatewaySync.
    pub name: &'a str,
    pub spec: &'a GatewaySyncSpec,
    pub profile: &'a str,
    pub sync_period: u32,
    pub gateway: GatewayName<'a>,
    pub data: Data<'a>,
    pub image: Image,
    pub resources: Option<Value>,
}

/// The container and its volumes.
pub(super) fn sidecar(plan: &Plan<'_>, warnings: &mut Vec<String>) -> (Value, Vec<Value>) {
    let mut attachments = Attachments::new(plan.request.pod);
    identity(plan, &mut attachments);
    data(plan, &mut attachments, warnings);
    gateway(plan, &mut attachments, warnings);
    attachments.text(env::SYNC_PERIOD, &plan.sync_period.to_string());
    let mut told = |result: Result<(), String>| warnings.extend(result.err());
    credentials(plan, &mut attachments, &mut told);
    git(&plan.spec.git, &mut attachments, &mut told);
    attachments.volume(volumes::POD_INFO, "downwardAPI", pod_info());
    if needs_token(plan.request) {
        attachments.volume(TOKEN, "projected", token());
    }
    let Attachments { volumes, mounts, variables, .. } = attachments;
    let mut container = json!({
        "name": sidecar::CONTAINER,
        "image": plan.image.reference,
        "imagePullPolicy": plan.image.pull_policy,
        "command": [sidecar::COMMAND],
        "restartPolicy": "Always",
        "env": variables,
        "ports": [{
            "name": sidecar::METRICS_PORT_NAME,
            "containerPort": sidecar::METRICS_PORT,
            "protocol": "TCP",
        }],
        "startupProbe": {
            "httpGet": {"path": sidecar::STARTUP_PATH, "port": sidecar::PROBE_PORT, "scheme": "HTTP"},
            "periodSeconds": sidecar::STARTUP_PERIOD_SECONDS,
            "timeoutSeconds": sidecar::STARTUP_PERIOD_SECONDS,
            "failureThreshold": sidecar::STARTUP_FAILURES,
        },
        "livenessProbe": {
            "httpGet": {"path": sidecar::HEALTH_PATH, "port": sidecar::PROBE_PORT, "scheme": "HTTP"},
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
        "securityContext": security_context(plan.data.gateway),
        "volumeMounts": mounts,
    });
    if let Some(resources) = &plan.resources {
        container["resources"] = resources.clone();
    }
    (container, volumes)
}

/// Who the agent is, and for what.
fn identity(plan: &Plan<'_>, attachments: &mut Attachments<'_>) {
    attachments.field(env::POD_NAME, "metadata.name");
    attachments.field(env::POD_NAMESPACE, "metadata.namespace");
    attachments.field(env::POD_UID, "metadata.uid");
    attachments.text(env::CR_NAME, plan.name);
    match plan.request.namespace {
        Some(namespace) => attachments.text(env::CR_NAMESPACE, namespace),
        None => attachments.field(env::CR_NAMESPACE, "metadata.namespace"),
    }
    match plan.gateway {
        GatewayName::Known(name) if plan.request.pod.has_written_gateway_name() => {
            attachments.text(env::GATEWAY_NAME, name);
        }
        // The pod's own name, whether or not it is known already.
        _ => attachments.expanded(env::GATEWAY_NAME, "$(POD_NAME)"),
    }
    attachments.text(env::PROFILE, plan.profile);
    attachments.text(env::REPO_PATH, volumes::RUN.path);
    attachments.volume(volumes::RUN, "emptyDir", json!({}));
    attachments.volume(volumes::TMP, "emptyDir", json!({}));
}

/// Mounted where the sidecar has something of its own: the data goes elsewhere, and `DATA_PATH` says where.
const DATA_ELSEWHERE: &str = "/gateway-data";

/// The gateway's data, as the gateway mounts it.
fn data(plan: &Plan<'_>, attachments: &mut Attachments<'_>, warnings: &mut Vec<String>) {
    let data = &plan.data;
    let path = data.path();
    let is_ours = |path: &str| {
        [volumes::RUN.path, volumes::TMP.path, TOKEN_PATH].contains(&path) || path.starts_with("/etc/stoker")
    };
    let path = if is_ours(path.trim_end_matches('/')) { DATA_ELSEWHERE } else { path };
    attachments.text(env::DATA_PATH, path);
    let mut mount =
        Map::from_iter([("name".to_owned(), json!(data.volume())), ("mountPath".to_owned(), json!(path))]);
    for field in ["subPath", "subPathExpr"] {
        if let Some(value) = data.mount[field].as_str().filter(|value| !value.is_empty()) {
            mount.insert(field.to_owned(), json!(value));
        }
    }
    for name in data.variables() {
        let ours = attachments.variables.iter().any(|entry| entry["name"] == name);
        match data.variable(name) {
            Some(entry) if ours && is_same_variable(entry) => {}
            Some(entry) if !ours => attachments.variables.push(entry.clone()),
            _ => warnings.push(format!("the data volume's subPathExpr needs ${name} as the gateway has it")),
        }
    }
    attachments.mounts.push(Value::Object(mount));
    for (name, beneath) in data.beneath() {
        warnings.push(format!(
            "volume {name} is mounted at {beneath}, beneath the data volume: the gateway does not see what is synced there"
        ));
    }
}

/// The gateway's API.
fn gateway(plan: &Plan<'_>, attachments: &mut Attachments<'_>, warnings: &mut Vec<String>) {
    let gateway = &plan.spec.gateway;
    attachments.text(env::GATEWAY_PORT, &gateway.port.to_string());
    attachments.text(env::GATEWAY_TLS, if gateway.tls { "true" } else { "false" });
    let key = secret_key::secret_key(plan);
    let attached = key.and_then(|key| {
        attachments.secret_key(volumes::API_KEY, env::API_KEY_FILE, &gateway.api.secret_name, &key)
    });
    warnings.extend(attached.err());
    if let Some(ca) = &gateway.tls_ca_secret_ref {
        let attached = attachments.secret_key(volumes::GATEWAY_CA, env::GATEWAY_CA_FILE, &ca.name, &ca.key);
        warnings.extend(attached.err());
    }
}

/// What opens the repository.
fn credentials(
    plan: &Plan<'_>,
    attachments: &mut Attachments<'_>,
    told: &mut impl FnMut(Result<(), String>),
) {
    match plan.spec.git.auth.as_ref() {
        Some(Auth { token: Some(token), .. }) => {
            let secret = &token.secret_ref;
            let volume = volumes::GIT_CREDENTIALS;
            told(attachments.secret_key(volume, env::GIT_TOKEN_FILE, &secret.name, &secret.key));
        }
        Some(Auth { ssh_key: Some(ssh), .. }) => {
            let secret = &ssh.secret_ref;
            let volume = volumes::GIT_CREDENTIALS;
            told(attachments.secret_key(volume, env::GIT_SSH_KEY_FILE, &secret.name, &secret.key));
            if let Some(hosts) = &ssh.known_hosts {
                let secret = &hosts.secret_ref;
                let volume = volumes::KNOWN_HOSTS;
                told(attachments.secret_key(volume, env::GIT_KNOWN_HOSTS_FILE, &secret.name, &secret.key));
            }
        }
        Some(Auth { github_app: Some(_), .. }) => {
            // The app's own key stays with the controller: the sidecar gets tokens that last an hour.
            let secret = objects::github_token(plan.name);
            let key = objects::GITHUB_TOKEN_KEY;
            told(attachments.secret_key(volumes::GIT_TOKEN, env::GIT_TOKEN_FILE, &secret, key));
        }
        _ => {}
    }
}

/// What else the way to the repository needs.
fn git(git: &Git, attachments: &mut Attachments<'_>, told: &mut impl FnMut(Result<(), String>)) {
    if let Some(ca) = git.tls.as_ref().and_then(|tls| tls.ca_secret_ref.as_ref()) {
        told(attachments.secret_key(volumes::GIT_CA, env::GIT_CA_FILE, &ca.name, &ca.key));
    }
    if let Some(client) = git.tls.as_ref().and_then(|tls| tls.client_cert_secret_ref.as_ref()) {
        let keys = [objects::TLS_CERT_KEY, objects::TLS_KEY_KEY];
        told(whole(attachments, volumes::GIT_CLIENT, env::GIT_CLIENT_CERT_DIR, &client.name, &keys));
    }
    if let Some(proxy) = &git.proxy {
        attachments.text(env::GIT_PROXY, &proxy.url);
        if let Some(hosts) = &proxy.no_proxy {
            attachments.text(env::GIT_NO_PROXY, hosts);
        }
        if let Some(secret) = &proxy.secret_ref {
            let variable = env::GIT_PROXY_AUTH_FILE;
            told(attachments.secret_key(volumes::GIT_PROXY, variable, &secret.name, &secret.key));
        }
    }
    if let Some(verify) = &git.verify {
        told(whole(attachments, volumes::VERIFY, env::VERIFY_DIR, &verify.secret_ref.name, &[]));
    }
}

/// A Secret as a directory, and the variable with its path.
fn whole(
    attachments: &mut Attachments<'_>,
    volume: volumes::Volume,
    variable: &str,
    secret: &str,
    keys: &[&str],
) -> Result<(), String> {
    attachments.text(variable, volume.path);
    if secret.is_empty() {
        return Err(format!("a Secret without a name cannot be mounted at {}", volume.path));
    }
    attachments.secret(volume, secret, keys);
    Ok(())
}

/// Labels and annotations of the pod, so that the agent needs no right to read pods.
fn pod_info() -> Value {
    json!({"items": [
        {"path": volumes::POD_INFO_LABELS, "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": volumes::POD_INFO_ANNOTATIONS, "fieldRef": {"fieldPath": "metadata.annotations"}},
    ]})
}

/// The token of the pod's service account, for the sidecar alone.
const TOKEN: volumes::Volume = volumes::Volume { name: "stoker-token", path: TOKEN_PATH };

/// Whether the API server will not give the sidecar a token: where the pod or its service account forbids it. The
/// account is not in the pod, but where it allows tokens, the API server has mounted one before it asks us.
fn needs_token(request: &Request<'_>) -> bool {
    match request.pod.automounts() {
        Some(automounts) => !automounts,
        None => request.source == Source::Admission && !request.pod.has_mounted_token(),
    }
}

/// As the API server itself would mount it.
fn token() -> Value {
    json!({"sources": [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]})
}

/// Passes the pod security level `restricted`. Files must belong to the gateway's user, so where its container (not the
/// pod) names one, that is copied.
fn security_context(gateway: &Value) -> Value {
    let mut context = json!({
        "runAsNonRoot": true,
        "readOnlyRootFilesystem": true,
        "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    });
    for field in ["runAsUser", "runAsGroup"] {
        if let Some(id) = gateway.pointer(&format!("/securityContext/{field}")).filter(|id| id.is_i64()) {
            context[field] = id.clone();
        }
    }
    context
}
