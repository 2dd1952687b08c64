use crate::fold::{components, same};

/// The rest of `path` below `config/resources/<collection>/ignition/`, with the collection.
fn in_ignition(path: &str) -> Option<(&str, impl Iterator<Item = &str>)> {
    let mut names = components(path);
    let inside = same(names.next()?, "config") && same(names.next()?, "resources");
    let collection = names.next()?;
    (inside && same(names.next()?, "ignition")).then_some((collection, names))
}

/// What to tell the user when a mapping covers `path`: shipped to another gateway, these files have locked
/// its administrators out. Nothing for every other path.
pub fn identity_warning(path: &str) -> Option<&'static str> {
    let (collection, mut names) = in_ignition(path)?;
    if !same(collection, "core") {
        return None;
    }
    let kind = names.next()?;
    if same(kind, "api-token") {
        return Some("API tokens of one gateway open every gateway they are shipped to");
    }
    let name = names.next()?;
    if same(kind, "user-source") && (own_profile(name) || same(name, "opcua-module")) {
        return Some(
            "a shipped user source replaces the gateway's own users and can lock its administrators out",
        );
    }
    if same(kind, "identity-provider") && own_profile(name) {
        return Some(
            "a shipped identity provider replaces the gateway's own and can lock its administrators out",
        );
    }
    None
}

/// `default`, `temp` and the `temp_<n>` that commissioning makes when `temp` is taken.
fn own_profile(name: &str) -> bool {
    let numbered = |rest: &str| !rest.is_empty() && rest.bytes().all(|digit| digit.is_ascii_digit());
    same(name, "default")
        || same(name, "temp")
        || name.split_once('_').is_some_and(|(stem, rest)| same(stem, "temp") && numbered(rest))
}

/// Whether `path` holds who may enter the gateway: such files are never deleted, not even by `prune: all`,
/// for whoever made them on the gateway could not come in again.
pub fn foreign_identity(path: &str) -> bool {
    const KINDS: [&str; 4] = ["user-source", "identity-provider", "api-token", "security-properties"];
    in_ignition(path)
        .and_then(|(_, mut names)| names.next())
        .is_some_and(|kind| KINDS.iter().any(|identity| same(kind, identity)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_locks_people_out_is_warned_about() {
        for path in [
            "config/resources/core/ignition/user-source/default/users.json",
            "config/resources/core/ignition/user-source/default",
            "config/resources/core/ignition/user-source/opcua-module/config.json",
            "config/resources/core/ignition/user-source/temp/config.json",
            "config/resources/core/ignition/user-source/temp_2/config.json",
            "config/resources/core/ignition/identity-provider/default/config.json",
            "config/resources/Core/Ignition/Identity-Provider/TEMP/config.json",
            "config/resources/core/ignition/api-token/ci/config.json",
            "config/resources/core/ignition/api-token",
        ] {
            assert!(identity_warning(path).is_some(), "{path}");
        }
    }

    #[test]
    fn a_site_s_own_identity_is_shipped_without_a_word() {
        for path in [
            "config/resources/core/ignition/user-source/plant-ad/config.json",
            "config/resources/core/ignition/user-source/template/config.json",
            "config/resources/core/ignition/user-source/temp_x/config.json",
            "config/resources/core/ignition/identity-provider/okta/config.json",
            "config/resources/core/ignition/identity-provider/opcua-module/config.json",
            "config/resources/dev/ignition/user-source/default/config.json",
            "config/resources/core/ignition/user-source",
            "config/resources/core/com.example/user-source/default/config.json",
            "projects/core/ignition/user-source/default/config.json",
            "",
        ] {
            assert_eq!(identity_warning(path), None, "{path}");
        }
    }

    #[test]
    fn identity_of_any_collection_is_never_deleted() {
        for (path, identity) in [
            ("config/resources/core/ignition/user-source/plant-ad/config.json", true),
            ("config/resources/dev/ignition/identity-provider/okta/resource.json", true),
            ("config/resources/external/ignition/api-token/x/config.json", true),
            ("config/resources/core/ignition/security-properties/config.json", true),
            ("config/resources/core/IGNITION/Security-Properties", true),
            ("config/resources/core/ignition/security-levels/config.json", false),
            ("config/resources/core/ignition", false),
            ("config/resources/core/com.example/api-token/x", false),
            ("projects/core/ignition/user-source/x", false),
        ] {
            assert_eq!(foreign_identity(path), identity, "{path}");
        }
    }
}
