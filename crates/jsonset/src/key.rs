//! Keys of objects, as they stand in a document.

/// Reads a key of an object and keeps as much of it as could still be the wanted one.
#[derive(Debug, Default)]
pub(crate) struct KeyReader {
    raw: Vec<u8>,
    /// More bytes than this cannot spell the wanted key: `\u0000` needs six for one.
    longest: usize,
    escaped: bool,
}

impl KeyReader {
    pub(crate) fn begin(&mut self, wanted: Option<&str>) {
        self.raw.clear();
        self.longest = wanted.map_or(0, |wanted| wanted.len() * 6);
        self.escaped = false;
    }

    /// Reads on; how many bytes, and whether the closing quote was the last of them.
    pub(crate) fn read(&mut self, input: &[u8]) -> (usize, bool) {
        for (at, &byte) in input.iter().enumerate() {
            if byte == b'"' && !self.escaped {
                return (at + 1, true);
            }
            self.escaped = byte == b'\\' && !self.escaped;
            if self.raw.len() <= self.longest {
                self.raw.push(byte);
            }
        }
        (input.len(), false)
    }

    pub(crate) fn is(&self, wanted: Option<&str>) -> bool {
        let Some(wanted) = wanted.map(str::as_bytes) else { return false };
        if self.raw.len() > self.longest {
            return false;
        }
        if self.raw.contains(&b'\\') { unescape(&self.raw) == wanted } else { self.raw == wanted }
    }
}

/// A key as it is meant. Half a surrogate pair becomes U+FFFD.
fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'\\' {
            text.push(byte);
            continue;
        }
        let Some((&escape, tail)) = rest.split_first() else { break };
        rest = tail;
        match escape {
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'u' => {
                let character = code_point(&mut rest);
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            plain => text.push(plain),
        }
    }
    text
}

/// Reads the digits after `\u`, and a second `\u` that completes a surrogate pair.
fn code_point(rest: &mut &[u8]) -> char {
    let high = hex4(rest).unwrap_or_default();
    *rest = rest.get(4..).unwrap_or_default();
    let low = rest.strip_prefix(b"\\u").and_then(hex4);
    match low {
        Some(low) if (0xD800..0xDC00).contains(&high) && (0xDC00..0xE000).contains(&low) => {
            *rest = rest.get(6..).unwrap_or_default();
            char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
        }
        _ => char::from_u32(high),
    }
    .unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn hex4(digits: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(digits.get(..4)?).ok()?;
    u32::from_str_radix(digits, 16).ok()
}
