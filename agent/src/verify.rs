//! Whether a commit may be applied here: the policy and the keys of the Secret that `git.verify` names, read from its
//! files at every sync and from nowhere else. What a resource or a `ConfigMap` says cannot loosen it.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use stoker_api::names::objects::{
    VERIFY_ALLOWED_SIGNERS_KEY as ALLOWED_SIGNERS_KEY, VERIFY_OPENPGP_SUFFIX, VERIFY_POLICY_KEY,
};
use stoker_api::{Reason, VerifyPolicy, policy};
use stoker_git::{RefKind, RepoUrl, Resolved};
use stoker_glob::Pattern;
use stoker_object::{CommitHeader, FastHasher, Kind, ObjectId, TagHeader};
use stoker_signature::{Fault, KeyFault, Keyring};
use stoker_sync::Staging;

use crate::failure::{Code, Failure};
use crate::fetch::Repository;
use crate::progress::Progress;

/// The largest file of a Secret: Kubernetes takes no larger one.
const LARGEST: u64 = 1 << 20;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// `spec.git.repo`.
    pub repository: &'a str,
    /// `spec.git.ref`.
    pub reference: &'a str,
    pub commit: ObjectId,
    /// The commit that was applied last on this volume, for the same gateway.
    pub applied: Option<ObjectId>,
    /// Somebody asked for a rollback to this commit.
    pub rollback: bool,
}

/// The policy and the keys.
pub struct Verifier {
    policy: VerifyPolicy,
    refs: Vec<Pattern>,
    keys: Keyring,
    /// Stands for all that was read.
    key: ObjectId,
}

impl Verifier {
    /// Reads the Secret's directory.
    pub fn load(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join(VERIFY_POLICY_KEY);
        let shown = path.display().to_string();
        let mut sum = FastHasher::checksum();
        let mut take = |path: &Path| -> Result<Option<Vec<u8>>, Failure> {
            let bytes = read(path)?;
            if let Some(bytes) = &bytes {
                sum.update(&(bytes.len() as u64).to_le_bytes());
                sum.update(bytes);
            }
            Ok(bytes)
        };
        let Some(text) = take(&path)? else {
            return Err(mismatch(format!(
                "there is no {shown}: put {VERIFY_POLICY_KEY} (mode, repository, refs) into the Secret of spec.git.verify; until then nothing is applied"
            )));
        };
        let text = String::from_utf8(text).map_err(|_| mismatch(format!("{shown} is no text")))?;
        let policy = policy::read(&text, &shown).map_err(|error| mismatch(error.to_string()))?;
        let pattern = |text: &String| {
            Pattern::new(text).map_err(|error| mismatch(format!("{shown}: refs: {text:?}: {error}")))
        };
        let refs = policy.refs.iter().map(pattern).collect::<Result<_, _>>()?;
        let mut keys = Keyring::default();
        let signers = dir.join(ALLOWED_SIGNERS_KEY);
        if let Some(text) = take(&signers)? {
            keys.add_allowed_signers(&text, &signers.display().to_string()).map_err(refused)?;
        }
        for path in armoured(dir)? {
            if let Some(text) = take(&path)? {
                keys.add_openpgp(&text, &path.display().to_string()).map_err(refused)?;
            }
        }
        if keys.is_empty() {
            let what = format!(
                "{} holds no key: put {ALLOWED_SIGNERS_KEY} (SSH) or *.asc (OpenPGP) into the Secret of spec.git.verify",
                dir.display()
            );
            return Err(refused(what));
        }
        Ok(Self { policy, refs, keys, key: sum.finish() })
    }

    /// Fetches the commit with its trees and judges it, before anything else is fetched.
    pub fn fetch(
        &self,
        wanted: &Wanted<'_>,
        repository: &mut Repository,
        staging: &mut Staging,
        progress: &mut Progress,
    ) -> Result<CommitHeader, Failure> {
        self.admit_repository(wanted.repository)?;
        self.admit_name(wanted.reference)?;
        let header = repository.fetch_commit(wanted.commit, staging, progress)?;
        if repository.verified == Some((wanted.commit, self.key)) {
            return Ok(header);
        }
        let mut signers = Vec::new();
        if self.policy.mode.wants_commit() {
            let bytes = repository.object(&wanted.commit, Kind::Commit)?;
            let signer = self.keys.commit(&wanted.commit, &bytes, now()).map_err(refused)?;
            signers.push(format!("{} ({})", signer.name, signer.key));
        }
        // Of the commit that lies on the volume all this was asked when it came, and a start needs no network.
        if wanted.applied != Some(wanted.commit) {
            if self.policy.mode.wants_tag() {
                let signer = self.check_tag(wanted, repository, staging, progress)?;
                signers.push(format!("{} ({})", signer.name, signer.key));
            } else {
                self.check_reference(wanted, repository)?;
            }
            Self::check_descent(wanted, repository)?;
        }
        repository.verified = Some((wanted.commit, self.key));
        if !signers.is_empty() {
            tracing::info!(commit = wanted.commit.short(), signers = signers.join(", "), "verified");
        }
        Ok(header)
    }

