//! Reading a pod as the API server sent it: every field that we do not know stays untouched.

use serde_json::Value;
use stoker_api::names::{MAX_GATEWAY_NAME, annotations, env, is_gateway_name, labels, sidecar, volumes};

use super::amount::Amount;

/// Where service accounts' tokens are mounted.
pub(super) const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// What the API server calls the volumes that it makes for them.
const TOKEN_VOLUME_PREFIX: &str = "kube-api-access-";

/// A pod, or the template of one.
#[derive(Clone, Copy, Debug)]
pub struct Pod<'a>(pub &'a Value);

/// What the gateway is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GatewayName<'a> {
    /// Written by the pod's author, or the name that the pod has.
    Known(&'a str),
    /// That of the pod, which gets one only after admission, or has one that has to be cut: `$(POD_NAME)`.
    OfThePod,
}

/// Where the gateway's data is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Data<'a> {
    /// The container that mounts it first: the gateway.
    pub gateway: &'a Value,
    /// Its mount.
    pub mount: &'a Value,
}

impl<'a> Pod<'a> {
    fn text(self, pointer: &str) -> Option<&'a str> {
        self.0.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn member(self, map: &str, key: &str) -> Option<&'a str> {
        self.0.pointer(map)?.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    /// An annotation that is not empty.
    pub fn annotation(self, key: &str) -> Option<&'a str> {
        self.member("/metadata/annotations", key)
    }

    pub(super) fn label(self, key: &str) -> Option<&'a str> {
        self.member("/metadata/labels", key)
    }

    /// The labels.
    pub(super) fn labels(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let labels = self.0.pointer("/metadata/labels").and_then(Value::as_object);
        labels.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }

    /// Its name, which is unknown where Kubernetes will make one.
    pub fn name(self) -> Option<&'a str> {
        self.text("/metadata/name")
    }

    /// Whether its author asks for the sidecar.
    pub fn asks(self) -> bool {
        self.annotation(annotations::INJECT) == Some(annotations::TRUE)
    }

    pub(super) fn list(self, pointer: &str) -> &'a [Value] {
        self.0.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub(super) fn containers(self) -> &'a [Value] {
        self.list("/spec/containers")
    }

    pub(super) fn init_containers(self) -> &'a [Value] {
        self.list("/spec/initContainers")
    }

    fn all_containers(self) -> impl Iterator<Item = &'a Value> {
        self.init_containers().iter().chain(self.containers())
    }

    /// Where among the init containers the sidecar is.
    pub(super) fn sidecar(self) -> Option<usize> {
        self.init_containers().iter().position(|container| container["name"] == sidecar::CONTAINER)
    }

    /// Whether a container that is not ours has the sidecar's name.
    pub(super) fn has_foreign_sidecar(self) -> bool {
        let others = self.containers().iter().chain(self.list("/spec/ephemeralContainers"));
        others.into_iter().any(|container| container["name"] == sidecar::CONTAINER)
    }

    pub(super) fn is_windows(self) -> bool {
        self.text("/spec/os/name") == Some("windows")
    }

    /// The gateway's name, and what was passed over because no gateway can be called so (the controller does the same).
    pub(super) fn gateway_name(self) -> (GatewayName<'a>, Option<&'a str>) {
        let written = [self.annotation(annotations::GATEWAY_NAME), self.label(labels::APP_NAME)];
        let passed_over = written[0].filter(|name| !is_gateway_name(name));
        let name = written.into_iter().flatten().find(|name| is_gateway_name(name));
        let of_pod = || match self.name().filter(|name| name.len() <= MAX_GATEWAY_NAME) {
            Some(name) => GatewayName::Known(name),
            None => GatewayName::OfThePod,
        };
        (name.map_or_else(of_pod, GatewayName::Known), passed_over)
    }

    /// Whether the name of the gateway is written in the pod, rather than being the pod's own.
    pub(super) fn has_written_gateway_name(self) -> bool {
        let written = [self.annotation(annotations::GATEWAY_NAME), self.label(labels::APP_NAME)];
        written.into_iter().flatten().any(is_gateway_name)
    }

    /// The data volume: `ignition-data`, else `data`, as the first container that mounts it does.
    pub(super) fn data(self) -> Option<Data<'a>> {
        volumes::DATA.iter().find_map(|volume| {
            self.containers().iter().find_map(|gateway| {
                let mount = mounts(gateway).iter().find(|mount| mount["name"] == *volume)?;
                mount["mountPath"].as_str()?;
                Some(Data { gateway, mount })
            })
        })
    }

    /// The user that a container of the pod runs as, if anybody says so.
    pub(super) fn user_of(self, container: &Value) -> Option<i64> {
        let own = container.pointer("/securityContext/runAsUser").and_then(Value::as_i64);
        own.or_else(|| self.0.pointer("/spec/securityContext/runAsUser").and_then(Value::as_i64))
    }

    /// Whether its class of service is `Guaranteed` as it is: CPU and memory limited everywhere, and all of it reserved.
    pub(super) fn is_guaranteed(self) -> bool {
        let of = |container: &Value, part: &str, name: &str| {
            container.pointer(&format!("/resources/{part}/{name}")).and_then(Amount::of_value)
        };
        let is_reserved = |container: &Value| {
            ["cpu", "memory"].iter().all(|name| {
                let limit = of(container, "limits", name);
                limit.is_some_and(|limit| !limit.is_zero())
                    && of(container, "requests", name).is_none_or(|request| Some(request) == limit)
            })
        };
        !self.containers().is_empty() && self.all_containers().all(is_reserved)
    }

    /// Whether requests and limits are set for the pod as a whole.
    pub(super) fn has_resources_of_its_own(self) -> bool {
        self.0.pointer("/spec/resources").and_then(Value::as_object).is_some_and(|all| !all.is_empty())
    }

    pub(super) fn has_claim(self, name: &str) -> bool {
        self.list("/spec/resourceClaims").iter().any(|claim| claim["name"] == name)
    }

    /// `spec.automountServiceAccountToken`.
    pub(super) fn automounts(self) -> Option<bool> {
        self.0.pointer("/spec/automountServiceAccountToken").and_then(Value::as_bool)
    }

    /// Whether the API server has put a token into it.
    pub(super) fn has_mounted_token(self) -> bool {
        let is_token = |mount: &Value| {
            mount["mountPath"] == TOKEN_PATH
                && mount["name"].as_str().is_some_and(|name| name.starts_with(TOKEN_VOLUME_PREFIX))
        };
        self.all_containers().flat_map(mounts).any(is_token)
    }

    /// A name for a volume of ours: the contract's, unless the pod has a volume of that name.
    pub(super) fn free_volume_name(self, name: &str) -> String {
        let is_taken = |name: &str| self.list("/spec/volumes").iter().any(|volume| volume["name"] == name);
        if !is_taken(name) {
            return name.to_owned();
        }
        let mut numbers = 0..;
        let name = name.strip_prefix("stoker-").unwrap_or(name);
        numbers
            .by_ref()
            .map(|number| match number {
                0 => format!("stoker-{name}"),
                number => format!("stoker-{name}-{number}"),
            })
            .find(|name| !is_taken(name))
            .unwrap_or_default()
    }

    /// Containers other than ours that say they listen on `port`.
    pub(super) fn listener(self, port: u16) -> Option<&'a str> {
        let listens = |container: &&Value| {
            let ports = container["ports"].as_array().map_or(&[][..], Vec::as_slice);
            ports.iter().any(|entry| entry["containerPort"] == port)
        };
        self.all_containers().find(listens).and_then(|container| container["name"].as_str())
    }
}

