//! From when to when a certificate is good. What nobody else here needs of X.509: the rest is rustls' work.

/// From when to when, Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub from: i64,
    /// The last second.
    pub until: i64,
}

impl Validity {
    /// Whether it is good then.
    pub fn contains(self, now: i64) -> bool {
        (self.from..=self.until).contains(&now)
    }

    /// When two thirds of it are over.
    pub fn two_thirds(self) -> i64 {
        self.from.saturating_add(self.until.saturating_sub(self.from) / 3 * 2)
    }
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The validity of a certificate, DER; `None` for what is none.
pub fn validity(certificate: &[u8]) -> Option<Validity> {
    let (tag, certificate, _) = element(certificate)?;
    let (inner, signed, _) = element(certificate).filter(|_| tag == SEQUENCE)?;
    let mut rest = Some(signed).filter(|_| inner == SEQUENCE)?;
    if element(rest)?.0 == VERSION {
        rest = element(rest)?.2;
    }
    // Serial number, algorithm, issuer.
    for expected in [INTEGER, SEQUENCE, SEQUENCE] {
        let (tag, _, after) = element(rest)?;
        rest = Some(after).filter(|_| tag == expected)?;
    }
    let (tag, times, _) = element(rest)?;
    let (from_tag, from, after) = element(times).filter(|_| tag == SEQUENCE)?;
    let (until_tag, until, _) = element(after)?;
    Some(Validity { from: seconds(from_tag, from)?, until: seconds(until_tag, until)? })
}

/// Tag, content, and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let bytes = usize::from(first & 0x7f);
        let (bytes, rest) = rest.split_at_checked(bytes).filter(|_| (1..=4).contains(&bytes))?;
        (bytes.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`, the only forms that certificates have (RFC 5280, 4.1.2.5).
fn seconds(tag: u8, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text.strip_suffix(b"Z")?).ok()?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match (tag, text.len()) {
        (UTC_TIME, 12) => {
            let year: i16 = text[..2].parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, &text[2..])
        }
        (GENERALIZED_TIME, 14) => (text[..4].parse().ok()?, &text[4..]),
        _ => return None,
    };
    let number = |at: usize| -> Option<i8> { rest[at..at + 2].parse().ok() };
    let time =
        jiff::civil::DateTime::new(year, number(0)?, number(2)?, number(4)?, number(6)?, number(8)?, 0);
    let zoned = time.ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_validity_of_a_certificate_is_read() {
        for (from, until) in [(0_i64, 86_400), (1_900_000_000, 1_907_776_000), (2_000_000_000, 4_000_000_000)]
        {
            let mut parameters = rcgen::CertificateParams::new(vec!["a".to_owned()]).unwrap();
            parameters.not_before = time::OffsetDateTime::from_unix_timestamp(from).unwrap();
            parameters.not_after = time::OffsetDateTime::from_unix_timestamp(until).unwrap();
            let key = rcgen::KeyPair::generate().unwrap();
            let certificate = parameters.self_signed(&key).unwrap();
            assert_eq!(validity(certificate.der()), Some(Validity { from, until }));
            for length in 0..certificate.der().len() {
                // Whatever is cut off, nothing panics.
                _ = validity(&certificate.der()[..length]);
            }
        }
        assert_eq!(validity(b""), None);
        assert_eq!(validity(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
