//! Carries decisions out, and nothing that is so already: a steady state writes nothing.
//!
//! It knows the Kubernetes API; it decides nothing. Objects of ours are written by server-side apply with one field
//! manager, by force: whoever else wrote to them before (an earlier operator of the same contract) is taken over.

mod binding;
mod events;
mod maps;
mod resource;

use std::sync::Arc;

use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Client, Resource};
use serde_json::{Value, json};
use stoker_api::names::{labels, objects};
use stoker_api::resource::{API_VERSION, KIND};

use crate::decide::{Decision, Objects};
use crate::observe::index::{Head, Index, Owned, Snapshot, component};
use crate::observe::kinds::{BindingSeen, ConfigMapMeta, ConfigMapSeen, RoleSeen, SecretMeta};

pub use events::Recorder;

/// The field manager of every write.
pub const MANAGER: &str = "stoker-controller";

/// A write that failed: what it was, for the message and the event.
#[derive(Debug, thiserror::Error)]
#[error("failed to {what}: {source}")]
pub struct Error {
    /// It continues "failed to".
    pub what: String,
    /// About the agents' rights.
    pub is_rbac: bool,
    /// What the API server said.
    pub source: kube::Error,
}

impl Error {
    fn of(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let what = what.into();
        |source| Self { what, is_rbac: false, source }
    }

    /// Somebody else was faster: the next look decides anew.
    pub fn is_conflict(&self) -> bool {
        matches!(&self.source, kube::Error::Api(status) if matches!(status.code, 404 | 409))
    }
}

/// Writes.
pub struct Actor {
    client: Client,
    index: Arc<Index>,
    recorder: Arc<Recorder>,
}

impl Actor {
    /// Writes with this client; what the API server answers goes into the index at once.
    pub fn new(client: Client, index: Arc<Index>, recorder: Arc<Recorder>) -> Self {
        Self { client, index, recorder }
    }

    fn api<K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>>(
        &self,
        seen: &Snapshot,
    ) -> Api<K> {
        Api::namespaced(self.client.clone(), &seen.resource.namespace)
    }

    /// Looks for objects of the resource that no watch shows: what an earlier operator made bears no label of ours.
    /// `true`: there was something, and it is in the index now.
    pub async fn adopt(&self, seen: &Snapshot) -> Result<bool, Error> {
        let cr = &seen.resource.name;
        let mut found = false;
        let maps: Api<ConfigMapSeen> = self.api(seen);
        for name in [objects::metadata(cr), objects::status(cr)] {
            if !seen.maps.contains_key(name.as_str())
                && let Some(map) = maps.get_opt(&name).await.map_err(Error::of(format!("read {name}")))?
            {
                self.index.put_map(map);
                found = true;
            }
        }
        let name = objects::agent_role(cr);
        if seen.binding.is_none() {
            let bindings: Api<BindingSeen> = self.api(seen);
            let binding = bindings.get_opt(&name).await.map_err(Error::of("read the agents' RoleBinding"))?;
            if let Some(binding) = binding {
                self.index.put_binding(&binding);
                found = true;
            }
        }
        Ok(found)
    }

    /// Makes the objects of a resource as they are wanted. `true`: the agents were told something new.
    pub async fn objects(&self, seen: &Snapshot, wanted: &Objects) -> Result<bool, Error> {
        self.maps(seen, wanted).await?;
        let rights = async {
            self.role(seen, wanted.shards).await?;
            self.binding(seen, wanted).await
        };
        rights.await.map_err(|error| Error { is_rbac: true, ..error })?;
        self.token(seen, wanted).await?;
        // Last: whoever reads it may report and be heard.
        match &wanted.metadata {
            Some(data) => self.metadata(seen, data).await,
            None => Ok(false),
        }
    }

    async fn role(&self, seen: &Snapshot, shards: usize) -> Result<(), Error> {
        let cr = &seen.resource.name;
        let rules = agent_rules(cr, shards);
        if seen.role.as_ref().is_some_and(|role| role.body == rules && is_ours(seen, &role.head)) {
            return Ok(());
        }
        let name = objects::agent_role(cr);
        let mut role = object(seen, "rbac.authorization.k8s.io/v1", "Role", &name, component::RBAC);
        role["rules"] = json!(rules);
        let written = self.apply::<RoleSeen>(seen, &name, &role).await?;
        self.index.put_role(&written);
        Ok(())
    }

    async fn token(&self, seen: &Snapshot, wanted: &Objects) -> Result<(), Error> {
        let id = (seen.resource.namespace.as_str().into(), seen.resource.name.as_str().into());
        let name = objects::github_token(&seen.resource.name);
        if !wanted.has_token {
            if seen.has_token {
                self.delete::<SecretMeta>(seen, &name).await?;
            }
            return Ok(());
        }
        let Some(token) = &wanted.token else { return Ok(()) };
        if seen.has_token && self.recorder.is_known_token(&id, token) {
            return Ok(());
        }
        let mut secret = object(seen, "v1", "Secret", &name, component::TOKEN);
        secret["type"] = json!("Opaque");
        secret["stringData"] = json!({ objects::GITHUB_TOKEN_KEY: **token });
        secret["metadata"]["annotations"] = json!({
            stoker_api::names::annotations::SECRET_TYPE: stoker_api::names::annotations::SECRET_TYPE_GITHUB_APP,
        });
        let written = self.apply::<SecretMeta>(seen, &name, &secret).await?;
        self.index.put_token(&written.metadata);
        self.recorder.keep_token(id, Arc::clone(token));
        Ok(())
    }

