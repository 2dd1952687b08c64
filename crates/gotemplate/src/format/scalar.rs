//! Integers, strings, complex numbers.

use super::{Printer, quote};
use crate::datum::Datum;
use crate::unicode::{self, is_print};

const LOWER: &[u8; 17] = b"0123456789abcdefx";
const UPPER: &[u8; 17] = b"0123456789ABCDEFX";

impl Printer<'_> {
    pub(super) fn integer(&mut self, magnitude: u64, negative: bool, verb: char, value: &Datum<'_>) {
        // As a character, a negative number is out of range like any that is too large.
        let code = if negative { u64::MAX } else { magnitude };
        match verb {
            'v' | 'd' => self.digits(magnitude, negative, 10, verb),
            'b' => self.digits(magnitude, negative, 2, verb),
            'o' | 'O' => self.digits(magnitude, negative, 8, verb),
            'x' | 'X' => self.digits(magnitude, negative, 16, verb),
            'c' => self.pad(character(code).encode_utf8(&mut [0; 4]).as_bytes()),
            'q' => {
                let quoted = quote::character(character(code), self.flags.plus);
                self.pad(&quoted);
            }
            'U' => self.unicode(if negative { magnitude.wrapping_neg() } else { magnitude }),
            _ => self.bad_verb(verb, value),
        }
    }

    pub(super) fn byte(&mut self, number: u8, verb: char, value: &Datum<'_>) {
        if verb == 'v' && self.flags.sharp_v {
            let sharp = std::mem::replace(&mut self.flags.sharp, true);
            self.digits(number.into(), false, 16, 'v');
            self.flags.sharp = sharp;
        } else {
            self.integer(number.into(), false, verb, value);
        }
    }

    fn digits(&mut self, magnitude: u64, negative: bool, base: u64, verb: char) {
        let signed = negative || self.flags.plus || self.flags.space;
        let fewest = match self.precision {
            Some(0) if magnitude == 0 => return self.pad_with_spaces(b""),
            Some(precision) => precision,
            None if self.flags.zero && !self.flags.minus => {
                self.width.unwrap_or(0).saturating_sub(usize::from(signed))
            }
            None => 0,
        };
        let table = if verb == 'X' { UPPER } else { LOWER };
        // From right to left.
        let mut text = Vec::with_capacity(24);
        let mut rest = magnitude;
        while rest > 0 || text.is_empty() {
            text.push(table[(rest % base) as usize]);
            rest /= base;
        }
        if text.len() < fewest {
            text.resize(fewest, b'0');
        }
        match base {
            2 if self.flags.sharp => text.extend(b"b0"),
            8 if self.flags.sharp && text.last() != Some(&b'0') => text.push(b'0'),
            16 if self.flags.sharp => text.extend([table[16], b'0']),
            _ => {}
        }
        if verb == 'O' {
            text.extend(b"o0");
        }
        if negative {
            text.push(b'-');
        } else if self.flags.plus {
            text.push(b'+');
        } else if self.flags.space {
            text.push(b' ');
        }
        text.reverse();
        self.pad_with_spaces(&text);
    }

    /// `U+0041`, and `U+0041 'A'` with a sharp.
    fn unicode(&mut self, code: u64) {
        let fewest = self.precision.unwrap_or(0).max(4);
        let digits = format!("{code:X}");
        let mut text = format!("U+{}{digits}", "0".repeat(fewest.saturating_sub(digits.len())));
        let shown =
            u32::try_from(code).ok().and_then(char::from_u32).filter(|character| is_print(*character));
        if let (true, Some(shown)) = (self.flags.sharp, shown) {
            text.extend([' ', '\'', shown, '\'']);
        }
        self.pad_with_spaces(text.as_bytes());
    }

    pub(super) fn text(&mut self, text: &[u8], verb: char, value: &Datum<'_>) {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(text),
            'v' | 's' => self.string(text),
            'q' => self.quoted(text),
            'x' => self.hex(text, LOWER),
            'X' => self.hex(text, UPPER),
            _ => self.bad_verb(verb, value),
        }
    }

    pub(super) fn string(&mut self, text: &[u8]) {
        let shown = self.truncate(text);
        self.pad(shown);
    }

    /// As many characters as the precision allows.
    fn truncate<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let Some(precision) = self.precision else { return text };
        let length = unicode::characters(text).take(precision).map(|(_, length)| length).sum();
        &text[..length]
    }

    fn quoted(&mut self, text: &[u8]) {
        let shown = self.truncate(text);
        let quoted = match quote::backquoted(shown) {
            Some(quoted) if self.flags.sharp => quoted,
            _ => quote::string(shown, self.flags.plus),
        };
        self.pad(&quoted);
    }

    fn hex(&mut self, text: &[u8], table: &[u8; 17]) {
        let shown = &text[..self.precision.unwrap_or(usize::MAX).min(text.len())];
        let mut digits = Vec::with_capacity(shown.len() * 2);
        for (at, byte) in shown.iter().enumerate() {
            if at > 0 && self.flags.space {
                digits.push(b' ');
            }
            if self.flags.sharp && (at == 0 || self.flags.space) {
                digits.extend([b'0', table[16]]);
            }
            digits.extend([table[usize::from(byte >> 4)], table[usize::from(byte & 0xF)]]);
        }
        self.pad(&digits);
    }

    pub(super) fn complex(&mut self, real: f64, imaginary: f64, verb: char, value: &Datum<'_>) {
        if !matches!(verb, 'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E') {
            return self.bad_verb(verb, value);
        }
        self.out.push(b'(');
        self.float_verb(real, verb, value);
        // The imaginary part always has a sign.
        let plus = std::mem::replace(&mut self.flags.plus, true);
        self.float_verb(imaginary, verb, value);
        self.flags.plus = plus;
        self.out.push_str("i)");
    }
}

fn character(code: u64) -> char {
    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(unicode::INVALID)
}
