//! The rules that types cannot express: bounds, exactly-one, paths that stay inside, names that are names.
//!
//! Pure, and the same for a manifest that a person wrote and for a resource that came from a cluster.

mod connections;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::path::FieldPath;
use crate::resource::{GatewaySync, ObjectMeta};
use crate::spec::{
    self, Defaults, GatewaySyncSpec, Limits, Mapping, MappingType, Patch, Profile, Resources, SecretKeyRef,
    SecretNameRef, SyncSpec,
};

/// The longest name: it becomes the value of the label `stoker.io/cr-name`.
const MAX_NAME: usize = 63;

/// A rule that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field.
    pub path: FieldPath,
    /// What is wrong and what to do.
    pub words: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.words)
    }
}

/// Every rule that a resource breaks.
pub fn check(resource: &GatewaySync) -> Vec<Violation> {
    let mut rules = Rules { at: FieldPath::default(), broken: Vec::new() };
    let GatewaySync { api_version: _, kind: _, metadata, spec } = resource;
    rules.within("metadata", |rules| rules.metadata(metadata));
    rules.within("spec", |rules| rules.spec(spec));
    rules.broken
}

/// Every rule that the profiles and defaults break: the condition `ProfilesValid`.
pub fn check_profiles(sync: &SyncSpec) -> Vec<Violation> {
    let mut rules = Rules { at: FieldPath::of("spec.sync"), broken: Vec::new() };
    rules.sync(sync);
    rules.broken
}

/// Collects what is broken, knowing where it is.
struct Rules {
    at: FieldPath,
    broken: Vec<Violation>,
}

impl Rules {
    fn within(&mut self, field: &str, rules: impl FnOnce(&mut Self)) {
        let deeper = self.at.key(field);
        let outer = std::mem::replace(&mut self.at, deeper);
        rules(self);
        self.at = outer;
    }

    fn within_item(&mut self, index: usize, rules: impl FnOnce(&mut Self)) {
        let deeper = self.at.index(index);
        let outer = std::mem::replace(&mut self.at, deeper);
        rules(self);
        self.at = outer;
    }

    fn within_each<T>(&mut self, field: &str, items: &[T], rule: impl Fn(&mut Self, &T)) {
        self.within(field, |rules| {
            for (index, item) in items.iter().enumerate() {
                rules.within_item(index, |rules| rule(rules, item));
            }
        });
    }

    fn broken(&mut self, words: impl Into<String>) {
        self.broken.push(Violation { path: self.at.clone(), words: words.into() });
    }

    fn metadata(&mut self, metadata: &ObjectMeta) {
        let ObjectMeta { name, namespace, labels: _, annotations: _ } = metadata;
        self.within("name", |rules| rules.object_name(name));
        if let Some(namespace) = namespace {
            self.within("namespace", |rules| rules.object_name(namespace));
        }
    }

    /// A DNS-1123 subdomain, short enough for a label.
    fn object_name(&mut self, name: &str) {
        let part_is_name = |part: &str| {
            let inner = part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            inner && !part.is_empty() && !part.starts_with('-') && !part.ends_with('-')
        };
        if name.len() > MAX_NAME {
            self.broken(format!("is longer than {MAX_NAME} characters; it must fit a label"));
        } else if !name.split('.').all(part_is_name) {
            let words = "is not a Kubernetes name; use lower-case letters, digits and '-', with a letter or digit at both ends";
            self.broken(format!("{name:?} {words}"));
        }
    }

    fn spec(&mut self, spec: &GatewaySyncSpec) {
        let GatewaySyncSpec { git, polling: _, gateway, sync, agent, receiver, sync_windows, paused: _ } =
            spec;
        self.within("git", |rules| rules.git(git));
        self.within("gateway", |rules| rules.gateway(gateway));
        self.within("sync", |rules| rules.sync(sync));
        if let Some(resources) = &agent.resources {
            self.within("agent", |rules| rules.within("resources", |rules| rules.resources(resources)));
        }
        if let Some(receiver) = receiver {
            self.within("receiver", |rules| rules.receiver(receiver));
        }
        self.within_each("syncWindows", sync_windows, Self::window);
    }

    fn resources(&mut self, resources: &Resources) {
        let Resources { limits, requests, claims: _ } = resources;
        for (field, quantities) in [("limits", limits), ("requests", requests)] {
            self.within(field, |rules| {
                for (name, quantity) in quantities.iter().filter(|(_, quantity)| !quantity.is_quantity()) {
                    rules.within(name, |rules| {
                        rules.broken(format!(
                            "{:?} is not a quantity; write for example \"10m\" or \"32Mi\"",
                            quantity.0
                        ));
                    });
                }
            });
        }
    }

    fn sync(&mut self, sync: &SyncSpec) {
        let SyncSpec { defaults, profiles, limits } = sync;
        self.within("defaults", |rules| rules.defaults(defaults));
        self.within("profiles", |rules| {
            if profiles.is_empty() {
                rules.broken("is empty; write at least the profile \"default\"");
            }
            for (name, profile) in profiles {
                rules.within(name, |rules| rules.profile(name, profile));
            }
        });
        self.within("limits", |rules| rules.limits(limits));
    }

