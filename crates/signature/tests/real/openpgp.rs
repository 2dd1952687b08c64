use stoker_object::ObjectId;
use stoker_signature::{Fault, Keyring, Signer};

use crate::gpg::Gpg;
use crate::support::{Plant, now, run, words};

fn judge(keys: &[u8], commit: &(ObjectId, Vec<u8>), at: i64) -> Result<Signer, Fault> {
    let mut keyring = Keyring::default();
    keyring.add_openpgp(keys, "keys.asc").unwrap();
    keyring.commit(&commit.0, &commit.1, at)
}

#[test]
fn commits_signed_by_every_kind_of_openpgp_key_are_told_by_whom() {
    let (plant, gpg) = (Plant::new(), Gpg::new());
    for algorithm in ["ed25519", "rsa2048", "nistp256", "dsa2048"] {
        let user = format!("{algorithm} <{algorithm}@plant>");
        let fingerprint = gpg.key(&user, algorithm, "sign", "0");
        let commit = gpg.commit(&plant, &fingerprint);
        let signer = judge(&gpg.export(&fingerprint), &commit, now()).unwrap();
        assert_eq!((signer.name, signer.key), (user, format!("the OpenPGP key {fingerprint}")));
    }
}

#[test]
fn a_subkey_signs_for_its_key() {
    let (plant, gpg) = (Plant::new(), Gpg::new());
    let primary = gpg.key("Me <me@plant>", "ed25519", "cert", "0");
    run(gpg.command().args(["--quick-add-key", &primary, "ed25519", "sign", "0"]));
    let commit = gpg.commit(&plant, &primary);
    let signer = judge(&gpg.export(&primary), &commit, now()).unwrap();
    assert_eq!(signer.name, "Me <me@plant>");
    assert!(!signer.key.contains(&primary), "the subkey signed: {}", signer.key);
}

#[test]
fn an_expired_a_revoked_and_an_unknown_key_are_told_apart() {
    let (plant, gpg) = (Plant::new(), Gpg::new());
    let key = gpg.key("Me <me@plant>", "ed25519", "sign", "1d");
    let commit = gpg.commit(&plant, &key);
    let exported = gpg.export(&key);
    assert!(judge(&exported, &commit, now()).is_ok());
    let text = words(judge(&exported, &commit, now() + 86_500));
    assert!(text.contains("expired at") && text.contains("Me <me@plant>") && text.contains(&key), "{text}");

    let other = gpg.key("Other <other@plant>", "ed25519", "sign", "0");
    let text = words(judge(&gpg.export(&other), &commit, now()));
    assert!(text.contains("not trusted") && text.contains(&key) && text.contains(".asc"), "{text}");

    let revocation = gpg.home.path().join("openpgp-revocs.d").join(format!("{key}.rev"));
    let certificate = std::fs::read_to_string(revocation).unwrap().replace(":-----BEGIN", "-----BEGIN");
    let path = plant.path("revocation");
    std::fs::write(&path, certificate).unwrap();
    run(gpg.command().arg("--import").arg(&path));
    let text = words(judge(&gpg.export(&key), &commit, now()));
    assert!(text.contains("was revoked"), "{text}");
}

#[test]
fn a_changed_commit_and_a_weak_hash_are_refused() {
    let (plant, gpg) = (Plant::new(), Gpg::new());
    let key = gpg.key("Me <me@plant>", "rsa2048", "sign", "0");
    let mut commit = gpg.commit(&plant, &key);
    let exported = gpg.export(&key);
    let at = commit.1.windows(5).position(|window| window == b"speed").unwrap();
    commit.1[at] = b'S';
    assert!(matches!(judge(&exported, &commit, now()), Err(Fault::Bad { .. })));

    let weak = gpg.home.path().join("gpg.conf");
    let conf = std::fs::read_to_string(&weak).unwrap();
    std::fs::write(&weak, conf + "digest-algo SHA1\nweak-digest MD5\n").unwrap();
    let text = words(judge(&exported, &gpg.commit(&plant, &key), now()));
    assert!(text.contains("hash is too weak"), "{text}");
}

#[test]
fn a_revoked_subkey_and_one_that_is_not_for_signing_do_not_count() {
    let (plant, gpg) = (Plant::new(), Gpg::new());
    let primary = gpg.key("Me <me@plant>", "ed25519", "cert", "0");
    run(gpg.command().args(["--quick-add-key", &primary, "ed25519", "sign", "0"]));
    let commit = gpg.commit(&plant, &primary);
    run(gpg
        .command()
        .args(["--command-fd", "0", "--edit-key", &primary])
        .stdin(answers(plant.path("answers"), "key 1\nrevkey\ny\n0\n\ny\nsave\n")));
    let text = words(judge(&gpg.export(&primary), &commit, now()));
    assert!(text.contains("was revoked (the subkey)"), "{text}");
}

fn answers(path: std::path::PathBuf, text: &str) -> std::fs::File {
    std::fs::write(&path, text).unwrap();
    std::fs::File::open(path).unwrap()
}

#[test]
fn a_file_that_is_no_public_key_is_named() {
    let gpg = Gpg::new();
    let key = gpg.key("Me <me@plant>", "ed25519", "sign", "0");
    let mut keyring = Keyring::default();
    let mut fault = |text: &[u8]| keyring.add_openpgp(text, "keys.asc").unwrap_err().to_string();
    assert!(fault(b"hello").starts_with("keys.asc: it holds no key"));
    let secret = run(gpg.command().args(["--armor", "--export-secret-keys", &key]));
    assert!(fault(secret.as_bytes()).contains("private key"));
    let exported = String::from_utf8(gpg.export(&key)).unwrap();
    let cut: String = exported.split_inclusive('\n').take(4).collect();
    assert!(fault(cut.as_bytes()).contains("cannot be read"));
    let two = format!("{exported}\n{exported}");
    keyring.add_openpgp(two.as_bytes(), "keys.asc").unwrap();
    assert!(!keyring.is_empty());
}
