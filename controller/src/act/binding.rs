//! The agents' `RoleBinding`, whose role cannot be changed once it is made.

use k8s_openapi::api::rbac::v1::{RoleRef, Subject};
use serde_json::json;
use stoker_api::names::{labels, objects};

use super::{Actor, Error, object};
use crate::decide::Objects;
use crate::observe::index::{Snapshot, component};
use crate::observe::kinds::BindingSeen;

const RBAC: &str = "rbac.authorization.k8s.io";

impl Actor {
    /// Binds the pods' service accounts to the agents' Role.
    pub(super) async fn binding(&self, seen: &Snapshot, wanted: &Objects) -> Result<(), Error> {
        let name = objects::agent_role(&seen.resource.name);
        let subjects: Vec<Subject> = wanted
            .accounts
            .iter()
            .map(|account| Subject {
                kind: "ServiceAccount".to_owned(),
                name: account.clone(),
                namespace: Some(seen.resource.namespace.clone()),
                api_group: None,
            })
            .collect();
        let role = RoleRef { api_group: RBAC.to_owned(), kind: "Role".to_owned(), name: name.clone() };
        let role = Some(role);
        let Some(known) = &seen.binding else {
            return self.bind(seen, &name, role.as_ref(), &subjects).await;
        };
        if known.body.0 == role {
            let has_label = known.head.labels.contains_key(labels::GATEWAY_SYNC);
            if same(&known.body.1, &subjects) && known.is_ours(seen) && has_label {
                return Ok(());
            }
            return self.bind(seen, &name, role.as_ref(), &subjects).await;
        }
        // Another role, which only a new object can change. A second binding keeps the rights while there is no first.
        let meanwhile = format!("{name}-meanwhile");
        self.bind(seen, &meanwhile, role.as_ref(), &subjects).await?;
        self.delete::<BindingSeen>(seen, &name).await?;
        self.bind(seen, &name, role.as_ref(), &subjects).await?;
        self.delete::<BindingSeen>(seen, &meanwhile).await
    }

    async fn bind(
        &self,
        seen: &Snapshot,
        name: &str,
        role: Option<&RoleRef>,
        subjects: &[Subject],
    ) -> Result<(), Error> {
        let mut binding = object(seen, "rbac.authorization.k8s.io/v1", "RoleBinding", name, component::RBAC);
        binding["metadata"]["labels"][labels::GATEWAY_SYNC] = json!(seen.resource.name);
        binding["roleRef"] = json!(role);
        binding["subjects"] = json!(subjects);
        let written = self.apply::<BindingSeen>(seen, name, &binding).await?;
        self.index.put_binding(&written);
        Ok(())
    }
}

/// The API server may add what is implied.
fn same(known: &[Subject], wanted: &[Subject]) -> bool {
    let plain = |subject: &Subject| (subject.kind.clone(), subject.namespace.clone(), subject.name.clone());
    known.iter().map(plain).eq(wanted.iter().map(plain))
}
