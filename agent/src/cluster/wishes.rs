//! The metadata document as [`Settings`]: for this pod, with its profile, its labels and its mounted credentials.

use std::collections::BTreeMap;

use stoker_api::names::features;
use stoker_api::spec::DriftPolicy;
use stoker_api::{Reason, metadata, profile};

use super::environment::Environment;
use super::pod_info;
use super::watch::Watch;
use crate::failure::{Code, Failure};
use crate::settings::{GatewayAccess, Settings, Wish};

/// What this version can be required to know.
const KNOWN: [&str; 2] = [features::HOLD, features::VERIFY];

/// The metadata, as the watch sees it.
pub struct Metadata {
    environment: Environment,
    watch: Watch,
    /// That of [`super::watch::Seen`] that was looked at last.
    version: u64,
    /// The pod's labels, as they were then.
    labels: String,
    /// What was there then could not be understood.
    is_bad: bool,
}

impl Metadata {
    pub fn new(environment: Environment, watch: Watch) -> Self {
        Self { environment, watch, version: 0, labels: String::new(), is_bad: false }
    }

    /// What is wanted, if that may be something else than before.
    pub fn look(&mut self) -> Option<Result<Settings, Failure>> {
        // A pod without labels has an empty file; one without the volume is the same to us.
        let labels = std::fs::read_to_string(&self.environment.labels_file).unwrap_or_default();
        let looked = self.watch.seen(|seen| {
            let same = seen.version == self.version && labels == self.labels && !self.is_bad;
            let data = seen.data.as_ref().filter(|_| !same)?;
            let labels = pod_info::labels(&labels);
            Some((seen.version, settings(&self.environment, labels, data)))
        });
        let (version, settings) = looked?;
        (self.version, self.labels, self.is_bad) = (version, labels, settings.is_err());
        Some(settings)
    }

    /// Why nothing is known, if so.
    pub fn trouble(&self) -> Option<Failure> {
        let message = self.watch.seen(|seen| seen.trouble.clone())?;
        let message = format!("what is wanted is not known: {message}");
        Some(Failure::new(Reason::Internal, Code::Unavailable, message))
    }

    /// How many different objects of that name there were: with each, what we reported may be gone too.
    pub fn objects(&self) -> u64 {
        self.watch.seen(|seen| seen.objects)
    }
}

/// What one pod is to do.
fn settings(
    environment: &Environment,
    labels: BTreeMap<String, String>,
    data: &BTreeMap<String, String>,
) -> Result<Settings, Failure> {
    let unsupported = |message: String| Failure::new(Reason::UnsupportedFeature, Code::Config, message);
    let document = metadata::Metadata::from_data(data).map_err(|error| unsupported(error.to_string()))?;
    let refusal = refusal(&document, environment).map(unsupported);
    let target = document.target_of(&environment.pod_name);
    let (name, chosen) = profile::select(&document.profiles, Some(&environment.profile))
        .map_err(|error| Failure::config(error.to_string()))?;
    let commit = target.commit.as_ref().unwrap_or(&document.commit);
    let wish = match commit.as_str() {
        "" => Wish::Unresolved,
        text => Wish::Commit(
            text.parse().map_err(|_| unsupported(format!("the wanted commit {text:?} is none")))?,
        ),
    };
    Ok(Settings {
        name: environment.cr_name.clone(),
        namespace: environment.pod_namespace.clone(),
        profile_name: name.to_owned(),
        gateway_name: environment.gateway_name.clone(),
        pod_name: environment.pod_name.clone(),
        labels,
        paused: document.paused || chosen.paused,
        dry_run: chosen.dry_run,
        profile: chosen.clone(),
        reference: target.git_ref.clone().unwrap_or(document.git_ref),
        repository: document.git_url,
        wish,
        limits: document.policy.limits,
        git: environment.git.clone(),
        gateway: GatewayAccess {
            port: document.gateway_port,
            tls: document.gateway_tls,
            token_file: environment.api_key_file.clone(),
            ca_file: environment.gateway_ca_file.clone(),
        },
        verify: environment.verify.clone(),
        target,
        refusal,
    })
}

