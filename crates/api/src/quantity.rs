//! Amounts of bytes as Kubernetes writes them (`256Mi`, `1Gi`, `500M`), and the limit on deletions (`25%` or a count).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Suffixes of a Kubernetes quantity with the power they stand for. `m`, `u` and `n` are fractions of a byte: refused.
const SUFFIXES: [(&str, u64); 13] = [
    ("", 1),
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("Pi", 1 << 50),
    ("Ei", 1 << 60),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("P", 1_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000),
];

/// What `limits.maxDeletes` allows at least when it is a percentage: in a small estate a quarter is soon reached.
pub const MIN_DELETES_BY_PERCENT: u64 = 50;

/// An amount of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(u64);

impl Quantity {
    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many mebibytes (2^20 bytes).
    pub const fn from_mebibytes(mebibytes: u32) -> Self {
        Self((mebibytes as u64) << 20)
    }

    /// The amount in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

/// The shortest exact form with a binary suffix: `256Mi`, `1Gi`, `1500`.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let largest =
            SUFFIXES[1..7].iter().rev().find(|(_, unit)| self.0 >= *unit && self.0.is_multiple_of(*unit));
        match largest {
            Some((suffix, unit)) => write!(f, "{}{suffix}", self.0 / unit),
            None => write!(f, "{}", self.0),
        }
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let malformed = || QuantityError::Malformed(text.into());
        let too_large = || QuantityError::TooLarge(text.into());
        if text.starts_with('-') {
            return Err(QuantityError::Negative(text.into()));
        }
        let end = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || fraction.contains('.') || (number.ends_with('.')) {
            return Err(malformed());
        }
        let unit =
            SUFFIXES.iter().find(|(name, _)| *name == suffix).map(|(_, unit)| *unit).ok_or_else(malformed)?;
        let whole: u64 = whole.parse().map_err(|_| too_large())?;
        let bytes = whole.checked_mul(unit).ok_or_else(too_large)?;
        let part = fraction_of(fraction, unit).ok_or_else(malformed)?;
        // Kubernetes reads quantities as signed 64-bit integers.
        bytes.checked_add(part).filter(|sum| i64::try_from(*sum).is_ok()).map(Self).ok_or_else(too_large)
    }
}

/// `0.<digits>` of `unit`, rounded up as Kubernetes does; `None` for more digits than anyone writes.
fn fraction_of(digits: &str, unit: u64) -> Option<u64> {
    if digits.is_empty() {
        return Some(0);
    }
    if digits.len() > 15 {
        return None;
    }
    let value: u128 = digits.parse().ok()?;
    let scale = 10_u128.pow(digits.len() as u32);
    u64::try_from((value * u128::from(unit)).div_ceil(scale)).ok()
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number_or_text(deserializer, "an amount of bytes such as \"256Mi\"")?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// Why a text is no quantity, or no limit on deletions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not a number with a known suffix.
    #[error(
        "{0:?} is not an amount of bytes; write a number with Ki, Mi, Gi, Ti, k, M, G, T or nothing, such as \"256Mi\""
    )]
    Malformed(Box<str>),
    /// Below zero.
    #[error("{0:?} is negative; write zero or more")]
    Negative(Box<str>),
    /// More than 2^63 - 1.
    #[error("{0:?} is larger than 9223372036854775807 bytes, the largest amount there is")]
    TooLarge(Box<str>),
    /// Neither a count nor a percentage from 1 to 100.
    #[error(
        "{0:?} is not a limit on deletions; write a percentage from \"1%\" to \"100%\", or a number of files"
    )]
    MaxDeletes(Box<str>),
}

/// How many files one sync may delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxDeletes {
    /// A share of the managed files, 1 to 100, but never fewer than [`MIN_DELETES_BY_PERCENT`].
    Percent(u8),
    /// That many files.
    Count(u64),
}

impl Default for MaxDeletes {
    fn default() -> Self {
        Self::Percent(25)
    }
}

impl MaxDeletes {
    /// How many deletions pass, given how many files are managed now.
    pub fn allowed(self, managed_files: u64) -> u64 {
        match self {
            Self::Percent(percent) => {
                (managed_files.saturating_mul(percent.into()) / 100).max(MIN_DELETES_BY_PERCENT)
            }
            Self::Count(count) => count,
        }
    }
}

impl fmt::Display for MaxDeletes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Count(count) => write!(f, "{count}"),
        }
    }
}

impl FromStr for MaxDeletes {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let malformed = || QuantityError::MaxDeletes(text.into());
        let digits = text.strip_suffix('%').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed());
        }
        if digits.len() == text.len() {
            return digits.parse().map(Self::Count).map_err(|_| malformed());
        }
        match digits.parse() {
            Ok(percent @ 1..=100) => Ok(Self::Percent(percent)),
            _ => Err(malformed()),
        }
    }
}

impl Serialize for MaxDeletes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Percent(_) => serializer.collect_str(self),
            Self::Count(count) => serializer.serialize_u64(*count),
        }
    }
}

impl<'de> Deserialize<'de> for MaxDeletes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number_or_text(deserializer, "a percentage such as \"25%\", or a number of files")?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// A scalar that Kubernetes would call int-or-string, as text.
pub(crate) fn number_or_text<'de, D: Deserializer<'de>>(
    deserializer: D,
    expected: &'static str,
) -> Result<String, D::Error> {
    struct NumberOrText(&'static str);

    impl de::Visitor<'_> for NumberOrText {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }

        /// The API server takes whole numbers and texts, so that no digit is lost on the way.
        fn visit_f64<E: de::Error>(self, number: f64) -> Result<String, E> {
            Err(E::custom(format!("{number} must be a whole number, or in quotes: \"{number}\"")))
        }
    }

    deserializer.deserialize_any(NumberOrText(expected))
}

#[cfg(test)]
mod tests;
