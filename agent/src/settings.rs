//! What this agent is to do, as one value, wherever its wishes come from: the manifest and the command line
//! ([`standalone`]), or a cluster's metadata ([`crate::cluster`]).

mod standalone;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use stoker_api::ResolvedProfile;
use stoker_api::spec::{self, MappingType};
use stoker_api::{MaxDeletes, metadata::Target};
use stoker_object::ObjectId;
use stoker_sync::{Desired, Identity, Limits, Mapping, MappingKind, Patch, Prune, TemplateData, UndoPolicy};

use crate::app_token::AppToken;
use crate::failure::Failure;
use crate::rules::LayoutRules;
use crate::verify::Verifier;

pub use standalone::ManifestFile;

/// What this agent is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Name of the GatewaySync.
    pub name: String,
    pub namespace: String,
    pub profile_name: String,
    pub profile: ResolvedProfile,
    pub gateway_name: String,
    pub pod_name: String,
    pub labels: BTreeMap<String, String>,
    /// Nothing is synced.
    pub paused: bool,
    pub dry_run: bool,
    /// The repository's URL.
    pub repository: String,
    /// The wanted ref.
    pub reference: String,
    /// Who says which commit that is.
    pub wish: Wish,
    pub limits: spec::Limits,
    pub git: GitAccess,
    pub gateway: GatewayAccess,
    /// The directory of the policy and the keys that commits must satisfy.
    pub verify: Option<PathBuf>,
    /// What this gateway is told besides.
    pub target: Target,
    /// Why nothing may be synced by what is said above.
    pub refusal: Option<Failure>,
}

/// Which commit is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Whatever the ref means now; asked for so often, or once.
    Follow(Option<Duration>),
    /// This one: somebody else follows the ref.
    Commit(ObjectId),
    /// Somebody else follows the ref, and has not found a commit yet.
    Unresolved,
}

/// How the repository is reached: files, read anew at every attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitAccess {
    pub token_file: Option<PathBuf>,
    /// Without a cluster only.
    pub app: Option<AppKey>,
    pub ssh_key_file: Option<PathBuf>,
    pub known_hosts_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    pub client_cert_dir: Option<PathBuf>,
    pub proxy: Option<Proxy>,
}

/// The GitHub App by which the repository is read, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppKey {
    pub app_id: i64,
    pub installation_id: i64,
    pub base: String,
    pub key_file: PathBuf,
}

/// The proxy on the way to the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    pub url: String,
    pub auth_file: Option<PathBuf>,
    pub except: String,
}

/// How the gateway is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayAccess {
    pub port: u16,
    pub tls: bool,
    pub token_file: PathBuf,
    pub ca_file: Option<PathBuf>,
}

impl Settings {
    /// The time between two looks that nothing signalled.
    pub fn period(&self) -> Duration {
        Duration::from_secs(u64::from(self.profile.sync_period))
    }

    /// For whom the volume is synced.
    pub fn identity(&self) -> Identity {
        Identity {
            namespace: self.namespace.clone(),
            gateway_sync: self.name.clone(),
            profile: self.profile_name.clone(),
            gateway: self.gateway_name.clone(),
        }
    }

    /// How the repository is reached.
    pub fn git_options(&self, scratch: &Path) -> stoker_git::Options {
        let GitAccess { token_file, ssh_key_file, known_hosts_file, ca_file, client_cert_dir, proxy, .. } =
            self.git.clone();
        stoker_git::Options {
            token_file,
            ssh_key_file,
            known_hosts_file,
            ca_file,
            client_cert_dir,
            proxy: proxy.map(|proxy| stoker_git::ProxyOptions {
                url: proxy.url,
                auth_file: proxy.auth_file,
                no_proxy: proxy.except,
            }),
            scratch: scratch.to_owned(),
            ..stoker_git::Options::default()
        }
    }

    /// The GitHub App by which the repository is read, if it is by one.
    pub fn app_token(&self) -> Result<Option<AppToken>, Failure> {
        let Some(AppKey { app_id, installation_id, base, key_file }) = self.git.app.clone() else {
            return Ok(None);
        };
        let app = stoker_githubapp::App { app_id, installation_id, base };
        AppToken::new(app, &self.repository, key_file, self.git.ca_file.clone()).map(Some)
    }

    /// The policy and the keys that commits must satisfy, if there have to be any. They are read anew each time.
    pub fn verifier(&self) -> Result<Option<Verifier>, Failure> {
        self.verify.as_deref().map(Verifier::load).transpose()
    }

    /// Somebody asked for just this commit, although it may be an older one.
    pub fn asks_for_rollback_to(&self, commit: ObjectId) -> bool {
        let asked = self.target.rollback_to.as_deref();
        asked.is_some_and(|asked| asked.trim().eq_ignore_ascii_case(&commit.to_string()))
    }

