//! Rules of namespaces.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::cluster::{api, apply};
use crate::world::{World, sidecar, wait};

impl World {
    /// Only pods of the security level `restricted` may be made from now on.
    pub async fn restrict(&self) {
        let patch = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
        let namespaces = api(&self.admin, "", "v1", "Namespace", None);
        namespaces.patch(&self.namespace, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
        wait("the level holds", async || {
            let mut pod = self.pod("", |_| ());
            pod["metadata"] = json!({"generateName": "loose-"});
            self.create(&pod).await.0 == 403
        })
        .await;
    }

    /// A gateway that the level `restricted` lets in.
    pub fn restricted_pod(&self, name: &str, change: impl FnOnce(&mut Value)) -> Value {
        self.pod(name, |pod| {
            pod["spec"]["securityContext"] = json!({"runAsNonRoot": true, "runAsUser": 2003, "seccompProfile": {"type": "RuntimeDefault"}});
            pod["spec"]["containers"][0]["securityContext"] =
                json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
            change(pod);
        })
    }

    pub async fn apply_core(&self, object: Value) {
        apply(&self.admin, "", "v1", Some(&self.namespace), object).await;
    }

    /// Quotas count only once somebody has counted; there is no controller-manager here, so the test says what is used.
    pub async fn accepted_in_time(&self, pod: &Value, purpose: &str) {
        let quotas = api(&self.admin, "", "v1", "ResourceQuota", Some(&self.namespace));
        for quota in quotas.list(&kube::api::ListParams::default()).await.unwrap() {
            let hard = quota.data["spec"]["hard"].clone();
            let used: Value = hard.as_object().unwrap().keys().map(|key| (key.clone(), json!("0"))).collect();
            let status = json!({"status": {"hard": hard, "used": used}});
            let name = quota.metadata.name.unwrap();
            quotas.patch_status(&name, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
        }
        let mut last = Value::Null;
        wait(purpose, async || {
            let (status, _, answer) = self.create(pod).await;
            assert!(status == 201 || answer.to_string().contains("quota"), "{purpose}: {answer}");
            last = answer;
            status == 201
        })
        .await;
        sidecar(&last);
    }
}
