//! Durations as Go writes and reads them: `90s`, `1h30m`, `1.5h`, `250ms`.
//!
//! Reading follows `time.ParseDuration`, writing `Duration.String`, to the nanosecond, because manifests, dashboards and
//! status values of existing installations are in that form. Negative durations are refused: nothing in the contract
//! waits for less than no time.

use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest duration that Go can hold, in nanoseconds (about 292 years).
const MAX_NANOS: u64 = i64::MAX as u64;

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// A duration together with the text it was given in, so that it is shown again as its author wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoDuration {
    text: Box<str>,
    value: Duration,
}

impl GoDuration {
    /// A duration of whole seconds, written as `<seconds>s`.
    pub fn from_seconds(seconds: u32) -> Self {
        Self { text: format!("{seconds}s").into(), value: Duration::from_secs(seconds.into()) }
    }

    /// The duration itself.
    pub const fn get(&self) -> Duration {
        self.value
    }

    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for GoDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        Ok(Self { text: text.into(), value: parse(text)? })
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a sequence of numbers with units.
    #[error(
        "{0:?} is not a duration; write numbers with units (ns, us, ms, s, m, h), such as \"90s\" or \"1h30m\""
    )]
    Malformed(Box<str>),
    /// A number without a unit.
    #[error("{0:?} has no unit; write for example \"{0}s\" for seconds")]
    NoUnit(Box<str>),
    /// A unit that Go does not know, such as `d`.
    #[error("{text:?} has the unknown unit {unit:?}; known units are ns, us, ms, s, m, h")]
    UnknownUnit {
        /// The whole text.
        text: Box<str>,
        /// The unit in it.
        unit: Box<str>,
    },
    /// Below zero.
    #[error("{0:?} is negative; a duration here is zero or longer")]
    Negative(Box<str>),
    /// More than Go can hold (2^63 - 1 ns).
    #[error("{0:?} is longer than 2562047h (292 years), the longest duration there is")]
    TooLong(Box<str>),
}

/// Reads a duration with the rules, and the rounding, of Go's `time.ParseDuration`.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let malformed = || DurationError::Malformed(text.into());
    let too_long = || DurationError::TooLong(text.into());
    let unsigned = match text.as_bytes().first() {
        Some(b'-') => return Err(DurationError::Negative(text.into())),
        Some(b'+') => &text[1..],
        _ => text,
    };
    if unsigned == "0" {
        return Ok(Duration::ZERO);
    }
    if unsigned.is_empty() {
        return Err(malformed());
    }
    let mut rest = unsigned;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (whole, after_whole) = leading_int(rest).ok_or_else(too_long)?;
        let (fraction, after_number) = match after_whole.strip_prefix('.') {
            Some(digits) => {
                let (fraction, after) = leading_fraction(digits);
                (Some(fraction).filter(|_| after.len() != digits.len()), after)
            }
            None => (None, after_whole),
        };
        if after_whole.len() == rest.len() && fraction.is_none() {
            return Err(malformed());
        }
        let end = after_number.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after_number.len());
        let (unit, after_unit) = after_number.split_at(end);
        if unit.is_empty() {
            return Err(if after_number.is_empty() && rest.len() == unsigned.len() {
                DurationError::NoUnit(text.into())
            } else {
                malformed()
            });
        }
        let Some((_, nanos)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(DurationError::UnknownUnit { text: text.into(), unit: unit.into() });
        };
        let mut part = whole.checked_mul(*nanos).ok_or_else(too_long)?;
        if let Some((digits, scale)) = fraction {
            // Go's own arithmetic, rounding included.
            #[allow(clippy::cast_sign_loss, reason = "all factors are positive")]
            let nanos = (digits as f64 * (*nanos as f64 / scale)) as u64;
            part = part.checked_add(nanos).ok_or_else(too_long)?;
        }
        total = total.checked_add(part).filter(|sum| *sum <= MAX_NANOS).ok_or_else(too_long)?;
        rest = after_unit;
    }
    Ok(Duration::from_nanos(total))
}

/// The digits at the front as a number, and what follows them; `None` when they exceed what Go can hold.
fn leading_int(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let mut value: u64 = 0;
    for digit in text[..end].bytes() {
        value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        if value > MAX_NANOS + 1 {
            return None;
        }
    }
    Some((value, &text[end..]))
}

/// The digits after a point as (digits, scale), and what follows them. Digits beyond a u63 are dropped, as Go does.
fn leading_fraction(text: &str) -> ((u64, f64), &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let mut value: u64 = 0;
    let mut scale = 1.0;
    for digit in text[..end].bytes() {
        let Some(next) = value
            .checked_mul(10)
            .and_then(|shifted| shifted.checked_add(u64::from(digit - b'0')))
            .filter(|next| *next <= MAX_NANOS)
        else {
            break;
        };
        value = next;
        scale *= 10.0;
    }
    ((value, scale), &text[end..])
}

/// Writes a duration as Go's `Duration.String` does: `2.5s`, `1m0s`, `350ms`, `0s`.
pub fn format(duration: Duration) -> String {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).min(MAX_NANOS);
    if nanos < 1_000_000_000 {
        return match nanos {
            0 => "0s".to_owned(),
            1..1_000 => format!("{nanos}ns"),
            1_000..1_000_000 => with_fraction(nanos, 3, "\u{b5}s"),
            _ => with_fraction(nanos, 6, "ms"),
        };
    }
    let minutes = nanos / 60_000_000_000;
    let mut text = String::new();
    if minutes >= 60 {
        _ = write!(text, "{}h", minutes / 60);
    }
    if minutes > 0 {
        _ = write!(text, "{}m", minutes % 60);
    }
    text.push_str(&with_fraction(nanos % 60_000_000_000, 9, "s"));
    text
}

/// `value / 10^digits` without trailing zeros, then the unit.
fn with_fraction(value: u64, digits: usize, unit: &str) -> String {
    let scale = 10_u64.pow(digits as u32);
    let fraction = format!("{:0digits$}", value % scale);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}{unit}", value / scale)
}

#[cfg(test)]
mod tests;
