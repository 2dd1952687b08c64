//! One plant: a namespace, a Git server, and the controller's program with exactly the rights that it asks for.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use k8s_openapi::api::events::v1::Event;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use stoker_api::crd::GatewaySync;
use stoker_controller::rbac::{Scope, policy_rules};
use stoker_test_apiserver::Server;
use stoker_test_gitserver::{HttpOptions, HttpServer, Repository};

/// For everything that must happen soon; both cores may be busy.
pub const SOON: Duration = Duration::from_secs(30);

pub struct Plant {
    pub server: &'static Server,
    pub namespace: String,
    pub client: Client,
    pub git: HttpServer,
    pub repository: Repository,
    /// Token and user of the controller.
    pub token: String,
    pub user: String,
    _directory: tempfile::TempDir,
}

/// The program, killed on drop.
pub struct Controller {
    child: Child,
    pub address: String,
    log: Arc<Mutex<Vec<String>>>,
}

/// Installs the definition once for the shared server.
pub async fn installed(server: &Server) -> Result<()> {
    static DONE: OnceLock<()> = OnceLock::new();
    if DONE.get().is_none() {
        server.install(&stoker_api::crd::definition()).await?;
        _ = DONE.set(());
    }
    Ok(())
}

impl Plant {
    /// A plant on the server that all tests share.
    pub async fn new(purpose: &str) -> Result<Self> {
        let server = Server::shared();
        installed(server).await?;
        Self::on(server, purpose, HttpOptions::default()).await
    }

    pub async fn on(server: &'static Server, purpose: &str, options: HttpOptions) -> Result<Self> {
        let namespace = server.namespace(purpose).await?;
        let client = server.admin()?;
        let directory = tempfile::tempdir()?;
        let repository = Repository::init(directory.path().join("site/plant"))?;
        repository.write("projects/a/project.json", "{}")?;
        repository.commit("first")?;
        let git = HttpServer::start(directory.path(), options)?;
        let account = server.service_account(&namespace, "stoker-controller").await?;
        let (token, user) = (account.token.clone(), account.user.clone());
        let plant = Self { server, namespace, client, git, repository, token, user, _directory: directory };
        plant.grant().await?;
        plant.secret("ignition", &[("apiKey", "name:secret")]).await?;
        Ok(plant)
    }

