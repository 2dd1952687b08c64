//! `OpenPGP` signatures and keys.

mod packets;

use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{KeyFlags, PublicSubkey, Signature, SignatureType};
use pgp::ser::Serialize;
use pgp::types::{KeyDetails, Tag, VerifyingKey};

use crate::fault::{KeyFault, Verdict};
use crate::keyring::Signer;
use crate::time;
use packets::Key;

pub(crate) const ARMOUR: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
const BLOCK: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// Keys of one file.
const MOST_KEYS: usize = 1000;
/// The clocks of a signer and of a plant differ; a signature from further in the future is not believed.
const SKEW: i64 = 24 * 3600;

const RENEW: &str =
    "Sign with a key that is valid now; if its end was moved, put the key's new export into the Secret";
const REVOKED: &str = "Sign with another key";

/// A key with its subkeys.
#[derive(Debug)]
pub(crate) struct OpenPgpKey(Key);

/// Reads the armoured public keys of a file.
pub(crate) fn parse(text: &[u8], file: &str) -> Result<Vec<OpenPgpKey>, KeyFault> {
    let fault = |why: String| KeyFault { file: file.to_owned(), line: None, why };
    let text = std::str::from_utf8(text).map_err(|_| fault(not_armoured()))?;
    if text.contains("PRIVATE KEY BLOCK") {
        return Err(fault(
            "it holds a private key: take it out, and put in what gpg --armor --export gives".to_owned(),
        ));
    }
    let mut keys = Vec::new();
    for block in text.split(BLOCK).skip(1) {
        let block = format!("{BLOCK}{block}");
        let parsed = packets::keys(block.as_bytes());
        let parsed = parsed.map_err(|error| fault(format!("a key in it cannot be read: {error}")))?;
        keys.extend(parsed.into_iter().map(OpenPgpKey));
        if keys.len() > MOST_KEYS {
            return Err(fault(format!("more than {MOST_KEYS} keys are not read")));
        }
    }
    if keys.is_empty() { Err(fault(not_armoured())) } else { Ok(keys) }
}

fn not_armoured() -> String {
    format!("it holds no key ({BLOCK}); write it with gpg --armor --export")
}

/// Checks a signature; `now` is in seconds since 1970.
pub(crate) fn check(
    keys: &[OpenPgpKey],
    payload: &[u8],
    signature: &[u8],
    now: i64,
) -> Result<Signer, Verdict> {
    let unreadable = |why: String| Verdict::Unreadable(why);
    let signature = packets::signature(signature).map_err(unreadable)?;
    if !matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text)) {
        return Err(unreadable("it is none of a document".to_owned()));
    }
    match signature.hash_alg() {
        Some(HashAlgorithm::Md5 | HashAlgorithm::Sha1 | HashAlgorithm::Ripemd160) | None => {
            return Err(unreadable("its hash is too weak; set digest-algo SHA256 in gpg.conf".to_owned()));
        }
        Some(_) => {}
    }
    let Some((key, component)) = keys.iter().find_map(|key| Some((key, key.component(&signature)?))) else {
        return Err(Verdict::Unknown { key: issuer(&signature) });
    };
    let shown = format!("the OpenPGP key {}", component.fingerprint());
    let signer = key.name();
    if component.verify(&signature, payload).is_err() {
        return Err(Verdict::Bad { key: shown, signer });
    }
    match key.problem(&component, &signature, now) {
        Some((why, next)) => Err(Verdict::Ended { key: shown, signer, why, next }),
        None => Ok(Signer { name: signer, key: shown }),
    }
}

/// The key that a signature says it is by.
fn issuer(signature: &Signature) -> String {
    let fingerprint = signature.issuer_fingerprint().first().map(|id| format!("{id:X}"));
    let id = || signature.issuer_key_id().first().map(|id| id.to_string().to_uppercase());
    match fingerprint.or_else(id) {
        Some(name) => format!("the OpenPGP key {name}"),
        None => "an OpenPGP key that it does not name".to_owned(),
    }
}

/// The part of a key that signs.
enum Component<'a> {
    Primary(&'a Key),
    Subkey(&'a (PublicSubkey, Vec<Signature>)),
}

impl Component<'_> {
    fn fingerprint(&self) -> String {
        match self {
            Self::Primary(key) => format!("{:X}", key.primary.fingerprint()),
            Self::Subkey((key, _)) => format!("{:X}", key.fingerprint()),
        }
    }

    fn verify(&self, signature: &Signature, payload: &[u8]) -> pgp::errors::Result<()> {
        match self {
            Self::Primary(key) => signature.verify(&key.primary, payload),
            Self::Subkey((key, _)) => signature.verify(key, payload),
        }
    }
}

