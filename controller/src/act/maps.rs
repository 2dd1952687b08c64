//! The `ConfigMap`s: the metadata is ours alone, the status and the changes are the agents'.

use std::collections::BTreeMap;

use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Map, Value, json};
use stoker_api::names::objects;

use super::{Actor, Error, is_ours, object};
use crate::decide::Objects;
use crate::observe::index::{Snapshot, component};
use crate::observe::kinds::{ConfigMapMeta, ConfigMapSeen};

fn lacks(seen: &Snapshot, name: &str) -> bool {
    !seen.maps.get(name).is_some_and(|map| is_ours(seen, &map.head))
}

impl Actor {
    /// The status and changes `ConfigMap`s, which only have to be there: what is in them is never written here.
    pub(super) async fn maps(&self, seen: &Snapshot, wanted: &Objects) -> Result<(), Error> {
        let cr = &seen.resource.name;
        for shard in 0..wanted.shards.max(1) {
            let status = objects::status_shard(cr, shard);
            if lacks(seen, &status) {
                let map = object(seen, "v1", "ConfigMap", &status, component::STATUS);
                let written = self.apply::<ConfigMapSeen>(seen, &status, &map).await?;
                self.index.put_map(written);
            }
            let changes = objects::changes_shard(cr, shard);
            if lacks(seen, &changes) {
                let map = object(seen, "v1", "ConfigMap", &changes, component::CHANGES);
                let written = self.apply::<ConfigMapMeta>(seen, &changes, &map).await?;
                self.index.put_changes(&written.metadata);
            }
        }
        Ok(())
    }

    /// The metadata: exactly these keys. `true`: it was written.
    pub(super) async fn metadata(
        &self,
        seen: &Snapshot,
        data: &BTreeMap<String, String>,
    ) -> Result<bool, Error> {
        let name = objects::metadata(&seen.resource.name);
        let known = seen.maps.get(name.as_str());
        if known.is_some_and(|map| *map.data == *data && is_ours(seen, &map.head)) {
            return Ok(false);
        }
        let mut map = object(seen, "v1", "ConfigMap", &name, component::METADATA);
        map["data"] = json!(data);
        let mut written = self.apply::<ConfigMapSeen>(seen, &name, &map).await?;
        // Keys of another manager survive an apply.
        let foreign: Map<String, Value> = written
            .data
            .iter()
            .flatten()
            .filter(|(key, _)| !data.contains_key(*key))
            .map(|(key, _)| (key.clone(), Value::Null))
            .collect();
        if !foreign.is_empty() {
            written = self.merge_map(seen, &name, &json!({ "data": foreign })).await?;
        }
        self.index.put_map(written);
        Ok(true)
    }

    /// Removes keys of pods that are gone, unless somebody wrote to the `ConfigMap` meanwhile.
    pub(super) async fn remove_keys(&self, seen: &Snapshot, keys: &[(usize, String)]) -> Result<(), Error> {
        let mut by_shard: BTreeMap<usize, Map<String, Value>> = BTreeMap::new();
        for (shard, key) in keys {
            by_shard.entry(*shard).or_default().insert(key.clone(), Value::Null);
        }
        for (shard, data) in by_shard {
            let name = objects::status_shard(&seen.resource.name, shard);
            let Some(map) = seen.maps.get(name.as_str()) else { continue };
            let version = map.head.version.to_string();
            let patch = json!({ "metadata": { "resourceVersion": version }, "data": data });
            match self.merge_map(seen, &name, &patch).await {
                Ok(written) => self.index.put_map(written),
                // The next look decides anew.
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn merge_map(&self, seen: &Snapshot, name: &str, patch: &Value) -> Result<ConfigMapSeen, Error> {
        let api: Api<ConfigMapSeen> = self.api(seen);
        let parameters =
            PatchParams { field_manager: Some(super::MANAGER.to_owned()), ..PatchParams::default() };
        let written = api.patch(name, &parameters, &Patch::Merge(patch)).await;
        written.map_err(Error::of(format!("remove keys from ConfigMap {name}")))
    }
}
