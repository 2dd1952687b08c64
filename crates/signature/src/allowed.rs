//! `allowed_signers`, as `ssh-keygen(1)` describes it under ALLOWED SIGNERS.

use ssh_key::public::KeyData;
use ssh_key::{HashAlg, PublicKey};

use crate::fault::KeyFault;
use crate::time;

/// Lines that are read; a plant has a handful of signers, a company some hundred.
const MOST_LINES: usize = 10_000;
/// The longest line; an RSA key of 16,384 bits has 3 kB.
const LONGEST_LINE: usize = 16 << 10;
/// RSA keys below this can be broken by whoever pays for it.
const SHORTEST_RSA: u32 = 2048;

/// One line: a key, and for what and when it counts.
#[derive(Debug, Clone)]
pub(crate) struct Allowed {
    /// Patterns, as they stand there: whose key it is.
    pub principals: Vec<String>,
    pub key: KeyData,
    /// It signs certificates, not commits.
    pub authority: bool,
    /// `None`: for everything.
    pub namespaces: Option<Vec<String>>,
    /// Seconds since 1970, inclusive.
    pub valid_after: Option<i64>,
    /// Seconds since 1970, inclusive.
    pub valid_before: Option<i64>,
}

/// Reads a file. One line that cannot be read refuses the whole: whoever wrote it meant something by it.
pub(crate) fn parse(text: &[u8], file: &str) -> Result<Vec<Allowed>, KeyFault> {
    let mut found = Vec::new();
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let fault = |why: String| KeyFault { file: file.to_owned(), line: Some(index + 1), why };
        if index == MOST_LINES {
            return Err(fault(format!("more than {MOST_LINES} lines are not read")));
        }
        if line.len() > LONGEST_LINE {
            return Err(fault(format!("a line of more than {LONGEST_LINE} bytes is not read")));
        }
        let line = std::str::from_utf8(line).map_err(|_| fault("it is no text (UTF-8)".to_owned()))?;
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            found.push(entry(line).map_err(fault)?);
        }
    }
    Ok(found)
}

fn entry(line: &str) -> Result<Allowed, String> {
    let (principals, rest) = word(line)?;
    let principals: Vec<String> =
        principals.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect();
    if principals.is_empty() {
        return Err("it names no principal (such as engineer@plant.example) before the key".to_owned());
    }
    let mut allowed = Allowed {
        principals,
        key: KeyData::Ed25519(ssh_key::public::Ed25519PublicKey([0; 32])),
        authority: false,
        namespaces: None,
        valid_after: None,
        valid_before: None,
    };
    let rest = if rest.is_empty() || is_key(rest) { rest } else { allowed.options(rest)? };
    if !is_key(rest) {
        let shown: String = rest.chars().take(20).collect();
        return Err(format!("{shown:?} is no key; a line is: principals [options] keytype base64-key"));
    }
    let key = PublicKey::from_openssh(rest).map_err(|error| format!("its key cannot be read: {error}"))?;
    allowed.key = key.key_data().clone();
    if let KeyData::Rsa(rsa) = &allowed.key
        && rsa.key_size() < SHORTEST_RSA
    {
        let bits = rsa.key_size();
        return Err(format!("its RSA key has {bits} bits; {SHORTEST_RSA} are the least that is trusted"));
    }
    Ok(allowed)
}

fn is_key(text: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-"].iter().any(|kind| text.starts_with(kind))
}

impl Allowed {
    /// Takes the options and gives what follows them.
    fn options<'a>(&mut self, mut text: &'a str) -> Result<&'a str, String> {
        loop {
            let end = text.find(['=', ',', ' ', '\t']).unwrap_or(text.len());
            let (name, rest) = text.split_at(end);
            let (value, rest) = match rest.strip_prefix('=') {
                Some(rest) => quoted(name, rest).map(|(value, rest)| (Some(value), rest))?,
                None => (None, rest),
            };
            self.option(name, value)?;
            match rest.strip_prefix(',') {
                Some(rest) => text = rest,
                None if rest.starts_with([' ', '\t']) => return Ok(rest.trim_start()),
                None => return Err("it has no key behind its options".to_owned()),
            }
        }
    }

    fn option(&mut self, name: &str, value: Option<&str>) -> Result<(), String> {
        let date = |value: &str| {
            time::parse(value).ok_or_else(|| {
                format!("{name}={value:?} is no date; write YYYYMMDD or YYYYMMDDHHMM[SS], with Z or not: it is UTC")
            })
        };
        let lower = name.to_ascii_lowercase();
        match (lower.as_str(), value) {
            ("cert-authority", None) => self.authority = true,
            ("namespaces", Some(value)) => {
                self.namespaces = Some(value.split(',').map(|one| one.trim().to_owned()).collect());
            }
            ("valid-after", Some(value)) => self.valid_after = Some(date(value)?),
            ("valid-before", Some(value)) => self.valid_before = Some(date(value)?),
            ("namespaces" | "valid-after" | "valid-before", None) => {
                return Err(format!("the option {name:?} needs a value: {lower}=\"…\""));
            }
            _ => {
                return Err(format!(
                    "{name:?} is no option; known are cert-authority, namespaces=\"…\", valid-after=\"…\" and valid-before=\"…\""
                ));
            }
        }
        if let (Some(after), Some(before)) = (self.valid_after, self.valid_before)
            && after >= before
        {
            return Err("its valid-after is not before its valid-before".to_owned());
        }
        Ok(())
    }

    /// Whose key it is, for messages.
    pub fn name(&self) -> String {
        self.principals.join(",")
    }

    /// Whether a certificate's principal is one of those that this authority vouches for.
    pub fn vouches_for(&self, principal: &str) -> bool {
        let mut vouches = false;
        for pattern in &self.principals {
            match pattern.strip_prefix('!') {
                Some(pattern) if matches(pattern, principal) => return false,
                Some(_) => {}
                None => vouches |= matches(pattern, principal),
            }
        }
        vouches
    }

    /// Whether it may be used for what `git` signs.
    pub fn for_git(&self) -> bool {
        self.namespaces.as_ref().is_none_or(|all| all.iter().any(|pattern| matches(pattern, "git")))
    }

    pub fn is(&self, key: &KeyData) -> bool {
        self.key.fingerprint(HashAlg::Sha256) == key.fingerprint(HashAlg::Sha256)
    }
}

