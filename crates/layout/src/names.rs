use crate::fold::components;
use crate::order::{Class, class};

/// The project whose directory holds `path`; nothing for `projects` itself, the cache beside the projects
/// and files that lie in no project.
pub fn project_of(path: &str) -> Option<&str> {
    let mut names = components(path);
    let project = names.next().filter(|root| *root == "projects").and_then(|_| names.next())?;
    (names.next().is_some() && !project.starts_with('.')).then_some(project)
}

/// A configuration resource, as `GET /resources/find/{module}/{type}/{name}` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigResource<'a> {
    /// `core`, `external`, a deployment mode …
    pub collection: &'a str,
    /// `ignition` or a module's id.
    pub module: &'a str,
    /// `database-connection`, `tag-definition` …
    pub kind: &'a str,
    /// The name, with `/` where the resource lies in folders; nothing for a resource that exists once.
    pub name: Option<&'a str>,
}

/// The configuration resource whose manifest is `path`.
///
/// Only a manifest tells where a resource's own directory begins (`images/Builtin/about.png/resource.json`:
/// the name is `Builtin/about.png`), so every other path gives nothing, as do those of projects.
pub fn resource_of(path: &str) -> Option<ConfigResource<'_>> {
    let path = path.strip_prefix("./").unwrap_or(path);
    let (directory, file) = path.strip_prefix("config/resources/")?.rsplit_once('/')?;
    if class(file) != Class::Manifest {
        return None;
    }
    let mut parts = directory.splitn(4, '/');
    let mut part = || parts.next().filter(|name| !name.is_empty());
    Some(ConfigResource { collection: part()?, module: part()?, kind: part()?, name: part() })
}

/// Why the gateway takes no resource or project of this name (one path component); nothing if it may. A
/// reason to warn, not to stop: other files than resources may be called so.
pub fn odd_name(component: &str) -> Option<&'static str> {
    if component.is_empty() {
        return Some("a name must not be empty");
    }
    if component.starts_with([' ', '.']) || component.ends_with([' ', '.']) {
        return Some("Ignition takes no name that begins or ends with a space or a dot");
    }
    if component.contains(['/', '\\', '?', '*', ':', '|', '"', '<', '>', '`']) {
        return Some("Ignition takes no name with one of / \\ ? * : | \" < > `");
    }
    component.contains(char::is_control).then_some("Ignition takes no name with a control character")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_its_project() {
        for (path, project) in [
            ("projects/Line 1/project.json", Some("Line 1")),
            ("./projects/Line1/ignition/script-python/x/code.py", Some("Line1")),
            ("projects/Line1", None),
            ("projects/.resources/ab/cd", None),
            ("projects", None),
            ("config/projects/x/y", None),
            ("", None),
        ] {
            assert_eq!(project_of(path), project, "{path}");
        }
    }

    #[test]
    fn a_manifest_tells_its_resource() {
        let resource =
            |path| resource_of(path).map(|found| (found.collection, found.module, found.kind, found.name));
        for (path, found) in [
            (
                "config/resources/core/ignition/database-connection/db/resource.json",
                Some(("core", "ignition", "database-connection", Some("db"))),
            ),
            (
                "config/resources/core/ignition/cobranding/resource.json",
                Some(("core", "ignition", "cobranding", None)),
            ),
            (
                "config/resources/external/ignition/images/Builtin/icons/about.png/resource.json",
                Some(("external", "ignition", "images", Some("Builtin/icons/about.png"))),
            ),
            (
                "./config/resources/core/ignition/tag-definition/default/A/unary-resource.json",
                Some(("core", "ignition", "tag-definition", Some("default/A"))),
            ),
            ("config/resources/core/ignition/database-connection/db/config.json", None),
            ("config/resources/core/config-mode.json", None),
            ("config/resources/core/ignition/resource.json", None),
            ("projects/p/ignition/named-query/x/resource.json", None),
        ] {
            assert_eq!(resource(path), found, "{path}");
        }
    }

    #[test]
    fn names_that_ignition_refuses_are_named() {
        for odd in [
            "", " x", "x ", ".x", "x.", "a/b", "a\\b", "a?", "a*", "a:b", "a|b", "a\"", "<", ">", "`", "a\nb",
        ] {
            assert!(odd_name(odd).is_some(), "{odd:?}");
        }
        for fine in ["Line 1", "view.json", "Größe", "a-b_c(1)", "a'b", "a=b&c"] {
            assert_eq!(odd_name(fine), None, "{fine:?}");
        }
    }
}
