//! Which image the sidecar has.

use stoker_api::spec::{Agent, PullPolicy};

/// An image and when the node asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// With tag or digest.
    pub reference: String,
    /// When the node asks the registry.
    pub pull_policy: PullPolicy,
    /// Nobody said which version: it is whatever the registry calls `latest`.
    pub is_untagged: bool,
}

/// The resource's own image, else the installation's; `None` where neither names one.
pub fn image(agent: &Agent, default: Option<&str>) -> Option<Image> {
    let given = agent.image.as_ref();
    let pull_policy = given.map(|image| image.pull_policy).unwrap_or_default();
    let own = given.and_then(|image| {
        let repository = image.repository.as_deref().filter(|repository| !repository.is_empty())?;
        Some((repository, image.tag.as_deref().filter(|tag| !tag.is_empty())))
    });
    let (repository, tag) = own.or_else(|| Some((default.filter(|image| !image.is_empty())?, None)))?;
    let is_tagged = repository.rsplit('/').next().unwrap_or(repository).contains([':', '@']);
    let (reference, is_untagged) = match tag {
        Some(tag) => (format!("{repository}:{tag}"), false),
        None if is_tagged => (repository.to_owned(), false),
        None => (format!("{repository}:latest"), true),
    };
    Some(Image { reference, pull_policy, is_untagged })
}

#[cfg(test)]
mod tests {
    use stoker_api::spec::AgentImage;

    use super::*;

    fn agent(repository: &str, tag: Option<&str>) -> Agent {
        let repository = Some(repository.to_owned());
        let image = AgentImage { repository, tag: tag.map(str::to_owned), ..AgentImage::default() };
        Agent { image: Some(image), ..Agent::default() }
    }

    #[test]
    fn the_resources_image_wins_and_without_a_tag_it_is_latest() {
        for (repository, tag, expected, is_untagged) in [
            ("r/a", Some("1"), "r/a:1", false),
            ("r/a", None, "r/a:latest", true),
            ("host:5000/a", None, "host:5000/a:latest", true),
            ("r/a@sha256:0", None, "r/a@sha256:0", false),
            ("", Some("1"), "default:7", false),
        ] {
            let image = image(&agent(repository, tag), Some("default:7")).unwrap();
            assert_eq!((image.reference.as_str(), image.is_untagged), (expected, is_untagged));
            assert_eq!(image.pull_policy, PullPolicy::IfNotPresent);
        }
        assert_eq!(image(&Agent::default(), None), None);
        assert_eq!(image(&Agent::default(), Some("")), None);
    }
}
