//! Text that others wrote, made fit for statuses, events and logs.

/// At most so many characters, the last an ellipsis where something was cut off; control characters become blanks.
pub fn cut(text: &str, longest: usize) -> String {
    let mut clean: String =
        text.chars().take(longest).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(longest).is_some() && longest > 7 {
        clean.pop();
        clean.push('…');
    }
    clean
}

/// A URL without user name, password and query. What is no URL is shown without anything before its last `@`.
pub fn redacted(url: &str) -> String {
    let url = cut(url, 300);
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (scheme, rest) = (&url[..start.min(end)], &url[start.min(end)..end]);
    // `git@host:path` names an account of the server, not a person; a password follows a colon.
    match rest.rfind('@') {
        Some(at) if start > 0 || rest[..at].contains(':') => format!("{scheme}{}", &rest[at + 1..]),
        _ => format!("{scheme}{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        for (url, shown) in [
            ("https://me:pass@host/x.git?token=1", "https://host/x.git"),
            ("https://host/x", "https://host/x"),
            ("git@host:path", "git@host:path"),
            ("https://a:b@c@host/x", "https://host/x"),
        ] {
            assert_eq!(redacted(url), shown);
        }
    }

    #[test]
    fn a_commit_is_cut_to_its_short_form_and_a_message_says_that_it_was_cut() {
        assert_eq!(cut("0123456789", 7), "0123456");
        assert_eq!(cut("a\nb", 10), "a b");
        assert_eq!(cut("0123456789", 8), "0123456…");
    }
}
