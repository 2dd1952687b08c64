//! A private certificate authority of its own for each server, one certificate from it, and one for its clients.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;

/// What a server's certificate says.
#[derive(Debug, Clone)]
pub struct CertificateOptions {
    /// DNS names and addresses.
    pub names: Vec<String>,
    /// From when it is valid, in days from now; negative is in the past.
    pub from_day: i64,
    /// Until when.
    pub until_day: i64,
    /// Clients must show the certificate that lies in [`crate::HttpServer::client_cert_dir`].
    pub client_auth: bool,
}

impl Default for CertificateOptions {
    fn default() -> Self {
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        Self { names, from_day: -1, until_day: 30, client_auth: false }
    }
}

/// What a TLS server needs, and the files of its clients.
pub(crate) struct Identity {
    pub(crate) config: Arc<ServerConfig>,
    dir: TempDir,
}

impl Identity {
    /// The authority's certificate, PEM.
    pub(crate) fn authority(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// A directory with `tls.crt` and `tls.key`.
    pub(crate) fn client(&self) -> &Path {
        self.dir.path()
    }
}

/// A fresh authority and certificates from it.
pub(crate) fn identity(options: &CertificateOptions) -> Result<Identity> {
    let authority_key = KeyPair::generate().context("failed to make a key")?;
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    authority.distinguished_name.push(DnType::CommonName, "Stoker test authority");
    let authority_certificate = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);

    let key = KeyPair::generate().context("failed to make a key")?;
    let mut leaf = CertificateParams::new(options.names.clone())?;
    leaf.distinguished_name.push(DnType::CommonName, "Stoker test server");
    leaf.not_before = day(options.from_day).into();
    leaf.not_after = day(options.until_day).into();
    let leaf = leaf.signed_by(&key, &issuer)?;

    let client_key = KeyPair::generate().context("failed to make a key")?;
    let mut client = CertificateParams::new(Vec::new())?;
    client.distinguished_name.push(DnType::CommonName, "Stoker test client");
    let client = client.signed_by(&client_key, &issuer)?;
    let dir = TempDir::new()?;
    fs::write(dir.path().join("ca.pem"), authority_certificate.pem())?;
    fs::write(dir.path().join("tls.crt"), client.pem())?;
    fs::write(dir.path().join("tls.key"), client_key.serialize_pem())?;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = if options.client_auth {
        let mut roots = RootCertStore::empty();
        roots.add(authority_certificate.der().clone())?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = builder.with_single_cert(vec![leaf.der().clone()], private)?;
    Ok(Identity { config: Arc::new(config), dir })
}

/// A day from now.
fn day(days: i64) -> SystemTime {
    let length = Duration::from_secs(days.unsigned_abs() * 24 * 3600);
    if days < 0 { SystemTime::now() - length } else { SystemTime::now() + length }
}
