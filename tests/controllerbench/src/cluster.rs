//! The API server, the controller's rights in it, and what its audit log says that was asked for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::{Value, json};
use stoker_controller::rbac::{Scope, policy_rules};
use stoker_test_apiserver::{AuditEntry, AuditMark, Options, Server};

/// The controller's name, of its service account, its roles and its lease.
const NAME: &str = "stoker-controller";
const RBAC: &str = "rbac.authorization.k8s.io";
/// Without a write for so long it is quiet.
const QUIET: Duration = Duration::from_secs(8);
/// How long it may take to become quiet.
const PATIENCE: Duration = Duration::from_mins(3);

/// The API server, with the resource's definition and an account for the controller.
pub struct Cluster {
    server: Server,
    /// Of the administrator.
    pub client: Client,
    /// The controller's namespace.
    pub namespace: String,
    /// The controller's account in the audit log.
    user: String,
    token: String,
}

/// What the controller asked for in some time.
#[derive(Debug, Default)]
pub struct Traffic {
    /// By verb and resource.
    pub writes: BTreeMap<String, u64>,
    /// By verb and resource.
    pub reads: BTreeMap<String, u64>,
    /// Reads and writes of the lease.
    pub lease: u64,
}

impl Cluster {
    /// Starts it; etcd flushes to the disk, as a real one does.
    pub async fn start() -> Result<Self> {
        let server = Server::start(&Options { audit: true, durable: true, ..Options::default() })?;
        server.install(&stoker_api::crd::definition()).await?;
        let client = server.admin()?;
        let namespace = server.namespace("stoker").await?;
        let account = server.service_account(&namespace, NAME).await?;
        let (user, token) = (account.user.clone(), account.token.clone());
        let cluster = Self { server, client, namespace, user, token };
        cluster.grant().await?;
        Ok(cluster)
    }

    /// The rights of the controller's own table, and no others.
    async fn grant(&self) -> Result<()> {
        let subjects = json!([{ "kind": "ServiceAccount", "name": NAME, "namespace": self.namespace }]);
        let role = |kind: &str, scope| json!({ "metadata": { "name": NAME }, "kind": kind, "rules": policy_rules(scope, NAME) });
        let binding = |kind: &str| {
            json!({ "metadata": { "name": NAME }, "subjects": subjects,
                "roleRef": { "apiGroup": RBAC, "kind": kind, "name": NAME } })
        };
        self.create_all::<ClusterRole>(role("ClusterRole", Scope::Watched)).await?;
        self.create_all::<ClusterRoleBinding>(binding("ClusterRole")).await?;
        self.create::<Role>(&self.namespace, role("Role", Scope::Own)).await?;
        self.create::<RoleBinding>(&self.namespace, binding("Role")).await?;
        Ok(())
    }

    async fn create_all<K>(&self, object: Value) -> Result<()>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope> + Kind,
    {
        let api: Api<K> = Api::all(self.client.clone());
        api.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
        Ok(())
    }

    /// Makes an object.
    pub async fn create<K>(&self, namespace: &str, object: Value) -> Result<K>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope> + Kind,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), namespace);
        Ok(api.create(&PostParams::default(), &serde_json::from_value(object)?).await?)
    }

    /// Makes a namespace.
    pub async fn new_namespace(&self, purpose: &str) -> Result<String> {
        Ok(self.server.namespace(purpose).await?)
    }

    /// A kubeconfig for the controller.
    pub fn kubeconfig(&self) -> Result<PathBuf> {
        Ok(self.server.kubeconfig(&self.token, &self.namespace)?)
    }

    /// The end of the audit log now.
    pub fn mark(&self) -> Result<AuditMark> {
        Ok(self.server.audit_mark()?)
    }

    /// What the controller asked for since a mark. An error where it lacked a right.
    pub fn traffic_since(&self, mark: AuditMark) -> Result<Traffic> {
        let asked = self.server.audit_since(mark)?;
        let mut traffic = Traffic::default();
        for entry in asked.iter().filter(|entry| entry.user == self.user) {
            ensure!(entry.code != Some(403), "the controller may not {} {}", entry.verb, entry.uri);
            if entry.resource == "leases" {
                traffic.lease += 1;
            } else {
                let table = if entry.is_write() { &mut traffic.writes } else { &mut traffic.reads };
                *table.entry(kind_of(entry)).or_default() += 1;
            }
        }
        Ok(traffic)
    }

    /// Waits until the controller has written nothing for a while.
    pub async fn quiet(&self) -> Result<()> {
        let began = Instant::now();
        loop {
            let mark = self.mark()?;
            tokio::time::sleep(QUIET).await;
            let traffic = self.traffic_since(mark)?;
            if traffic.writes.is_empty() {
                return Ok(());
            }
            ensure!(began.elapsed() < PATIENCE, "the controller does not stop writing: {:?}", traffic.writes);
        }
    }
}

/// What objects are here.
pub trait Kind: Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned {}

impl<K: Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned> Kind for K {}

fn kind_of(entry: &AuditEntry) -> String {
    format!("{} {}", entry.verb, entry.resource)
}
