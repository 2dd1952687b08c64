//! Strings and characters as Go writes them in source code.

use crate::unicode::{INVALID, characters, is_print};

/// `"…"` with escapes for what cannot be printed, or for all that is not ASCII.
pub(super) fn string(text: &[u8], ascii: bool) -> Vec<u8> {
    let mut quoted = vec![b'"'];
    let mut at = 0;
    for (character, length) in characters(text) {
        if character == INVALID && length == 1 {
            quoted.extend_from_slice(format!("\\x{:02x}", text[at]).as_bytes());
        } else {
            escape(character, '"', ascii, &mut quoted);
        }
        at += length;
    }
    quoted.push(b'"');
    quoted
}

/// `'…'`
pub(super) fn character(character: char, ascii: bool) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    escape(character, '\'', ascii, &mut quoted);
    quoted.push(b'\'');
    quoted
}

/// `` `…` ``, if the text can be written so.
pub(super) fn backquoted(text: &[u8]) -> Option<Vec<u8>> {
    let possible = characters(text).all(|(character, length)| match character {
        '\u{feff}' | '`' | '\u{7f}' => false,
        INVALID => length > 1,
        '\t' => true,
        _ => character >= ' ',
    });
    possible.then(|| [b"`", text, b"`"].concat())
}

fn escape(character: char, quote: char, ascii: bool, quoted: &mut Vec<u8>) {
    let code = u32::from(character);
    let short = match character {
        '\\' => '\\',
        _ if character == quote => quote,
        _ if is_print(character) && (!ascii || character.is_ascii()) => {
            return quoted.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\u{c}' => 'f',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\u{b}' => 'v',
        _ => {
            let long = match code {
                0..0x20 | 0x7F => format!("\\x{code:02x}"),
                0..0x10000 => format!("\\u{code:04x}"),
                _ => format!("\\U{code:08x}"),
            };
            return quoted.extend_from_slice(long.as_bytes());
        }
    };
    quoted.extend([b'\\', short as u8]);
}
