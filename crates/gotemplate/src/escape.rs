//! `html`, `js` and `urlquery`.

use crate::buffer::Buffer;
use crate::unicode::{characters, is_print};

const UPPER: &[u8; 16] = b"0123456789ABCDEF";

pub(crate) fn html(text: &[u8], out: &mut Buffer) {
    for &byte in text {
        match byte {
            0 => out.push_str("\u{fffd}"),
            b'"' => out.push_str("&#34;"),
            b'\'' => out.push_str("&#39;"),
            b'&' => out.push_str("&amp;"),
            b'<' => out.push_str("&lt;"),
            b'>' => out.push_str("&gt;"),
            _ => out.push(byte),
        }
    }
}

pub(crate) fn js(text: &[u8], out: &mut Buffer) {
    let mut at = 0;
    for (character, length) in characters(text) {
        let bytes = &text[at..at + length];
        at += length;
        match character {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '<' => out.push_str("\\u003C"),
            '>' => out.push_str("\\u003E"),
            '&' => out.push_str("\\u0026"),
            '=' => out.push_str("\\u003D"),
            '\0'..' ' => out.push_str(&format!("\\u{:04X}", u32::from(character))),
            '\u{80}'.. if !is_print(character) => out.push_str(&format!("\\u{:04X}", u32::from(character))),
            _ => out.extend(bytes),
        }
    }
}

pub(crate) fn url_query(text: &[u8], out: &mut Buffer) {
    for &byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte),
            b' ' => out.push(b'+'),
            _ => out.extend(&[b'%', UPPER[usize::from(byte >> 4)], UPPER[usize::from(byte & 0xF)]]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(escape: fn(&[u8], &mut Buffer), text: &[u8]) -> String {
        let mut out = Buffer::new(1000);
        escape(text, &mut out);
        String::from_utf8_lossy(&out.take().expect("short")).into_owned()
    }

    #[test]
    fn each_escape_does_what_go_does() {
        assert_eq!(
            escaped(html, b"<a href=\"x\">'&'\0</a>"),
            "&lt;a href=&#34;x&#34;&gt;&#39;&amp;&#39;\u{fffd}&lt;/a&gt;"
        );
        assert_eq!(
            escaped(js, "<é='\\\"\u{7f}\n\u{2028}😀&>".as_bytes()),
            "\\u003Cé\\u003D\\'\\\\\\\"\u{7f}\\u000A\\u2028😀\\u0026\\u003E"
        );
        assert_eq!(escaped(url_query, "a b/é~-_.".as_bytes()), "a+b%2F%C3%A9~-_.");
    }
}
