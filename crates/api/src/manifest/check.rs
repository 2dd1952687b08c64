//! The rules that types cannot express: bounds, exactly-one, paths that stay inside, names that are names.
//!
//! Pure, and the same for a manifest that a person wrote and for a resource that came from a cluster.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::path::FieldPath;
use crate::resource::{GatewaySync, ObjectMeta};
use crate::spec::{
    Auth, Defaults, Gateway, GatewaySyncSpec, Git, HEALTH_TIMEOUT_SECONDS, Limits, Mapping, MappingType,
    Patch, Profile, Proxy, Receiver, START_DEADLINE_SECONDS, SYNC_PERIOD_SECONDS, SecretKeyRef,
    SecretNameRef, SyncSpec, SyncWindow, UNDO_GENERATIONS,
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
        let GatewaySyncSpec { git, polling: _, gateway, sync, agent: _, receiver, sync_windows, paused: _ } =
            spec;
        self.within("git", |rules| rules.git(git));
        self.within("gateway", |rules| rules.gateway(gateway));
        self.within("sync", |rules| rules.sync(sync));
        if let Some(receiver) = receiver {
            self.within("receiver", |rules| rules.receiver(receiver));
        }
        self.within_each("syncWindows", sync_windows, Self::window);
    }

    fn git(&mut self, git: &Git) {
        let Git { repo, git_ref, auth, verify, tls, proxy } = git;
        self.within("repo", |rules| rules.repository(repo));
        self.within("ref", |rules| {
            if rules.not_empty(git_ref) && git_ref.contains(|c: char| c.is_whitespace() || c.is_control()) {
                rules.broken(format!("{git_ref:?} is not a branch, a tag or a commit: it has blanks in it"));
            }
        });
        if let Some(auth) = auth {
            self.within("auth", |rules| rules.auth(auth));
        }
        if let Some(verify) = verify {
            self.within("verify", |rules| rules.secret("secretRef", &verify.secret_ref));
        }
        if let Some(tls) = tls {
            self.within("tls", |rules| {
                rules.optional_secret_key("caSecretRef", tls.ca_secret_ref.as_ref());
                if let Some(secret) = &tls.client_cert_secret_ref {
                    rules.secret("clientCertSecretRef", secret);
                }
            });
        }
        if let Some(proxy) = proxy {
            self.within("proxy", |rules| rules.proxy(proxy));
        }
    }

    /// A form of address that the contract knows. The address itself is not shown: there may be a password in it.
    fn repository(&mut self, repo: &str) {
        const SCHEMES: [&str; 5] = ["https://", "http://", "ssh://", "git://", "file://"];
        if !self.not_empty(repo) {
            return;
        }
        if let Some(scheme) = SCHEMES.iter().find(|scheme| repo.starts_with(**scheme)) {
            if repo.len() == scheme.len() {
                self.broken(format!("names no host or path after {scheme}"));
            }
            return;
        }
        // `git@host:path`, as ssh and git spell it.
        let is_scp = repo.split_once(':').is_some_and(|(host, path)| {
            !path.is_empty()
                && !path.starts_with("//")
                && host
                    .split_once('@')
                    .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('/'))
        });
        if !is_scp {
            self.broken("is not a repository's address; it begins with https://, http://, ssh://, git:// or file://, or reads git@host:path");
        }
    }

    fn auth(&mut self, auth: &Auth) {
        let Auth { token, ssh_key, github_app } = auth;
        let given =
            [("token", token.is_some()), ("sshKey", ssh_key.is_some()), ("githubApp", github_app.is_some())];
        let names: Vec<&str> = given.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
        match names.len() {
            1 => {}
            0 => self.broken("is empty; give exactly one of token, sshKey, githubApp, or remove it for a public repository"),
            _ => self.broken(format!("has {}; give exactly one of token, sshKey, githubApp", names.join(" and "))),
        }
        if let Some(token) = token {
            self.within("token", |rules| rules.secret_key("secretRef", &token.secret_ref));
        }
        if let Some(key) = ssh_key {
            self.within("sshKey", |rules| {
                rules.secret_key("secretRef", &key.secret_ref);
                if let Some(hosts) = &key.known_hosts {
                    rules.within("knownHosts", |rules| rules.secret_key("secretRef", &hosts.secret_ref));
                }
            });
        }
        if let Some(app) = github_app {
            self.within("githubApp", |rules| {
                rules.within("appId", |rules| rules.positive(app.app_id));
                rules.within("installationId", |rules| rules.positive(app.installation_id));
                rules.secret_key("privateKeySecretRef", &app.private_key_secret_ref);
                rules.within("apiBaseURL", |rules| rules.http_address(&app.api_base_url));
            });
        }
    }

    fn proxy(&mut self, proxy: &Proxy) {
        let Proxy { url, secret_ref, no_proxy: _ } = proxy;
        self.within("url", |rules| {
            rules.http_address(url);
            // Only what stands before the path can carry credentials.
            let authority =
                url.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or(""));
            if authority.contains('@') {
                rules
                    .broken("has credentials in it; move user:password into the Secret that secretRef names");
            }
        });
        self.optional_secret_key("secretRef", secret_ref.as_ref());
    }

    fn gateway(&mut self, gateway: &Gateway) {
        let Gateway { port, tls: _, tls_ca_secret_ref, api } = gateway;
        if *port == 0 {
            self.within("port", |rules| rules.broken("must be from 1 to 65535, not 0"));
        }
        self.optional_secret_key("tlsCaSecretRef", tls_ca_secret_ref.as_ref());
        self.within("api", |rules| {
            rules.within("secretName", |rules| _ = rules.not_empty(&api.secret_name));
            rules.within("secretKey", |rules| _ = rules.not_empty(&api.secret_key));
        });
    }

    fn receiver(&mut self, receiver: &Receiver) {
        let Receiver { hmac_secret_ref, token_secret_ref, allowed_refs } = receiver;
        self.optional_secret_key("hmacSecretRef", hmac_secret_ref.as_ref());
        self.optional_secret_key("tokenSecretRef", token_secret_ref.as_ref());
        self.within_each("allowedRefs", allowed_refs, |rules, glob| _ = rules.not_empty(glob));
    }

    fn window(&mut self, window: &SyncWindow) {
        let SyncWindow { kind: _, schedule, duration, time_zone, manual_sync: _, description: _ } = window;
        self.within("schedule", |rules| _ = rules.not_empty(schedule));
        if duration.get().is_zero() {
            self.within("duration", |rules| {
                rules.broken("is zero, so that the window never opens; write for example \"2h\"");
            });
        }
        if let Some(zone) = time_zone {
            self.within("timeZone", |rules| _ = rules.not_empty(zone));
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
        self.bound("syncPeriod", Some(defaults.sync_period), &SYNC_PERIOD_SECONDS);
        self.bound("healthTimeoutSeconds", defaults.health_timeout_seconds, &HEALTH_TIMEOUT_SECONDS);
        self.bound("startDeadlineSeconds", Some(defaults.start_deadline_seconds), &START_DEADLINE_SECONDS);
        self.bound("undoGenerations", Some(defaults.undo_generations), &UNDO_GENERATIONS);
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
        self.bound("syncPeriod", profile.sync_period, &SYNC_PERIOD_SECONDS);
        self.bound("healthTimeoutSeconds", profile.health_timeout_seconds, &HEALTH_TIMEOUT_SECONDS);
        self.bound("startDeadlineSeconds", profile.start_deadline_seconds, &START_DEADLINE_SECONDS);
        self.bound("undoGenerations", profile.undo_generations, &UNDO_GENERATIONS);
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

    /// A path that stays inside `root`. What a template makes of it is checked when it is rendered.
    fn relative_path(&mut self, path: &str, root: &str) {
        if !self.not_empty(path) {
            return;
        }
        if path.starts_with('/') {
            self.broken(format!("{path:?} is absolute; write it relative to {root}"));
        } else if path.contains('\0') {
            self.broken(format!("{path:?} has a NUL character in it"));
        } else if !path.contains("{{") && path.split(['/', '\\']).any(|part| part == "..") {
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

    fn bound(&mut self, field: &str, value: Option<u32>, bounds: &RangeInclusive<u32>) {
        if let Some(value) = value.filter(|value| !bounds.contains(value)) {
            let words = format!("must be from {} to {}, not {value}", bounds.start(), bounds.end());
            self.within(field, |rules| rules.broken(words));
        }
    }

    fn positive(&mut self, number: i64) {
        if number < 1 {
            self.broken(format!("must be 1 or more, not {number}"));
        }
    }

    fn http_address(&mut self, address: &str) {
        let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
        if rest.is_none_or(str::is_empty) {
            self.broken("is not an address; it begins with https:// or http://");
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
            self.broken("is empty");
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