    /// The rights of the rbac table, in this namespace alone.
    async fn grant(&self) -> Result<()> {
        let mut rules = policy_rules(Scope::Watched, "stoker-controller");
        rules.extend(policy_rules(Scope::Own, "stoker-controller"));
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": { "name": "stoker-controller" }, "rules": rules,
        });
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": { "name": "stoker-controller" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "stoker-controller" },
            "subjects": [{ "kind": "ServiceAccount", "name": "stoker-controller", "namespace": self.namespace }],
        });
        self.api::<k8s_openapi::api::rbac::v1::Role>()
            .create(&PostParams::default(), &serde_json::from_value(role)?)
            .await?;
        self.api::<k8s_openapi::api::rbac::v1::RoleBinding>()
            .create(&PostParams::default(), &serde_json::from_value(binding)?)
            .await?;
        Ok(())
    }

    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub fn url(&self) -> String {
        self.git.url("site/plant")
    }

    /// Starts the program, alone and without a lease unless the arguments say otherwise.
    pub fn controller(&self, arguments: &[&str]) -> Result<Controller> {
        let kubeconfig = self.server.kubeconfig(&self.token, &self.namespace)?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_stoker-controller"));
        command.env_clear().env("LOG_LEVEL", "debug").env("LEADER_ELECTION", "false");
        command.arg("--kubeconfig").arg(kubeconfig);
        command.args(["--namespaces", &self.namespace, "--listen", "127.0.0.1:0"]).args(arguments);
        Controller::start(command)
    }

    /// A resource as most tests want it; `change` makes it another.
    pub async fn gateway_sync(&self, name: &str, change: impl FnOnce(&mut Value)) -> Result<()> {
        let mut object = json!({
            "apiVersion": "stoker.io/v1alpha1", "kind": "GatewaySync",
            "metadata": { "name": name, "namespace": self.namespace },
            "spec": {
                "git": { "repo": self.url(), "ref": "main" },
                "polling": { "interval": "1h" },
                "gateway": { "api": { "secretName": "ignition" } },
                "sync": { "profiles": { "default": { "mappings": [{ "source": "projects", "destination": "projects" }] } } },
            },
        });
        change(&mut object);
        self.apply(&object).await
    }

    /// Applies a `GatewaySync` as `kubectl apply --server-side` does.
    pub async fn apply(&self, object: &Value) -> Result<()> {
        let name = object["metadata"]["name"].as_str().context("it has a name")?;
        let parameters = PatchParams::apply("kubectl").force();
        self.api::<GatewaySync>().patch(name, &parameters, &Patch::Apply(object)).await?;
        Ok(())
    }

    /// Applies a `GatewaySync` that may be none.
    pub async fn apply_raw(&self, object: &Value) -> Result<()> {
        let name = object["metadata"]["name"].as_str().context("it has a name")?;
        let parameters = PatchParams::apply("kubectl").force();
        self.dynamic().patch(name, &parameters, &Patch::Apply(object)).await?;
        Ok(())
    }

    /// A `GatewaySync`, read as it is.
    pub async fn raw(&self, name: &str) -> Result<Value> {
        Ok(serde_json::to_value(self.dynamic().get(name).await?)?)
    }

    fn dynamic(&self) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("stoker.io", "v1alpha1", "GatewaySync");
        let resource = ApiResource::from_gvk_with_plural(&kind, "gatewaysyncs");
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    pub async fn patch(&self, name: &str, patch: &Value) -> Result<()> {
        self.api::<GatewaySync>().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(())
    }

    pub async fn annotate(&self, name: &str, key: &str, value: Option<&str>) -> Result<()> {
        self.patch(name, &json!({ "metadata": { "annotations": { key: value } } })).await
    }

    pub async fn secret(&self, name: &str, data: &[(&str, &str)]) -> Result<()> {
        let data: BTreeMap<&str, &str> = data.iter().copied().collect();
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": data,
        });
        let parameters = PatchParams::apply("kubectl").force();
        self.api::<Secret>().patch(name, &parameters, &Patch::Apply(&secret)).await?;
        Ok(())
    }

    /// A gateway pod as the webhook would have let it in, or one without its sidecar.
    pub async fn pod(&self, name: &str, change: impl FnOnce(&mut Value)) -> Result<Pod> {
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": name,
                "annotations": { "stoker.io/inject": "true", "stoker.io/injected": "true" },
                "labels": { "stoker.io/agent": "true" },
            },
            "spec": {
                "serviceAccountName": "default",
                "automountServiceAccountToken": false,
                "initContainers": [{ "name": "stoker-agent", "image": "agent:1", "restartPolicy": "Always" }],
                "containers": [{ "name": "gateway", "image": "ignition" }],
            },
        });
        change(&mut pod);
        Ok(self.api::<Pod>().create(&PostParams::default(), &serde_json::from_value(pod)?).await?)
    }

    /// Writes what a gateway's agent would report.
    pub async fn report(&self, cr: &str, pod: &str, entry: &Value) -> Result<()> {
        self.report_in(&format!("stoker-status-{cr}"), pod, entry).await
    }

    pub async fn report_in(&self, map: &str, pod: &str, entry: &Value) -> Result<()> {
        let patch = json!({ "data": { pod: entry.to_string() } });
        self.api::<ConfigMap>().patch(map, &PatchParams::default(), &Patch::Merge(&patch)).await?;
        Ok(())
    }

    pub async fn resource(&self, name: &str) -> Result<GatewaySync> {
        Ok(self.api::<GatewaySync>().get(name).await?)
    }

    /// `status reason: message` of a condition; empty where there is none.
    pub async fn condition(&self, name: &str, kind: &str) -> Result<String> {
        let status = self.resource(name).await?.status.unwrap_or_default();
        let condition = status.conditions.into_iter().find(|condition| condition.condition_type == kind);
        Ok(condition.map_or_else(String::new, |c| format!("{} {}: {}", c.status, c.reason, c.message)))
    }

    pub async fn wait_condition(&self, name: &str, kind: &str, begins: &str) -> Result<()> {
        wait(&format!("{kind} to begin with {begins:?}"), async || {
            let now = self.condition(name, kind).await?;
            Ok(if now.starts_with(begins) { Ok(()) } else { Err(now) })
        })
        .await
    }

    pub async fn map(&self, name: &str) -> Result<Option<ConfigMap>> {
        Ok(self.api::<ConfigMap>().get_opt(name).await?)
    }

    /// A key of the metadata; empty where it is not there.
    pub async fn metadata(&self, cr: &str, key: &str) -> Result<String> {
        let map = self.map(&format!("stoker-metadata-{cr}")).await?;
        Ok(map.and_then(|map| map.data?.get(key).cloned()).unwrap_or_default())
    }

    pub async fn wait_metadata(&self, cr: &str, key: &str, value: &str) -> Result<()> {
        wait(&format!("{key} to be {value:?}"), async || {
            let now = self.metadata(cr, key).await?;
            Ok(if now == value { Ok(()) } else { Err(now) })
        })
        .await
    }

    /// Reason and note of every event about the resource.
    pub async fn events(&self) -> Result<Vec<(String, String)>> {
        let events = self.api::<Event>().list(&ListParams::default()).await?;
        let words = |event: Event| (event.reason.unwrap_or_default(), event.note.unwrap_or_default());
        Ok(events.items.into_iter().map(words).collect())
    }

    pub async fn wait_event(&self, reason: &str, part: &str) -> Result<()> {
        wait(&format!("an event {reason} with {part:?}"), async || {
            let events = self.events().await?;
            let is_there = events.iter().any(|(known, note)| known == reason && note.contains(part));
            Ok(if is_there { Ok(()) } else { Err(events) })
        })
        .await
    }
}

