//! A namespace with a webhook for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client, Config};
use serde_json::{Value, json};
use stoker_test_apiserver::Server;
use stoker_webhook::admission::configuration::{Reach, configuration};
use stoker_webhook::certificates::Clock;
use stoker_webhook::cli::Options;
use stoker_webhook::receiver::{Keys, Secret};
use stoker_webhook::run::{Addresses, Surroundings, serve};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::cluster::{self, api};
use crate::http;

pub const IMAGE: &str = "registry.example.com/stoker-agent:1.2.3";
pub const HMAC: &str = "global-hmac";
pub const TOKEN: &str = "global-token";

/// A clock that tests turn.
#[derive(Clone, Default)]
pub struct Turned(Arc<AtomicI64>);

impl Turned {
    pub fn by(&self, seconds: i64) {
        self.0.store(seconds, Ordering::SeqCst);
    }

    fn clock(&self) -> Clock {
        let offset = Arc::clone(&self.0);
        let now = stoker_webhook::certificates::wall_clock();
        Arc::new(move || now() + offset.load(Ordering::SeqCst))
    }
}

/// A replica of the webhook; ended, not drained, on drop.
pub struct Replica {
    pub addresses: Addresses,
    task: JoinHandle<()>,
    end: Option<oneshot::Sender<()>>,
}

impl Replica {
    /// Starts one.
    pub async fn start(options: Options, config: Config, clock: &Turned, keys: Keys) -> Self {
        let surroundings =
            Surroundings { config, default_image: Some(IMAGE.to_owned()), keys, clock: clock.clock() };
        let (end, ended) = oneshot::channel();
        let (tell, told) = oneshot::channel();
        let task = tokio::spawn(async move {
            let ended = async { _ = ended.await };
            let started = |addresses| _ = tell.send(addresses);
            serve(&options, surroundings, ended, started).await.unwrap();
        });
        Self { addresses: told.await.unwrap(), task, end: Some(end) }
    }

    /// Ends it in order.
    pub async fn end(mut self) {
        _ = self.end.take().unwrap().send(());
        (&mut self.task).await.unwrap();
    }

    pub async fn is_ready(&self) -> bool {
        http::get(self.addresses.probes, "/readyz").await.0 == 200
    }

