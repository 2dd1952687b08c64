//! The JWT by which an app proves who it is. Signed by the same provider that TLS uses: no JWT crate is needed for
//! three lines of base64.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::Signer;

use crate::Error;

/// So long before now it begins: GitHub's clock may be behind ours.
const BACKDATED: i64 = 60;
/// So long after now it ends. GitHub takes ten minutes at most, counted by its own clock.
const LASTS: i64 = 540;

/// An app's private key, ready to sign.
pub(crate) struct Key {
    signer: Box<dyn Signer>,
    app: i64,
}

impl Key {
    /// Reads a PEM file (PKCS#1 or PKCS#8).
    pub fn read(pem: &[u8], app: i64) -> Result<Self, Error> {
        let problem = |problem| Error::Key { app, problem };
        let der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| {
            problem(
                "cannot be read: it must be the PEM file that GitHub gave (BEGIN RSA PRIVATE KEY, or PKCS#8)",
            )
        })?;
        let provider = rustls::crypto::ring::default_provider();
        let key = provider.key_provider.load_private_key(der).map_err(|_| {
            problem("is not one that can be used: GitHub Apps have RSA keys of 2048 bits or more, without a passphrase")
        })?;
        let signer = key
            .choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])
            .ok_or_else(|| problem("is no RSA key, which GitHub Apps have"))?;
        Ok(Self { signer, app })
    }

    /// The token for a moment, in seconds since 1970.
    pub fn jwt(&self, now: i64) -> Result<String, Error> {
        let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"RS256","typ":"JWT"}"#);
        let claims = format!(r#"{{"iat":{},"exp":{},"iss":"{}"}}"#, now - BACKDATED, now + LASTS, self.app);
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        let failed = |_| Error::Key { app: self.app, problem: "does not sign" };
        let signature = self.signer.sign(signed.as_bytes()).map_err(failed)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
