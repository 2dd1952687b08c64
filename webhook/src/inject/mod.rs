//! Which pod gets what sidecar: pure functions of the pod, the `GatewaySync` and the settings.
//!
//! Two rules decide every doubt. Admission never keeps a gateway from starting: what the API server would refuse, or what
//! could not start, is left out, with a warning. And the pod is somebody else's: only what is ours is added, and what is
//! there already is left as it is, so that a second look changes nothing.

mod amount;
mod attachments;
mod choose;
mod image;
mod patch;
mod pod;
mod problem;
mod resources;
mod rules;
mod secret_key;
mod sidecar;

use stoker_api::names::{annotations, labels, sidecar as names};
use stoker_api::profile::{self, UnknownProfile};
use stoker_api::spec::GatewaySyncSpec;

pub use choose::choose;
pub use image::{Image, image};
pub use patch::{Misfit, Operation, Patch};
pub use pod::Pod;
pub use problem::Problem;
pub use rules::NamespaceRules;

/// What becomes of a pod that cannot be synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// It starts, with a warning.
    #[default]
    Admit,
    /// It is refused.
    Deny,
}

/// The installation's choices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Image of the sidecar where the resource names none.
    pub default_image: Option<String>,
    /// For pods of a paused `GatewaySync`.
    pub when_paused: Policy,
    /// For pods whose `GatewaySync` or profile is missing or ambiguous.
    pub when_invalid: Policy,
}

/// Where a pod comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The API server, which has put its own defaults and volumes into it.
    Admission,
    /// A file.
    Manifest,
}

/// What is known of a Secret without reading it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// It is there.
    Exists,
    /// It is not.
    Missing,
    /// Nobody could be asked.
    #[default]
    Unknown,
}

/// A pod and what is known about where it goes.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The pod, or the template of one.
    pub pod: Pod<'a>,
    /// Its namespace; a manifest may leave it to whoever applies it.
    pub namespace: Option<&'a str>,
    /// Where the pod comes from.
    pub source: Source,
    /// What the namespace demands.
    pub rules: &'a NamespaceRules,
    /// The Secret with the gateway's API token.
    pub api_secret: Presence,
}

/// The resource that a pod belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    /// Its name.
    pub name: &'a str,
    /// What is wanted.
    pub spec: &'a GatewaySyncSpec,
}

/// A pod that gets, or has, its sidecar.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Injection {
    /// What changes; nothing where the sidecar is there already.
    pub patch: Patch,
    /// For whoever makes the pod.
    pub warnings: Vec<String>,
}

/// A pod that gets no sidecar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Refusal {
    /// Why.
    pub problem: Problem,
    /// It is not to start at all.
    pub deny: bool,
}

impl Refusal {
    /// It starts without.
    pub fn without(problem: Problem) -> Self {
        Self { problem, deny: false }
    }

    /// What `policy` says.
    pub fn by(policy: Policy, problem: Problem) -> Self {
        Self { problem, deny: policy == Policy::Deny }
    }
}

/// Puts the sidecar into a pod.
pub fn inject(
    request: &Request<'_>,
    resource: Resource<'_>,
    settings: &Settings,
) -> Result<Injection, Refusal> {
    let pod = request.pod;
    let mut warnings = Vec::new();
    let (profile, sync_period) = profile_of(request, resource, settings, &mut warnings)?;
    if let Some(index) = pod.sidecar() {
        return Ok(Injection { patch: marked(pod, resource.name, index), warnings: Vec::new() });
    }
    if pod.has_foreign_sidecar() {
        return Err(Refusal::without(Problem::NameTaken));
    }
    if pod.is_windows() {
        return Err(Refusal::without(Problem::Windows));
    }
    let data = pod.data().ok_or(Refusal::without(Problem::NoDataVolume))?;
    if pod.user_of(data.gateway) == Some(0) {
        let container = data.gateway["name"].as_str().unwrap_or_default().to_owned();
        return Err(Refusal::without(Problem::RunsAsRoot { container }));
    }
    let agent = &resource.spec.agent;
    let image = image(agent, settings.default_image.as_deref()).ok_or(Refusal::without(Problem::NoImage))?;
    let (gateway, passed_over) = pod.gateway_name();
    warn(request, resource, &image, passed_over, &mut warnings);
    let resources = resources::resources(agent.resources.as_ref(), pod, request.rules, &mut warnings);
    let plan = sidecar::Plan {
        request,
        name: resource.name,
        spec: resource.spec,
        profile,
        sync_period,
        gateway,
        data,
        image,
        resources,
    };
    let (container, volumes) = sidecar::sidecar(&plan, &mut warnings);
    let mut patch = marks(pod, resource.name);
    patch.prepend(pod.0, "/spec/initContainers", container);
    patch.append(pod.0, "/spec/volumes", volumes);
    Ok(Injection { patch, warnings })
}