/// Waits for a condition, and says in the end what was there instead.
pub async fn wait<T, E: Debug>(what: &str, mut look: impl AsyncFnMut() -> Result<Result<T, E>>) -> Result<T> {
    let began = Instant::now();
    loop {
        match look().await? {
            Ok(value) => return Ok(value),
            Err(instead) if began.elapsed() > SOON => bail!("waited for {what}, last seen: {instead:?}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

impl Controller {
    fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let stderr = child.stderr.take().context("it has a pipe")?;
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&log);
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if line.contains("\"listening\"")
                    && let Ok(entry) = serde_json::from_str::<Value>(&line)
                {
                    _ = tell.send(entry["address"].as_str().unwrap_or_default().to_owned());
                }
                kept.lock().unwrap().push(line);
            }
        });
        let mut controller = Self { child, address: String::new(), log };
        controller.address = controller.wait_address(&told)?;
        Ok(controller)
    }

    fn wait_address(&self, told: &Receiver<String>) -> Result<String> {
        told.recv_timeout(SOON).with_context(|| format!("the controller did not start:\n{}", self.log()))
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// A page of its HTTP port.
    pub fn get(&self, path: &str) -> Result<(u16, String)> {
        self.ask("GET", path, "")
    }

    pub fn ask(&self, method: &str, path: &str, body: &str) -> Result<(u16, String)> {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(&self.address)?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("an answer has a head")?;
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).context("a status")?;
        Ok((status, body.to_owned()))
    }

    /// Asks it to stop and gives its exit code and how long it took.
    pub fn stop(mut self) -> Result<(i32, Duration)> {
        let began = Instant::now();
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status()?;
        while began.elapsed() < SOON {
            if let Some(status) = self.child.try_wait()? {
                return Ok((status.code().unwrap_or(-1), began.elapsed()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("it does not stop:\n{}", self.log())
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) -> Result<()> {
        let status =
            Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status()?;
        anyhow::ensure!(status.success(), "kill -{name} failed");
        Ok(())
    }

    /// Kills it, as a node that loses power does.
    pub fn kill(mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the controller's log\n{}", self.log());
        }
    }
}
