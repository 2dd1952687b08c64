use crate::fold::{components, ends_with, same};

/// Who brings a file to the redundant partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Redundancy {
    /// The master copies it to the backup: written on the master only.
    Replicated,
    /// Nobody: written on both nodes.
    Local,
}

/// Who brings `path` to the redundant partner. `external` is never copied, `local` belongs to the
/// machine; everything else is the master's.
pub fn redundancy_class(path: &str) -> Redundancy {
    let mut names = components(path);
    let resources = names.next().is_some_and(|name| same(name, "config"))
        && names.next().is_some_and(|name| same(name, "resources"));
    let own = |name: &str| same(name, "external") || same(name, "local");
    if resources && names.next().is_some_and(own) { Redundancy::Local } else { Redundancy::Replicated }
}

/// Whether a scan does not reach `path`: the gateway reads it when it starts.
pub fn restart_only(path: &str) -> bool {
    const ROOT: [&str; 4] = ["modules.json", "ignition.conf", "gateway.xml", "redundancy.xml"];
    let mut names = components(path);
    let Some(first) = names.next() else { return false };
    match names.last() {
        None => ROOT.iter().any(|file| same(first, file)) || ends_with(first, ".modl"),
        Some(last) => ends_with(last, ".modl"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_external_and_local_are_each_node_s_own() {
        for (path, class) in [
            ("config/resources/external/ignition/x/config.json", Redundancy::Local),
            ("config/resources/External", Redundancy::Local),
            ("config/resources/local/ignition/x/config.json", Redundancy::Local),
            ("config/resources/core/external/x", Redundancy::Replicated),
            ("config/resources/dev/ignition/x", Redundancy::Replicated),
            ("config/resources", Redundancy::Replicated),
            ("projects/external/project.json", Redundancy::Replicated),
            ("projects/resources/external", Redundancy::Replicated),
            (".versions.json", Redundancy::Replicated),
            ("", Redundancy::Replicated),
        ] {
            assert_eq!(redundancy_class(path), class, "{path}");
        }
    }

    #[test]
    fn what_no_scan_reaches_needs_a_restart() {
        for path in [
            "modules.json",
            "ignition.conf",
            "./gateway.xml",
            "Redundancy.XML",
            "modules/Symbol.modl",
            "x.MODL",
        ] {
            assert!(restart_only(path), "{path}");
        }
        for path in [
            "",
            "projects/p/modules.json",
            "config/ignition.conf",
            "projects/p/project.json",
            "gateway.xml.bak",
            "modl",
        ] {
            assert!(!restart_only(path), "{path}");
        }
    }
}
