//! Whom we believe to be the server, and who we are to it: public and private authorities, and a client certificate.

mod certificate;
mod connector;
mod verifier;

use std::path::Path;
use std::sync::Arc;

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

pub(super) use connector::TlsConnector;

use super::{Options, secret};
use crate::Error;
use verifier::Verifier;

/// The largest file of certificates that is read: all public authorities together have 250 kB.
const LARGEST: u64 = 1024 * 1024;

/// Servers whose sessions are remembered: the repository's, and where it redirects to.
const SESSIONS: usize = 4;

/// The names of a Secret of type `kubernetes.io/tls`.
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";

/// The files that TLS settings are made of, to see whether one has changed.
pub(super) fn files(options: &Options) -> Vec<std::path::PathBuf> {
    let client = options.client_cert_dir.iter().flat_map(|dir| [dir.join(CERTIFICATE), dir.join(KEY)]);
    options.ca_file.iter().cloned().chain(client).collect()
}

/// The TLS settings for a repository.
pub(super) fn config(options: &Options) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut trusted = RootCertStore::empty();
    trusted.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
    if let Some(path) = &options.ca_file {
        for certificate in certificates("CA file", path)? {
            trusted.add(certificate).map_err(|error| {
                secret::problem("CA file", path, format!("has a certificate that cannot be used: {error}"))
            })?;
        }
    }
    let internal = |error: &dyn std::fmt::Display| Error::Protocol(format!("TLS cannot be set up: {error}"));
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(trusted), Arc::clone(&provider))
        .build()
        .map_err(|error| internal(&error))?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| internal(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier(verifier)));
    let mut config = match &options.client_cert_dir {
        None => builder.with_no_client_auth(),
        Some(dir) => {
            let path = dir.join(CERTIFICATE);
            let chain = certificates("client certificate", &path)?;
            let key = private_key(&dir.join(KEY))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| {
                let words = format!("does not go with its key {}: {error}", dir.join(KEY).display());
                secret::problem("client certificate", &path, words)
            })?
        }
    };
    config.resumption = Resumption::in_memory_sessions(SESSIONS);
    Ok(Arc::new(config))
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = secret::read(what, path, LARGEST)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|error| secret::problem(what, path, format!("is damaged: {error}")))?;
    if found.is_empty() {
        return Err(secret::problem(what, path, "holds no certificate (BEGIN CERTIFICATE)"));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    const WHAT: &str = "client key";
    let pem = secret::read(WHAT, path, LARGEST)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        let encrypted = pem.windows(9).any(|window| window == b"ENCRYPTED");
        let words = if encrypted {
            "is protected by a passphrase, which nobody can type here"
        } else {
            "holds no private key (BEGIN PRIVATE KEY)"
        };
        secret::problem(WHAT, path, words)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_does_not_serve_is_named_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.crt");
        let options = Options { ca_file: Some(path.clone()), ..Options::default() };
        let message = |options: &Options| config(options).unwrap_err().to_string();
        assert!(message(&options).contains("ca.crt cannot be read"), "{}", message(&options));
        std::fs::write(&path, "hello").unwrap();
        let told = message(&options);
        assert!(told.ends_with("ca.crt holds no certificate (BEGIN CERTIFICATE)"), "{told}");
        let options = Options { client_cert_dir: Some(dir.path().to_owned()), ..Options::default() };
        let told = message(&options);
        assert!(told.contains("client certificate") && told.contains("tls.crt cannot be read"), "{told}");
    }

    #[test]
    fn a_client_certificate_must_go_with_its_key() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        let pair = || rcgen::generate_simple_self_signed(vec!["gateway".to_owned()]).unwrap();
        let (one, other) = (pair(), pair());
        let options = Options { client_cert_dir: Some(dir.path().to_owned()), ..Options::default() };
        write(CERTIFICATE, &one.cert.pem());
        write(KEY, &one.signing_key.serialize_pem());
        assert!(config(&options).is_ok());
        write(KEY, &other.signing_key.serialize_pem());
        let told = config(&options).unwrap_err().to_string();
        assert!(told.contains("does not go with its key"), "{told}");
        write(KEY, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
        let told = config(&options).unwrap_err().to_string();
        assert!(told.contains("passphrase"), "{told}");
    }
}
