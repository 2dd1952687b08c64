use std::path::Path;
use std::process::Command;

use russh::keys::HashAlg;

use super::*;

/// Makes a key with `ssh-keygen`, as people do; gives the private file's text and the fingerprint.
fn generate(arguments: &[&str]) -> (String, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-C", "test", "-f"]).arg(&path).args(arguments);
    if !arguments.contains(&"-N") {
        command.args(["-N", ""]);
    }
    assert!(command.status().unwrap().success(), "{arguments:?}");
    let text = std::fs::read_to_string(&path).unwrap();
    let fingerprint = fingerprint(&path.with_extension("pub"));
    (text, fingerprint)
}

fn fingerprint(public: &Path) -> String {
    let output = Command::new("ssh-keygen").arg("-lf").arg(public).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
}

#[track_caller]
fn accepts(text: &str, fingerprint: &str) {
    let key = parse(text.as_bytes()).unwrap_or_else(|why| panic!("{why}\n{text}"));
    assert_eq!(key.public_key().fingerprint(HashAlg::Sha256).to_string(), fingerprint);
}

#[track_caller]
fn refuses(text: &str, words: &str) {
    let why = parse(text.as_bytes()).expect_err(text);
    assert!(why.contains(words), "{why}");
}

#[test]
fn every_kind_of_key_is_read_in_every_form() {
    for kind in [
        &["-t", "ed25519"][..],
        &["-t", "ecdsa", "-b", "256"],
        &["-t", "ecdsa", "-b", "384"],
        &["-t", "ecdsa", "-b", "521"],
        &["-t", "rsa", "-b", "2048"],
    ] {
        let (text, fingerprint) = generate(kind);
        assert!(text.contains("OPENSSH PRIVATE KEY"));
        accepts(&text, &fingerprint);
        for form in ["PEM", "PKCS8"] {
            // ssh-keygen writes ed25519 in its own form only.
            if kind[1] != "ed25519" {
                let (text, fingerprint) = generate(&[kind, &["-m", form]].concat());
                assert!(!text.contains("OPENSSH"), "{text}");
                accepts(&text, &fingerprint);
            }
        }
    }
}

#[test]
fn ed25519_is_read_from_pkcs8_as_openssl_writes_it() {
    // RFC 8410, section 10.3.
    let text = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    assert!(parse(text.as_bytes()).is_ok());
}

#[test]
fn what_editors_and_copying_do_to_a_key_is_borne() {
    let (text, fingerprint) = generate(&["-t", "ed25519"]);
    accepts(&text.replace('\n', "\r\n"), &fingerprint);
    accepts(text.trim_end(), &fingerprint);
    accepts(&format!("\u{feff}\n\n{text}\n\n"), &fingerprint);
    accepts(&text.replace('\n', "  \n   "), &fingerprint);
    // A Secret made by `$(cat key)` without quotes.
    accepts(&text.replace('\n', " "), &fingerprint);
}

#[test]
fn a_passphrase_is_told_in_every_form() {
    for kind in [
        &["-t", "ed25519", "-N", "hunter22"][..],
        &["-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "hunter22"],
        &["-t", "ecdsa", "-m", "PKCS8", "-N", "hunter22"],
    ] {
        refuses(&generate(kind).0, "passphrase");
    }
}

#[test]
fn what_is_no_private_key_is_told_apart() {
    let (text, _) = generate(&["-t", "ed25519"]);
    refuses("", "is empty");
    refuses("hello", "no line reads");
    refuses("ssh-ed25519 AAAAC3 me@host", "is a public key");
    refuses("PuTTY-User-Key-File-3: ssh-ed25519", "puttygen");
    refuses(&text[..text.len() / 2], "cut off");
    refuses(&text.replace("b3Blbn", "????"), "damaged");
    refuses("-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----", "DSA");
    refuses("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "cannot be used");
    assert!(parse(&[0xff, 0xfe, 0]).unwrap_err().contains("no text"));
}
