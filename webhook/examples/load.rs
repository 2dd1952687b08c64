//! Measures a running webhook: reviews and pushes on loopback, and the program's memory before and after.
//!
//! `cargo build --release -p stoker-webhook && cargo run --release -p stoker-webhook --example load -- target/release/stoker-webhook`
//!
//! Starts an API server of its own. Reviews come at 200 a second over four connections, as an API server sends them;
//! pushes as fast as they are answered, over eight, every other one with a wrong signature.

#![allow(clippy::format_collect, reason = "64 digits")]

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use kube::api::{DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, api::ApiResource};
use ring::hmac;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use serde_json::{Value, json};
use stoker_test_apiserver::{Options, Server};

const REVIEWS: usize = 4_000;
const REVIEWS_A_SECOND: usize = 200;
const PUSHES: usize = 100_000;
const HMAC: &str = "load";

fn main() -> Result<()> {
    let program = std::env::args().nth(1).context("which program? give the path of stoker-webhook")?;
    let server = Server::start(&Options::default())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(prepare(&server))?;
    let webhook = Webhook::start(&program, &server)?;
    println!("resident, idle: {} KiB", webhook.resident()?);
    reviews(&webhook)?;
    println!("resident after {REVIEWS} reviews: {} KiB", webhook.resident()?);
    pushes(&webhook, PUSHES / 10)?;
    println!("resident after {} pushes: {} KiB", PUSHES / 10, webhook.resident()?);
    pushes(&webhook, PUSHES)?;
    println!(
        "resident after {PUSHES} more pushes: {} KiB, peak {} KiB",
        webhook.resident()?,
        webhook.peak()?
    );
    Ok(())
}

async fn prepare(server: &Server) -> Result<()> {
    server.install(&stoker_api::crd::definition()).await?;
    let client: Client = server.admin()?;
    let namespace: Api<DynamicObject> =
        Api::all_with(client.clone(), &ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Namespace")));
    let site = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "site1"}});
    namespace.create(&PostParams::default(), &serde_json::from_value(site)?).await?;
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("stoker.io", "v1alpha1", "GatewaySync"));
    let resources: Api<DynamicObject> = Api::namespaced_with(client, "site1", &kind);
    for number in 0..100 {
        let object = json!({
            "apiVersion": "stoker.io/v1alpha1", "kind": "GatewaySync",
            "metadata": {"name": format!("plant{number}")},
            "spec": {
                "git": {"repo": "https://git.example.com/plant.git", "ref": "main"},
                "gateway": {"api": {"secretName": "api"}},
                "sync": {"profiles": {"default": {"mappings": [{"source": "a", "destination": "b"}]}}},
            },
        });
        resources.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
    }
    Ok(())
}

struct Webhook {
    child: Child,
    admission: SocketAddr,
    receiver: SocketAddr,
}

