//! Clients, and what most tests begin with.

use std::time::{Duration, Instant};

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount as KubeServiceAccount};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, Config};

use crate::server::next_number;
use crate::{Error, Server};

/// How long a definition may take to be served.
const ESTABLISHED: Duration = Duration::from_mins(1);

/// A service account with a token of its own.
#[derive(Clone, Debug)]
pub struct ServiceAccount<'a> {
    server: &'a Server,
    /// `system:serviceaccount:<namespace>:<name>`, as RBAC and the audit log name it.
    pub user: String,
    /// Bearer token, good for an hour.
    pub token: String,
}

impl ServiceAccount<'_> {
    /// A client with this account's rights. See [`Server::admin`] about runtimes.
    pub fn client(&self) -> Result<Client, Error> {
        self.server.client(&self.token)
    }
}

impl Server {
    /// A new client of the user `admin`, who may do everything. A client lives on the runtime on which it was made (each
    /// `#[tokio::test]` has one of its own), so none is shared.
    pub fn admin(&self) -> Result<Client, Error> {
        self.client(self.admin_token())
    }

    /// A new client with any bearer token.
    pub fn client(&self, token: &str) -> Result<Client, Error> {
        Ok(Client::try_from(self.client_config(token))?)
    }

    /// What clients are made of, for tests that want theirs a little different.
    pub fn client_config(&self, token: &str) -> Config {
        // An address of numbers always parses; the default is never used.
        let mut config = Config::new(self.url().parse().unwrap_or_default());
        config.root_cert = Some(vec![self.api.pki.ca_der.clone()]);
        config.auth_info.token = Some(token.to_owned().into());
        // A request to a server that a test has killed fails at once; whoever wants patience has it itself.
        config.default_retry = false;
        config
    }

    /// Makes a namespace of a new name that begins with `purpose`, with the service account `default` in it, without which
    /// no pod can be made.
    pub async fn namespace(&self, purpose: &str) -> Result<String, Error> {
        let name = format!("{purpose}-{}", next_number());
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some(name.clone());
        let client = self.admin()?;
        Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &namespace).await?;
        make_service_account(client, &name, "default").await?;
        Ok(name)
    }

    /// A service account, made if it is not there, with a new token. It may do nothing but what RBAC objects give it.
    pub async fn service_account(&self, namespace: &str, name: &str) -> Result<ServiceAccount<'_>, Error> {
        let client = self.admin()?;
        make_service_account(client.clone(), namespace, name).await?;
        let request = TokenRequest {
            spec: TokenRequestSpec { expiration_seconds: Some(3600), ..TokenRequestSpec::default() },
            ..TokenRequest::default()
        };
        let accounts: Api<KubeServiceAccount> = Api::namespaced(client, namespace);
        let answer = accounts.create_token_request(name, &PostParams::default(), &request).await?;
        Ok(ServiceAccount {
            server: self,
            user: format!("system:serviceaccount:{namespace}:{name}"),
            token: answer.status.map(|status| status.token).unwrap_or_default(),
        })
    }

    /// Installs a definition, or its new form, and waits until the API server serves it.
    pub async fn install(&self, definition: &CustomResourceDefinition) -> Result<(), Error> {
        let definitions: Api<CustomResourceDefinition> = Api::all(self.admin()?);
        let name = definition.metadata.name.as_deref().unwrap_or_default();
        let parameters = PatchParams::apply("stoker-tests").force();
        definitions.patch(name, &parameters, &Patch::Apply(definition)).await?;
        let began = Instant::now();
        while !is_served(&definitions.get(name).await?) {
            if began.elapsed() > ESTABLISHED {
                let kind = io_error(format!("{name} is not served after {} s", ESTABLISHED.as_secs()));
                return Err(kind);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

async fn make_service_account(client: Client, namespace: &str, name: &str) -> Result<(), Error> {
    let mut account = KubeServiceAccount::default();
    account.metadata.name = Some(name.to_owned());
    let accounts: Api<KubeServiceAccount> = Api::namespaced(client, namespace);
    match accounts.create(&PostParams::default(), &account).await {
        Err(kube::Error::Api(refusal)) if refusal.code == 409 => Ok(()),
        result => result.map(drop).map_err(Error::from),
    }
}

fn is_served(definition: &CustomResourceDefinition) -> bool {
    let conditions = definition.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|conditions| {
        conditions.iter().any(|condition| condition.type_ == "Established" && condition.status == "True")
    })
}

fn io_error(what: String) -> Error {
    Error::Io { what, source: std::io::Error::from(std::io::ErrorKind::TimedOut) }
}
