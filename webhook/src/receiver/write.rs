//! Handing a push on: annotations of the resource, by a patch.

use std::time::Duration;

use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::{Map, Value, json};

use crate::cluster::{self, GATEWAY_SYNC};
use crate::text::cut;

const PATIENCE: Duration = Duration::from_secs(5);

/// Writes annotations.
pub struct Writer(Client);

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotWritten(String);

impl Writer {
    /// With this client.
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    /// Sets annotations and nothing else.
    pub(super) async fn annotate(
        &self,
        namespace: &str,
        name: &str,
        annotations: &[(&'static str, String)],
    ) -> Result<(), NotWritten> {
        let annotations: Map<String, Value> =
            annotations.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        let patch = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
        let api = cluster::api(&self.0, GATEWAY_SYNC, Some(namespace));
        // Only its metadata comes back: the whole of it may have half a megabyte.
        let parameters = PatchParams::default();
        let written = api.patch_metadata(name, &parameters, &patch);
        match tokio::time::timeout(PATIENCE, written).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(NotWritten(cut(&error.to_string(), 200))),
            Err(_) => Err(NotWritten(format!("no answer within {} s", PATIENCE.as_secs()))),
        }
    }
}
