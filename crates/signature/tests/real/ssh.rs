use std::process::Command;

use stoker_signature::{Fault, Keyring};

use crate::support::{Plant, by_ssh, now, run, words};

#[test]
fn commits_signed_by_every_kind_of_ssh_key_are_told_by_whom() {
    let plant = Plant::new();
    for (name, kind) in [
        ("ed25519", &["ed25519"][..]),
        ("p256", &["ecdsa", "-b", "256"]),
        ("p384", &["ecdsa", "-b", "384"]),
        ("p521", &["ecdsa", "-b", "521"]),
        ("rsa", &["rsa", "-b", "2048"]),
    ] {
        let key = plant.ssh_key(name, kind);
        let commit = plant.commit_by_ssh(name);
        let allowed = format!("{name}@plant namespaces=\"git\" {key}\n");
        let signer = by_ssh(&allowed, &commit, now()).unwrap();
        let fingerprint = run(Command::new("ssh-keygen").arg("-lf").arg(plant.path(name)));
        assert_eq!(signer.name, format!("{name}@plant"));
        assert!(fingerprint.contains(signer.key.trim_start_matches("the SSH key ")), "{}", signer.key);
    }
}

#[test]
fn a_changed_commit_an_unknown_key_and_an_unsigned_commit_are_told_apart() {
    let plant = Plant::new();
    let key = plant.ssh_key("key", &["ed25519"]);
    let other = plant.ssh_key("other", &["ed25519"]);
    let commit = plant.commit_by_ssh("key");
    let allowed = format!("me {key}");

    let mut changed = commit.clone();
    let at = changed.1.windows(5).position(|window| window == b"speed").unwrap();
    changed.1[at] = b'S';
    assert!(matches!(by_ssh(&allowed, &changed, now()), Err(Fault::Bad { .. })));

    let text = words(by_ssh(&format!("me {other}"), &commit, now()));
    let fingerprint = run(Command::new("ssh-keygen").arg("-lf").arg(plant.path("key")));
    let fingerprint = fingerprint.split(' ').nth(1).unwrap();
    assert!(text.contains(&commit.0.to_string()) && text.contains(fingerprint), "{text}");
    assert!(text.contains("add it to allowed_signers"), "{text}");

    let plain = plant.repository.commit("plain").unwrap();
    let plain = (plain.parse().unwrap(), plant.object("commit", &plain));
    let text = words(by_ssh(&allowed, &plain, now()));
    assert!(text.contains("is not signed") && text.contains("git commit -S"), "{text}");
    let spliced = [&commit.1[..=commit.1.iter().position(|b| *b == b'\n').unwrap()], b"gpgsig x\n"].concat();
    assert!(by_ssh(&allowed, &(commit.0, [&spliced, &commit.1[46..]].concat()), now()).is_err());
}

#[test]
fn a_key_counts_only_while_it_is_valid_whatever_date_the_commit_bears() {
    let plant = Plant::new();
    let key = plant.ssh_key("key", &["ed25519"]);
    plant.repository.set_date(1_600_000_000);
    let commit = plant.commit_by_ssh("key");
    let until = format!("me valid-before=\"20250101\" {key}");
    assert!(by_ssh(&until, &commit, 1_735_689_600).is_ok());
    let text = words(by_ssh(&until, &commit, 1_735_689_601));
    assert!(text.contains("expired at 2025-01-01 00:00 UTC") && text.contains(" of me,"), "{text}");
    let from = format!("me valid-after=\"20250101\" {key}");
    assert!(words(by_ssh(&from, &commit, 1_735_689_599)).contains("is not valid before 2025-01-01"));
    let renewed = format!("{until}\nme valid-after=\"20250101\" {key}");
    assert!(by_ssh(&renewed, &commit, now()).is_ok(), "another line with the same key");
    let elsewhere = format!("me namespaces=\"file\" {key}");
    assert!(words(by_ssh(&elsewhere, &commit, now())).contains("namespaces"));
}

#[test]
fn a_signature_of_a_file_is_none_of_a_commit() {
    let plant = Plant::new();
    let key = plant.ssh_key("key", &["ed25519"]);
    let (id, bytes) = plant.commit_by_ssh("key");
    let signed = stoker_object::Signed::of_commit(&bytes).unwrap();
    std::fs::write(plant.path("payload"), &signed.payload).unwrap();
    run(Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "file", "-f"])
        .arg(plant.path("key"))
        .arg(plant.path("payload")));
    let armour = std::fs::read_to_string(plant.path("payload.sig")).unwrap();
    let header = format!("gpgsig {}\n", armour.trim_end().replace('\n', "\n "));
    let text = String::from_utf8(signed.payload).unwrap();
    let forged = text.replacen("\n\n", &format!("\n{header}\n"), 1).into_bytes();
    let text = words(by_ssh(&format!("me {key}"), &(id, forged), now()));
    assert!(text.contains("made for \"file\", not for \"git\""), "{text}");
}

#[test]
fn a_certificate_counts_if_its_authority_vouches_for_its_principal() {
    let plant = Plant::new();
    let authority = plant.ssh_key("ca", &["ed25519"]);
    plant.ssh_key("key", &["ecdsa", "-b", "256"]);
    let issue = |principals: &str, validity: &str| {
        run(Command::new("ssh-keygen")
            .args(["-q", "-s"])
            .arg(plant.path("ca"))
            .args(["-I", "badge 7", "-n", principals, "-V", validity])
            .arg(plant.path("key.pub")));
        plant.commit_by_ssh("key-cert.pub")
    };
    let allowed = format!("*@plant cert-authority,namespaces=\"git\" {authority}");
    let commit = issue("root@office,me@plant", "-1h:+1h");
    assert_eq!(by_ssh(&allowed, &commit, now()).unwrap().name, "me@plant");
    assert!(words(by_ssh(&allowed, &commit, now() + 7200)).contains("expired at"));
    let text = words(by_ssh(&format!("*@other cert-authority {authority}"), &commit, now()));
    assert!(text.contains("not trusted") && text.contains("issued by"), "{text}");
    // The authority's own key signs no commits, and a plain line vouches for no certificate.
    assert!(by_ssh(&format!("me@plant {authority}"), &commit, now()).is_err());
    let by_authority = plant.commit_by_ssh("ca");
    assert!(by_ssh(&allowed, &by_authority, now()).is_err());
}

#[test]
fn a_signed_tag_is_checked_as_a_commit_is() {
    let plant = Plant::new();
    let key = plant.ssh_key("key", &["ed25519"]);
    plant.repository.commit("x").unwrap();
    let signing = format!("user.signingKey={}", plant.path("key").display());
    plant
        .repository
        .git(&["-c", "gpg.format=ssh", "-c", &signing, "tag", "-s", "-m", "Release", "v1"])
        .unwrap();
    let bytes = plant.object("tag", "v1");
    let mut keys = Keyring::default();
    keys.add_allowed_signers(format!("me {key}").as_bytes(), "allowed_signers").unwrap();
    assert_eq!(keys.tag("v1", &bytes, now()).unwrap().name, "me");
    let forged = String::from_utf8(bytes).unwrap().replace("tag v1", "tag v2");
    assert!(matches!(keys.tag("v2", forged.as_bytes(), now()), Err(Fault::Bad { .. })));
    plant.repository.annotated_tag("v3", "unsigned").unwrap();
    let text = keys.tag("v3", &plant.object("tag", "v3"), now()).unwrap_err().to_string();
    assert!(text.contains("the tag \"v3\" is not signed") && text.contains("git tag -s"), "{text}");
}
