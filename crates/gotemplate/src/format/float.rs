//! Floating-point numbers, as `strconv.FormatFloat` and `fmt` write them.

use super::Printer;
use crate::datum::Datum;

/// Digits after the point beyond which a finite `float64` has only zeros.
const MAX_FRACTION: usize = 1100;

impl Printer<'_> {
    pub(super) fn float_verb(&mut self, number: f64, verb: char, value: &Datum<'_>) {
        match verb {
            'v' => self.float(number, b'g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => self.float(number, verb as u8, None),
            'f' | 'e' | 'E' => self.float(number, verb as u8, Some(6)),
            'F' => self.float(number, b'f', Some(6)),
            _ => self.bad_verb(verb, value),
        }
    }

    /// `default`: the precision if none was asked for; `None` for as many digits as tell the number from all others.
    fn float(&mut self, number: f64, verb: u8, default: Option<usize>) {
        let precision = self.precision.or(default);
        let mut text = format_float(number, verb, precision);
        if !matches!(text[0], b'-' | b'+') {
            text.insert(0, b'+');
        }
        if self.flags.space && text[0] == b'+' && !self.flags.plus {
            text[0] = b' ';
        }
        if matches!(text[1], b'I' | b'N') {
            let unsigned = text[1] == b'N' && !self.flags.space && !self.flags.plus;
            return self.pad_with_spaces(&text[usize::from(unsigned)..]);
        }
        if self.flags.sharp && verb != b'b' {
            keep_point(&mut text, verb, precision);
        }
        if !self.flags.plus && text[0] == b'+' {
            return self.pad(&text[1..]);
        }
        match self.width {
            // The sign goes before the zeros.
            Some(width) if self.flags.zero && !self.flags.minus && width > text.len() => {
                self.out.push(text[0]);
                self.padding(width - text.len());
                self.out.extend(&text[1..]);
            }
            _ => self.pad(&text),
        }
    }
}

/// `%#g` and the like: a decimal point in any case, and the zeros that the precision leaves at the end.
fn keep_point(text: &mut Vec<u8>, verb: u8, precision: Option<usize>) {
    let exponent = match verb {
        b'x' | b'X' => text.iter().position(|byte| matches!(byte, b'p' | b'P')),
        _ => text.iter().position(|byte| matches!(byte, b'e' | b'E')),
    };
    let tail = text.split_off(exponent.unwrap_or(text.len()));
    let mut wanted = match verb {
        b'g' | b'G' | b'x' => precision.unwrap_or(6),
        _ => 0,
    };
    let digits = text[1..].iter().filter(|byte| **byte != b'.');
    wanted = wanted.saturating_sub(digits.skip_while(|byte| **byte == b'0').count());
    if !text.contains(&b'.') {
        // A lone zero counts as a digit.
        if text[1..] == *b"0" {
            wanted = wanted.saturating_sub(1);
        }
        text.push(b'.');
    }
    text.resize(text.len() + wanted, b'0');
    text.extend(tail);
}

/// `strconv.FormatFloat(number, verb, precision or -1, 64)`.
fn format_float(number: f64, verb: u8, precision: Option<usize>) -> Vec<u8> {
    if number.is_nan() {
        return b"NaN".to_vec();
    }
    if number.is_infinite() {
        return if number > 0.0 { b"+Inf".to_vec() } else { b"-Inf".to_vec() };
    }
    let mut text = Vec::new();
    if number.is_sign_negative() {
        text.push(b'-');
    }
    let magnitude = number.abs();
    match (verb, precision) {
        (b'b', _) => text.extend(binary(magnitude).into_bytes()),
        (b'x' | b'X', _) => hexadecimal(magnitude, verb == b'X', precision, &mut text),
        (b'f', Some(precision)) => fixed(magnitude, precision, &mut text),
        (b'e' | b'E', _) => {
            let digits = Digits::of(magnitude, precision);
            let after_point = precision.unwrap_or(digits.digits.len() - 1);
            scientific(&digits, after_point, verb, &mut text);
        }
        _ => general(magnitude, verb, precision, &mut text),
    }
    text
}

/// Significant digits, and how many of them stand before the point.
struct Digits {
    digits: Vec<u8>,
    point: i32,
}

impl Digits {
    /// The fewest digits that tell the number, or one and `after_first` more.
    fn of(magnitude: f64, after_first: Option<usize>) -> Self {
        let (text, missing) = match after_first {
            Some(wanted) => {
                let exact = wanted.min(MAX_FRACTION);
                (format!("{magnitude:.exact$e}"), wanted - exact)
            }
            None => (shortest(magnitude), 0),
        };
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let mut digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
        digits.resize(digits.len() + missing, b'0');
        Self { digits, point: exponent.parse::<i32>().unwrap_or(0) + 1 }
    }
}

