//! What this agent is to do: the manifest and the command line, as one value.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use stoker_api::manifest;
use stoker_api::names::annotations::ROLLBACK_TO;
use stoker_api::spec::{self, MappingType, SecretKeyRef};
use stoker_api::{GatewaySync, MaxDeletes, ResolvedProfile, profile};
use stoker_object::ObjectId;
use stoker_sync::{Desired, Identity, Limits, Mapping, MappingKind, Patch, Prune, TemplateData, UndoPolicy};

use crate::app_token::AppToken;
use crate::cli::Options;
use crate::failure::Failure;
use crate::rules::LayoutRules;
use crate::verify::Verifier;

/// What this agent is to do.
#[derive(Debug, Clone)]
pub struct Settings {
    pub resource: GatewaySync,
    pub profile_name: String,
    pub profile: ResolvedProfile,
    pub gateway_name: String,
    pub pod_name: String,
    pub namespace: String,
    pub dry_run: bool,
    labels: std::collections::BTreeMap<String, String>,
    secrets: PathBuf,
    modified: Option<SystemTime>,
}

impl Settings {
    /// Reads the manifest. Everything that is wrong with it is in the message.
    pub fn load(options: &Options) -> Result<Self, Failure> {
        let path = &options.config;
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::config(format!("failed to read the manifest {shown}: {error}")))?;
        let modified = modified(path);
        let resource = manifest::read(&text, &shown).map_err(|error| Failure::config(error.to_string()))?;
        let unsupported = manifest::unsupported(&resource);
        if !unsupported.is_empty() {
            let lines: Vec<String> = unsupported.iter().map(|one| format!("{shown}: {one}")).collect();
            return Err(Failure::config(lines.join("\n")));
        }
        let (name, chosen) = profile::select(&resource.spec.sync.profiles, options.profile.as_deref())
            .map_err(|error| Failure::config(format!("{shown}: {error}")))?;
        let chosen = profile::resolve(&resource.spec.sync.defaults, chosen);
        let pod_name = options.pod_name.clone().unwrap_or_else(host_name);
        let beside = path.parent().map(|dir| dir.join("secrets")).unwrap_or_default();
        Ok(Self {
            profile_name: name.to_owned(),
            dry_run: options.dry_run || chosen.dry_run,
            profile: chosen,
            gateway_name: options.gateway_name.clone().unwrap_or_else(|| pod_name.clone()),
            pod_name,
            namespace: options
                .namespace
                .clone()
                .or_else(|| resource.metadata.namespace.clone())
                .unwrap_or_else(|| "default".to_owned()),
            labels: options.labels.clone(),
            secrets: options.secrets.clone().unwrap_or(beside),
            modified,
            resource,
        })
    }

    /// Whether the manifest was changed since it was read.
    pub fn is_stale(&self, config: &Path) -> bool {
        let now = modified(config);
        now.is_some() && now != self.modified
    }

    /// Nothing is synced.
    pub fn paused(&self) -> bool {
        self.resource.spec.paused || self.profile.paused
    }

    /// The wanted ref.
    pub fn reference(&self) -> &str {
        &self.resource.spec.git.git_ref
    }

    /// The time between two looks that nothing signalled.
    pub fn period(&self) -> Duration {
        Duration::from_secs(u64::from(self.profile.sync_period))
    }

    /// For whom the volume is synced.
    pub fn identity(&self) -> Identity {
        Identity {
            namespace: self.namespace.clone(),
            gateway_sync: self.resource.metadata.name.clone(),
            profile: self.profile_name.clone(),
            gateway: self.gateway_name.clone(),
        }
    }

    /// How the repository is reached.
    pub fn git_options(&self, scratch: &Path) -> stoker_git::Options {
        let git = &self.resource.spec.git;
        let auth = git.auth.as_ref();
        let token = auth.and_then(|auth| auth.token.as_ref());
        let ssh = auth.and_then(|auth| auth.ssh_key.as_ref());
        let known_hosts = ssh.and_then(|ssh| ssh.known_hosts.as_ref());
        let ca = git.tls.as_ref().and_then(|tls| tls.ca_secret_ref.as_ref());
        let client = git.tls.as_ref().and_then(|tls| tls.client_cert_secret_ref.as_ref());
        stoker_git::Options {
            token_file: token.map(|token| self.secret(&token.secret_ref)),
            ssh_key_file: ssh.map(|ssh| self.secret(&ssh.secret_ref)),
            known_hosts_file: known_hosts.map(|known| self.secret(&known.secret_ref)),
            ca_file: ca.map(|ca| self.secret(ca)),
            client_cert_dir: client.map(|client| self.secrets.join(plain(&client.name))),
            proxy: git.proxy.as_ref().map(|proxy| stoker_git::ProxyOptions {
                url: proxy.url.clone(),
                auth_file: proxy.secret_ref.as_ref().map(|secret| self.secret(secret)),
                no_proxy: proxy.no_proxy.clone().unwrap_or_default(),
            }),
            scratch: scratch.to_owned(),
            ..stoker_git::Options::default()
        }
    }

    /// The GitHub App by which the repository is read, if it is by one.
    pub fn app_token(&self) -> Result<Option<AppToken>, Failure> {
        let git = &self.resource.spec.git;
        let Some(app) = git.auth.as_ref().and_then(|auth| auth.github_app.as_ref()) else { return Ok(None) };
        let ca = git.tls.as_ref().and_then(|tls| tls.ca_secret_ref.as_ref());
        let (key, ca) = (self.secret(&app.private_key_secret_ref), ca.map(|ca| self.secret(ca)));
        let app = stoker_githubapp::App {
            app_id: app.app_id,
            installation_id: app.installation_id,
            base: app.api_base_url.clone(),
        };
        AppToken::new(app, &git.repo, key, ca).map(Some)
    }

    /// The policy and the keys that commits must satisfy, if there have to be any. They are read anew each time.
    pub fn verifier(&self) -> Result<Option<Verifier>, Failure> {
        let verify = self.resource.spec.git.verify.as_ref();
        verify.map(|verify| Verifier::load(&self.secrets.join(plain(&verify.secret_ref.name)))).transpose()
    }

    /// Somebody asked for just this commit, although it may be an older one.
    pub fn asks_for_rollback_to(&self, commit: ObjectId) -> bool {
        let asked = self.resource.metadata.annotations.get(ROLLBACK_TO);
        asked.is_some_and(|asked| asked.trim().eq_ignore_ascii_case(&commit.to_string()))
    }

    /// The directories of the Secrets by which the repository is reached.
    pub fn credentials(&self) -> BTreeSet<PathBuf> {
        let options = self.git_options(Path::new(""));
        let stoker_git::Options { token_file, ssh_key_file, known_hosts_file, ca_file, proxy, .. } = &options;
        let proxy = proxy.as_ref().and_then(|proxy| proxy.auth_file.as_ref());
        let files =
            [token_file.as_ref(), ssh_key_file.as_ref(), known_hosts_file.as_ref(), ca_file.as_ref(), proxy];
        let directories = files.into_iter().flatten().filter_map(|file| file.parent()).map(Path::to_owned);
        directories.chain(options.client_cert_dir.clone()).collect()
    }

    /// How the gateway is reached.
    pub fn gateway_options(&self) -> Result<stoker_ignition::Options, Failure> {
        let gateway = &self.resource.spec.gateway;
        let key = self.template_data("").render("spec.gateway.api.secretKey", &gateway.api.secret_key)?;
        Ok(stoker_ignition::Options {
            tls: gateway.tls,
            token_file: Some(self.secret(&SecretKeyRef { name: gateway.api.secret_name.clone(), key })),
            ca_file: gateway.tls_ca_secret_ref.as_ref().map(|ca| self.secret(ca)),
            ..stoker_ignition::Options::new(gateway.port)
        })
    }

    /// Secrets are files, laid out as a cluster names them. A name cannot lead out of their directory.
    fn secret(&self, reference: &SecretKeyRef) -> PathBuf {
        self.secrets.join(plain(&reference.name)).join(plain(&reference.key))
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
            reference: self.reference().to_owned(),
            commit: commit.to_owned(),
            cr_name: self.resource.metadata.name.clone(),
            labels: self.labels.clone(),
            vars: self.profile.vars.clone(),
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
            limits: limits(&self.resource.spec.sync.limits),
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

/// A name that cannot lead out of the directory of secrets.
fn plain(name: &str) -> String {
    name.replace(['/', '\\'], "_").replace("..", "_")
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
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
