//! The `GatewaySync` manifest of a test: the least that works, and what the test changes.

use serde_json::{Value, json};

/// A port of the loopback address where nobody listens: the gateway does not run.
const NOBODY: u16 = 1;

/// A manifest as a value. It is written as JSON, which is YAML too.
#[derive(Clone, Debug)]
pub struct Manifest(Value);

impl Manifest {
    /// `projects` and `config` of branch `main`, polled as often as can be, and no gateway.
    pub fn new(repository: &str) -> Self {
        Self(json!({
            "apiVersion": "stoker.io/v1alpha1",
            "kind": "GatewaySync",
            "metadata": {"name": "plant", "namespace": "site1"},
            "spec": {
                "git": {"repo": repository, "ref": "main"},
                "polling": {"interval": "5s"},
                "gateway": {"port": NOBODY, "api": {"secretName": "ignition-api"}},
                "sync": {"defaults": {"syncPeriod": 5}, "profiles": {"default": {"mappings": [
                    {"source": "projects", "destination": "projects"},
                    {"source": "config", "destination": "config"},
                ]}}},
            },
        }))
    }

    /// Sets a field of `spec` by its dotted path; objects on the way are made.
    #[must_use]
    pub fn with(mut self, path: &str, value: impl Into<Value>) -> Self {
        let mut place = &mut self.0["spec"];
        for name in path.split('.') {
            place = &mut place[name];
        }
        *place = value.into();
        self
    }

    /// Sets a field of the profile `default`.
    #[must_use]
    pub fn profile(self, field: &str, value: impl Into<Value>) -> Self {
        self.with(&format!("sync.profiles.default.{field}"), value)
    }

    /// Sets an annotation of the resource.
    #[must_use]
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        self.0["metadata"]["annotations"][name] = value.into();
        self
    }

    /// These mappings and no others.
    #[must_use]
    pub fn mappings(self, mappings: Value) -> Self {
        self.profile("mappings", mappings)
    }

    /// One mapping from a directory of the repository to one of the gateway.
    #[must_use]
    pub fn mapping(self, source: &str, destination: &str) -> Self {
        self.mappings(json!([{"source": source, "destination": destination}]))
    }

    /// Basic auth by the token in the Secret `git`, key `token`.
    #[must_use]
    pub fn with_token(self) -> Self {
        self.with("git.auth.token.secretRef", json!({"name": "git", "key": "token"}))
    }

    /// The private authority in the Secret `git`, key `ca.crt`.
    #[must_use]
    pub fn with_authority(self) -> Self {
        self.with("git.tls.caSecretRef", json!({"name": "git", "key": "ca.crt"}))
    }

    pub fn text(&self) -> String {
        serde_json::to_string_pretty(&self.0).unwrap()
    }
}
