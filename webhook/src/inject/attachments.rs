//! Volumes, mounts and variables of the sidecar.

use serde_json::{Value, json};
use stoker_api::names::volumes::Volume;

use super::pod::Pod;

/// What is attached to the sidecar, in the order in which it was asked for.
#[derive(Debug)]
pub(super) struct Attachments<'a> {
    pod: Pod<'a>,
    pub volumes: Vec<Value>,
    pub mounts: Vec<Value>,
    pub variables: Vec<Value>,
}

impl<'a> Attachments<'a> {
    pub fn new(pod: Pod<'a>) -> Self {
        Self { pod, volumes: Vec::new(), mounts: Vec::new(), variables: Vec::new() }
    }

    /// A variable that means exactly this text: Kubernetes would expand `$(…)`.
    pub fn text(&mut self, name: &str, value: &str) {
        self.variables.push(json!({"name": name, "value": value.replace('$', "$$")}));
    }

    /// A variable that Kubernetes expands.
    pub fn expanded(&mut self, name: &str, value: &str) {
        self.variables.push(json!({"name": name, "value": value}));
    }

    /// A variable with a field of the pod.
    pub fn field(&mut self, name: &str, path: &str) {
        self.variables.push(json!({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}));
    }

    /// A volume of any source. A Secret, like everything else that the pod did not bring, is mounted read-only.
    pub fn volume(&mut self, volume: Volume, source: &str, value: Value) {
        let name = self.pod.free_volume_name(volume.name);
        let mut mount = json!({"name": name, "mountPath": volume.path});
        if source != "emptyDir" {
            mount["readOnly"] = json!(true);
        }
        self.mounts.push(mount);
        let mut made = json!({"name": name});
        made[source] = value;
        self.volumes.push(made);
    }

    /// A Secret: the keys that are needed, or all. It is optional: one that is missing must not keep a pod from starting.
    pub fn secret(&mut self, volume: Volume, name: &str, keys: &[&str]) {
        let mut secret = json!({"secretName": name});
        if !keys.is_empty() {
            secret["items"] = keys.iter().map(|key| json!({"key": key, "path": key})).collect();
        }
        secret["optional"] = json!(true);
        self.volume(volume, "secret", secret);
    }

    /// One key of a Secret and the variable with its path. What the API server would refuse is not attached: the agent
    /// says that the file is not there.
    pub fn secret_key(
        &mut self,
        volume: Volume,
        variable: &str,
        name: &str,
        key: &str,
    ) -> Result<(), String> {
        let is_usable = !name.is_empty() && is_secret_key(key);
        if is_usable {
            self.secret(volume, name, &[key]);
        }
        self.text(variable, &format!("{}/{key}", volume.path));
        if is_usable {
            Ok(())
        } else {
            Err(format!("secret {name:?} cannot have a key {key:?}; not mounted"))
        }
    }
}

/// Whether a Secret can have such a key, and a volume such a file.
pub(super) fn is_secret_key(key: &str) -> bool {
    (1..=253).contains(&key.len())
        && key != "."
        && !key.contains("..")
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}
