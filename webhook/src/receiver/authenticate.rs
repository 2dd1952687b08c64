//! Who may ask: a signature over the raw body, or a token. Every comparison takes the same time, whatever is wrong.

use std::sync::{Arc, OnceLock};

use ring::hmac::{HMAC_SHA256, Key, Tag, sign, verify};
use ring::rand::SystemRandom;

/// Signatures that one request may bring: each is compared with the same one of ours.
const MOST_SIGNATURES: usize = 4;

/// A secret's bytes.
pub type Secret = Arc<[u8]>;

/// What opens the receiver of one resource.
#[derive(Clone, Default)]
pub struct Keys {
    /// Signs bodies.
    pub hmac: Option<Secret>,
    /// Is sent along.
    pub token: Option<Secret>,
}

impl Keys {
    /// Whether nothing could open it.
    pub fn is_empty(&self) -> bool {
        self.hmac.is_none() && self.token.is_none()
    }
}

/// What a request shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presented<'a> {
    signatures: Vec<[u8; 32]>,
    tokens: Vec<&'a [u8]>,
}

/// How a request proved itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By a signature over its body: whoever sends it again need not know the secret.
    Signature,
    /// By a token.
    Token,
}

impl<'a> Presented<'a> {
    /// Of a request's headers.
    pub fn of(header: impl Fn(&'static str) -> Option<&'a [u8]>) -> Self {
        let mut presented = Self::default();
        // GitHub; Bitbucket; Gitea and its descendants, without a prefix.
        for name in ["x-hub-signature-256", "x-hub-signature", "x-gitea-signature", "x-forgejo-signature"] {
            let Some(value) = header(name) else { continue };
            let digits = match value.strip_prefix(b"sha256=") {
                Some(digits) => digits,
                None if name.starts_with("x-hub") => continue,
                None => value,
            };
            if presented.signatures.len() < MOST_SIGNATURES {
                presented.signatures.extend(from_hex(digits));
            }
        }
        if let Some(value) = header("authorization")
            && let Some((scheme, token)) = value.split_at_checked(7)
            && scheme.eq_ignore_ascii_case(b"bearer ")
        {
            presented.tokens.push(token.trim_ascii());
        }
        presented.tokens.extend(header("x-gitlab-token").map(<[u8]>::trim_ascii));
        presented
    }

    /// Whether any of it is what `keys` asks for. Costs the same whether there are keys or not.
    pub fn proves(&self, keys: &Keys, body: &[u8]) -> Option<Proof> {
        let mut proof = None;
        let hmac = keys.hmac.as_deref().filter(|key| !key.is_empty());
        let expected =
            hmac.map_or_else(|| sign(chance(), body), |key| sign(&Key::new(HMAC_SHA256, key), body));
        for signature in &self.signatures {
            if is_equal(expected.as_ref(), signature) && hmac.is_some() {
                proof = Some(Proof::Signature);
            }
        }
        let token = keys.token.as_deref().filter(|token| !token.is_empty());
        for presented in &self.tokens {
            if is_equal(token.unwrap_or_default(), presented) && token.is_some() {
                proof = proof.or(Some(Proof::Token));
            }
        }
        proof
    }
}

/// Compares keyed digests of both, so that neither content nor length shows in the time it takes.
fn is_equal(expected: &[u8], presented: &[u8]) -> bool {
    let expected: Tag = sign(chance(), expected);
    verify(chance(), presented, expected.as_ref()).is_ok()
}

/// A key that nobody knows, another one in every process.
fn chance() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| {
        Key::generate(HMAC_SHA256, &SystemRandom::new())
            .expect("the system's generator of random numbers works")
    })
}

fn from_hex(digits: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0_u8; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GitHub's own example: <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>.
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const SIGNATURE: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn keys(hmac: Option<&str>, token: Option<&str>) -> Keys {
        let secret = |text: &str| Secret::from(text.as_bytes());
        Keys { hmac: hmac.map(secret), token: token.map(secret) }
    }

    fn proof(keys: &Keys, headers: &[(&str, &str)], body: &[u8]) -> Option<Proof> {
        let header =
            |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes());
        Presented::of(header).proves(keys, body)
    }

    #[test]
    fn every_forges_header_is_accepted() {
        let keys = keys(Some(SECRET), Some("token"));
        let prefixed = format!("sha256={SIGNATURE}");
        let capital = format!("sha256={}", SIGNATURE.to_uppercase());
        for (header, value, expected) in [
            ("x-hub-signature-256", prefixed.as_str(), Proof::Signature),
            ("x-hub-signature-256", &capital, Proof::Signature),
            ("x-hub-signature", &prefixed, Proof::Signature),
            ("x-gitea-signature", SIGNATURE, Proof::Signature),
            ("x-forgejo-signature", SIGNATURE, Proof::Signature),
            ("x-gitlab-token", "token", Proof::Token),
            ("authorization", "Bearer token", Proof::Token),
            ("authorization", "bearer  token ", Proof::Token),
        ] {
            assert_eq!(proof(&keys, &[(header, value)], BODY), Some(expected), "{header}");
        }
    }

    #[test]
    fn whatever_is_not_exactly_right_proves_nothing() {
        type Headers<'a> = &'a [(&'a str, &'a str)];
        let both = keys(Some(SECRET), Some("token"));
        let prefixed = format!("sha256={SIGNATURE}");
        let table: &[(&Keys, Headers<'_>, &[u8])] = &[
            (&both, &[], BODY),
            (&both, &[("x-hub-signature-256", &prefixed)], b"Hello, World?"),
            (&both, &[("x-hub-signature-256", SIGNATURE)], BODY),
            (&both, &[("x-hub-signature-256", "sha256=")], BODY),
            (&both, &[("x-hub-signature-256", &prefixed[..70])], BODY),
            (&both, &[("x-hub-signature", "sha1=0123")], BODY),
            (&both, &[("x-gitlab-token", SECRET)], BODY),
            (&both, &[("authorization", "Bearer toke")], BODY),
            (&both, &[("authorization", "Bearer tokens")], BODY),
            (&both, &[("authorization", "Basic token")], BODY),
            (&both, &[("authorization", "Bearer ")], BODY),
            (&Keys::default(), &[("authorization", "Bearer "), ("x-gitlab-token", "")], BODY),
            (&keys(Some(""), Some("")), &[("x-gitlab-token", ""), ("x-hub-signature-256", &prefixed)], BODY),
        ];
        for (keys, headers, body) in table {
            assert_eq!(proof(keys, headers, body), None, "{headers:?}");
        }
        assert_eq!(proof(&keys(None, Some("token")), &[("x-hub-signature-256", &prefixed)], BODY), None);
    }
}
