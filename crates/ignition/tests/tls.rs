//! TLS: what is verified, what is not, and how that is said.
#![allow(clippy::unwrap_used, reason = "a test whose surroundings fail has failed")]

mod common;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use common::{Server, head, quick, write};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use stoker_ignition::{Error, Gateway, Options};
use tempfile::TempDir;
use tracing::span;

/// A gateway's certificate for this name, and who signed it.
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
    /// What the administrator mounts.
    ca_pem: String,
}

fn issued(name: &str) -> Identity {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    Identity { chain: vec![leaf.der().clone()], key, ca_pem: authority.pem() }
}

/// As Ignition makes its first one: signed by itself, and marked as an authority by some tools.
fn self_signed(name: &str, is_ca: bool) -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let certificate = params.self_signed(&key).unwrap();
    Identity { ca_pem: certificate.pem(), chain: vec![certificate.der().clone()], key }
}

/// A gateway that answers every request over TLS, one a connection.
fn gateway_with(identity: &Identity) -> Server {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(identity.chain.clone(), key)
        .unwrap();
    let config = Arc::new(config);
    Server::raw(move |stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let head = head(&mut stream);
        if !head.is_empty() {
            let _ = stream.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\nConnection: close\r\n\r\n{\"name\":\"plant1\"}",
            );
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        head
    })
}

struct Files {
    directory: TempDir,
}

impl Files {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), "apiKey", "stoker:c2VjcmV0");
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn client(&self, port: u16, ca_file: Option<&Path>) -> Gateway {
        let token_file = Some(self.path("apiKey"));
        let ca_file = ca_file.map(Path::to_owned);
        Gateway::new(Options { tls: true, token_file, ca_file, ..quick(port) }).unwrap()
    }
}

#[test]
fn on_loopback_the_chain_counts_and_the_plant_s_name_does_not() {
    let identity = issued("gw.plant.example");
    let server = gateway_with(&identity);
    let files = Files::new();
    write(files.directory.path(), "ca.crt", &identity.ca_pem);
    let gateway = files.client(server.port(), Some(&files.path("ca.crt")));
    assert_eq!(gateway.gateway_info().unwrap().name, "plant1");
}

#[test]
fn a_self_signed_certificate_is_its_own_proof() {
    for is_ca in [false, true] {
        let identity = self_signed("gw.plant.example", is_ca);
        let server = gateway_with(&identity);
        let files = Files::new();
        write(files.directory.path(), "ca.crt", &identity.ca_pem);
        let gateway = files.client(server.port(), Some(&files.path("ca.crt")));
        assert_eq!(gateway.gateway_info().unwrap().name, "plant1", "{is_ca}");
    }
}

#[test]
fn a_certificate_of_somebody_else_gets_no_token() {
    let server = gateway_with(&issued("127.0.0.1"));
    let files = Files::new();
    write(files.directory.path(), "ca.crt", &issued("127.0.0.1").ca_pem);
    let gateway = files.client(server.port(), Some(&files.path("ca.crt")));
    let error = gateway.gateway_info().unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("gateway.tlsCaSecretRef"), "{error}");
    assert_eq!(server.seen().concat(), "");
}

#[test]
fn a_new_ca_file_counts_from_the_next_connection_on() {
    let identity = issued("gw.plant.example");
    let server = gateway_with(&identity);
    let files = Files::new();
    let gateway = files.client(server.port(), Some(&files.path("ca.crt")));
    let error = gateway.gateway_info().unwrap_err();
    assert!(matches!(error, Error::Ca { .. }), "{error}");
    assert!(error.to_string().contains(files.path("ca.crt").to_str().unwrap()), "{error}");
    for (content, words) in [("", "no certificate"), ("-----BEGIN CERTIFICATE-----\nnonsense", "PEM")] {
        write(files.directory.path(), "ca.crt", content);
        let error = gateway.gateway_info().unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    write(files.directory.path(), "ca.crt", &identity.ca_pem);
    assert_eq!(gateway.gateway_info().unwrap().name, "plant1");
}

#[test]
fn without_a_ca_loopback_is_not_verified_and_that_is_said_once() {
    let server = gateway_with(&self_signed("gw.plant.example", false));
    let files = Files::new();
    let gateway = files.client(server.port(), None);
    let warnings = Warnings::default();
    tracing::subscriber::with_default(warnings.clone(), || {
        assert_eq!(gateway.gateway_info().unwrap().name, "plant1");
        assert_eq!(gateway.clone().gateway_info().unwrap().name, "plant1");
    });
    let said = warnings.0.lock().unwrap().clone();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("gateway.tlsCaSecretRef"), "{said:?}");
}

#[test]
fn another_machine_is_never_reached_unverified() {
    let options = Options { host: "gw.plant.example".to_owned(), tls: true, ..Options::new(8043) };
    let error = Gateway::new(options).unwrap_err();
    assert!(matches!(error, Error::Unverifiable { .. }), "{error}");
    assert!(error.to_string().contains("https://gw.plant.example:8043"), "{error}");
}

#[test]
fn tls_to_a_plain_port_and_the_other_way_round_name_the_setting() {
    // As Jetty does: it answers the first bytes that are no HTTP.
    let plain = Server::raw(|stream| {
        let _ = stream.read(&mut [0; 512]);
        let _ =
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        String::new()
    });
    let files = Files::new();
    let error = files.client(plain.port(), None).gateway_info().unwrap_err();
    assert!(error.to_string().contains("gateway.tls"), "{error}");
    let tls = gateway_with(&issued("127.0.0.1"));
    let gateway =
        Gateway::new(Options { token_file: Some(files.path("apiKey")), ..quick(tls.port()) }).unwrap();
    let error = gateway.gateway_info().unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("gateway.tls"), "{error}");
}

/// Keeps what is warned about.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        use std::fmt::Write as _;
        struct Line(String);
        impl tracing::field::Visit for Line {
            fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                write!(self.0, "{value:?} ").unwrap();
            }
        }
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
