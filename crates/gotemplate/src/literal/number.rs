//! Numbers.

/// What a number's spelling makes of it where nothing else decides its type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Int(i64),
    Float(f64),
    /// An imaginary or complex number: real and imaginary part.
    Complex(f64, f64),
    /// A whole number above the largest `int`: an error where it is used, not where it is written.
    TooLarge,
}

/// The value of a number without an imaginary part added to it. The message says what is wrong with it.
pub(crate) fn number(text: &str) -> Result<Number, String> {
    if let Some(imaginary) = text.strip_suffix('i').and_then(float) {
        return Ok(Number::Complex(0.0, imaginary));
    }
    let negative = text.starts_with('-');
    if let Some(magnitude) = integer(text.strip_prefix(['+', '-']).unwrap_or(text)) {
        match i64::try_from(if negative { -magnitude } else { magnitude }) {
            Ok(value) => return Ok(whole(text, value)),
            // Go reads it as unsigned, which takes no sign.
            Err(_) if !text.starts_with(['+', '-']) => return Ok(Number::TooLarge),
            Err(_) => {}
        }
    }
    match float(text) {
        Some(_) if !looks_like_float(text) => Err(format!("{text:?} is too large for an integer")),
        Some(value) => Ok(Number::Float(value)),
        None => Err(format!("{text:?} is not a number")),
    }
}

/// The value of `1+2i`. Only one of its signs leaves a number on either side: the others belong to exponents.
pub(crate) fn complex(text: &str) -> Option<Number> {
    let digits = text.strip_suffix('i')?;
    digits.match_indices(['+', '-']).find_map(|(sign, _)| {
        let (real, imaginary) = digits.split_at(sign);
        Some(Number::Complex(float(real)?, float(imaginary)?))
    })
}

/// A whole number is a float all the same when it is spelled like one: `-0xe` has an `e` in it, and its sign keeps Go from
/// seeing that it is hexadecimal.
fn whole(text: &str, value: i64) -> Number {
    let hex =
        text.len() > 2 && (text.starts_with("0x") || text.starts_with("0X")) && !text.contains(['p', 'P']);
    if looks_like_float(text) && !hex { Number::Float(value as f64) } else { Number::Int(value) }
}

fn looks_like_float(text: &str) -> bool {
    text.contains(['.', 'e', 'E', 'p', 'P'])
}

/// The magnitude of an integer in any of Go's bases; `None` when it is not one or does not fit in 64 bits.
fn integer(text: &str) -> Option<i128> {
    if !underscores_fit(text) {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let (base, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &*lower),
    };
    let digits: String = digits.chars().filter(|digit| *digit != '_').collect();
    u64::from_str_radix(&digits, base).ok().filter(|_| !digits.starts_with(['+', '-'])).map(i128::from)
}

/// A float as `strconv.ParseFloat` reads it; `None` when it is malformed or too large.
fn float(text: &str) -> Option<f64> {
    let (negative, magnitude) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if !underscores_fit(magnitude) {
        return None;
    }
    let digits: String = magnitude.chars().filter(|digit| *digit != '_').collect();
    let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => hex_float(hex)?,
        None if digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') => {
            digits.parse().ok()?
        }
        None => return None,
    };
    value.is_finite().then_some(if negative { -value } else { value })
}

/// `1.8p-3`: hexadecimal digits and a decimal exponent of two, which must be there.
fn hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let written = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if written.is_empty() || !written.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Beyond this the value is zero or infinite whatever the digits; the digits are few.
    let power = written.parse().unwrap_or(i32::MAX).min(100_000);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut bits = 0_u64;
    let mut scale = if exponent.starts_with('-') { -power } else { power };
    for (at, digit) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = u64::from(digit.to_digit(16)?);
        let in_fraction = at >= whole.len();
        if bits >> 59 == 0 {
            bits = bits << 4 | digit;
            scale -= if in_fraction { 4 } else { 0 };
        } else {
            // Only whether anything follows matters for rounding.
            bits |= u64::from(digit != 0);
            scale += if in_fraction { 0 } else { 4 };
        }
    }
    Some(scaled(bits, scale))
}