/// The first word, in quotes or not, and what follows the white space behind it.
fn word(text: &str) -> Result<(&str, &str), String> {
    let (word, rest) = if text.starts_with('"') {
        quoted("principals", text)?
    } else {
        text.split_at(text.find([' ', '\t']).unwrap_or(text.len()))
    };
    Ok((word, rest.trim_start()))
}

/// A value in double quotes, and what follows.
fn quoted<'a>(name: &str, text: &'a str) -> Result<(&'a str, &'a str), String> {
    let inner = text.strip_prefix('"').and_then(|text| text.split_once('"'));
    inner.ok_or_else(|| format!("the value of {name} must stand in double quotes"))
}

/// OpenSSH's patterns: `*` is any text, `?` one character.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                // The last star takes one more.
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, t) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    fn one(line: &str) -> Allowed {
        parse(line.as_bytes(), "allowed_signers").unwrap().pop().unwrap()
    }

    fn fault(line: &str) -> String {
        parse(line.as_bytes(), "allowed_signers").unwrap_err().to_string()
    }

    #[test]
    fn a_line_is_read_with_all_it_may_have() {
        let plain = one(&format!("# comment\n\n  me@plant,*@x {KEY} a comment\r\n"));
        assert_eq!((plain.name().as_str(), plain.authority, plain.for_git()), ("me@plant,*@x", false, true));
        let full = one(&format!(
            "\"me@plant\" cert-authority,namespaces=\"file,git\",valid-after=\"20240101\",valid-before=\"202501010000Z\" {KEY}"
        ));
        assert!(full.authority && full.for_git());
        assert_eq!((full.valid_after, full.valid_before), (Some(1_704_067_200), Some(1_735_689_600)));
        assert!(!one(&format!("me namespaces=\"file\" {KEY}")).for_git());
        assert!(one(&format!("me Namespaces=\"g*\" {KEY}")).for_git());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (line, words) in [
            ("me".to_owned(), "\"\" is no key"),
            (format!("me zert-authority {KEY}"), "\"zert-authority\" is no option"),
            (format!("me valid-after=20240101 {KEY}"), "double quotes"),
            (format!("me valid-after=\"tomorrow\" {KEY}"), "is no date"),
            (format!("me valid-after {KEY}"), "needs a value"),
            (format!("me valid-after=\"20250101\",valid-before=\"20240101\" {KEY}"), "not before"),
            (format!("me cert-authority,{KEY}"), "is no option"),
            ("me ssh-ed25519 AAAA".to_owned(), "cannot be read"),
            (KEY.to_owned(), "is no option"),
            (format!(", {KEY}"), "no principal"),
        ] {
            let text = fault(&format!("\n{line}\n"));
            assert!(text.starts_with("allowed_signers:2: ") && text.contains(words), "{line}: {text}");
        }
        assert!(parse(b"\xff\xfe x", "f").is_err());
        assert!(parse(&vec![b'x'; LONGEST_LINE + 1], "f").is_err());
        assert!(parse(&b"#\n".repeat(MOST_LINES + 1), "f").is_err());
    }

    #[test]
    fn patterns_are_openssh_s() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*@plant", "a@plant", true),
            ("a*b*c", "aXbYbZc", true),
            ("a?c", "ac", false),
            ("a?c", "abc", true),
            ("", "a", false),
            ("*b", "abab", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
        let authority = one(&format!("*@plant,!root@plant cert-authority {KEY}"));
        assert!(authority.vouches_for("me@plant") && !authority.vouches_for("root@plant"));
        assert!(!authority.vouches_for("me@other"));
    }
}