    /// What goes into the status of others and onto the resource: events, the removal of a request, keys of pods that
    /// are gone, images of sidecars. None of them keeps the others from happening.
    pub async fn rest(&self, seen: &Snapshot, decision: &Decision) -> Vec<Error> {
        let mut errors = Vec::new();
        if let Some(value) = &decision.fulfilled {
            errors.extend(self.remove_request(seen, value).await.err());
        }
        errors.extend(self.remove_keys(seen, &decision.expired_keys).await.err());
        for update in &decision.updates {
            errors.extend(self.update(seen, update).await.err());
        }
        errors
    }

    /// Removes what was made for a resource that is being deleted, and then our finalizer.
    pub async fn remove_all(&self, seen: &Snapshot) -> Result<(), Error> {
        let cr = &seen.resource.name;
        let mut maps: Vec<String> = vec![objects::metadata(cr), objects::status(cr), objects::changes(cr)];
        maps.extend(seen.maps.keys().map(ToString::to_string));
        maps.sort_unstable();
        maps.dedup();
        for name in maps {
            self.delete::<ConfigMapMeta>(seen, &name).await?;
        }
        let rbac = objects::agent_role(cr);
        self.delete::<BindingSeen>(seen, &rbac).await?;
        self.delete::<RoleSeen>(seen, &rbac).await?;
        if seen.has_token || seen.resource.spec.is_err() || uses_app(seen) {
            self.delete::<SecretMeta>(seen, &objects::github_token(cr)).await?;
        }
        self.remove_finalizer(seen).await
    }

    async fn apply<K>(&self, seen: &Snapshot, name: &str, object: &Value) -> Result<K, Error>
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
    {
        let parameters = PatchParams::apply(MANAGER).force();
        let api: Api<K> = self.api(seen);
        let what = format!("write {} {name}", K::kind(&()));
        let written = api.patch(name, &parameters, &Patch::Apply(object)).await.map_err(Error::of(what))?;
        tracing::debug!(namespace = seen.resource.namespace, kind = %K::kind(&()), name, "written");
        Ok(written)
    }

    async fn delete<K>(&self, seen: &Snapshot, name: &str) -> Result<(), Error>
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
    {
        let api: Api<K> = self.api(seen);
        match api.delete(name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            result => result.map(drop).map_err(Error::of(format!("delete {} {name}", K::kind(&())))),
        }
    }
}

fn uses_app(seen: &Snapshot) -> bool {
    let spec = seen.resource.spec.as_ref();
    spec.is_ok_and(|spec| spec.git.auth_type() == stoker_api::spec::AuthType::GitHubApp)
}

/// What an agent may do: read its metadata, write its status and changes, by name, and nothing else.
fn agent_rules(cr: &str, shards: usize) -> Vec<PolicyRule> {
    let rule = |verbs: [&str; 2], names: Vec<String>| PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(vec!["configmaps".to_owned()]),
        resource_names: Some(names),
        verbs: verbs.map(str::to_owned).to_vec(),
        ..PolicyRule::default()
    };
    let written = (0..shards.max(1))
        .flat_map(|shard| [objects::status_shard(cr, shard), objects::changes_shard(cr, shard)]);
    vec![rule(["get", "watch"], vec![objects::metadata(cr)]), rule(["get", "patch"], written.collect())]
}

/// The labels of every object of ours.
fn wanted_labels(cr: &str, component: &str) -> Value {
    json!({
        labels::CR_NAME: cr,
        labels::MANAGED_BY: labels::MANAGED_BY_STOKER,
        crate::observe::index::COMPONENT: component,
    })
}

/// An object of ours without its content.
fn object(seen: &Snapshot, api_version: &str, kind: &str, name: &str, component: &str) -> Value {
    let resource = &seen.resource;
    json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": resource.namespace,
            "labels": wanted_labels(&resource.name, component),
            "ownerReferences": [{
                "apiVersion": API_VERSION,
                "kind": KIND,
                "name": resource.name,
                "uid": resource.uid,
                "controller": true,
            }],
        },
    })
}

/// Whether an object bears our labels and belongs to this very resource.
fn is_ours(seen: &Snapshot, head: &Head) -> bool {
    let label = |name: &str| head.labels.get(name).map(String::as_str);
    label(labels::MANAGED_BY) == Some(labels::MANAGED_BY_STOKER)
        && label(labels::CR_NAME) == Some(&seen.resource.name)
        && label(crate::observe::index::COMPONENT).is_some()
        && head.owners.iter().any(|owner| *owner == seen.resource.uid)
}

impl<T> Owned<T> {
    fn is_ours(&self, seen: &Snapshot) -> bool {
        is_ours(seen, &self.head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_may_read_its_metadata_and_write_its_status_by_name_and_nothing_else() {
        let rules = agent_rules("plant", 2);
        let shown: Vec<String> = rules
            .iter()
            .map(|rule| {
                let names = rule.resource_names.clone().unwrap().join(" ");
                format!("{} {} {names}", rule.verbs.join(","), rule.resources.clone().unwrap().join(","))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "get,watch configmaps stoker-metadata-plant",
                "get,patch configmaps stoker-status-plant stoker-changes-plant stoker-status1-plant stoker-changes1-plant",
            ]
        );
    }
}
