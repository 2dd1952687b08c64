//! Commits that are not signed as the policy in the Secret demands.

use std::process::Command;

use serde_json::json;

use super::{REFUSED, refuses};
use crate::support::{Manifest, Site};

/// A site whose agent wants commits to be signed by the key `key` of its secrets.
fn guarded(mode: &str, refs: &str) -> (Site, Manifest) {
    let site = Site::new();
    let url = site.repository.file_url();
    let key = keygen(&site, "key");
    site.secret("verify", "policy.yaml", format!("mode: {mode}\nrepository: {url}\nrefs: {refs}\n"));
    site.secret("verify", "allowed_signers", format!("me@plant namespaces=\"git\" {key}"));
    let manifest = site.manifest().with("git.verify.secretRef.name", "verify");
    (site, manifest)
}

fn keygen(site: &Site, name: &str) -> String {
    let path = site.path(name);
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path).status();
    assert!(made.unwrap().success());
    std::fs::read_to_string(path.with_extension("pub")).unwrap()
}

/// Runs git with this key as the one that signs.
fn git(site: &Site, key: &str, arguments: &[&str]) {
    let signing = format!("user.signingKey={}", site.path(key).display());
    site.repository.git(&[&["-c", "gpg.format=ssh", "-c", &signing], arguments].concat()).unwrap();
}

/// Commits a view that shows this word, signed; the commit.
fn signed(site: &Site, key: &str, word: &str) -> String {
    site.view("main", word);
    site.repository.git(&["add", "."]).unwrap();
    git(site, key, &["commit", "-q", "-S", "-m", word]);
    site.repository.head().unwrap()
}

fn shows(site: &Site, word: &str) {
    assert!(std::fs::read_to_string(site.live_view("main")).unwrap().contains(word), "{word}");
}

#[test]
fn a_commit_is_applied_only_if_a_trusted_key_signed_it() {
    let (site, manifest) = guarded("head", "[main]");
    let unsigned = site.repository.head().unwrap();
    refuses(&site, &manifest, REFUSED, "SignatureInvalid", &[&unsigned, "is not signed", "git commit -S"]);
    assert!(!site.data.join("projects").exists(), "nothing was written");
    let staged = std::fs::read_dir(site.data.join(".stoker/staging")).unwrap().count();
    assert_eq!(staged, 0, "nothing was staged");

    signed(&site, "key", "two");
    site.sync(&manifest);
    shows(&site, "two");

    keygen(&site, "other");
    let foreign = signed(&site, "other", "three");
    refuses(&site, &manifest, REFUSED, "SignatureInvalid", &[&foreign, "SHA256:", "allowed_signers"]);
    shows(&site, "two");
    signed(&site, "key", "four");
    site.sync(&manifest);
    shows(&site, "four");
}

#[test]
fn a_key_that_has_ended_lets_nothing_in() {
    let (site, manifest) = guarded("head", "[main]");
    let commit = signed(&site, "key", "two");
    let key = std::fs::read_to_string(site.path("key.pub")).unwrap();
    site.secret("verify", "allowed_signers", format!("me@plant valid-before=\"20240101\" {key}"));
    let words = [&*commit, "me@plant", "expired at 2024-01-01"];
    refuses(&site, &manifest, REFUSED, "SignatureInvalid", &words);
}

#[test]
fn the_policys_repository_and_refs_are_enforced() {
    let (site, manifest) = guarded("head", "[\"release/*\"]");
    signed(&site, "key", "two");
    let words = ["\"main\"", "release/*", "policy.yaml"];
    refuses(&site, &manifest, REFUSED, "PolicyMismatch", &words);
    site.repository.branch("release/1").unwrap();
    site.sync(&manifest.clone().with("git.ref", "release/1"));
    site.secret("verify", "policy.yaml", "mode: head\nrepository: https://host/other\nrefs: [main]\n");
    refuses(&site, &manifest, REFUSED, "PolicyMismatch", &["https://host/other", "spec.git.repo"]);
    site.secret("verify", "policy.yaml", "mode: heads\n");
    refuses(&site, &manifest, REFUSED, "PolicyMismatch", &["policy.yaml:1:7"]);
}

