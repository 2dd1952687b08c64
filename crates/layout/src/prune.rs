use crate::fold::{components, same};

/// `prune: all` at a place that holds more than one owner's files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("prune: all is not possible at {place:?}: {holds}; {next}")]
pub struct PruneRefusal {
    /// The destination as it was given.
    pub place: String,
    /// What lies there besides the mapping's own.
    pub holds: &'static str,
    /// Where the mapping goes instead.
    pub next: &'static str,
}

const PER_TYPE: &str =
    "map each resource type by itself, config/resources/<collection>/<module>/<type>, or use prune: owned";
const PER_PROJECT: &str = "map each project by itself, projects/<name>, or use prune: owned";

/// Whether a mapping to `destination` may remove everything there that Git does not have.
///
/// # Errors
/// At or above `config`, `projects`, `config/resources`, a collection or a module directory: what the
/// gateway and its modules put there themselves would go.
pub fn may_prune_all(destination: &str) -> Result<(), PruneRefusal> {
    let mut names = components(destination);
    let refusal = match (names.next(), names.next(), names.count()) {
        (None, ..) => {
            Some(("it is the whole data directory", "map the directories you own, or use prune: owned"))
        }
        (Some(config), None, _) if same(config, "config") => {
            Some(("it holds the gateway's whole configuration", PER_TYPE))
        }
        (Some(projects), None, _) if same(projects, "projects") => {
            Some(("it holds every project of the gateway", PER_PROJECT))
        }
        (Some(config), Some(resources), below) if same(config, "config") && same(resources, "resources") => {
            in_resources(below)
        }
        _ => None,
    };
    match refusal {
        Some((holds, next)) => Err(PruneRefusal { place: destination.to_owned(), holds, next }),
        None => Ok(()),
    }
}

fn in_resources(below: usize) -> Option<(&'static str, &'static str)> {
    match below {
        0 => Some(("it holds every collection of the gateway", PER_TYPE)),
        1 => Some(("it holds a whole collection, the gateway's own resources among it", PER_TYPE)),
        2 => Some(("it holds every resource of a module, the gateway's own among them", PER_TYPE)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_at_or_above_a_module_directory_is_mirrored() {
        for place in [
            "",
            ".",
            "/",
            "config",
            "./config/",
            "CONFIG",
            "projects",
            "projects/",
            "config/resources",
            "config/resources/core",
            "config/Resources/external/",
            "config/resources/core/ignition",
            "config//resources/./core/com.inductiveautomation.perspective/",
        ] {
            let refusal = may_prune_all(place).expect_err(place);
            assert!(refusal.to_string().contains("prune: owned"), "{refusal}");
            assert!(refusal.to_string().contains(&format!("{place:?}")), "{refusal}");
        }
    }

    #[test]
    fn what_one_owner_can_own_is_mirrored() {
        for place in [
            "projects/Line1",
            "projects/Line1/ignition",
            "config/resources/core/ignition/tag-definition",
            "config/resources/external/com.inductiveautomation.perspective/themes/plant",
            "config/ignition/x",
            "modules",
            "user-lib/images",
        ] {
            assert_eq!(may_prune_all(place), Ok(()), "{place}");
        }
    }

    #[test]
    fn the_message_says_where_the_mapping_goes() {
        let refusal = may_prune_all("config/resources/core/ignition").unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "prune: all is not possible at \"config/resources/core/ignition\": it holds every resource of a module, \
             the gateway's own among them; map each resource type by itself, \
             config/resources/<collection>/<module>/<type>, or use prune: owned"
        );
    }
}
