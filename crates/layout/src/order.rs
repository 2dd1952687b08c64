/// When a file of a resource goes down. The gateway reads a resource when its manifest changes, so
/// payloads come first and the manifest last; a resource that goes loses its manifest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// What a manifest lists, and every file that has none.
    Payload,
    /// The file that makes the gateway look: always rewritten when a sibling changed.
    Manifest,
}

/// The class of a file by its name (the path's last component). Exact, as the gateway looks it up.
pub fn class(name: &str) -> Class {
    match name {
        "resource.json" | "unary-resource.json" | "project.json" => Class::Manifest,
        _ => Class::Payload,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_come_after_payloads() {
        for name in ["resource.json", "unary-resource.json", "project.json"] {
            assert_eq!(class(name), Class::Manifest, "{name}");
        }
        for name in ["view.json", "config.json", "Resource.json", "resource.json.bak", "tags.json", ""] {
            assert_eq!(class(name), Class::Payload, "{name}");
        }
        assert!(Class::Payload < Class::Manifest);
    }
}
