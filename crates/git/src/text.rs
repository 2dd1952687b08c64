//! Text that a server sent, made fit for logs and statuses.

/// As much of a server's text as reaches a message, in characters.
const LONGEST: usize = 200;

/// A server's text without control characters, line ends as spaces, cut to 200 characters.
pub(crate) fn printable(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut clean = String::new();
    let mut length = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        let space = usize::from(length > 0);
        for c in std::iter::repeat_n(' ', space).chain(word.chars()) {
            if length == LONGEST {
                clean.push('…');
                return clean;
            }
            clean.push(c);
            length += 1;
        }
    }
    clean
}

/// `; it said "…"`, or nothing if it said nothing.
pub(crate) fn said(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("; it said {text:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_text_is_one_line_of_printable_characters() {
        assert_eq!(printable(b"  no\x1b[31m such\r\n\n\trepo\0\n"), "no [31m such repo");
        assert_eq!(printable(b""), "");
    }

    #[test]
    fn a_long_text_is_cut_at_200_characters() {
        let text = printable("é".repeat(1000).as_bytes());
        assert_eq!(text.chars().count(), 201);
        assert!(text.ends_with('…'));
    }
}
