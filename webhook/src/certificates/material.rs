//! What the Secret holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::api::DynamicObject;
use rustls::RootCertStore;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use serde_json::{Value, json};
use stoker_api::names::objects::{TLS_CERT_KEY, TLS_KEY_KEY};

use super::decide::Facts;
use super::issue::Issued;
use super::validity::validity;

/// Roots, PEM.
pub const ROOTS_KEY: &str = "ca.crt";
/// The authority's key, PEM; only in a Secret of ours.
pub const AUTHORITY_KEY: &str = "ca.key";
/// On a Secret that cert-manager keeps.
const CERT_MANAGER: &str = "cert-manager.io/";

/// What the Secret holds. Never shown: it has keys.
#[derive(Clone, PartialEq, Eq)]
pub struct Material {
    values: BTreeMap<String, Vec<u8>>,
    is_cert_managers: bool,
}

/// Certificates that cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// A key of the Secret is missing or is no PEM.
    #[error("its {0} is missing, or is not PEM")]
    Part(&'static str),
    /// The certificate is not that of the key, or the key is of a kind that is not known.
    #[error("{TLS_CERT_KEY} and {TLS_KEY_KEY} do not fit together: {0}")]
    Mismatch(String),
}

impl Material {
    /// Of the Secret.
    pub fn of(secret: &DynamicObject) -> Self {
        let data = secret.data.get("data").and_then(Value::as_object);
        let value =
            |(key, value): (&String, &Value)| Some((key.clone(), STANDARD.decode(value.as_str()?).ok()?));
        let annotations = secret.metadata.annotations.iter().flatten();
        Self {
            values: data.into_iter().flatten().filter_map(value).collect(),
            is_cert_managers: { annotations }.any(|(key, _)| key.starts_with(CERT_MANAGER)),
        }
    }

    /// Made here.
    pub fn made(authority: &Issued, leaf: Issued) -> Self {
        let values = [
            (ROOTS_KEY, authority.certificate.clone()),
            (AUTHORITY_KEY, authority.key.clone()),
            (TLS_CERT_KEY, leaf.certificate),
            (TLS_KEY_KEY, leaf.key),
        ];
        let values = values.into_iter().map(|(key, value)| (key.to_owned(), value.into_bytes())).collect();
        Self { values, is_cert_managers: false }
    }

    /// `data` of the Secret.
    pub fn data(&self) -> Value {
        self.values.iter().map(|(key, value)| (key.clone(), json!(STANDARD.encode(value)))).collect()
    }

    /// Whether somebody else keeps it. An empty one is a place that was made for us.
    pub fn is_foreign(&self) -> bool {
        self.is_cert_managers || (!self.values.is_empty() && !self.values.contains_key(AUTHORITY_KEY))
    }

    /// Our authority.
    pub fn authority(&self) -> Option<Issued> {
        let text = |key| String::from_utf8(self.values.get(key)?.clone()).ok();
        Some(Issued { certificate: text(ROOTS_KEY)?, key: text(AUTHORITY_KEY)? })
    }

    fn certificates(&self, key: &'static str) -> Result<Vec<CertificateDer<'static>>, Unusable> {
        let pem = self.values.get(key).ok_or(Unusable::Part(key))?;
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        all.ok().filter(|all| !all.is_empty()).ok_or(Unusable::Part(key))
    }

    fn key(&self, name: &'static str) -> Result<PrivateKeyDer<'static>, Unusable> {
        let pem = self.values.get(name).ok_or(Unusable::Part(name))?;
        PrivateKeyDer::from_pem_slice(pem).map_err(|_| Unusable::Part(name))
    }

    /// What the API server is to trust: the roots, or, where a person gave none, the certificate itself.
    pub fn roots(&self) -> Vec<CertificateDer<'static>> {
        self.certificates(ROOTS_KEY).or_else(|_| self.certificates(TLS_CERT_KEY)).unwrap_or_default()
    }

    /// What is served.
    pub fn certified_key(&self, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, Unusable> {
        let certificates = self.certificates(TLS_CERT_KEY)?;
        let certified = CertifiedKey::from_der(certificates, self.key(TLS_KEY_KEY)?, provider);
        certified.map(Arc::new).map_err(|error| Unusable::Mismatch(error.to_string()))
    }

    /// What there is to decide on.
    pub fn facts(&self, names: &[String], now: i64, provider: &CryptoProvider) -> Facts {
        let leaf = self.certified_key(provider).ok().and_then(|certified| {
            let validity = validity(certified.end_entity_cert().ok()?)?;
            self.is_trustworthy(&certified, names, now.clamp(validity.from, validity.until), provider)
                .then_some(validity)
        });
        Facts { is_foreign: self.is_foreign(), leaf, authority: self.authority_validity(provider) }
    }

    /// The authority's validity, if its key is its own.
    fn authority_validity(&self, provider: &CryptoProvider) -> Option<super::Validity> {
        let certificates = self.certificates(ROOTS_KEY).ok()?;
        let certified = CertifiedKey::from_der(certificates, self.key(AUTHORITY_KEY).ok()?, provider).ok()?;
        validity(certified.end_entity_cert().ok()?)
    }

    /// Whether the leaf is the authority's and bears our names, at a moment at which the leaf is good.
    fn is_trustworthy(
        &self,
        leaf: &CertifiedKey,
        names: &[String],
        now: i64,
        provider: &CryptoProvider,
    ) -> bool {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(self.roots());
        let Ok(Ok(parsed)) = leaf.end_entity_cert().map(ParsedCertificate::try_from) else { return false };
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now.unsigned_abs()));
        let schemes = provider.signature_verification_algorithms.all;
        let is_signed =
            verify_server_cert_signed_by_trust_anchor(&parsed, &store, &leaf.cert[1..], now, schemes).is_ok();
        let bears = |name: &String| {
            ServerName::try_from(name.as_str()).is_ok_and(|name| verify_server_name(&parsed, &name).is_ok())
        };
        is_signed && names.iter().all(bears)
    }
}
