//! Text that others wrote, made fit for answers and logs.

/// At most so many characters, the last an ellipsis where something was cut off; control characters become blanks.
pub fn cut(text: &str, longest: usize) -> String {
    let mut clean: String =
        text.chars().take(longest).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(longest).is_some() {
        clean.pop();
        clean.push('…');
    }
    clean
}

/// Whether it can be the name of a namespace or an object: nothing else becomes a part of a URL.
pub fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    (1..=253).contains(&text.len())
        && text.bytes().all(plain)
        && !text.starts_with('.')
        && !text.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_says_so() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöü!", 3), "äö…");
        assert_eq!(cut("a\nb", 9), "a b");
    }

    #[test]
    fn a_name_cannot_lead_elsewhere() {
        assert!(is_name("site-1") && is_name("plant.a"));
        for text in ["", "..", "a/b", "a..b", "%2e", "A", "a b", "a?b", &"x".repeat(254)] {
            assert!(!is_name(text), "{text}");
        }
    }
}
