//! The server's certificate, and the key that signs tokens of service accounts.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, KeyPair};

use crate::Error;

/// Files of the server's keys, and what a client trusts.
#[derive(Debug)]
pub(crate) struct Pki {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// Signs tokens.
    pub(crate) service_account_key: PathBuf,
    /// Verifies them; the API server does not derive it from a PKCS#8 key.
    pub(crate) service_account_public_key: PathBuf,
    /// Trusted by clients: the server's certificate itself.
    pub(crate) ca_pem: String,
    pub(crate) ca_der: Vec<u8>,
}

impl Pki {
    /// Makes everything anew in `directory`.
    pub(crate) fn create(directory: &Path) -> Result<Self, Error> {
        let key = KeyPair::generate()?;
        let names = ["localhost", "127.0.0.1", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
        let certificate = CertificateParams::new(names.map(str::to_owned).to_vec())?.self_signed(&key)?;
        let files = Self {
            certificate: directory.join("tls.crt"),
            key: directory.join("tls.key"),
            service_account_key: directory.join("service-accounts.key"),
            service_account_public_key: directory.join("service-accounts.pub"),
            ca_pem: certificate.pem(),
            ca_der: certificate.der().to_vec(),
        };
        write_private(&files.certificate, &files.ca_pem)?;
        write_private(&files.key, &key.serialize_pem())?;
        let signer = KeyPair::generate()?;
        write_private(&files.service_account_key, &signer.serialize_pem())?;
        write_private(&files.service_account_public_key, &signer.public_key_pem())?;
        Ok(files)
    }
}

/// Writes a file that only its owner can read.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let what = || format!("cannot write {}", path.display());
    fs::write(path, text).map_err(Error::io(what()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(Error::io(what()))
}
