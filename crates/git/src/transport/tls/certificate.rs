//! What of a certificate a message needs. It proves nothing and decides nothing; what cannot be read is left empty.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::text;

/// Names of one certificate that are listed.
const MOST_NAMES: usize = 5;

/// `2.5.4.3`, the common name, and `2.5.29.17`, the names of the subject.
const COMMON_NAME: [u8; 3] = [0x55, 4, 3];
const SUBJECT_ALT_NAME: [u8; 3] = [0x55, 0x1d, 17];

const SEQUENCE: u8 = 0x30;
const OID: u8 = 6;
const OCTETS: u8 = 4;
const UTC_TIME: u8 = 0x17;

/// A certificate for people.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Certificate {
    /// The common name of whom it is for; may be empty.
    pub subject: String,
    /// The common name of who signed it; may be empty.
    pub issuer: String,
    /// Its DNS names and addresses.
    pub names: Vec<String>,
    /// `YYYYMMDDhhmmss`, in UTC.
    pub not_before: String,
    /// `YYYYMMDDhhmmss`, in UTC.
    pub not_after: String,
}

impl Certificate {
    /// Reads DER.
    pub fn read(der: &[u8]) -> Self {
        let mut certificate = Self::default();
        certificate.fill(der);
        certificate
    }

    /// Its names in a line, the first few.
    pub fn names(&self) -> String {
        if self.names.is_empty() {
            return if self.subject.is_empty() { "nobody".to_owned() } else { format!("{:?}", self.subject) };
        }
        let more = if self.names.len() > MOST_NAMES { ", …" } else { "" };
        let shown: Vec<&str> = self.names.iter().take(MOST_NAMES).map(String::as_str).collect();
        format!("{}{more}", shown.join(", "))
    }

    /// RFC 5280, section 4.1.
    fn fill(&mut self, der: &[u8]) -> Option<()> {
        let whole = Elements(der).next()?.content;
        let mut fields = Elements(Elements(whole).next()?.content).peekable();
        // The version is left out in version 1.
        fields.next_if(|field| field.tag == 0xa0);
        // Serial number and algorithm.
        let (_, _) = (fields.next()?, fields.next()?);
        self.issuer = common_name(fields.next()?.content);
        let mut validity = Elements(fields.next()?.content);
        self.not_before = time(&validity.next()?);
        self.not_after = time(&validity.next()?);
        self.subject = common_name(fields.next()?.content);
        let extensions = fields.find(|field| field.tag == 0xa3)?;
        for extension in Elements(Elements(extensions.content).next()?.content) {
            let mut parts = Elements(extension.content);
            if parts.next().is_some_and(|id| id.tag == OID && id.content == SUBJECT_ALT_NAME)
                && let Some(value) = parts.find(|part| part.tag == OCTETS)
                && let Some(names) = Elements(value.content).next()
            {
                self.names = Elements(names.content).filter_map(|name| alt_name(&name)).take(100).collect();
            }
        }
        Some(())
    }
}

/// Such as `the certificate of "git" (git.example)`.
impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.subject.is_empty(), self.names.is_empty()) {
            (true, _) => write!(f, "the certificate of {}", self.names()),
            (false, true) => write!(f, "the certificate of {:?}", self.subject),
            (false, false) => write!(f, "the certificate of {:?} ({})", self.subject, self.names()),
        }
    }
}

struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

/// The elements of DER, one after the other; ends at what is none.
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let [tag, first, rest @ ..] = self.0 else { return None };
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Element { tag: *tag, content })
    }
}

/// The last common name of a distinguished name.
fn common_name(name: &[u8]) -> String {
    let mut found = String::new();
    for attribute in Elements(name).flat_map(|set| Elements(set.content)).filter(|part| part.tag == SEQUENCE)
    {
        let mut parts = Elements(attribute.content);
        if parts.next().is_some_and(|id| id.content == COMMON_NAME)
            && let Some(value) = parts.next()
        {
            found = text::printable(value.content);
        }
    }
    found
}

fn alt_name(name: &Element<'_>) -> Option<String> {
    match name.tag {
        0x82 => Some(text::printable(name.content)),
        0x87 => match name.content.len() {
            4 => <[u8; 4]>::try_from(name.content).ok().map(|octets| Ipv4Addr::from(octets).to_string()),
            16 => <[u8; 16]>::try_from(name.content).ok().map(|octets| Ipv6Addr::from(octets).to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// A time as fourteen digits.
fn time(element: &Element<'_>) -> String {
    let digits: String =
        element.content.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| char::from(*byte)).collect();
    if element.tag != UTC_TIME {
        return digits;
    }
    // RFC 5280: two digits from 50 on are of the last century.
    let century = if digits.as_str() < "50" { "20" } else { "19" };
    format!("{century}{digits}")
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(change: impl FnOnce(&mut CertificateParams)) -> Certificate {
        let mut params = CertificateParams::new(vec!["git.example".into(), "10.0.0.7".into()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "Plant Git");
        params.not_before = date_time_ymd(2020, 1, 2);
        params.not_after = date_time_ymd(2049, 3, 4);
        change(&mut params);
        Certificate::read(params.self_signed(&KeyPair::generate().unwrap()).unwrap().der())
    }

    #[test]
    fn names_and_times_are_read_off_a_certificate() {
        let read = certificate(|_| {});
        assert_eq!((read.subject.as_str(), read.issuer.as_str()), ("Plant Git", "Plant Git"));
        assert_eq!(read.names, ["git.example", "10.0.0.7"]);
        assert_eq!(read.not_before, "20200102000000");
        assert_eq!(read.not_after, "20490304000000");
        assert_eq!(read.to_string(), "the certificate of \"Plant Git\" (git.example, 10.0.0.7)");
        let late = certificate(|params| params.not_after = date_time_ymd(2051, 3, 4));
        assert_eq!(late.not_after, "20510304000000", "as GeneralizedTime");
    }

    #[test]
    fn what_is_no_certificate_gives_nothing_and_no_panic() {
        let whole = certificate(|_| {});
        assert!(!whole.names.is_empty());
        let der = rcgen::generate_simple_self_signed(vec!["x".into()]).unwrap().cert.der().to_vec();
        for cut in 0..der.len() {
            let _ = Certificate::read(&der[..cut]);
        }
        for at in 0..der.len().min(200) {
            let mut bent = der.clone();
            bent[at] ^= 0xff;
            let _ = Certificate::read(&bent);
        }
        assert_eq!(Certificate::read(b"hello"), Certificate::default());
    }
}
