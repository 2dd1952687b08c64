//! rustls' own verification, with the words of somebody who has to put it right: which certificate, for whom, when.

use std::sync::Arc;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::certificate::Certificate;

/// Judges as rustls does, and explains.
#[derive(Debug)]
pub(super) struct Verifier(pub Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verdict.map_err(|error| match error {
            Error::InvalidCertificate(why) => {
                let chain: Vec<Certificate> = std::iter::once(end_entity)
                    .chain(intermediates)
                    .map(|certificate| Certificate::read(certificate))
                    .collect();
                let name = server_name.to_str().into_owned();
                Error::General(explain(&why, &chain, &name, now.as_secs()))
            }
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// What is wrong with a chain of certificates, the server's own first. `now` is in seconds since 1970.
fn explain(why: &CertificateError, chain: &[Certificate], host: &str, now: u64) -> String {
    let clock = || {
        let now = Timestamp::from_second(i64::try_from(now).unwrap_or(i64::MAX)).unwrap_or_default();
        format!("this machine's clock says {}", now.strftime("%F %T UTC"))
    };
    let digits = |seconds: u64| {
        let time = Timestamp::from_second(i64::try_from(seconds).unwrap_or(i64::MAX)).unwrap_or_default();
        time.strftime("%Y%m%d%H%M%S").to_string()
    };
    let now_digits = digits(now);
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            match chain.iter().find(|certificate| certificate.not_after < now_digits) {
                Some(certificate) => {
                    format!("{certificate} expired on {}; {}", date(&certificate.not_after), clock())
                }
                None => format!("a certificate of its chain has expired; {}", clock()),
            }
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            match chain.iter().find(|certificate| certificate.not_before > now_digits) {
                Some(certificate) => {
                    format!("{certificate} is valid from {} only; {}", date(&certificate.not_before), clock())
                }
                None => format!("a certificate of its chain is not valid yet; {}", clock()),
            }
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let names = chain.first().map_or_else(String::new, Certificate::names);
            format!("its certificate is not for {host}, but for {names}")
        }
        // A new authority often has the name of the one before.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            let last = chain.last().map_or_else(|| "its certificate".to_owned(), ToString::to_string);
            let issuer = chain.last().map_or_else(String::new, |certificate| certificate.issuer.clone());
            format!(
                "{last} is signed by an authority that is not known ({issuer}); if it is a private one, give its certificate as the CA file"
            )
        }
        other => format!("its certificate is not accepted: {other}"),
    }
}

/// `20261123223000` as a reader writes it.
fn date(digits: &str) -> String {
    match (digits.get(..4), digits.get(4..6), digits.get(6..8), digits.get(8..10), digits.get(10..12)) {
        (Some(year), Some(month), Some(day), Some(hour), Some(minute)) => {
            format!("{year}-{month}-{day} {hour}:{minute} UTC")
        }
        _ => "a date that cannot be read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> Vec<Certificate> {
        let certificate = |subject: &str, names: &[&str], from: &str, until: &str| Certificate {
            subject: subject.to_owned(),
            issuer: "Plant CA".to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            not_before: from.to_owned(),
            not_after: until.to_owned(),
        };
        vec![
            certificate("git", &["git.example", "10.0.0.7"], "20200101000000", "20300101000000"),
            certificate("Plant intermediate", &[], "20210101000000", "20211231235959"),
        ]
    }

    const MARCH_2022: u64 = 1_646_092_800;

    #[test]
    fn the_certificate_that_is_out_of_date_is_named_with_the_date_and_the_clock() {
        let told = explain(&CertificateError::Expired, &chain(), "git.example", MARCH_2022);
        assert_eq!(
            told,
            "the certificate of \"Plant intermediate\" expired on 2021-12-31 23:59 UTC; this machine's clock says 2022-03-01 00:00:00 UTC"
        );
        let told = explain(&CertificateError::NotValidYet, &chain(), "git.example", 0);
        assert!(
            told.starts_with("the certificate of \"git\" (git.example, 10.0.0.7) is valid from 2020-01-01"),
            "{told}"
        );
        assert!(told.ends_with("1970-01-01 00:00:00 UTC"), "{told}");
    }

    #[test]
    fn a_wrong_host_is_told_with_the_names_there_are() {
        let told = explain(&CertificateError::NotValidForName, &chain(), "other.example", MARCH_2022);
        assert_eq!(told, "its certificate is not for other.example, but for git.example, 10.0.0.7");
    }

    #[test]
    fn an_unknown_authority_is_named_with_the_next_step() {
        let told = explain(&CertificateError::UnknownIssuer, &chain(), "git.example", MARCH_2022);
        assert!(told.contains("(Plant CA)") && told.contains("CA file"), "{told}");
    }
}