    /// The directories of the Secrets by which the repository is reached.
    pub fn credentials(&self) -> BTreeSet<PathBuf> {
        let GitAccess { token_file, ssh_key_file, known_hosts_file, ca_file, client_cert_dir, proxy, .. } =
            &self.git;
        let proxy = proxy.as_ref().and_then(|proxy| proxy.auth_file.as_ref());
        let files =
            [token_file.as_ref(), ssh_key_file.as_ref(), known_hosts_file.as_ref(), ca_file.as_ref(), proxy];
        let directories = files.into_iter().flatten().filter_map(|file| file.parent()).map(Path::to_owned);
        directories.chain(client_cert_dir.clone()).chain(self.verify.clone()).collect()
    }

    /// How the gateway is reached.
    pub fn gateway_options(&self) -> stoker_ignition::Options {
        let GatewayAccess { port, tls, token_file, ca_file } = self.gateway.clone();
        stoker_ignition::Options {
            tls,
            token_file: Some(token_file),
            ca_file,
            ..stoker_ignition::Options::new(port)
        }
    }

    /// The rules for the paths of this profile.
    pub fn rules(&self) -> LayoutRules {
        let data = self.template_data("");
        let destinations: Vec<String> = self
            .profile
            .mappings
            .iter()
            .map(|mapping| data.render("destination", &mapping.destination).unwrap_or_default())
            .collect();
        LayoutRules::new(&destinations)
    }

    /// What templates see.
    pub fn template_data(&self, commit: &str) -> TemplateData {
        TemplateData {
            gateway_name: self.gateway_name.clone(),
            pod_name: self.pod_name.clone(),
            pod_ordinal: ordinal(&self.pod_name, self.labels.get("apps.kubernetes.io/pod-index")),
            namespace: self.namespace.clone(),
            reference: self.reference.clone(),
            commit: commit.to_owned(),
            cr_name: self.name.clone(),
            labels: self.labels.clone(),
            vars: self.profile.vars.clone(),
        }
    }

    /// Somebody may have let many deletions pass, for one commit only.
    fn limits_for(&self, commit: ObjectId) -> Limits {
        let accepted = self.target.accept.as_ref().is_some_and(|accepted| *accepted == commit.to_string());
        let limits = limits(&self.limits);
        if accepted {
            Limits { max_deletes: stoker_sync::MaxDeletes::Count(u64::MAX), ..limits }
        } else {
            limits
        }
    }

    /// What the data directory is to hold at this commit.
    pub fn desired(&self, commit: ObjectId, tree: ObjectId, restore: bool) -> Desired {
        Desired {
            identity: self.identity(),
            commit,
            tree,
            mappings: self.profile.mappings.iter().map(mapping).collect(),
            excludes: self.profile.exclude_patterns.clone(),
            data: self.template_data(&commit.to_string()),
            limits: self.limits_for(commit),
            undo: UndoPolicy {
                generations: self.profile.undo_generations,
                max_bytes: self.profile.undo_max_bytes.bytes(),
            },
            restore,
        }
    }
}

fn limits(limits: &spec::Limits) -> Limits {
    let spec::Limits { max_files, max_bytes, max_file_bytes, max_deletes } = limits;
    Limits {
        max_files: *max_files,
        max_bytes: max_bytes.bytes(),
        max_file_bytes: max_file_bytes.bytes(),
        max_deletes: match max_deletes {
            MaxDeletes::Count(count) => stoker_sync::MaxDeletes::Count(*count),
            MaxDeletes::Percent(percent) => stoker_sync::MaxDeletes::Percent(u64::from(*percent)),
        },
    }
}

fn mapping(mapping: &spec::Mapping) -> Mapping {
    let spec::Mapping { source, destination, kind, required, template, patches, prune } = mapping;
    Mapping {
        source: source.clone(),
        destination: destination.clone(),
        kind: kind.map(|kind| match kind {
            MappingType::Dir => MappingKind::Dir,
            MappingType::File => MappingKind::File,
        }),
        required: *required,
        template: *template,
        patches: patches
            .iter()
            .map(|patch| Patch { file: patch.file.clone(), set: patch.set.clone() })
            .collect(),
        prune: match prune {
            spec::Prune::Owned => Prune::Owned,
            spec::Prune::All => Prune::All,
        },
    }
}

/// The label's number, else the trailing number of the pod's name, else 0 (contract, section 1).
fn ordinal(pod: &str, label: Option<&String>) -> i64 {
    let trailing = &pod[pod.trim_end_matches(|c: char| c.is_ascii_digit()).len()..];
    label.and_then(|index| index.parse().ok()).or_else(|| trailing.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ordinal_is_the_label_else_the_trailing_number_else_zero() {
        assert_eq!(ordinal("gw-3", Some(&"7".to_owned())), 7);
        assert_eq!(ordinal("gw-3", None), 3);
        assert_eq!(ordinal("gw-3", Some(&"x".to_owned())), 3);
        assert_eq!(ordinal("gateway", None), 0);
        assert_eq!(ordinal("42", None), 42);
    }
}
