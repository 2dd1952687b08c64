//! The keys that are trusted, and the judgement.

use stoker_object::{ObjectId, Signed};

use crate::allowed::{self, Allowed};
use crate::fault::{Fault, KeyFault, Subject, Verdict};
use crate::openpgp::{self, OpenPgpKey};
use crate::ssh;

/// The largest signature that is looked at; an `OpenPGP` one of an RSA key of 16,384 bits has 3 kB.
const LARGEST_SIGNATURE: usize = 64 << 10;

/// Keys that are trusted.
#[derive(Debug, Default)]
pub struct Keyring {
    allowed: Vec<Allowed>,
    openpgp: Vec<OpenPgpKey>,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The principal, or the user of an `OpenPGP` key: as the file of keys names it.
    pub name: String,
    /// The key, by kind and fingerprint.
    pub key: String,
}

impl Keyring {
    /// Adds the SSH keys of an `allowed_signers` file; `file` is its name, for messages.
    pub fn add_allowed_signers(&mut self, text: &[u8], file: &str) -> Result<(), KeyFault> {
        self.allowed.extend(allowed::parse(text, file)?);
        Ok(())
    }

    /// Adds the `OpenPGP` keys of an armoured file; it may hold several blocks.
    pub fn add_openpgp(&mut self, text: &[u8], file: &str) -> Result<(), KeyFault> {
        self.openpgp.extend(openpgp::parse(text, file)?);
        Ok(())
    }

    /// Whether no key is trusted at all.
    pub fn is_empty(&self) -> bool {
        self.allowed.is_empty() && self.openpgp.is_empty()
    }

    /// Who signed a commit. `bytes` are those that hash to `id`; `now` is in seconds since 1970.
    pub fn commit(&self, id: &ObjectId, bytes: &[u8], now: i64) -> Result<Signer, Fault> {
        let subject = Subject::Commit(*id);
        match Signed::of_commit(bytes) {
            Some(signed) => self.check(subject, &signed, now),
            None => Err(Fault::Unreadable { subject, why: "there are several".to_owned() }),
        }
    }

    /// Who signed an annotated tag. `name` is only for messages.
    pub fn tag(&self, name: &str, bytes: &[u8], now: i64) -> Result<Signer, Fault> {
        self.check(Subject::Tag(name.to_owned()), &Signed::of_tag(bytes), now)
    }

    fn check(&self, subject: Subject, signed: &Signed, now: i64) -> Result<Signer, Fault> {
        let Signed { payload, signature } = signed;
        let armour = signature.trim_ascii_start();
        if armour.is_empty() {
            return Err(Fault::Unsigned(subject));
        }
        let (verdict, place) = if signature.len() > LARGEST_SIGNATURE {
            (Err(Verdict::Unreadable(format!("it has more than {LARGEST_SIGNATURE} bytes"))), "")
        } else if armour.starts_with(ssh::ARMOUR) {
            (ssh::check(&self.allowed, payload, armour, now), "allowed_signers")
        } else if armour.starts_with(openpgp::ARMOUR) {
            (openpgp::check(&self.openpgp, payload, armour, now), "an .asc file")
        } else {
            let why = "it is neither an SSH nor an OpenPGP signature (X.509 is not supported)";
            (Err(Verdict::Unreadable(why.to_owned())), "")
        };
        verdict.map_err(|verdict| verdict.of(subject, place))
    }
}