    fn admit_repository(&self, url: &str) -> Result<(), Failure> {
        let parse = |url: &str| RepoUrl::parse(url).map_err(|error| mismatch(error.to_string()));
        let (wanted, policy) = (parse(url)?, parse(&self.policy.repository)?);
        if place(&wanted) == place(&policy) {
            return Ok(());
        }
        Err(mismatch(format!(
            "spec.git.repo is {wanted}, and the policy is for {policy}. Correct spec.git.repo, or repository in {VERIFY_POLICY_KEY} of the Secret of spec.git.verify"
        )))
    }

    /// What the name alone tells, before anybody is asked.
    fn admit_name(&self, reference: &str) -> Result<(), Failure> {
        let is_commit = reference.parse::<ObjectId>().is_ok();
        if self.policy.mode.wants_tag() && is_commit {
            return Err(mismatch(format!(
                "the policy wants a signed tag, and spec.git.ref {reference:?} is a commit's id. Name the tag"
            )));
        }
        let names = match reference {
            "HEAD" => return Ok(()),
            name if name.starts_with("refs/") => vec![name.to_owned()],
            name if self.policy.mode.wants_tag() => vec![format!("refs/tags/{name}")],
            name => vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")],
        };
        let admitted = if is_commit {
            self.policy.refs.iter().any(|listed| listed.eq_ignore_ascii_case(reference))
        } else {
            names.iter().any(|name| self.admits(name))
        };
        if admitted { Ok(()) } else { Err(self.not_admitted(reference)) }
    }

    /// Whether a ref, by its full name, is one of the policy's.
    fn admits(&self, full_name: &str) -> bool {
        let short = ["refs/heads/", "refs/tags/"].iter().find_map(|prefix| full_name.strip_prefix(prefix));
        self.policy.refs.iter().zip(&self.refs).any(|(text, pattern)| match short {
            Some(short) if !text.starts_with("refs/") => pattern.matches(short),
            _ => text.starts_with("refs/") && pattern.matches(full_name),
        })
    }

    fn not_admitted(&self, reference: &str) -> Failure {
        mismatch(format!(
            "spec.git.ref {reference:?} is not one of the policy's refs ({}). Correct it, or refs in {VERIFY_POLICY_KEY} of the Secret of spec.git.verify",
            self.policy.refs.join(", ")
        ))
    }

    /// The commit is what the ref names now, or was before it moved on.
    fn check_reference(&self, wanted: &Wanted<'_>, repository: &mut Repository) -> Result<(), Failure> {
        let resolved = repository.look_up(wanted.reference)?;
        let Resolved { commit, full_name, kind, .. } = &resolved;
        if *kind == RefKind::Commit {
            return Ok(());
        }
        let name = full_name.as_deref().unwrap_or(wanted.reference);
        if !self.admits(name) {
            return Err(self.not_admitted(name));
        }
        if *commit == wanted.commit || wanted.rollback || repository.descends(commit, &wanted.commit)? {
            return Ok(());
        }
        Err(mismatch(format!(
            "the commit {} is not on {name}, which is at {commit}. Name a commit of that branch",
            wanted.commit
        )))
    }

    /// The ref is an annotated tag, named as it says itself, of this commit, and signed.
    fn check_tag(
        &self,
        wanted: &Wanted<'_>,
        repository: &mut Repository,
        staging: &mut Staging,
        progress: &mut Progress,
    ) -> Result<stoker_signature::Signer, Failure> {
        let name = wanted.reference.strip_prefix("refs/tags/").unwrap_or(wanted.reference);
        let full_name = format!("refs/tags/{name}");
        let resolved = repository.look_up(&full_name).map_err(|failure| match failure.reason {
            Reason::RefGone => mismatch(format!(
                "the policy wants a signed tag, and there is none named {name:?}: {failure}"
            )),
            _ => failure,
        })?;
        if resolved.object == resolved.commit {
            return Err(refused(format!(
                "the tag {name:?} is a lightweight one, which nobody can sign. Make it with git tag -s, and push that"
            )));
        }
        repository.fetch_tag(resolved.object, staging, progress)?;
        let bytes = repository.object(&resolved.object, Kind::Tag)?;
        let signer = self.keys.tag(name, &bytes, now()).map_err(refused)?;
        let header = TagHeader::parse(&bytes).ok_or_else(|| {
            refused(format!("the tag {name:?} cannot be read. Make it anew with git tag -s"))
        })?;
        if header.name != name {
            return Err(mismatch(format!(
                "the ref {full_name} holds a tag that was signed as {:?}: somebody gave it another name. Do not trust it; ask who pushed it",
                header.name
            )));
        }
        if header.kind != Kind::Commit || header.target != wanted.commit {
            return Err(mismatch(format!(
                "the tag {name:?} was signed for {} {}, and the commit {} is wanted. Name the tag of that commit",
                header.kind, header.target, wanted.commit
            )));
        }
        Ok(signer)
    }

