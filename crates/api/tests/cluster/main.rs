//! The definition in a real API server: what it accepts, what it refuses and with which words, what it fills in, and
//! that the reader of manifests gives the same verdict.

#![cfg(feature = "crd")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod accepted;
mod agreement;
mod manifests;
mod moving_in;
mod refused;
mod shown;
mod status;

use kube::Resource as _;
use kube::api::{Api, PostParams, Request};
use serde_json::Value;
use stoker_api::crd::{GatewaySync, definition};
use stoker_test_apiserver::Server;
use tokio::sync::OnceCell;

/// A cluster that knows the resource, and a namespace of this test's own.
struct Cluster {
    server: &'static Server,
    namespace: String,
}

impl Cluster {
    async fn with(purpose: &str) -> Self {
        static INSTALLED: OnceCell<()> = OnceCell::const_new();
        let server = Server::shared();
        INSTALLED
            .get_or_init(async || {
                server.install(&definition()).await.unwrap_or_else(|error| panic!("{error:#?}"));
            })
            .await;
        Self { server, namespace: server.namespace(purpose).await.unwrap() }
    }

    fn typed(&self) -> Api<GatewaySync> {
        Api::namespaced(self.server.admin().unwrap(), &self.namespace)
    }

    /// What the server says to a manifest, in a dry run with strict fields, as `kubectl apply` asks: what would be stored,
    /// or why it is refused. The server reads the YAML itself.
    async fn judge(&self, manifest: &str) -> Result<Value, String> {
        let path = GatewaySync::url_path(&(), Some(&self.namespace));
        let parameters = PostParams { dry_run: true, ..PostParams::default() };
        let mut request = Request::new(path).create(&parameters, manifest.as_bytes().to_vec()).unwrap();
        *request.uri_mut() = format!("{}&fieldValidation=Strict", request.uri()).parse().unwrap();
        request.headers_mut().insert("content-type", "application/yaml".parse().unwrap());
        match self.server.admin().unwrap().request::<Value>(request).await {
            Ok(stored) => Ok(stored),
            Err(kube::Error::Api(status)) => Err(status.message.clone()),
            Err(other) => panic!("no answer: {other:?}"),
        }
    }
}