/// The mounts of a container.
pub(super) fn mounts(container: &Value) -> &[Value] {
    container["volumeMounts"].as_array().map_or(&[], Vec::as_slice)
}

impl<'a> Data<'a> {
    /// Name of the volume.
    pub fn volume(&self) -> &'a str {
        self.mount["name"].as_str().unwrap_or_default()
    }

    /// Where it is mounted.
    pub fn path(&self) -> &'a str {
        self.mount["mountPath"].as_str().unwrap_or_default()
    }

    /// Volumes that are mounted beneath it in the gateway: the sidecar's writes there would not be seen.
    pub fn beneath(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let root = format!("{}/", self.path().trim_end_matches('/'));
        mounts(self.gateway).iter().filter_map(move |mount| {
            let path = mount["mountPath"].as_str()?;
            path.starts_with(&root).then_some(()).filter(|()| path.len() > root.len())?;
            Some((mount["name"].as_str()?, path))
        })
    }

    /// The variables that its `subPathExpr` needs.
    pub fn variables(&self) -> impl Iterator<Item = &'a str> {
        let expression = self.mount["subPathExpr"].as_str().unwrap_or_default();
        expression.split("$(").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0))
    }

    /// The gateway's own definition of a variable.
    pub fn variable(&self, name: &str) -> Option<&'a Value> {
        self.gateway["env"].as_array()?.iter().find(|entry| entry["name"] == name)
    }
}

/// Whether a variable means the same in the gateway as in the sidecar.
pub(super) fn is_same_variable(entry: &Value) -> bool {
    let path = entry.pointer("/valueFrom/fieldRef/fieldPath").and_then(Value::as_str);
    matches!(
        (entry["name"].as_str(), path),
        (Some(env::POD_NAME), Some("metadata.name"))
            | (Some(env::POD_NAMESPACE), Some("metadata.namespace"))
            | (Some(env::POD_UID), Some("metadata.uid"))
    )
}
