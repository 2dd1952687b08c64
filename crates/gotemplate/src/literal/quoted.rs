//! Strings and characters between quotes.

use crate::unicode::decode;

/// The text of a string literal, quotes included: `"…"` with escapes, or `` `…` `` without (and without carriage
/// returns). `None` when an escape is not valid.
pub(crate) fn string(literal: &[u8]) -> Option<Vec<u8>> {
    let (quote, rest) = literal.split_first()?;
    let inner = rest.strip_suffix(&[*quote])?;
    if *quote == b'`' {
        return Some(inner.iter().copied().filter(|byte| *byte != b'\r').collect());
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while !rest.is_empty() {
        match unquote(&mut rest, b'"')? {
            Unquoted::Byte(byte) => text.push(byte),
            Unquoted::Character(character) => {
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
    Some(text)
}

/// The code point of a character literal, quotes included. `None` unless it holds exactly one.
pub(crate) fn character(literal: &[u8]) -> Option<u32> {
    let mut rest = literal.strip_prefix(b"'")?.strip_suffix(b"'")?;
    let code = match unquote(&mut rest, b'\'')? {
        Unquoted::Byte(byte) => u32::from(byte),
        Unquoted::Character(character) => character.into(),
    };
    rest.is_empty().then_some(code)
}

enum Unquoted {
    /// From `\x` or an octal escape: one byte, whatever it is.
    Byte(u8),
    Character(char),
}

fn unquote(rest: &mut &[u8], quote: u8) -> Option<Unquoted> {
    let (character, length) = decode(rest)?;
    *rest = &rest[length..];
    if character != '\\' {
        return Some(Unquoted::Character(character));
    }
    let escape = take(rest, 1)?[0];
    Some(match escape {
        b'a' => Unquoted::Byte(7),
        b'b' => Unquoted::Byte(8),
        b'f' => Unquoted::Byte(12),
        b'n' => Unquoted::Byte(b'\n'),
        b'r' => Unquoted::Byte(b'\r'),
        b't' => Unquoted::Byte(b'\t'),
        b'v' => Unquoted::Byte(11),
        b'\\' => Unquoted::Byte(b'\\'),
        b'x' => Unquoted::Byte(u8::try_from(number(take(rest, 2)?, 16)?).ok()?),
        b'u' => Unquoted::Character(char::from_u32(number(take(rest, 4)?, 16)?)?),
        b'U' => Unquoted::Character(char::from_u32(number(take(rest, 8)?, 16)?)?),
        b'0'..=b'7' => {
            let high = u32::from(escape - b'0') * 64;
            Unquoted::Byte(u8::try_from(high + number(take(rest, 2)?, 8)?).ok()?)
        }
        _ if escape == quote => Unquoted::Byte(escape),
        _ => return None,
    })
}

fn take<'b>(rest: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn number(digits: &[u8], base: u32) -> Option<u32> {
    digits.iter().try_fold(0_u32, |number, digit| {
        let digit = char::from(*digit).to_digit(base)?;
        number.checked_mul(base)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_unquoted_as_in_go() {
        for (literal, text) in [
            (&br#""a\tb""#[..], Some(&b"a\tb"[..])),
            (br#""\a\b\f\n\r\t\v\\\"""#, Some(b"\x07\x08\x0c\n\r\t\x0b\\\"")),
            (br#""\x41\xff\101\377""#, Some(b"A\xffA\xff")),
            (br#""\u00e9\U0001F600""#, Some("é😀".as_bytes())),
            (b"\"\xff\"", Some("\u{fffd}".as_bytes())),
            (b"`a\\n\r\n\xff`", Some(b"a\\n\n\xff")),
            (br#""\'""#, None),
            (br#""\z""#, None),
            (br#""\400""#, None),
            (br#""\ud800""#, None),
            (br#""\x4""#, None),
        ] {
            assert_eq!(string(literal).as_deref(), text, "{}", String::from_utf8_lossy(literal));
        }
    }

    #[test]
    fn a_character_is_exactly_one() {
        for (literal, code) in [
            ("'a'", Some(97)),
            ("'é'", Some(0xE9)),
            ("'\\''", Some(39)),
            ("'\\xff'", Some(255)),
            ("'\\u65e5'", Some(0x65E5)),
            ("''", None),
            ("'ab'", None),
            ("'\\\"'", None),
        ] {
            assert_eq!(character(literal.as_bytes()), code, "{literal}");
        }
    }
}
