//! Characters as Go sees them: its Unicode tables, and bytes that are not UTF-8.

mod table;

/// What a byte that is not UTF-8 decodes to.
pub(crate) const INVALID: char = char::REPLACEMENT_CHARACTER;

/// The first character and its length; a byte that does not begin a valid one counts as U+FFFD of length 1.
pub(crate) fn decode(bytes: &[u8]) -> Option<(char, usize)> {
    let first = *bytes.first()?;
    let length = match first {
        0..=0x7F => return Some((char::from(first), 1)),
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return Some((INVALID, 1)),
    };
    let character = bytes.get(..length).and_then(|bytes| std::str::from_utf8(bytes).ok()?.chars().next());
    Some(character.map_or((INVALID, 1), |character| (character, length)))
}

/// The characters of bytes with their lengths.
pub(crate) fn characters(bytes: &[u8]) -> impl Iterator<Item = (char, usize)> + '_ {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (character, length) = decode(rest)?;
        rest = &rest[length..];
        Some((character, length))
    })
}

/// How many characters bytes hold.
pub(crate) fn count(bytes: &[u8]) -> usize {
    if bytes.is_ascii() { bytes.len() } else { characters(bytes).count() }
}

/// `unicode.IsLetter` or `unicode.IsDigit`, or an underscore: what names are made of.
pub(crate) fn is_alphanumeric(character: char) -> bool {
    if character.is_ascii() {
        return character == '_' || character.is_ascii_alphanumeric();
    }
    matches!(class(character), 1 | 2)
}

/// `strconv.IsPrint`.
pub(crate) fn is_print(character: char) -> bool {
    if character.is_ascii() { matches!(character, ' '..='~') } else { class(character) != 0 }
}

fn class(character: char) -> u32 {
    let code = u32::from(character);
    let next = table::RUNS.partition_point(|run| run >> 2 <= code);
    table::RUNS[next - 1] & 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_go() {
        for letter in ['a', 'Z', 'é', 'ß', '日', 'ª', 'ǅ'] {
            assert!(is_alphanumeric(letter) && is_print(letter), "{letter}");
        }
        for digit in ['0', '٣', '९'] {
            assert!(is_alphanumeric(digit), "{digit}");
        }
        // A combining mark, a letter number and a superscript are neither letters nor digits in Go.
        for neither in ['\u{301}', 'Ⅷ', '²', '-', ' '] {
            assert!(!is_alphanumeric(neither) && is_print(neither), "{neither}");
        }
        for hidden in ['\0', '\u{7f}', '\u{a0}', '\u{ad}', '\u{2028}', '\u{feff}', '\u{e000}', '\u{10ffff}'] {
            assert!(!is_print(hidden), "{hidden:?}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_count_one_by_one() {
        let text = b"a\xc3\xa9\xff\xed\xa0\x80\xe6\x97";
        let lengths: Vec<usize> = characters(text).map(|(_, length)| length).collect();
        assert_eq!(lengths, [1, 2, 1, 1, 1, 1, 1, 1]);
        assert_eq!(count(text), 8);
    }
}
