//! Quantities of Kubernetes, to compare them.

use serde_json::Value;

/// A quantity in billionths: exact for everything that a pod can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(u128);

const UNIT: u128 = 1_000_000_000;

impl Amount {
    /// Of a text such as `10m`, `0.5`, `16Mi`, `1e3`; `None` for what the API server would refuse, or is below zero.
    pub fn parse(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let is_empty = whole.is_empty() && fraction.is_empty();
        if is_empty || fraction.contains('.') || number.len() > 24 || fraction.len() > 9 {
            return None;
        }
        let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let billionths: u128 = format!("{fraction:0<9}").parse().ok()?;
        let value = whole.checked_mul(UNIT)?.checked_add(billionths)?;
        let (times, over) = factor(suffix)?;
        Some(Self(value.checked_mul(times)?.div_ceil(over)))
    }

    /// Of a value in a pod: a text, or a plain number.
    pub fn of_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    /// Whether it is nothing.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether this is more than `ratio` times the other.
    pub fn exceeds(self, ratio: Self, other: Self) -> bool {
        self.0.saturating_mul(UNIT) > ratio.0.saturating_mul(other.0)
    }
}

/// What a suffix means, as a multiplier and a divisor.
fn factor(suffix: &str) -> Option<(u128, u128)> {
    let thousands = |power: u32| Some((1000_u128.pow(power), 1));
    let binary = |power: u32| Some((1024_u128.pow(power), 1));
    match suffix {
        "" => Some((1, 1)),
        "n" => Some((1, 1_000_000_000)),
        "u" => Some((1, 1_000_000)),
        "m" => Some((1, 1000)),
        "k" => thousands(1),
        "M" => thousands(2),
        "G" => thousands(3),
        "T" => thousands(4),
        "P" => thousands(5),
        "E" => thousands(6),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => {
            let power: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            let times = 10_u128.checked_pow(power.unsigned_abs()).filter(|_| power.abs() <= 18)?;
            Some(if power < 0 { (1, times) } else { (times, 1) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_amount_is_the_same_however_it_is_written() {
        for (left, right) in [
            ("1", "1000m"),
            ("0.5", "500m"),
            (".5", "500m"),
            ("1Ki", "1024"),
            ("1.5Gi", "1536Mi"),
            ("1e3", "1k"),
            ("1E", "1000P"),
            ("12e-1", "1.2"),
            ("100u", "0.1m"),
        ] {
            assert_eq!(Amount::parse(left), Amount::parse(right), "{left} {right}");
            assert!(Amount::parse(left).is_some());
        }
        assert!(Amount::parse("10m") < Amount::parse("1"));
    }

    #[test]
    fn what_is_no_quantity_is_none() {
        for text in ["", "m", "1 Gi", "-1", "1.2.3", "1mi", "ten", "1e99", "9999999999999999999999999"] {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_ratio_is_compared_without_rounding() {
        let of = |text| Amount::parse(text).unwrap();
        assert!(!of("32Mi").exceeds(of("2"), of("16Mi")));
        assert!(of("33Mi").exceeds(of("2"), of("16Mi")));
    }
}
