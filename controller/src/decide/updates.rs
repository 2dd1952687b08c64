//! `agent.updateStrategy: inPlace`: the sidecar's image is patched in live pods, a few at a time.

use std::sync::Arc;

use stoker_api::spec::{Agent, UpdateStrategy};

use super::discover;
use super::input::Pod;

/// Sidecars that may be on their way to the new image at one time.
const AT_ONCE: usize = 3;

/// A pod whose sidecar gets another image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    pub pod: String,
    pub uid: String,
    pub image: String,
}

/// The image that the webhook would inject now; `None` where neither the resource nor the installation names one.
pub fn wanted_image(agent: &Agent, default: Option<&str>) -> Option<String> {
    let given = agent.image.as_ref().and_then(|image| {
        let repository = image.repository.as_deref().filter(|repository| !repository.is_empty())?;
        let tag = image.tag.as_deref().filter(|tag| !tag.is_empty());
        let last = repository.rsplit('/').next().unwrap_or(repository);
        Some(match tag {
            Some(tag) => format!("{repository}:{tag}"),
            None if last.contains([':', '@']) => repository.to_owned(),
            None => format!("{repository}:latest"),
        })
    });
    given.or_else(|| default.map(str::to_owned))
}

/// The pods to patch now. A pod that was patched and whose sidecar does not run yet takes one of the places, so that
/// an image that cannot be pulled stops at a few gateways.
pub fn updates(agent: &Agent, wanted: Option<&str>, pods: &[Arc<Pod>]) -> Vec<Update> {
    let Some(wanted) = wanted.filter(|_| agent.update_strategy == UpdateStrategy::InPlace) else {
        return Vec::new();
    };
    let facts = |pod: &Arc<Pod>| pod.facts.clone().filter(|facts| !facts.ended && discover::has_sidecar(pod));
    let is_new = |image: &Option<String>| image.as_deref() == Some(wanted);
    let under_way = pods
        .iter()
        .filter_map(facts)
        .filter(|facts| is_new(&facts.agent_image) && !facts.agent_running)
        .count();
    let outdated = |pod: &&Arc<Pod>| {
        facts(pod).is_some_and(|facts| facts.agent_image.is_some() && !is_new(&facts.agent_image))
    };
    pods.iter()
        .filter(outdated)
        .take(AT_ONCE.saturating_sub(under_way))
        .map(|pod| Update { pod: pod.name.clone(), uid: pod.uid.clone(), image: wanted.to_owned() })
        .collect()
}

#[cfg(test)]
mod tests {
    use stoker_api::names::annotations;
    use stoker_api::spec::AgentImage;

    use super::*;
    use crate::decide::input::PodFacts;
    use crate::decide::testkit::pod;

    fn agent(repository: &str, tag: Option<&str>) -> Agent {
        let image = AgentImage {
            repository: Some(repository.into()),
            tag: tag.map(Into::into),
            ..AgentImage::default()
        };
        Agent { image: Some(image), update_strategy: UpdateStrategy::InPlace, ..Agent::default() }
    }

    fn with_image(name: &str, image: &str, running: bool) -> Arc<Pod> {
        let mut pod = pod(name, &[(annotations::INJECTED, "true")]);
        pod.facts =
            Some(PodFacts { agent_image: Some(image.into()), agent_running: running, ..PodFacts::default() });
        Arc::new(pod)
    }

    #[test]
    fn a_repository_without_tag_means_latest() {
        for (repository, tag, expected) in [
            ("r/a", Some("1"), "r/a:1"),
            ("r/a", None, "r/a:latest"),
            ("host:5000/a", None, "host:5000/a:latest"),
            ("r/a@sha256:0", None, "r/a@sha256:0"),
        ] {
            assert_eq!(wanted_image(&agent(repository, tag), None).as_deref(), Some(expected));
        }
        assert_eq!(wanted_image(&Agent::default(), Some("d:1")).as_deref(), Some("d:1"));
        assert_eq!(wanted_image(&Agent::default(), None), None);
    }

    #[test]
    fn a_few_at_a_time_and_no_more_while_those_are_not_back() {
        let old: Vec<_> = (0..10).map(|n| with_image(&format!("gw-{n}"), "a:1", true)).collect();
        let to_patch = updates(&agent("a", Some("2")), Some("a:2"), &old);
        assert_eq!(to_patch.len(), AT_ONCE);

        let mut patched = old.clone();
        for (place, update) in to_patch.iter().enumerate() {
            patched[place] = with_image(&update.pod, "a:2", place == 0);
        }
        assert_eq!(updates(&agent("a", Some("2")), Some("a:2"), &patched).len(), 1);
    }

    #[test]
    fn on_restart_leaves_live_pods_alone() {
        let mut agent = agent("a", Some("2"));
        agent.update_strategy = UpdateStrategy::OnRestart;
        assert!(updates(&agent, Some("a:2"), &[with_image("gw", "a:1", true)]).is_empty());
    }
}
