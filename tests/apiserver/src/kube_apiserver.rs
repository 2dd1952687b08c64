//! The API server's command line, and its readiness.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::Error;
use crate::pki::{Pki, write_private};
use crate::server::Options;
use crate::supervised::Supervised;
use crate::tools::hex;

/// Everything that a start, and each later start on the same port, needs.
#[derive(Debug)]
pub(crate) struct KubeApiserver {
    program: PathBuf,
    arguments: Vec<String>,
    directory: PathBuf,
    pub(crate) pki: Pki,
    pub(crate) port: u16,
    pub(crate) admin_token: String,
    /// There when auditing was asked for.
    pub(crate) audit_log: Option<PathBuf>,
    agent: Agent,
}

/// Every request's beginning and end, without bodies; the server's own requests to itself are nobody's.
const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
  - level: None
    users: [system:apiserver]
  - level: Metadata
";

impl KubeApiserver {
    /// Writes keys and configuration into `directory`. Nothing runs yet.
    pub(crate) fn prepare(
        program: PathBuf,
        directory: PathBuf,
        etcd_url: &str,
        port: u16,
        options: &Options,
    ) -> Result<Self, Error> {
        let pki = Pki::create(&directory)?;
        let admin_token = random_token();
        let tokens = directory.join("tokens.csv");
        write_private(&tokens, &format!("{admin_token},admin,admin,system:masters\n"))?;
        let at = |path: &Path| path.display().to_string();
        let mut arguments: Vec<String> = [
            "--bind-address=127.0.0.1",
            "--authorization-mode=RBAC",
            "--allow-privileged=true",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://kubernetes.default.svc",
            // A machine without a network has no other address; as an endpoint for pods it would be refused.
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            "--profiling=false",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.extend([
            format!("--secure-port={port}"),
            format!("--etcd-servers={etcd_url}"),
            format!("--tls-cert-file={}", at(&pki.certificate)),
            format!("--tls-private-key-file={}", at(&pki.key)),
            format!("--token-auth-file={}", at(&tokens)),
            format!("--service-account-signing-key-file={}", at(&pki.service_account_key)),
            format!("--service-account-key-file={}", at(&pki.service_account_public_key)),
        ]);
        let audit_log = options.audit.then(|| directory.join("audit.jsonl"));
        if let Some(log) = &audit_log {
            let policy = directory.join("audit-policy.yaml");
            write_private(&policy, AUDIT_POLICY)?;
            arguments.extend([
                format!("--audit-policy-file={}", at(&policy)),
                format!("--audit-log-path={}", at(log)),
                // Megabytes, and never reached: a file that is rotated away would hide what a test looks for.
                "--audit-log-maxsize=4000".to_owned(),
            ]);
        }
        arguments.extend(options.api_server_flags.iter().cloned());
        let agent = agent(&pki);
        Ok(Self { program, arguments, directory, pki, port, admin_token, audit_log, agent })
    }

    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Starts the program and waits until it is ready to serve.
    pub(crate) fn start(&self, deadline: Duration) -> Result<Supervised, Error> {
        let process = Supervised::start("kube-apiserver", &self.program, &self.arguments, &self.directory)?;
        let began = Instant::now();
        while !self.is_ready() {
            if process.has_ended() {
                return Err(process.failed("ended before it was ready"));
            }
            if began.elapsed() > deadline {
                return Err(process.failed(format!("is not ready after {} s", deadline.as_secs())));
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        Ok(process)
    }

    fn is_ready(&self) -> bool {
        self.get("/readyz").is_ok_and(|status| status == 200)
    }

    /// Asks for a path as administrator; the status of the answer.
    pub(crate) fn get(&self, path: &str) -> Result<u16, Error> {
        let request = self.agent.get(format!("{}{path}", self.url()));
        let answer = request
            .header("Authorization", format!("Bearer {}", self.admin_token))
            .call()
            .map_err(|error| Error::io(format!("GET {path}"))(std::io::Error::other(error)))?;
        Ok(answer.status().as_u16())
    }
}

/// A client that trusts this server only.
fn agent(pki: &Pki) -> Agent {
    let roots = RootCerts::new_with_certs(&[Certificate::from_der(&pki.ca_der).to_owned()]);
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(provider).build();
    Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(5)))
        .build()
        .new_agent()
}

/// 160 random bits, from the generator that makes keys.
fn random_token() -> String {
    let mut bytes = [0_u8; 20];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .expect("the system's generator of random numbers works");
    hex(&bytes)
}
