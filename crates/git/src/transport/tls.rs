//! Whom we believe to be the server: the public authorities, and the private ones of a file.

use std::path::Path;
use std::sync::Arc;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

use super::secret;
use crate::Error;

/// The largest file of certificates that is read: all public authorities together have 250 kB.
const LARGEST: u64 = 1024 * 1024;

/// The TLS settings of an agent.
pub(super) fn config(ca_file: Option<&Path>) -> Result<TlsConfig, Error> {
    let public = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
    let mut trusted: Vec<_> = public.iter().map(|root| Certificate::from_der(root)).collect();
    if let Some(path) = ca_file {
        trusted.extend(private(path)?);
    }
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::Specific(Arc::new(trusted)))
        .build())
}

fn private(path: &Path) -> Result<Vec<Certificate<'static>>, Error> {
    const WHAT: &str = "CA file";
    let problem = |words: String| secret::problem(WHAT, path, words);
    let pem = secret::read(WHAT, path, LARGEST)?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(problem(format!("is damaged: {error}"))),
        }
    }
    if certificates.is_empty() {
        return Err(problem("holds no certificate (BEGIN CERTIFICATE)".to_owned()));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_without_a_certificate_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.crt");
        let message = || config(Some(&path)).unwrap_err().to_string();
        assert!(message().contains("ca.crt cannot be read"), "{}", message());
        std::fs::write(&path, "hello").unwrap();
        assert!(message().ends_with("ca.crt holds no certificate (BEGIN CERTIFICATE)"), "{}", message());
    }
}
