//! `stoker-webhook inject`: the sidecar in manifests, by the same function as in admission.

use serde_json::Value;
use stoker_api::GatewaySync;
use stoker_api::names::annotations;

use crate::inject::{NamespaceRules, Pod, Presence, Request, Resource, Settings, Source, inject};

/// The manifests with the sidecar in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injected {
    /// YAML, as many documents as there were.
    pub text: String,
    /// What will not work, one line each.
    pub warnings: Vec<String>,
}

/// Why manifests could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum ManifestsError {
    /// They cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// A pod cannot have the sidecar.
    #[error("{place}: {problem}")]
    Refused {
        /// Kind and name.
        place: String,
        /// Why.
        problem: String,
    },
    /// No pod asks for it.
    #[error(
        "no pod in there asks for the sidecar; set the annotation {}: \"true\" on it (of a workload: on its template)",
        annotations::INJECT
    )]
    NobodyAsks,
    /// They cannot be written.
    #[error("cannot be written as YAML: {0}")]
    Unwritable(String),
}

/// Puts the sidecar into every pod and workload that asks for it.
pub fn inject_all(
    text: &str,
    gateway_sync: &GatewaySync,
    settings: &Settings,
    namespace: Option<&str>,
) -> Result<Injected, ManifestsError> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| ManifestsError::Unreadable(error.to_string()))?;
    let mut work = Work { gateway_sync, settings, namespace, warnings: Vec::new(), asked: 0 };
    let mut documents: Vec<Value> = documents.into_iter().filter(|document| !document.is_null()).collect();
    for document in &mut documents {
        work.document(document)?;
    }
    if work.asked == 0 {
        return Err(ManifestsError::NobodyAsks);
    }
    let written: Result<Vec<String>, _> = documents.iter().map(serde_saphyr::to_string).collect();
    let written = written.map_err(|error| ManifestsError::Unwritable(error.to_string()))?;
    Ok(Injected { text: written.join("---\n"), warnings: work.warnings })
}

struct Work<'a> {
    gateway_sync: &'a GatewaySync,
    settings: &'a Settings,
    namespace: Option<&'a str>,
    warnings: Vec<String>,
    asked: usize,
}

impl Work<'_> {
    fn document(&mut self, document: &mut Value) -> Result<(), ManifestsError> {
        let kind = document["kind"].as_str().unwrap_or_default().to_owned();
        if kind == "List" {
            let items = document["items"].as_array_mut();
            return items.into_iter().flatten().try_for_each(|item| self.document(item));
        }
        let pointer = match kind.as_str() {
            "Pod" => "",
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job" => {
                "/spec/template"
            }
            "CronJob" => "/spec/jobTemplate/spec/template",
            "PodTemplate" => "/template",
            _ => return Ok(()),
        };
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let place = format!("{kind} {}", text("/metadata/name").unwrap_or_default());
        let namespace = text("/metadata/namespace");
        match document.pointer_mut(pointer) {
            Some(pod) if Pod(pod).asks() => self.pod(pod, &place, namespace),
            _ => Ok(()),
        }
    }

    fn pod(&mut self, pod: &mut Value, place: &str, namespace: Option<String>) -> Result<(), ManifestsError> {
        self.asked += 1;
        let metadata = &self.gateway_sync.metadata;
        let asked = Pod(pod).annotation(annotations::CR_NAME);
        if let Some(asked) = asked.filter(|asked| *asked != metadata.name) {
            self.warnings.push(format!("{place} belongs to GatewaySync {asked}; left as it is"));
            return Ok(());
        }
        let namespace =
            self.namespace.map(str::to_owned).or(namespace).or_else(|| metadata.namespace.clone());
        if metadata.namespace.as_ref().is_some_and(|own| namespace.as_ref() != Some(own)) {
            let namespace = namespace.unwrap_or_default();
            self.warnings.push(format!(
                "{place} is in namespace {namespace}, GatewaySync {} is not; left as it is",
                self.gateway_sync.display_name()
            ));
            return Ok(());
        }
        let request = Request {
            pod: Pod(pod),
            namespace: namespace.as_deref(),
            source: Source::Manifest,
            rules: &NamespaceRules::default(),
            api_secret: Presence::Unknown,
        };
        let resource = Resource { name: &metadata.name, spec: &self.gateway_sync.spec };
        let refused = |problem: String| ManifestsError::Refused { place: place.to_owned(), problem };
        let injection =
            inject(&request, resource, self.settings).map_err(|refusal| refused(refusal.to_string()))?;
        injection.patch.apply(pod).map_err(|misfit| refused(misfit.to_string()))?;
        self.warnings.extend(injection.warnings.into_iter().map(|warning| format!("{place}: {warning}")));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
