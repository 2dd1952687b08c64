use std::fs::File;
use std::io::Read;
use std::path::Path;

use ureq::http::HeaderValue;

use crate::error::{Error, Problem};

/// A longer file is not a token: real ones have some 60 bytes.
const LONGEST: u64 = 4096;

/// The header value that the file holds now. Marked as sensitive, so that no log shows it.
pub fn read(path: &Path) -> Result<HeaderValue, Error> {
    let fault = |words: &str| Error::Token { path: path.to_owned(), problem: Problem::new(words) };
    let mut content = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST + 1).read_to_end(&mut content))
        .map_err(|error| fault(&unreadable(&error)))?;
    header(&content).map_err(fault)
}

fn unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            "is not there: create the Secret that gateway.api.secretName names, with the key gateway.api.secretKey".to_owned()
        }
        _ => format!("cannot be read: {error}"),
    }
}

fn header(content: &[u8]) -> Result<HeaderValue, &'static str> {
    if content.len() as u64 > LONGEST {
        return Err("is too long: it must hold one line, name:secret");
    }
    let token = content.trim_ascii();
    if token.is_empty() {
        return Err("is empty: it must hold one line, name:secret");
    }
    if !token.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err("has a line break or a character that no token has: it must hold one line, name:secret");
    }
    let colon = token.iter().position(|byte| *byte == b':');
    if colon.is_none_or(|at| at == 0 || at + 1 == token.len()) {
        return Err("is not of the form name:secret: the secret alone is refused by the gateway");
    }
    let mut value = HeaderValue::from_bytes(token).map_err(|_| "cannot be sent in a header")?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_without_the_white_space_around_it() {
        let value = header(b" stoker:c2VjcmV0\r\n").unwrap();
        assert_eq!(value.as_bytes(), b"stoker:c2VjcmV0");
        assert!(value.is_sensitive());
        assert!(!format!("{value:?}").contains("c2VjcmV0"));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for content in [
            &b""[..],
            b"\n",
            b"secret",
            b":secret",
            b"name:",
            b"name:se\ncret",
            b"name:se\r\nX-Other: 1",
            b"name:\xff",
            b"name:s\0",
            "näme:secret".as_bytes(),
            &[b'a'; 5000],
        ] {
            assert!(header(content).unwrap_err().contains("name:secret"), "{content:?}");
        }
    }

    #[test]
    fn a_missing_file_is_named_with_the_next_step() {
        let message = read(Path::new("/nowhere/apiKey")).unwrap_err().to_string();
        assert_eq!(
            message,
            "the gateway's API token in /nowhere/apiKey is not there: create the Secret that gateway.api.secretName \
             names, with the key gateway.api.secretKey"
        );
    }
}