type Problem = (String, &'static str);

impl OpenPgpKey {
    /// The first user's name, with no more of it than a message needs.
    fn name(&self) -> String {
        let user = self
            .0
            .users
            .iter()
            .find(|(_, own)| own.iter().any(Signature::is_primary))
            .or(self.0.users.first());
        let name = user.map(|(user, _)| String::from_utf8_lossy(user.id()).into_owned());
        let name =
            name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| "an unnamed user".to_owned());
        name.chars().filter(|c| !c.is_control()).take(120).collect()
    }

    /// The part that a signature names.
    fn component(&self, signature: &Signature) -> Option<Component<'_>> {
        let Self(key) = self;
        if is_by(signature, &key.primary) {
            return Some(Component::Primary(key));
        }
        key.subkeys.iter().find(|(subkey, _)| is_by(signature, subkey)).map(Component::Subkey)
    }

    /// Why a good signature does not count.
    fn problem(&self, component: &Component<'_>, signature: &Signature, now: i64) -> Option<Problem> {
        let Self(key) = self;
        let primary = &key.primary;
        if key.revocations.iter().any(|revocation| revocation.verify_key(primary).is_ok()) {
            return Some(("was revoked".to_owned(), REVOKED));
        }
        let Some(binding) = self.newest_self_signature() else {
            return Some(("bears no signature of its own".to_owned(), "Export it again, with its user ids"));
        };
        let expiry = ended(primary, binding, now);
        let of_subkey = || match component {
            Component::Primary(_) => {
                let flags = binding.key_flags();
                let may_sign = flags == KeyFlags::default() || flags.sign();
                (!may_sign).then(|| ("is not meant for signing".to_owned(), REVOKED))
            }
            Component::Subkey(subkey) => subkey_problem(primary, subkey, now),
        };
        expiry.or_else(of_subkey).or_else(|| signature_problem(signature, now))
    }

    /// What the key says of itself: the newest valid signature on a user that is not revoked, or on the key.
    fn newest_self_signature(&self) -> Option<&Signature> {
        let Self(key) = self;
        let primary = &key.primary;
        let direct = key.direct.iter().filter(|own| own.verify_key(primary).is_ok());
        let of_users = key.users.iter().filter_map(|(user, own)| {
            let genuine = |own: &&Signature| {
                is_by(own, primary) && own.verify_certification(primary, Tag::UserId, user).is_ok()
            };
            let newest = own.iter().filter(genuine).max_by_key(|own| created(own))?;
            (newest.typ() != Some(SignatureType::CertRevocation)).then_some(newest)
        });
        direct.chain(of_users).max_by_key(|own| created(own))
    }
}

fn subkey_problem<K: VerifyingKey + Serialize>(
    primary: &K,
    (subkey, own): &(PublicSubkey, Vec<Signature>),
    now: i64,
) -> Option<Problem> {
    let genuine = |typ: SignatureType| {
        move |own: &&Signature| own.typ() == Some(typ) && own.verify_subkey_binding(primary, subkey).is_ok()
    };
    if own.iter().any(|own| genuine(SignatureType::SubkeyRevocation)(&own)) {
        return Some(("was revoked (the subkey)".to_owned(), REVOKED));
    }
    let bindings = own.iter().filter(genuine(SignatureType::SubkeyBinding));
    let Some(binding) = bindings.max_by_key(|own| created(own)) else {
        return Some(("its primary key does not vouch for".to_owned(), REVOKED));
    };
    // Without the subkey's own consent anybody could take somebody else's subkey into his key.
    let consents = binding
        .embedded_signature()
        .is_some_and(|back| back.verify_primary_key_binding(subkey, primary).is_ok());
    if !binding.key_flags().sign() || !consents {
        return Some(("is not meant for signing (the subkey)".to_owned(), REVOKED));
    }
    ended(subkey, binding, now)
}

/// Whether a key's time is over, as `binding` gives it, or has not come.
fn ended(key: &impl KeyDetails, binding: &Signature, now: i64) -> Option<Problem> {
    let made = i64::from(key.created_at().as_secs());
    if made > now + SKEW {
        return Some((format!("is not valid before {}", time::show(made)), RENEW));
    }
    let lasts = binding.key_expiration_time().map_or(0, |lasts| i64::from(lasts.as_secs()));
    (lasts > 0 && now >= made + lasts).then(|| (format!("expired at {}", time::show(made + lasts)), RENEW))
}

fn signature_problem(signature: &Signature, now: i64) -> Option<Problem> {
    let made = created(signature);
    if made > now + SKEW {
        let why = format!("signed in the future ({})", time::show(made));
        return Some((why, "Put the clock right, of the signer or of this machine"));
    }
    let lasts = signature.signature_expiration_time().map_or(0, |lasts| i64::from(lasts.as_secs()));
    let over = lasts > 0 && now >= made + lasts;
    over.then(|| {
        (
            format!("signed until {} only", time::show(made + lasts)),
            "Sign again, without an end (gpg --default-sig-expire)",
        )
    })
}

fn created(signature: &Signature) -> i64 {
    signature.created().map_or(0, |time| i64::from(time.as_secs()))
}

/// Whether a signature names this key; one that names none may be by any.
fn is_by(signature: &Signature, key: &impl KeyDetails) -> bool {
    let (fingerprints, ids) = (signature.issuer_fingerprint(), signature.issuer_key_id());
    if fingerprints.is_empty() && ids.is_empty() {
        return true;
    }
    fingerprints.iter().any(|one| **one == key.fingerprint())
        || (fingerprints.is_empty() && ids.iter().any(|one| **one == key.legacy_key_id()))
}