/// The profile and its `syncPeriod`. The agent is told a profile that does not exist by its name: it reports it.
fn profile_of<'a>(
    request: &Request<'a>,
    resource: Resource<'a>,
    settings: &Settings,
    warnings: &mut Vec<String>,
) -> Result<(&'a str, u32), Refusal> {
    let spec = resource.spec;
    let name = || displayed(request, resource);
    let asked = request.pod.annotation(annotations::PROFILE);
    let (profile, resolved) = match profile::select(&spec.sync.profiles, asked) {
        Ok((profile, found)) => (profile, Some(profile::resolve(&spec.sync.defaults, found))),
        Err(unknown) => {
            let problem = Problem::UnknownProfile { name: name(), unknown };
            refuse_or_warn(settings.when_invalid, problem, warnings)?;
            (asked.unwrap_or(profile::DEFAULT_PROFILE), None)
        }
    };
    if spec.paused {
        refuse_or_warn(settings.when_paused, Problem::Paused { name: name() }, warnings)?;
    } else if resolved.as_ref().is_some_and(|profile| profile.paused) {
        warnings.push(format!("profile {profile} of GatewaySync {} is paused: nothing is synced", name()));
    }
    Ok((profile, resolved.map_or(spec.sync.defaults.sync_period, |profile| profile.sync_period)))
}

fn refuse_or_warn(policy: Policy, problem: Problem, warnings: &mut Vec<String>) -> Result<(), Refusal> {
    if policy == Policy::Deny {
        return Err(Refusal { problem, deny: true });
    }
    warnings.push(problem.to_string());
    Ok(())
}

/// Whether a pod's profile exists; asked before a resource from a cache is believed.
pub fn check_profile(pod: Pod<'_>, spec: &GatewaySyncSpec) -> Result<(), UnknownProfile> {
    profile::select(&spec.sync.profiles, pod.annotation(annotations::PROFILE)).map(drop)
}

/// What will not work, or not as expected.
fn warn(
    request: &Request<'_>,
    resource: Resource<'_>,
    image: &Image,
    passed_over: Option<&str>,
    warnings: &mut Vec<String>,
) {
    if request.api_secret == Presence::Missing {
        let secret = &resource.spec.gateway.api.secret_name;
        warnings.push(format!(
            "secret {secret} with the gateway's API token does not exist: the gateway is not asked to scan until it does"
        ));
    }
    if image.is_untagged {
        warnings.push(format!(
            "the agent's image {} has no tag: pods may run different versions",
            image.reference
        ));
    }
    if passed_over.is_some() {
        warnings.push(format!(
            "{} is not a gateway's name (at most 63 of A-Z a-z 0-9 . _ -) and is passed over",
            annotations::GATEWAY_NAME
        ));
    }
    for port in [names::PROBE_PORT, names::METRICS_PORT] {
        if let Some(container) = request.pod.listener(port) {
            warnings.push(format!("container {container} listens on port {port}, which the sidecar needs"));
        }
    }
}

/// The marks of a pod that has its sidecar, and the sidecar in front of what others put there since.
fn marked(pod: Pod<'_>, name: &str, index: usize) -> Patch {
    let mut patch = marks(pod, name);
    patch.bring_to_front(pod.0, "/spec/initContainers", index);
    patch
}

fn marks(pod: Pod<'_>, name: &str) -> Patch {
    let mut patch = Patch::default();
    patch.set(pod.0, "/metadata/annotations", annotations::INJECTED, annotations::TRUE);
    if pod.annotation(annotations::CR_NAME).is_none() {
        patch.set(pod.0, "/metadata/annotations", annotations::CR_NAME, name);
    }
    patch.set(pod.0, "/metadata/labels", labels::AGENT, annotations::TRUE);
    patch
}

fn displayed(request: &Request<'_>, resource: Resource<'_>) -> String {
    match request.namespace {
        Some(namespace) => format!("{namespace}/{}", resource.name),
        None => resource.name.to_owned(),
    }
}

#[cfg(test)]
mod tests;