    /// Who can push, or write a `ConfigMap`, must not be able to take a gateway back to an old commit that is signed.
    fn check_descent(wanted: &Wanted<'_>, repository: &mut Repository) -> Result<(), Failure> {
        let Some(applied) = wanted.applied.filter(|_| !wanted.rollback) else { return Ok(()) };
        if repository.descends(&wanted.commit, &applied)? {
            return Ok(());
        }
        Err(mismatch(format!(
            "the commit {} does not descend from {applied}, which was applied last: the branch was forced, or this is an older commit. If that is meant, ask for it: annotation {}: {}",
            wanted.commit,
            stoker_api::names::annotations::ROLLBACK_TO,
            wanted.commit
        )))
    }
}

/// A repository's URL as far as it says which one it is.
fn place(url: &RepoUrl) -> String {
    let shown = url.to_string().replace("***@", "");
    let trimmed = shown.trim_end_matches('/');
    trimmed.strip_suffix(".git").unwrap_or(trimmed).to_owned()
}

/// The armoured files of a directory, in the order of their names.
fn armoured(dir: &Path) -> Result<Vec<std::path::PathBuf>, Failure> {
    let failed = |error| refused(format!("failed to read {}: {error}", dir.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.to_string_lossy().ends_with(VERIFY_OPENPGP_SUFFIX) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let failed = |error| refused(format!("failed to read {}: {error}", path.display()));
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(refused(format!("{} has more than {LARGEST} bytes", path.display())));
    }
    Ok(Some(bytes))
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}

fn refused(what: impl Into<Refusal>) -> Failure {
    Failure::new(Reason::SignatureInvalid, Code::Refused, what.into().0)
}

/// The words of a refusal.
struct Refusal(String);

impl From<String> for Refusal {
    fn from(words: String) -> Self {
        Self(words)
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self(fault.to_string())
    }
}

impl From<KeyFault> for Refusal {
    fn from(fault: KeyFault) -> Self {
        Self(fault.to_string())
    }
}

fn mismatch(what: String) -> Failure {
    Failure::new(Reason::PolicyMismatch, Code::Refused, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "me ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ\n";

    fn verifier(policy: &str) -> Result<Verifier, Failure> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("policy.yaml"), policy).unwrap();
        fs::write(dir.path().join("allowed_signers"), KEY).unwrap();
        Verifier::load(dir.path())
    }

    fn admits(refs: &str, mode: &str, reference: &str) -> bool {
        let policy = format!("mode: {mode}\nrepository: https://host/plant\nrefs: {refs}\n");
        verifier(&policy).unwrap().admit_name(reference).is_ok()
    }

    #[test]
    fn refs_are_admitted_by_their_names() {
        let id = "1".repeat(40);
        for (refs, mode, reference, expected) in [
            ("[main]", "head", "main", true),
            ("[main]", "head", "refs/heads/main", true),
            ("[main]", "head", "refs/pull/1/head", false),
            ("[\"v*\"]", "tag", "v1", true),
            ("[\"v*\"]", "head", "main", false),
            ("[refs/tags/*]", "tag", "v1", true),
            ("[refs/heads/*]", "tag", "v1", false),
            ("[refs/heads/*]", "head", "v1", true),
            ("[\"**\"]", "head", "a/b/c", true),
            ("[\"**\"]", "head", id.as_str(), false),
            (&format!("[\"{id}\"]"), "head", id.as_str(), true),
            (&format!("[\"{id}\"]"), "tag", id.as_str(), false),
        ] {
            assert_eq!(admits(refs, mode, reference), expected, "{refs} {mode} {reference}");
        }
    }

    #[test]
    fn a_repository_is_the_same_however_its_url_is_spelled() {
        let verifier = verifier("mode: head\nrepository: https://host/plant.git\nrefs: [main]\n").unwrap();
        for url in ["https://host/plant", "https://me:secret@HOST:443/plant.git/", "https://host/plant.git"] {
            assert!(verifier.admit_repository(url).is_ok(), "{url}");
        }
        for url in ["http://host/plant", "https://host/other", "https://host:444/plant"] {
            let failure = verifier.admit_repository(url).unwrap_err();
            assert_eq!(failure.reason, Reason::PolicyMismatch);
            assert!(failure.message.contains("policy is for https://host/plant"), "{failure}");
        }
    }

    #[test]
    fn a_secret_that_does_not_serve_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let message = || Verifier::load(dir.path()).err().unwrap().message;
        assert!(message().contains("there is no") && message().contains("policy.yaml"), "{}", message());
        fs::write(dir.path().join("policy.yaml"), "mode: head\nrepository: https://h/x\nrefs: [a]\n")
            .unwrap();
        assert!(message().contains("holds no key"), "{}", message());
        fs::write(dir.path().join("allowed_signers"), "me\n").unwrap();
        assert!(message().contains("allowed_signers:1: "), "{}", message());
        fs::write(dir.path().join("allowed_signers"), KEY).unwrap();
        fs::write(dir.path().join("x.asc"), "no key").unwrap();
        assert!(message().contains("x.asc: it holds no key"), "{}", message());
        fs::write(dir.path().join("policy.yaml"), "mode: heads\n").unwrap();
        assert!(message().contains("policy.yaml:1:7: mode"), "{}", message());
    }
}
