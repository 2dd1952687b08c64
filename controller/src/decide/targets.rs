//! What single gateways are told otherwise: the annotations of the resource and of pods as `targets` (contract,
//! section 8), and the features that an agent must know to be told so.

use std::collections::BTreeMap;

use stoker_api::metadata::{EVERY_POD, Target};
use stoker_api::names::{annotations, features, objects};
use stoker_api::spec::GatewaySyncSpec;

use super::discover;
use super::input::{Observed, Pod};
use super::shards;

/// What came of the annotations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    pub by_pod: BTreeMap<String, Target>,
    /// Number of status `ConfigMap`s.
    pub shards: usize,
    /// Values that cannot be followed, in words.
    pub problems: Vec<String>,
}

/// The targets of the resource and its pods. `before` are those that are published, `commit` is what is wanted now.
pub fn targets(observed: &Observed, before: &BTreeMap<String, Target>, commit: &str) -> Targets {
    let mut targets = Targets::default();
    let resource = &observed.resource;
    let nothing = Target::default();
    let previous_of = |key: &str| before.get(key).unwrap_or(&nothing);

    let of_all = Given::read(&resource.annotations, "the GatewaySync", &mut targets.problems);
    let mut all = of_all.target(previous_of(EVERY_POD), commit);
    all.rollback_to = of_all.rollback_commit();

    let current = |pod: &str| {
        let told = previous_of(pod).status_config_map.as_deref();
        let told = told.and_then(|map| shards::number(&resource.name, map));
        told.or_else(|| observed.reports.get(pod).map(|report| report.shard))
    };
    let names = observed.pods.iter().filter(|pod| discover::has_sidecar(pod)).map(|pod| pod.name.as_str());
    let (assigned, shards) = shards::assign(names, current);
    targets.shards = shards;

    for pod in &observed.pods {
        let own = Given::read(&pod.annotations, &format!("pod {}", pod.name), &mut targets.problems);
        let before = previous_of(&pod.name);
        let mut target = own.target(before, commit);
        target.rollback_to = match (&own.rollback, &of_all.rollback) {
            (Rollback::Commit(commit), _) => Some(commit.clone()),
            (Rollback::Previous, _) | (Rollback::None, Rollback::Previous) => {
                before.rollback_to.clone().or_else(|| previous_commit(observed, pod))
            }
            _ => None,
        };
        let shard = assigned.get(pod.name.as_str()).copied().unwrap_or(0);
        target.status_config_map = (shard > 0).then(|| objects::status_shard(&resource.name, shard));
        if target != Target::default() {
            targets.by_pod.insert(pod.name.clone(), target);
        }
    }
    if all != Target::default() {
        targets.by_pod.insert(EVERY_POD.to_owned(), all);
    }
    targets
}

/// What `previous` means for a gateway, as its agent says; only an agent of this very pod is believed.
fn previous_commit(observed: &Observed, pod: &Pod) -> Option<String> {
    let entry = observed.reports.get(&pod.name)?.entry.as_ref().ok()?;
    let is_of_this_pod = entry.pod_uid.as_ref().is_none_or(|uid| *uid == pod.uid);
    entry.previous_commit.clone().filter(|commit| is_of_this_pod && is_commit(commit))
}

/// The annotations of one object.
struct Given {
    hold: Option<String>,
    rollback: Rollback,
    sync_now: Option<String>,
    resume: Option<String>,
    accepts: bool,
}

enum Rollback {
    None,
    Previous,
    Commit(String),
}

impl Given {
    fn read(annotations: &BTreeMap<String, String>, whose: &str, problems: &mut Vec<String>) -> Self {
        let text = |key: &str| annotations.get(key).map(|value| cut(value)).filter(|value| !value.is_empty());
        let rollback = match text(annotations::ROLLBACK_TO) {
            None => Rollback::None,
            Some(word) if word == annotations::ROLLBACK_TO_PREVIOUS => Rollback::Previous,
            Some(commit) if is_commit(&commit) => Rollback::Commit(commit.to_ascii_lowercase()),
            Some(other) => {
                let key = annotations::ROLLBACK_TO;
                problems.push(format!(
                    "{key} of {whose} is {other:?}: write \"previous\" or all forty digits of a commit"
                ));
                Rollback::None
            }
        };
        let accepts = match text(annotations::ACCEPT) {
            None => false,
            Some(word) if word == annotations::ACCEPT_GIT => true,
            Some(other) => {
                problems.push(format!(
                    "{} of {whose} is {other:?}: only \"git\" is understood",
                    annotations::ACCEPT
                ));
                false
            }
        };
        Self {
            hold: text(annotations::HOLD),
            rollback,
            sync_now: text(annotations::SYNC_NOW),
            resume: text(annotations::RESUME),
            accepts,
        }
    }

    /// All but the rollback. What is accepted is bound to the commit that was wanted when it was first seen, so that
    /// an annotation that stays does not let the next commit pass too.
    fn target(&self, before: &Target, commit: &str) -> Target {
        let accepted = before.accept.clone().or_else(|| (!commit.is_empty()).then(|| commit.to_owned()));
        Target {
            hold: self.hold.clone(),
            sync_now: self.sync_now.clone(),
            resume: self.resume.clone(),
            accept: accepted.filter(|_| self.accepts),
            ..Target::default()
        }
    }

    fn rollback_commit(&self) -> Option<String> {
        match &self.rollback {
            Rollback::Commit(commit) => Some(commit.clone()),
            Rollback::None | Rollback::Previous => None,
        }
    }
}

/// Annotations are written by people: as much as fits a target without filling the metadata.
fn cut(value: &str) -> String {
    value.trim().chars().filter(|c| !c.is_control()).take(128).collect()
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What an agent must know to follow the metadata safely.
pub fn requires(spec: &GatewaySyncSpec, targets: &BTreeMap<String, Target>) -> Vec<String> {
    let holds = targets.values().any(|target| target.hold.is_some() || target.rollback_to.is_some());
    let needed = [
        (features::HOLD, holds),
        (features::VERIFY, spec.git.verify.is_some()),
        (features::WINDOWS, !spec.sync_windows.is_empty()),
    ];
    needed.iter().filter(|(_, needed)| *needed).map(|(feature, _)| (*feature).to_owned()).collect()
}

#[cfg(test)]
mod tests;
