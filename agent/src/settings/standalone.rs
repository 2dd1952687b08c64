//! The wishes of a manifest file and the command line: what a gateway without a cluster runs on.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use stoker_api::metadata::Target;
use stoker_api::names::annotations::ROLLBACK_TO;
use stoker_api::spec::{self, SecretKeyRef};
use stoker_api::{GatewaySync, manifest, profile};
use stoker_sync::TemplateData;

use super::{AppKey, GatewayAccess, GitAccess, Proxy, Settings, Wish};
use crate::cli::Options;
use crate::failure::Failure;

/// The manifest file, which may change while the agent runs.
#[derive(Debug)]
pub struct ManifestFile<'a> {
    options: &'a Options,
    /// That of the manifest that was taken up last.
    modified: Option<SystemTime>,
}

impl<'a> ManifestFile<'a> {
    pub fn new(options: &'a Options) -> Self {
        Self { options, modified: None }
    }

    /// Reads it.
    pub fn read(&mut self) -> Result<Settings, Failure> {
        let (settings, modified) = Settings::load(self.options)?;
        self.modified = modified;
        Ok(settings)
    }

    /// Reads it if it was changed since it was read well.
    pub fn look(&mut self) -> Option<Result<Settings, Failure>> {
        let now = modified(&self.options.config);
        (now.is_some() && now != self.modified).then(|| self.read())
    }
}

impl Settings {
    /// Reads the manifest. Everything that is wrong with it is in the message.
    fn load(options: &Options) -> Result<(Self, Option<SystemTime>), Failure> {
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
        let beside = path.parent().map(|dir| dir.join("secrets")).unwrap_or_default();
        let secrets = Secrets(options.secrets.clone().unwrap_or(beside));
        let profile_name = name.to_owned();
        let pod_name = options.pod_name.clone().unwrap_or_else(host_name);
        let GatewaySync { metadata, spec, .. } = resource;
        let gateway = &spec.gateway;
        let mut settings = Self {
            profile_name,
            paused: spec.paused || chosen.paused,
            dry_run: options.dry_run || chosen.dry_run,
            profile: chosen,
            gateway_name: options.gateway_name.clone().unwrap_or_else(|| pod_name.clone()),
            pod_name,
            namespace: options
                .namespace
                .clone()
                .or(metadata.namespace)
                .unwrap_or_else(|| "default".to_owned()),
            name: metadata.name,
            labels: options.labels.clone(),
            wish: Wish::Follow(spec.polling.enabled.then(|| spec.polling.effective_interval())),
            git: secrets.git(&spec.git),
            verify: spec.git.verify.as_ref().map(|verify| secrets.whole(&verify.secret_ref.name)),
            repository: spec.git.repo,
            reference: spec.git.git_ref,
            limits: spec.sync.limits,
            gateway: GatewayAccess {
                port: gateway.port,
                tls: gateway.tls,
                token_file: PathBuf::new(),
                ca_file: gateway.tls_ca_secret_ref.as_ref().map(|ca| secrets.file(ca)),
            },
            target: Target {
                rollback_to: metadata.annotations.get(ROLLBACK_TO).cloned(),
                ..Target::default()
            },
            refusal: None,
        };
        settings.gateway.token_file = secrets.gateway_token(&gateway.api, &settings.template_data(""))?;
        Ok((settings, modified))
    }
}

/// Secrets are files, laid out as a cluster names them.
struct Secrets(PathBuf);

impl Secrets {
    fn git(&self, git: &spec::Git) -> GitAccess {
        let auth = git.auth.as_ref();
        let token = auth.and_then(|auth| auth.token.as_ref());
        let ssh = auth.and_then(|auth| auth.ssh_key.as_ref());
        let known_hosts = ssh.and_then(|ssh| ssh.known_hosts.as_ref());
        let ca = git.tls.as_ref().and_then(|tls| tls.ca_secret_ref.as_ref());
        let client = git.tls.as_ref().and_then(|tls| tls.client_cert_secret_ref.as_ref());
        GitAccess {
            token_file: token.map(|token| self.file(&token.secret_ref)),
            app: auth.and_then(|auth| auth.github_app.as_ref()).map(|app| AppKey {
                app_id: app.app_id,
                installation_id: app.installation_id,
                base: app.api_base_url.clone(),
                key_file: self.file(&app.private_key_secret_ref),
            }),
            ssh_key_file: ssh.map(|ssh| self.file(&ssh.secret_ref)),
            known_hosts_file: known_hosts.map(|known| self.file(&known.secret_ref)),
            ca_file: ca.map(|ca| self.file(ca)),
            client_cert_dir: client.map(|client| self.whole(&client.name)),
            proxy: git.proxy.as_ref().map(|proxy| Proxy {
                url: proxy.url.clone(),
                auth_file: proxy.secret_ref.as_ref().map(|secret| self.file(secret)),
                except: proxy.no_proxy.clone().unwrap_or_default(),
            }),
        }
    }

    fn gateway_token(&self, api: &spec::GatewayApi, data: &TemplateData) -> Result<PathBuf, Failure> {
        let key = data.render("spec.gateway.api.secretKey", &api.secret_key)?;
        Ok(self.file(&SecretKeyRef { name: api.secret_name.clone(), key }))
    }

    fn whole(&self, name: &str) -> PathBuf {
        self.0.join(plain(name))
    }

    fn file(&self, reference: &SecretKeyRef) -> PathBuf {
        self.whole(&reference.name).join(plain(&reference.key))
    }
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