/// What this version would pass over, and must not.
fn refusal(document: &metadata::Metadata, environment: &Environment) -> Option<String> {
    let unknown = document.unknown_requirements(&KNOWN);
    if !unknown.is_empty() {
        return Some(format!(
            "the GatewaySync requires {}, which agent {} does not know: nothing is synced. Restart the pod with a newer agent",
            unknown.join(", "),
            env!("CARGO_PKG_VERSION")
        ));
    }
    // A controller says so by `requires`; that it forgot to is no reason to apply outside of a window.
    if !document.policy.windows.is_empty() {
        return Some("spec.syncWindows is not supported by this agent yet: nothing is synced".to_owned());
    }
    if environment.verify.is_none() && document.requires.iter().any(|feature| feature == features::VERIFY) {
        return Some(
            "the GatewaySync requires signatures, and this pod was made before that: restart it, so that the keys are mounted"
                .to_owned(),
        );
    }
    let profile = document.profiles.get(&environment.profile)?;
    if profile.drift_policy != DriftPolicy::Report {
        return Some(format!(
            "driftPolicy of profile {:?} is not supported by this agent yet; use \"report\"",
            environment.profile
        ));
    }
    profile.rollback_on_failure.then(|| {
        format!(
            "rollbackOnFailure of profile {:?} is not supported by this agent yet; remove it",
            environment.profile
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
    const OTHER: &str = "89abcdef0123456789abcdef0123456789abcdef";

    fn environment() -> Environment {
        let variables = [
            ("POD_NAME", "gw-0"),
            ("POD_NAMESPACE", "site1"),
            ("CR_NAME", "plant"),
            ("DATA_PATH", "/data"),
            ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
        ];
        Environment::read(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
        .unwrap()
    }

    fn of(change: &[(&str, &str)]) -> Result<Settings, Failure> {
        let mut data: BTreeMap<String, String> = [
            ("commit", COMMIT),
            ("ref", "main"),
            ("gitURL", "https://git.example/plant"),
            ("profiles", r#"{"default":{"mappings":[{"source":"a","destination":"projects"}]}}"#),
            ("something", "of a later version"),
        ]
        .into_iter()
        .chain(change.iter().copied())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
        data.retain(|_, value| !value.is_empty());
        settings(&environment(), BTreeMap::new(), &data)
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let settings = of(&[]).unwrap();
        assert_eq!(settings.wish, Wish::Commit(COMMIT.parse().unwrap()));
        assert_eq!((settings.gateway.port, settings.gateway.tls), (8088, false));
        assert!(!settings.paused && !settings.dry_run && settings.refusal.is_none());
        assert_eq!(of(&[("commit", "")]).unwrap().wish, Wish::Unresolved);
    }

    #[test]
    fn a_pod_is_told_otherwise_by_its_target_and_by_that_of_all() {
        let targets =
            json!({"gw-0": {"commit": OTHER, "ref": "v2"}, "*": {"hold": "audit"}, "gw-1": {"syncNow": "1"}});
        let settings = of(&[("targets", &targets.to_string())]).unwrap();
        assert_eq!(settings.wish, Wish::Commit(OTHER.parse().unwrap()));
        assert_eq!((settings.reference.as_str(), settings.target.hold.as_deref()), ("v2", Some("audit")));
        assert_eq!(settings.target.sync_now, None);
    }

    #[test]
    fn what_must_not_be_passed_over_stops_syncing() {
        let windows = r#"{"windows":[{"kind":"deny","schedule":"* * * * *","duration":"1h"}]}"#;
        for (key, value, words) in [
            ("requires", r#"["hold","teleport"]"#, "teleport"),
            ("requires", r#"["verify"]"#, "the keys are mounted"),
            ("policy", windows, "syncWindows"),
            ("profiles", r#"{"default":{"mappings":[],"driftPolicy":"restore"}}"#, "driftPolicy"),
            ("profiles", r#"{"default":{"mappings":[],"rollbackOnFailure":true}}"#, "rollbackOnFailure"),
        ] {
            let refusal = of(&[(key, value)]).unwrap().refusal.expect(words);
            assert_eq!(refusal.reason, Reason::UnsupportedFeature);
            assert!(refusal.message.contains(words), "{refusal}");
        }
        assert_eq!(of(&[("requires", r#"["hold"]"#)]).unwrap().refusal, None);
    }

    #[test]
    fn what_cannot_be_understood_is_named() {
        for (key, value, words) in [
            ("profiles", "{", "profiles"),
            ("profiles", r#"{"spare":{"mappings":[]}}"#, "default"),
            ("paused", "perhaps", "paused"),
            ("commit", "main", "main"),
        ] {
            let failure = of(&[(key, value)]).unwrap_err();
            assert!(failure.message.contains(words), "{failure}");
        }
    }
}