    fn defaults(&mut self, defaults: &Defaults) {
        self.patterns(&defaults.exclude_patterns);
        self.vars(&defaults.vars);
        self.bound("syncPeriod", Some(defaults.sync_period));
        self.bound("healthTimeoutSeconds", defaults.health_timeout_seconds);
        self.bound("startDeadlineSeconds", Some(defaults.start_deadline_seconds));
        self.bound("undoGenerations", Some(defaults.undo_generations));
    }

    fn profile(&mut self, name: &str, profile: &Profile) {
        if name.is_empty() {
            self.broken("a profile needs a name that a pod can ask for");
        }
        self.within("mappings", |rules| {
            if profile.mappings.is_empty() {
                rules.broken("is empty; write at least one source and destination");
            }
            for (index, mapping) in profile.mappings.iter().enumerate() {
                rules.within_item(index, |rules| rules.mapping(mapping));
            }
        });
        self.patterns(&profile.exclude_patterns);
        self.vars(&profile.vars);
        self.bound("syncPeriod", profile.sync_period);
        self.bound("healthTimeoutSeconds", profile.health_timeout_seconds);
        self.bound("startDeadlineSeconds", profile.start_deadline_seconds);
        self.bound("undoGenerations", profile.undo_generations);
    }

    fn mapping(&mut self, mapping: &Mapping) {
        let Mapping { source, destination, kind, required: _, template: _, patches, prune: _ } = mapping;
        self.within("source", |rules| rules.relative_path(source, "the repository"));
        self.within("destination", |rules| rules.relative_path(destination, "the data directory"));
        self.within_each("patches", patches, |rules, patch| rules.patch(patch, *kind));
    }

    fn patch(&mut self, patch: &Patch, mapping: Option<MappingType>) {
        let Patch { file, set } = patch;
        match file {
            Some(file) => self.within("file", |rules| rules.relative_path(file, "the mapping's destination")),
            None if mapping == Some(MappingType::Dir) => {
                self.broken("names no file; a mapping of type dir needs `file`, such as \"**/config.json\"");
            }
            None => {}
        }
        self.within("set", |rules| {
            if set.is_empty() {
                rules.broken("is empty; write at least one path and value");
            }
            for path in set.keys().filter(|path| path.is_empty()) {
                rules.within(path, |rules| {
                    rules.broken("is no path into a JSON document; write for example \"a.b\"");
                });
            }
        });
    }

    /// A path that stays inside `root`. What a template makes of it is checked when it is rendered; what stands there
    /// whatever it makes is checked here.
    fn relative_path(&mut self, path: &str, root: &str) {
        if !self.not_empty(path) {
            return;
        }
        if path.starts_with('/') {
            self.broken(format!("{path:?} is absolute; write it relative to {root}"));
        } else if path.contains('\0') {
            self.broken(format!("{path:?} has a NUL character in it"));
        } else if path.split('/').any(|part| part == "..") || path.contains("..\\") || path.contains("\\..") {
            self.broken(format!("{path:?} leaves {root}; write a path without \"..\""));
        }
    }

    fn limits(&mut self, limits: &Limits) {
        let Limits { max_files, max_bytes, max_file_bytes, max_deletes: _ } = limits;
        for (field, is_zero) in [
            ("maxFiles", *max_files == 0),
            ("maxBytes", max_bytes.bytes() == 0),
            ("maxFileBytes", max_file_bytes.bytes() == 0),
        ] {
            if is_zero {
                self.within(field, |rules| {
                    rules.broken("is zero, so that nothing could ever be synced; write more");
                });
            }
        }
    }

    fn patterns(&mut self, patterns: &[String]) {
        self.within_each("excludePatterns", patterns, |rules, pattern| _ = rules.not_empty(pattern));
    }

    fn vars(&mut self, vars: &BTreeMap<String, String>) {
        self.within("vars", |rules| {
            for name in vars.keys().filter(|name| !is_identifier(name)) {
                rules.within(name, |rules| {
                    rules.broken(
                        "is no name for a variable; use letters, digits and '_', not beginning with a digit",
                    );
                });
            }
        });
    }

    /// A number that the contract bounds, where it is given.
    fn bound(&mut self, field: &str, value: Option<u32>) {
        let outside = |bounds: &RangeInclusive<u32>| value.is_some_and(|value| !bounds.contains(&value));
        if let (Some(value), Some(bounds)) = (value, spec::bounds_of(field).filter(outside)) {
            self.within(field, |rules| rules.broken(spec::out_of_bounds(&bounds, value)));
        }
    }

    fn secret(&mut self, field: &str, secret: &SecretNameRef) {
        self.within(field, |rules| rules.within("name", |rules| _ = rules.not_empty(&secret.name)));
    }

    fn secret_key(&mut self, field: &str, secret: &SecretKeyRef) {
        self.within(field, |rules| {
            rules.within("name", |rules| _ = rules.not_empty(&secret.name));
            rules.within("key", |rules| _ = rules.not_empty(&secret.key));
        });
    }

    fn optional_secret_key(&mut self, field: &str, secret: Option<&SecretKeyRef>) {
        if let Some(secret) = secret {
            self.secret_key(field, secret);
        }
    }

    /// Whether the text can be judged further.
    fn not_empty(&mut self, text: &str) -> bool {
        if text.is_empty() {
            self.broken("is empty; write a value");
        }
        !text.is_empty()
    }
}

/// `[A-Za-z_][A-Za-z0-9_]*`, what a template can name as `.Vars.<key>`.
fn is_identifier(name: &str) -> bool {
    let mut characters = name.bytes();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && characters.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
