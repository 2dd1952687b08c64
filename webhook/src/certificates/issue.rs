//! Making authorities and leaves.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::OffsetDateTime;

const DAY: i64 = 86_400;
const AUTHORITY_DAYS: i64 = 3650;
const LEAF_DAYS: i64 = 90;
/// How far back a certificate is dated: clocks of nodes differ, and an API server whose clock is behind would refuse it.
const BACKDATED: i64 = DAY;

/// A certificate and its key, PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    pub certificate: String,
    pub key: String,
}

/// A new authority.
pub fn authority(now: i64) -> Result<Issued, rcgen::Error> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let mut parameters = authority_parameters();
    parameters.not_before = at(now - BACKDATED);
    parameters.not_after = at(now + AUTHORITY_DAYS * DAY);
    let certificate = parameters.self_signed(&key)?;
    Ok(Issued { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// What a leaf takes over from its authority. The key's identifier tells authorities of the same name apart.
fn authority_parameters() -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, "stoker-webhook");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters
}

/// A new leaf for these names (addresses too), signed with the authority's key.
pub fn leaf(authority_key: &str, names: &[String], now: i64) -> Result<Issued, rcgen::Error> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let mut parameters = CertificateParams::new(names)?;
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.not_before = at(now - BACKDATED);
    parameters.not_after = at(now + LEAF_DAYS * DAY);
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    parameters.use_authority_key_identifier_extension = true;
    let issuer = Issuer::new(authority_parameters(), KeyPair::from_pem(authority_key)?);
    let certificate = parameters.signed_by(&key, &issuer)?;
    Ok(Issued { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// Clocks that are beyond all reason are taken for the last reasonable moment: a certificate is made anyway, and anew
/// when the clock is right.
fn at(seconds: i64) -> OffsetDateTime {
    // 9999-12-31, the last day that a certificate can name.
    const LAST: i64 = 253_402_214_400;
    OffsetDateTime::from_unix_timestamp(seconds.clamp(0, LAST)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