#[test]
fn a_policy_that_is_gone_stops_syncing_and_nothing_else() {
    let (site, manifest) = guarded("head", "[main]");
    signed(&site, "key", "two");
    site.sync(&manifest);
    std::fs::remove_dir_all(site.path("secrets/verify")).unwrap();
    refuses(&site, &manifest, REFUSED, "PolicyMismatch", &["there is no", "policy.yaml", "spec.git.verify"]);
    shows(&site, "two");
}

#[test]
fn a_commit_that_leads_back_is_refused_unless_a_rollback_was_asked_for() {
    let (site, manifest) = guarded("head", "[main]");
    let first = signed(&site, "key", "first");
    signed(&site, "key", "two");
    let last = signed(&site, "key", "three");
    site.sync(&manifest);
    site.repository.git(&["reset", "-q", "--hard", &first]).unwrap();
    let words = [&*first, &*last, "does not descend", "stoker.io/rollback-to"];
    refuses(&site, &manifest, REFUSED, "PolicyMismatch", &words);
    shows(&site, "three");
    // A branch that was forced to something new is no rollback either.
    let forced = signed(&site, "key", "aside");
    refuses(&site, &manifest, REFUSED, "PolicyMismatch", &[&forced, "does not descend"]);
    site.repository.git(&["reset", "-q", "--hard", &first]).unwrap();
    site.sync(&manifest.clone().annotation("stoker.io/rollback-to", &first));
    shows(&site, "first");
}

#[test]
fn in_tag_mode_the_tag_is_checked_with_its_name_and_its_commit() {
    let (site, manifest) = guarded("tag", "[\"v*\"]");
    let commit = site.repository.head().unwrap();
    git(&site, "key", &["tag", "-s", "-m", "Release", "v1"]);
    refuses(&site, &manifest, REFUSED, "PolicyMismatch", &["\"main\"", "v*"]);
    let manifest = manifest.with("git.ref", "v1");
    site.sync(&manifest);
    shows(&site, "one");

    site.view("main", "two");
    site.repository.commit("two").unwrap();
    site.repository.tag("v2").unwrap();
    refuses(
        &site,
        &manifest.clone().with("git.ref", "v2"),
        REFUSED,
        "SignatureInvalid",
        &["lightweight", "git tag -s"],
    );
    site.repository.annotated_tag("v3", "Release").unwrap();
    refuses(
        &site,
        &manifest.clone().with("git.ref", "v3"),
        REFUSED,
        "SignatureInvalid",
        &["the tag \"v3\" is not signed"],
    );
    git(&site, "key", &["tag", "-s", "-m", "Release", "v5"]);
    site.sync(&manifest.clone().with("git.ref", "v5"));
    shows(&site, "two");
    // The signed tag of the old commit under another name.
    let tag = site.repository.rev_parse("refs/tags/v1").unwrap();
    site.repository.git(&["update-ref", "refs/tags/v4", &tag]).unwrap();
    refuses(&site, &manifest.clone().with("git.ref", "v4"), REFUSED, "PolicyMismatch", &["signed as \"v1\""]);
    // Back to the tag before is a rollback.
    refuses(&site, &manifest, REFUSED, "PolicyMismatch", &[&commit, "does not descend"]);
    assert!(site.once(&manifest, &[]).stderr.contains("rollback-to"));
}

#[test]
fn tag_and_head_both_have_to_be_signed() {
    let (site, manifest) = guarded("tagAndHead", "[\"v*\"]");
    git(&site, "key", &["tag", "-s", "-m", "Release", "v1"]);
    let manifest = manifest.with("git.ref", "v1");
    refuses(&site, &manifest, REFUSED, "SignatureInvalid", &["the commit", "is not signed"]);
    signed(&site, "key", "two");
    git(&site, "key", &["tag", "-s", "-m", "Release", "v2"]);
    site.sync(&manifest.with("git.ref", "v2"));
    shows(&site, "two");
}

#[test]
fn a_policy_that_nobody_can_meet_is_named_with_the_next_step() {
    let (site, manifest) = guarded("head", "[main]");
    site.secret("verify", "allowed_signers", "");
    refuses(&site, &manifest, REFUSED, "SignatureInvalid", &["holds no key", "*.asc"]);
    let ended = site.once(&manifest.with("git.verify", json!({"secretRef": {}})), &[]);
    assert_eq!(ended.code, 78, "{}", ended.stderr);
}