/// The fewest digits that tell the number from all others, as `d.ddde±d`.
///
/// Where two such numbers are equally near, Go takes the even one and Rust the greater one: rounding to that many digits
/// gives the even one, if it still tells the number.
fn shortest(magnitude: f64) -> String {
    let text = format!("{magnitude:e}");
    let after_first = text.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count() - 1;
    let even = format!("{magnitude:.after_first$e}");
    if even.parse::<f64>().is_ok_and(|parsed| parsed.to_bits() == magnitude.to_bits()) { even } else { text }
}

/// `d.ddde±dd`
fn scientific(number: &Digits, after_point: usize, verb: u8, text: &mut Vec<u8>) {
    text.push(number.digits[0]);
    if after_point > 0 {
        text.push(b'.');
        let shown = (after_point + 1).min(number.digits.len());
        text.extend(&number.digits[1..shown]);
        text.resize(text.len() + after_point + 1 - shown, b'0');
    }
    let zero = number.digits.iter().all(|digit| *digit == b'0');
    let exponent = if zero { 0 } else { number.point - 1 };
    text.push(verb);
    text.push(if exponent < 0 { b'-' } else { b'+' });
    text.extend(format!("{:02}", exponent.abs()).into_bytes());
}

/// `ddd.ddd` with exactly the digits that there are.
fn positional(number: &Digits, text: &mut Vec<u8>) {
    let digits = &number.digits;
    let whole = usize::try_from(number.point).unwrap_or(0);
    if whole == 0 {
        text.push(b'0');
    } else {
        text.extend(&digits[..whole.min(digits.len())]);
        text.resize(text.len() + whole.saturating_sub(digits.len()), b'0');
    }
    let zeros = usize::try_from(-number.point).unwrap_or(0);
    let fraction = digits.get(whole..).unwrap_or_default();
    if !fraction.is_empty() {
        text.push(b'.');
        text.resize(text.len() + zeros, b'0');
        text.extend(fraction);
    }
}

fn fixed(magnitude: f64, precision: usize, text: &mut Vec<u8>) {
    let exact = precision.min(MAX_FRACTION);
    text.extend(format!("{magnitude:.exact$}").into_bytes());
    text.resize(text.len() + precision - exact, b'0');
}

/// `%g`: scientific for very small and very large numbers, otherwise positional; no zeros at the end.
fn general(magnitude: f64, verb: u8, precision: Option<usize>, text: &mut Vec<u8>) {
    let mut number = Digits::of(magnitude, precision.map(|precision| precision.max(1) - 1));
    while number.digits.len() > 1 && number.digits.last() == Some(&b'0') {
        number.digits.pop();
    }
    if number.digits == b"0" {
        number.point = 1;
    }
    let count = number.digits.len();
    // Digits before the point; below one there are none.
    let whole = usize::try_from(number.point).unwrap_or(0);
    let most = match precision.map(|precision| precision.max(1)) {
        None => 6,
        Some(wanted) if wanted > count && count >= whole => count,
        Some(wanted) => wanted,
    };
    if number.point < -3 || whole > most {
        let verb = if verb == b'G' { b'E' } else { b'e' };
        scientific(&number, count - 1, verb, text);
    } else {
        positional(&number, text);
    }
}

/// The 53 bits of a number and the power of two of the last of them.
fn decompose(magnitude: f64) -> (u64, i32) {
    let bits = magnitude.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    match (bits >> 52) as i32 {
        0 => (fraction, -1074),
        exponent => (fraction | 1 << 52, exponent - 1075),
    }
}

/// `4503599627370496p-52`
fn binary(magnitude: f64) -> String {
    let (mantissa, exponent) = decompose(magnitude);
    format!("{mantissa}p{exponent:+}")
}

/// `0x1.8p+01`
fn hexadecimal(magnitude: f64, upper: bool, precision: Option<usize>, text: &mut Vec<u8>) {
    let (mantissa, exponent) = decompose(magnitude);
    let mut exponent = if mantissa == 0 { 0 } else { exponent + 52 };
    // The leading one goes to bit 60, so that the fraction is fifteen digits of four bits.
    let mut bits = mantissa << 8;
    while bits != 0 && bits & (1 << 60) == 0 {
        bits <<= 1;
        exponent -= 1;
    }
    if let Some(precision @ 0..15) = precision {
        let shift = precision * 4;
        let rest = (bits << shift) & ((1 << 60) - 1);
        bits >>= 60 - shift;
        // To even where the rest is exactly half.
        if rest | (bits & 1) > 1 << 59 {
            bits += 1;
        }
        bits <<= 60 - shift;
        if bits & (1 << 61) != 0 {
            bits >>= 1;
            exponent += 1;
        }
    }
    let fraction = bits & ((1 << 60) - 1);
    let digits = match precision {
        None => format!("{fraction:015x}").trim_end_matches('0').to_owned(),
        Some(precision) => {
            let all = format!("{fraction:015x}");
            let shown = precision.min(15);
            format!("{}{}", &all[..shown], "0".repeat(precision - shown))
        }
    };
    let point = if digits.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    let written = format!("0x{}{point}{digits}p{sign}{:02}", bits >> 60, exponent.abs());
    text.extend(if upper { written.to_uppercase() } else { written }.into_bytes());
}