impl Drop for Webhook {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Webhook {
    fn start(program: &str, server: &Server) -> Result<Self> {
        let any = "127.0.0.1:0";
        let mut child = Command::new(program)
            .args([
                "--address",
                any,
                "--receiver-address",
                any,
                "--probe-address",
                any,
                "--namespace",
                "site1",
            ])
            .args(["--rate-per-source", "1000000", "--rate-per-resource", "1000000"])
            .env("KUBECONFIG", server.kubeconfig(server.admin_token(), "site1")?)
            .env("WEBHOOK_HMAC_SECRET", HMAC)
            .env("DEFAULT_AGENT_IMAGE", "example.com/agent:1")
            .env("STOKER_LOG", "info")
            .stderr(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stderr.take().context("no log")?).lines().map_while(Result::ok);
        let line = lines.find(|line| line.contains("\"listening\"")).context("it does not listen")?;
        let line: Value = serde_json::from_str(&line)?;
        let address =
            |name: &str| -> Result<SocketAddr> { Ok(line[name].as_str().context("no address")?.parse()?) };
        let webhook = Self { admission: address("admission")?, receiver: address("receiver")?, child };
        std::thread::spawn(move || lines.for_each(drop));
        let probes = address("probes")?;
        let began = Instant::now();
        let ready = || ask(&mut TcpStream::connect(probes)?, b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n");
        while ready()?.0 != 200 {
            if began.elapsed() > Duration::from_secs(20) {
                bail!("it is not ready after 20 s");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(webhook)
    }

    fn status(&self, field: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)).context("no such field")?;
        Ok(line.trim_start_matches(':').trim().trim_end_matches("kB").trim().parse()?)
    }

    fn resident(&self) -> Result<u64> {
        self.status("VmRSS")
    }

    fn peak(&self) -> Result<u64> {
        self.status("VmHWM")
    }
}

/// One request and its answer.
fn ask(stream: &mut (impl std::io::Read + std::io::Write), request: &[u8]) -> Result<(u16, usize)> {
    stream.write_all(request)?;
    let mut answer = Vec::new();
    let mut piece = [0_u8; 8192];
    loop {
        let count = stream.read(&mut piece)?;
        if count == 0 {
            bail!("the connection ended");
        }
        answer.extend_from_slice(&piece[..count]);
        let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&answer[..head])?;
        let length: usize = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .context("no length")?
            .parse()?;
        if answer.len() >= head + 4 + length {
            return Ok((text.split(' ').nth(1).context("no status")?.parse()?, length));
        }
    }
}

fn report(what: &str, mut taken: Vec<Duration>, total: Duration) {
    taken.sort_unstable();
    let at = |percent: usize| taken[(taken.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    println!(
        "{what}: {} in {:.1} s ({:.0} a second), p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
        taken.len(),
        total.as_secs_f64(),
        taken.len() as f64 / total.as_secs_f64(),
        at(50),
        at(99),
        at(100)
    );
}

fn reviews(webhook: &Webhook) -> Result<()> {
    const CONNECTIONS: usize = 4;
    let pod = json!({
        "metadata": {"name": "plant-0", "annotations": {"stoker.io/inject": "true", "stoker.io/cr-name": "plant7"}},
        "spec": {
            "containers": [{
                "name": "gateway", "image": "ignition",
                "volumeMounts": [{"name": "data", "mountPath": "/usr/local/bin/ignition/data"}],
            }],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        },
    });
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "u", "operation": "CREATE", "namespace": "site1",
            "resource": {"group": "", "version": "v1", "resource": "pods"}, "object": pod,
        },
    })
    .to_string();
    let request = format!(
        "POST /mutate-v1-pod HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{review}",
        review.len()
    );
    let config = Arc::new(trusting());
    let began = Instant::now();
    let threads: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let (request, config, address) = (request.clone(), Arc::clone(&config), webhook.admission);
            std::thread::spawn(move || -> Result<Vec<Duration>> {
                let tcp = TcpStream::connect(address)?;
                tcp.set_nodelay(true)?;
                let name = ServerName::try_from("stoker-webhook")?;
                let mut stream = StreamOwned::new(ClientConnection::new(config, name)?, tcp);
                let mut taken = Vec::new();
                let pause = Duration::from_secs_f64(1.0 / REVIEWS_A_SECOND as f64);
                for turn in (number..REVIEWS).step_by(CONNECTIONS) {
                    let due = pause * u32::try_from(turn)?;
                    std::thread::sleep(due.saturating_sub(began.elapsed()));
                    let sent = Instant::now();
                    let (status, length) = ask(&mut stream, request.as_bytes())?;
                    taken.push(sent.elapsed());
                    if status != 200 || length < 1000 {
                        bail!("status {status}, {length} bytes");
                    }
                }
                Ok(taken)
            })
        })
        .collect();
    let mut taken = Vec::new();
    for thread in threads {
        taken.extend(thread.join().map_err(|_| anyhow::anyhow!("a client panicked"))??);
    }
    report("reviews", taken, began.elapsed());
    Ok(())
}

fn pushes(webhook: &Webhook, count: usize) -> Result<()> {
    const CONNECTIONS: usize = 8;
    let began = Instant::now();
    let threads: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let address = webhook.receiver;
            std::thread::spawn(move || -> Result<Vec<Duration>> {
                let mut stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                let key = hmac::Key::new(hmac::HMAC_SHA256, HMAC.as_bytes());
                let padding = "x".repeat(8 << 10);
                let mut taken = Vec::new();
                for turn in (number..count).step_by(CONNECTIONS) {
                    // Nobody follows this branch: what is measured is the receiver, not the API server.
                    let body =
                        json!({"ref": "refs/heads/dev", "after": format!("{turn:040x}"), "padding": padding}).to_string();
                    let tag = hmac::sign(&key, body.as_bytes());
                    let mut digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
                    // By connections, so that both kinds come from each.
                    let is_forged = (turn / CONNECTIONS) % 2 == 1;
                    if is_forged {
                        digits.replace_range(0..4, "0000");
                    }
                    let request = format!(
                        "POST /webhook/site1/plant{} HTTP/1.1\r\nhost: x\r\nx-github-event: push\r\nx-hub-signature-256: sha256={digits}\r\ncontent-length: {}\r\n\r\n{body}",
                        turn % 100,
                        body.len()
                    );
                    let sent = Instant::now();
                    let (status, _) = ask(&mut stream, request.as_bytes())?;
                    taken.push(sent.elapsed());
                    if status != if is_forged { 401 } else { 202 } {
                        bail!("status {status} for a push that is forged: {is_forged}");
                    }
                }
                Ok(taken)
            })
        })
        .collect();
    let mut taken = Vec::new();
    for thread in threads {
        taken.extend(thread.join().map_err(|_| anyhow::anyhow!("a client panicked"))??);
    }
    report("pushes, every other one forged", taken, began.elapsed());
    Ok(())
}

/// Believes whatever certificate it is shown: this measures, and sends nothing that is secret.
#[derive(Debug)]
struct Anything;

fn trusting() -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the default versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