/// `bits` × 2^`scale`, rounded once, to even.
fn scaled(bits: u64, scale: i32) -> f64 {
    if bits == 0 {
        return 0.0;
    }
    let shift = bits.leading_zeros();
    let bits = bits << shift;
    // The value is 1.xxx × 2^exponent.
    let exponent = scale.saturating_add(63 - shift.cast_signed());
    // A subnormal number keeps fewer than 53 bits.
    let kept = 53.min(exponent.saturating_add(1075));
    if kept < 0 {
        return 0.0;
    }
    let dropped = 64 - kept.cast_unsigned();
    let (mut mantissa, rest) = if dropped == 64 { (0, bits) } else { (bits >> dropped, bits << kept) };
    let half = 1 << 63;
    if rest > half || (rest == half && mantissa & 1 == 1) {
        mantissa += 1;
    }
    // Exact: at most 54 bits, times powers of two that stay in range step by step.
    let mut value = mantissa as f64;
    let mut power = exponent.saturating_sub(kept - 1);
    while power > 0 && value.is_finite() {
        let step = power.min(512);
        value *= 2_f64.powi(step);
        power -= step;
    }
    while power < 0 {
        let step = power.max(-512);
        value *= 2_f64.powi(step);
        power -= step;
    }
    value
}

/// Underscores stand between digits, or between a base prefix and a digit.
fn underscores_fit(text: &str) -> bool {
    if !text.contains('_') {
        return true;
    }
    let lower = text.to_ascii_lowercase();
    let prefixed = ["0x", "0b", "0o"].iter().any(|prefix| lower.starts_with(prefix));
    let hex = lower.starts_with("0x");
    let digits = if prefixed { &lower.as_bytes()[1..] } else { lower.as_bytes() };
    let is_digit = |at: usize| {
        let byte = digits.get(at);
        byte.is_some_and(u8::is_ascii_digit)
            || (hex && byte.is_some_and(u8::is_ascii_hexdigit))
            || (prefixed && at == 0)
    };
    digits
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'_')
        .all(|(at, _)| at > 0 && is_digit(at - 1) && is_digit(at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_in_go() {
        use Number::{Complex, Float, Int, TooLarge};
        for (text, value) in [
            ("0", Int(0)),
            ("-0", Int(0)),
            ("+17", Int(17)),
            ("017", Int(15)),
            ("0o17", Int(15)),
            ("0b101", Int(5)),
            ("0xFf", Int(255)),
            ("0x_e", Int(14)),
            ("-0xe", Float(-14.0)),
            ("1_000", Int(1000)),
            ("9223372036854775807", Int(i64::MAX)),
            ("-9223372036854775808", Int(i64::MIN)),
            ("9223372036854775808", TooLarge),
            ("18446744073709551615", TooLarge),
            ("1.5", Float(1.5)),
            (".5", Float(0.5)),
            ("5.", Float(5.0)),
            ("1e3", Float(1000.0)),
            ("1_0.2_5", Float(10.25)),
            ("0x1p-2", Float(0.25)),
            ("0x.8p1", Float(1.0)),
            ("0x1.fffffffffffff8p0", Float(2.0)),
            ("0x1p-1074", Float(5e-324)),
            ("0x1.8p-1074", Float(1e-323)),
            ("0x1p-1075", Float(0.0)),
            ("1e-400", Float(0.0)),
            ("2i", Complex(0.0, 2.0)),
            ("-1.5i", Complex(0.0, -1.5)),
        ] {
            assert_eq!(number(text), Ok(value), "{text}");
        }
        for text in [
            "089",
            "0x",
            "0b2",
            "1__0",
            "_1",
            "1_",
            "1e400",
            "18446744073709551616",
            ".",
            "e5",
            "0x1p",
            "1.5.2",
            "1e",
        ] {
            assert!(number(text).is_err(), "{text}: {:?}", number(text));
        }
    }

    #[test]
    fn complex_numbers_are_split_at_the_right_sign() {
        for (text, value) in [
            ("1+2i", (1.0, 2.0)),
            ("-1e-3-2e+2i", (-1e-3, -2e2)),
            ("0x1p-2+1i", (0.25, 1.0)),
            ("1-0x1p-2i", (1.0, -0.25)),
        ] {
            assert_eq!(complex(text), Some(Number::Complex(value.0, value.1)), "{text}");
        }
    }
}
