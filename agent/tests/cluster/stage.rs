//! One gateway pod as the webhook and the controller leave it: a namespace with the `ConfigMap`s, a service account with
//! its Role, a token, a volume, a repository behind a server, and a gateway.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stoker_test_apiserver::Server;
use stoker_test_gateway::{Gateway, Settings};
use stoker_test_gitserver::HttpServer;

use crate::api::Api;
use crate::support::{Agent, SOON, Site, site};

pub const POD: &str = "gw-0";
pub const UID: &str = "5f3b6c1e-0000-4000-8000-000000000001";
const ACCOUNT: &str = "gateway";

pub struct Stage {
    pub server: &'static Server,
    pub api: Api,
    pub namespace: String,
    pub site: Site,
    pub git: HttpServer,
    pub gateway: Gateway,
}

/// What the controller makes for the agents of one GatewaySync (its `act` module says the same).
pub fn rules(cr: &str) -> Value {
    let rule = |verbs: [&str; 2], names: Vec<String>| json!({"apiGroups": [""], "resources": ["configmaps"], "resourceNames": names, "verbs": verbs});
    json!([
        rule(["get", "watch"], vec![format!("stoker-metadata-{cr}")]),
        rule(["get", "patch"], vec![format!("stoker-status-{cr}"), format!("stoker-changes-{cr}")]),
    ])
}

/// A namespace with a service account for the gateway.
pub fn namespace(api: &Api) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("site-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    api.create("/api/v1/namespaces", &json!({"metadata": {"name": name}}));
    let accounts = format!("/api/v1/namespaces/{name}/serviceaccounts");
    api.create(&accounts, &json!({"metadata": {"name": ACCOUNT}}));
    name
}

impl Stage {
    /// On the server that all tests share, with everything in place but what is wanted.
    pub fn new() -> Self {
        Self::on(Server::shared())
    }

    pub fn on(server: &'static Server) -> Self {
        let stage = Self::bare(server);
        let roles = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", stage.namespace);
        let role = json!({"metadata": {"name": "stoker-agent-plant"}, "rules": rules("plant")});
        stage.api.create(&format!("{roles}/roles"), &role);
        let binding = json!({
            "metadata": {"name": "stoker-agent-plant"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "stoker-agent-plant"},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": stage.namespace}],
        });
        stage.api.create(&format!("{roles}/rolebindings"), &binding);
        for name in ["stoker-metadata-plant", "stoker-status-plant", "stoker-changes-plant"] {
            stage.make_map(name);
        }
        stage
    }

    /// Without what the controller makes.
    pub fn bare(server: &'static Server) -> Self {
        let api = Api::admin(server);
        let namespace = namespace(&api);
        let site = Site::new();
        let git = site.server();
        let often = Some(Duration::from_millis(20));
        let settings = Settings {
            scan_interval: often,
            config_scan_interval: often,
            ..Settings::new(&site.data).with_token("stoker", "gateway-secret-4711")
        };
        let gateway = Gateway::start(settings).unwrap();
        let stage = Self { server, api, namespace, site, git, gateway };
        fs::create_dir(stage.account()).unwrap();
        fs::write(stage.account().join("ca.crt"), server.ca_pem()).unwrap();
        stage.rotate_token();
        fs::write(stage.site.path("labels"), "site=\"north\"\napp.kubernetes.io/pod-index=\"0\"\n").unwrap();
        stage
    }

    fn account(&self) -> PathBuf {
        self.site.path("account")
    }