    /// The value of a line of the metrics.
    pub async fn metric(&self, series: &str) -> f64 {
        let (_, text) = http::get(self.addresses.probes, "/metrics").await;
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    /// How many pods it was asked about.
    pub async fn asked(&self, namespace: &str) -> f64 {
        let mut asked = 0.0;
        for result in ["injected", "skipped"] {
            let labels = format!("{{namespace=\"{namespace}\",result=\"{result}\"}}");
            asked += self.metric(&format!("stoker_webhook_injector_injections_total{labels}")).await;
        }
        asked
    }

    pub fn receiver(&self) -> SocketAddr {
        self.addresses.receiver.unwrap()
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A namespace of the shared API server, and whoever is in it.
pub struct World {
    pub server: &'static Server,
    pub admin: Client,
    pub namespace: String,
    pub clock: Turned,
}

impl World {
    pub async fn new(purpose: &str) -> Self {
        let server = Server::shared();
        cluster::install(server).await;
        let namespace = server.namespace(purpose).await.unwrap();
        Self { server, admin: server.admin().unwrap(), namespace, clock: Turned::default() }
    }

    /// The options of a replica for this namespace.
    pub fn options(&self) -> Options {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        Options {
            address: any,
            receiver_address: Some(any),
            probe_address: any,
            namespace: Some(self.namespace.clone()),
            tls_names: vec!["127.0.0.1".to_owned()],
            configuration: self.namespace.clone(),
            drain: Duration::ZERO,
            rate_per_source: 10_000,
            rate_per_resource: 10_000,
            ..Options::default()
        }
    }

    /// The configuration of a service account with the webhook's rights.
    pub async fn config(&self) -> Config {
        let account = self.server.service_account(&self.namespace, "stoker-webhook").await.unwrap();
        cluster::grant(&self.admin, &self.namespace, &self.namespace).await;
        self.server.client_config(&account.token)
    }

    pub async fn replica(&self, options: Options) -> Replica {
        Replica::start(options, self.config().await, &self.clock, global_keys()).await
    }

    /// Tells the API server to call a replica, for pods of this namespace only.
    pub async fn call(&self, address: SocketAddr) {
        let url = format!("https://{address}");
        let mut document = configuration(&self.namespace, Reach::Url(&url));
        document["webhooks"][0]["namespaceSelector"] =
            json!({"matchLabels": {"kubernetes.io/metadata.name": self.namespace}});
        let api =
            api(&self.admin, "admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", None);
        let apply = PatchParams::apply("chart").force();
        api.patch(&self.namespace, &apply, &Patch::Apply(&document)).await.unwrap();
    }

    /// A replica that the API server calls and trusts.
    pub async fn called(&self, options: Options) -> Replica {
        let replica = self.replica(options).await;
        self.call(replica.addresses.admission).await;
        wait("the replica is ready", async || replica.is_ready().await).await;
        wait("the API server knows the root", async || !self.bundle().await.is_empty()).await;
        self.wait_until_called().await;
        replica
    }

    /// The API server learns of a configuration, and of its bundle, by a watch: moments later.
    pub async fn wait_until_called(&self) {
        let mut probe = self.pod("probe-", |pod| {
            pod["metadata"]["annotations"]["stoker.io/cr-name"] = json!("not-there");
            pod["spec"]["containers"][0]["volumeMounts"] = json!([]);
        });
        probe["metadata"] =
            json!({"generateName": "probe-", "annotations": probe["metadata"]["annotations"]});
        wait("the API server calls", async || {
            let (status, warnings, _) = self.create(&probe).await;
            assert!(status == 201 || status == 403, "{status}");
            status == 403 || !warnings.is_empty()
        })
        .await;
    }

    /// `caBundle` as it is, base64.
    pub async fn bundle(&self) -> String {
        let api =
            api(&self.admin, "admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", None);
        let found = api.get(&self.namespace).await.unwrap();
        let bundle = found.data.pointer("/webhooks/0/clientConfig/caBundle");
        bundle.and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Makes a GatewaySync, and waits until a replica's cache surely has it.
    pub async fn gateway_sync(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut object = json!({
            "apiVersion": "stoker.io/v1alpha1", "kind": "GatewaySync",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "git": {"repo": "https://git.example.com/plant.git", "ref": "main"},
                "gateway": {"api": {"secretName": "api"}},
                "sync": {"profiles": {"default": {"mappings": [{"source": "projects", "destination": "projects"}]}}},
            },
        });
        change(&mut object);
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        self.gateway_syncs().create(&PostParams::default(), &object).await.unwrap();
    }

    pub fn gateway_syncs(&self) -> Api<DynamicObject> {
        api(&self.admin, "stoker.io", "v1alpha1", "GatewaySync", Some(&self.namespace))
    }

    pub fn secrets(&self) -> Api<DynamicObject> {
        api(&self.admin, "", "v1", "Secret", Some(&self.namespace))
    }

    /// Makes a Secret of texts.
    pub async fn secret(&self, name: &str, values: Value) {
        let secret =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values});
        let secret: DynamicObject = serde_json::from_value(secret).unwrap();
        let apply = PatchParams::apply("test").force();
        self.secrets().patch(name, &apply, &Patch::Apply(&secret)).await.unwrap();
    }

    /// A gateway that asks for the sidecar.
    pub fn pod(&self, name: &str, change: impl FnOnce(&mut Value)) -> Value {
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "annotations": {"stoker.io/inject": "true"}},
            "spec": {
                "containers": [{
                    "name": "gateway", "image": "inductiveautomation/ignition:8.3.1",
                    "volumeMounts": [{"name": "ignition-data", "mountPath": "/usr/local/bin/ignition/data"}],
                }],
                "volumes": [{"name": "ignition-data", "emptyDir": {}}],
            },
        });
        change(&mut pod);
        pod
    }

    /// Makes a pod: status, warnings and what the API server has now (or said).
    pub async fn create(&self, pod: &Value) -> (u16, Vec<String>, Value) {
        let path = format!("/api/v1/namespaces/{}/pods", self.namespace);
        cluster::create(&self.admin, &path, pod).await
    }

    /// Makes a pod that has to be accepted.
    pub async fn accepted(&self, pod: &Value) -> (Value, Vec<String>) {
        let (status, warnings, pod) = self.create(pod).await;
        assert_eq!(status, 201, "{pod}");
        (pod, warnings)
    }
}

pub fn global_keys() -> Keys {
    let secret = |text: &str| Some(Secret::from(text.as_bytes()));
    Keys { hmac: secret(HMAC), token: secret(TOKEN) }
}

/// The sidecar of a pod, which has to be the first init container.
pub fn sidecar(pod: &Value) -> &Value {
    let first = &pod["spec"]["initContainers"][0];
    assert_eq!(first["name"], "stoker-agent", "{pod}");
    first
}

pub fn has_sidecar(pod: &Value) -> bool {
    pod["spec"]["initContainers"].as_array().into_iter().flatten().any(|each| each["name"] == "stoker-agent")
}

/// Waits for a condition, half a minute at most.
pub async fn wait(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}: not after 30 s");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
