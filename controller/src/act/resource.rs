//! Writes to the resource itself: status, finalizer, annotations; and to pods: the sidecar's image.

use std::fmt::Debug;

use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use stoker_api::names::{FINALIZER, annotations, sidecar};
use stoker_api::resource::{API_VERSION, KIND};

use super::{Actor, Error, MANAGER};
use crate::decide::Update;
use crate::decide::document::ResourceStatus;
use crate::observe::index::Snapshot;
use crate::observe::kinds::{GatewaySyncSeen, PodMeta};

impl Actor {
    /// Our finalizer, before anything is made that it has to clean up.
    pub async fn add_finalizer(&self, seen: &Snapshot) -> Result<(), Error> {
        let mut finalizers = seen.finalizers.clone();
        finalizers.push(FINALIZER.to_owned());
        self.set_finalizers(seen, &finalizers).await
    }

    pub(super) async fn remove_finalizer(&self, seen: &Snapshot) -> Result<(), Error> {
        let others: Vec<String> =
            seen.finalizers.iter().filter(|other| *other != FINALIZER).cloned().collect();
        if others.len() == seen.finalizers.len() {
            return Ok(());
        }
        match self.set_finalizers(seen, &others).await {
            Err(error) if error.is_conflict() => Ok(()),
            result => result,
        }
    }

    /// The list is replaced whole, so nobody may have changed it meanwhile.
    async fn set_finalizers(&self, seen: &Snapshot, finalizers: &[String]) -> Result<(), Error> {
        let metadata = json!({ "resourceVersion": seen.version.to_string(), "finalizers": finalizers });
        self.merge(seen, &json!({ "metadata": metadata }), "set the finalizer").await
    }

    /// Removes `stoker.io/requested-ref`, if it is still what was acted on.
    pub(super) async fn remove_request(&self, seen: &Snapshot, value: &str) -> Result<(), Error> {
        if seen.resource.annotations.get(annotations::REQUESTED_REF).is_none_or(|now| now != value) {
            return Ok(());
        }
        let metadata = json!({
            // Whoever asked for something else meanwhile made a new version: then this is refused.
            "resourceVersion": seen.version.to_string(),
            "annotations": { annotations::REQUESTED_REF: null },
        });
        match self.merge(seen, &json!({ "metadata": metadata }), "remove the requested ref").await {
            Err(error) if error.is_conflict() => Ok(()),
            result => result,
        }
    }

    async fn merge(&self, seen: &Snapshot, patch: &Value, what: &str) -> Result<(), Error> {
        let api: Api<GatewaySyncSeen> = self.api(seen);
        let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let written = api.patch(&seen.resource.name, &parameters, &Patch::Merge(patch)).await;
        self.index.put_resource(written.map_err(Error::of(what))?);
        Ok(())
    }

    /// The resource's status.
    pub async fn status(&self, seen: &Snapshot, status: &ResourceStatus) -> Result<(), Error> {
        let api: Api<GatewaySyncSeen> = self.api(seen);
        let name = &seen.resource.name;
        let object = json!({
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": { "name": name, "uid": seen.resource.uid },
            "status": status,
        });
        let apply = PatchParams::apply(MANAGER).force();
        let mut written = patch_status(&api, name, &apply, &Patch::Apply(&object)).await?;
        // What another manager wrote into its own fields of the status survives an apply.
        let stored: ResourceStatus = serde_json::from_value(written.status.clone()).unwrap_or_default();
        if stored != *status {
            let merge = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
            let whole = json!({ "status": whole(status) });
            written = patch_status(&api, name, &merge, &Patch::Merge(&whole)).await?;
        }
        self.index.put_resource(written);
        Ok(())
    }

    /// Gives a live pod's sidecar another image; the gateway's container is not touched.
    pub(super) async fn update(&self, seen: &Snapshot, update: &Update) -> Result<(), Error> {
        let api: Api<PodMeta> = self.api(seen);
        let patch = json!({
            "metadata": { "uid": update.uid },
            "spec": { "initContainers": [{ "name": sidecar::CONTAINER, "image": update.image }] },
        });
        let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let written = api.patch(&update.pod, &parameters, &Patch::Strategic(&patch)).await;
        let written = written.map_err(Error::of(format!("update the sidecar of pod {}", update.pod)))?;
        tracing::info!(
            namespace = seen.resource.namespace,
            pod = update.pod,
            image = update.image,
            "sidecar updated"
        );
        self.index.put_pod(written.metadata);
        Ok(())
    }
}

async fn patch_status<P: serde::Serialize + Debug>(
    api: &Api<GatewaySyncSeen>,
    name: &str,
    parameters: &PatchParams,
    patch: &Patch<P>,
) -> Result<GatewaySyncSeen, Error> {
    api.patch_status(name, parameters, patch).await.map_err(Error::of("write the status"))
}

/// Every field, those that are empty as null: a merge leaves nothing behind.
fn whole(status: &ResourceStatus) -> Value {
    let mut value = json!({
        "lastSyncTime": null, "lastSyncRef": null, "lastSyncCommit": null, "lastSyncCommitShort": null,
        "refResolutionStatus": null, "profileCount": null, "conditions": [], "discoveredGateways": [],
    });
    if let (Some(all), Value::Object(set)) = (value.as_object_mut(), json!(status)) {
        all.extend(set);
    }
    value
}