    /// The user of the agent in the audit log.
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{ACCOUNT}", self.namespace)
    }

    /// A new token in the place of the one before.
    pub fn rotate_token(&self) {
        self.give_token(&self.token());
    }

    pub fn token(&self) -> String {
        self.api.token(&self.namespace, ACCOUNT)
    }

    pub fn give_token(&self, token: &str) {
        let fresh = self.account().join("token.new");
        fs::write(&fresh, token).unwrap();
        fs::rename(fresh, self.account().join("token")).unwrap();
    }

    pub fn map_path(&self, name: &str) -> String {
        format!("/api/v1/namespaces/{}/configmaps/{name}", self.namespace)
    }

    pub fn make_map(&self, name: &str) {
        let maps = format!("/api/v1/namespaces/{}/configmaps", self.namespace);
        self.api.create(&maps, &json!({"metadata": {"name": name}}));
    }

    /// What the controller says of a commit.
    pub fn wishes(&self, commit: &str) -> Value {
        let profile = json!({
            "mappings": [
                {"source": "projects", "destination": "projects"},
                {"source": "config", "destination": "config"},
            ],
            "syncPeriod": 5,
        });
        json!({
            "commit": commit,
            "ref": "main",
            "gitURL": self.git.url("plant.git"),
            "paused": "false",
            "authType": "none",
            "gatewayPort": self.gateway.port().to_string(),
            "gatewayTLS": "false",
            "profiles": json!({"default": profile}).to_string(),
        })
    }

    /// Writes keys of the metadata; null removes one.
    pub fn tell(&self, data: &Value) {
        self.api.merge(&self.map_path("stoker-metadata-plant"), &json!({"data": data}));
    }

    /// The commit that is in the repository now is wanted.
    pub fn tell_head(&self) -> String {
        let commit = self.site.repository.head().unwrap();
        self.tell(&self.wishes(&commit));
        commit
    }

    /// Commits a view with this word; the commit.
    pub fn push(&self, word: &str) -> String {
        self.site.view("main", word);
        self.site.repository.commit(word).unwrap()
    }

    /// The sidecar, as it is injected.
    pub fn command(&self) -> Command {
        let address = self.server.url();
        let (host, port) = address.strip_prefix("https://").unwrap().rsplit_once(':').unwrap();
        let mut command = site::program();
        command.args(["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]);
        command.env_clear().envs([
            ("KUBERNETES_SERVICE_HOST", host),
            ("KUBERNETES_SERVICE_PORT", port),
            ("POD_NAME", POD),
            ("POD_UID", UID),
            ("POD_NAMESPACE", &self.namespace),
            ("CR_NAME", "plant"),
            ("CR_NAMESPACE", &self.namespace),
            ("GATEWAY_NAME", "gw"),
            ("PROFILE", "default"),
            ("SYNC_PERIOD", "30"),
        ]);
        command.env("DATA_PATH", &self.site.data).env("SERVICE_ACCOUNT_DIR", self.account());
        command.env("API_KEY_FILE", self.site.path("secrets/ignition-api/apiKey"));
        command.env("POD_LABELS_FILE", self.site.path("labels"));
        command
    }

    pub fn start(&self) -> Agent {
        Agent::start(&mut self.command())
    }

    /// This pod's entry in the status, if there is one.
    pub fn reported(&self) -> Option<Value> {
        self.entry("stoker-status-plant")
    }

    /// This pod's entry in a `ConfigMap`.
    pub fn entry(&self, map: &str) -> Option<Value> {
        let map = self.api.get(&self.map_path(map));
        map["data"][POD].as_str().map(|text| serde_json::from_str(text).unwrap())
    }

    /// Waits until what is reported satisfies `look`.
    #[track_caller]
    pub fn wait_for_report(&self, agent: &Agent, what: &str, look: impl Fn(&Value) -> bool) -> Value {
        let limit = Instant::now() + SOON;
        loop {
            let now = self.reported();
            if let Some(found) = now.as_ref().filter(|now| look(now)) {
                return found.clone();
            }
            assert!(Instant::now() < limit, "{what} did not come; reported is {now:#?}\n{}", agent.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until this commit is reported as synced.
    #[track_caller]
    pub fn wait_for_commit(&self, agent: &Agent, commit: &str) -> Value {
        self.wait_for_report(agent, &format!("commit {commit}"), |entry| {
            entry["syncStatus"] == "Synced" && entry["syncedCommit"] == commit
        })
    }

    /// The word that the live view shows.
    pub fn shown(&self) -> Option<String> {
        let text = fs::read_to_string(self.site.live_view("main")).ok()?;
        let view: Value = serde_json::from_str(&text).unwrap();
        Some(view["word"].as_str().unwrap().to_owned())
    }
}
