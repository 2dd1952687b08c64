//! SSH, against OpenSSH's own `sshd` with `git-shell`: who is trusted, who is let in, and what a failure means.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::{Client, Estate, remote_with};
use stoker_git::{Error, Options, Remote};
use stoker_test_gitserver::{KeyKind, SshKey, SshOptions, SshServer};

/// A server for an estate, and the files of its Secrets.
struct Site {
    estate: Estate,
    server: SshServer,
    secrets: tempfile::TempDir,
}

fn site(options: &SshOptions) -> Site {
    let estate = Estate::new();
    let server = SshServer::start(estate.root.path(), options).unwrap();
    Site { estate, server, secrets: tempfile::tempdir().unwrap() }
}

/// With this key, and no `known_hosts`.
fn with(key: &SshKey) -> Options {
    Options { ssh_key_file: Some(key.path().to_owned()), ..Options::default() }
}

impl Site {
    fn url(&self) -> String {
        self.server.url("plant.git")
    }

    /// Strict, with a file of this content.
    fn knowing(&self, known_hosts: &str) -> Options {
        let path = self.secrets.path().join("known_hosts");
        std::fs::write(&path, known_hosts).unwrap();
        Options { known_hosts_file: Some(path), ..with(self.server.key()) }
    }

    /// Strict, and right.
    fn options(&self) -> Options {
        self.knowing(&self.server.known_hosts())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.secrets.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Fetches everything and compares it with git's own view.
    #[track_caller]
    fn fetches(&self, options: &Options) {
        let mut remote = remote_with(&self.url(), options);
        let mut client = Client::new();
        let commit = remote.resolve("main").unwrap_or_else(|error| panic!("{error}\n{}", self.server.log()));
        client.fetch(&mut remote, &commit.commit).unwrap();
        client.assert_equals(&self.estate.repository, &self.estate.first.to_string());
    }

    #[track_caller]
    fn refuses(&self, options: &Options) -> Error {
        error(&mut remote_with(&self.url(), options))
    }
}

#[track_caller]
fn error(remote: &mut Remote) -> Error {
    let error = remote.resolve("main").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("PRIVATE KEY"), "{error:?}");
    error
}

#[test]
fn everything_is_fetched_on_one_connection_and_anew_after_a_rest() {
    let site = site(&SshOptions::default());
    let mut remote = remote_with(&site.url(), &site.options());
    let commit = remote.resolve("main").unwrap().commit;
    let mut client = Client::new();
    client.fetch(&mut remote, &commit).unwrap();
    client.assert_equals(&site.estate.repository, &commit.to_string());
    assert_eq!(site.server.connections(), 1, "{}", site.server.log());
    // A change brings what changed.
    let changed = site.estate.change_ten("two");
    assert_eq!(remote.resolve("main").unwrap().commit, changed);
    let (trees, blobs) = client.fetch(&mut remote, &changed).unwrap();
    assert!(trees.pack_bytes < 5000, "{trees:?}");
    assert_eq!(blobs.blobs, 1, "ten equal files are one blob");
    client.assert_equals(&site.estate.repository, &changed.to_string());
    assert_eq!(site.server.connections(), 1);
    remote.rest();
    assert_eq!(remote.resolve("main").unwrap().commit, changed);
    assert_eq!(site.server.connections(), 2);
    assert!(remote.traffic().received > 0 && remote.traffic().sent > 0);
}

#[test]
fn a_server_that_passes_no_environment_on_is_spoken_to_in_protocol_v0() {
    for (filter, any_sha) in [(true, true), (true, false), (false, false)] {
        let site = site(&SshOptions { protocol_v2: false, filter, any_sha, ..SshOptions::default() });
        site.fetches(&site.options());
    }
    let site = site(&SshOptions { filter: false, ..SshOptions::default() });
    site.fetches(&site.options());
}

#[test]
fn every_kind_of_key_lets_us_in_in_every_form() {
    let site = site(&SshOptions::default());
    for kind in [KeyKind::Ed25519, KeyKind::Ecdsa256, KeyKind::Ecdsa384, KeyKind::Ecdsa521, KeyKind::Rsa] {
        let key = site.server.authorize(kind).unwrap();
        let options = with(&key);
        remote_with(&site.url(), &options)
            .resolve("main")
            .unwrap_or_else(|error| panic!("{kind:?}: {error}"));
    }
    let text = std::fs::read_to_string(site.server.key().path()).unwrap();
    let windows = site.file("windows", text.replace('\n', "\r\n").trim_end());
    let options = Options { ssh_key_file: Some(windows), ..site.options() };
    remote_with(&site.url(), &options).resolve("main").unwrap();
}

#[test]
fn rsa_signatures_are_made_with_whichever_sha_2_the_server_takes() {
    for algorithm in ["rsa-sha2-512", "rsa-sha2-256"] {
        let config = format!("PubkeyAcceptedAlgorithms {algorithm}");
        let site = site(&SshOptions { config, ..SshOptions::default() });
        let key = site.server.authorize(KeyKind::Rsa).unwrap();
        let mut remote = remote_with(&site.url(), &with(&key));
        remote.resolve("main").unwrap_or_else(|error| panic!("{algorithm}: {error}\n{}", site.server.log()));
    }
}

#[test]
fn servers_of_other_times_and_other_rules_are_spoken_to() {
    for (name, host_key, config) in [
        (
            "strict",
            KeyKind::Ed25519,
            "KexAlgorithms curve25519-sha256\nCiphers chacha20-poly1305@openssh.com\nMACs hmac-sha2-512-etm@openssh.com",
        ),
        (
            "nist",
            KeyKind::Ecdsa384,
            "KexAlgorithms ecdh-sha2-nistp256,ecdh-sha2-nistp384\nCiphers aes128-gcm@openssh.com\nHostKeyAlgorithms ecdsa-sha2-nistp384",
        ),
        (
            "nist, large",
            KeyKind::Ecdsa521,
            "KexAlgorithms ecdh-sha2-nistp521\nCiphers aes256-gcm@openssh.com",
        ),
        (
            "old",
            KeyKind::Rsa,
            "KexAlgorithms diffie-hellman-group14-sha256\nCiphers aes128-ctr\nMACs hmac-sha2-256\nHostKeyAlgorithms rsa-sha2-256",
        ),
        (
            "group exchange",
            KeyKind::Rsa,
            "KexAlgorithms diffie-hellman-group-exchange-sha256\nCiphers aes256-ctr\nMACs hmac-sha2-512\nHostKeyAlgorithms rsa-sha2-512",
        ),
    ] {
        let options =
            SshOptions { host_keys: vec![host_key], config: config.to_owned(), ..SshOptions::default() };
        let site = site(&options);
        let mut remote = remote_with(&site.url(), &site.options());
        remote.resolve("main").unwrap_or_else(|error| panic!("{name}: {error}\n{}", site.server.log()));
    }
}

#[test]
fn a_server_with_nothing_in_common_says_what_it_has() {
    let config = "KexAlgorithms diffie-hellman-group14-sha1".to_owned();
    let site = site(&SshOptions { config, ..SshOptions::default() });
    let error = site.refuses(&site.options());
    assert!(error.to_string().contains("it offers diffie-hellman-group14-sha1"), "{error}");
    assert_eq!(error.reason(), "GitUnreachable");
}

#[test]
fn the_host_key_that_the_file_has_is_the_one_that_is_asked_for() {
    let host_keys = vec![KeyKind::Ed25519, KeyKind::Ecdsa256, KeyKind::Rsa];
    let site = site(&SshOptions { host_keys, ..SshOptions::default() });
    for key in site.server.host_keys() {
        let options = site.knowing(&format!("{} {}\n", site.server.host(), key.public()));
        let mut remote = remote_with(&site.url(), &options);
        remote.resolve("main").unwrap_or_else(|error| panic!("{}: {error}", key.public()));
    }
    // As `ssh-keygen -H` writes it.
    let path = site.file("hashed", site.server.known_hosts());
    let status =
        std::process::Command::new("ssh-keygen").args(["-q", "-H", "-f"]).arg(&path).output().unwrap();
    assert!(status.status.success());
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("|1|"));
    let options = Options { known_hosts_file: Some(path), ..site.options() };
    remote_with(&site.url(), &options).resolve("main").unwrap();
}

#[test]
fn an_unknown_and_a_changed_host_key_are_told_apart_with_their_fingerprints() {
    let site = site(&SshOptions::default());
    let server = site.server.host_keys()[0].fingerprint().unwrap();
    let unknown = site.refuses(&site.knowing("other.example ssh-ed25519 AAAA\n"));
    assert!(matches!(unknown.cause(), Error::HostKeyUnknown { .. }), "{unknown}");
    for words in [&*server, "known_hosts", &site.server.host(), "line 1 of it cannot be read"] {
        assert!(unknown.to_string().contains(words), "{words}: {unknown}");
    }
    let other = site.server.key();
    let changed = site.refuses(&site.knowing(&format!("{} {}\n", site.server.host(), other.public())));
    assert!(matches!(changed.cause(), Error::HostKeyChanged { .. }), "{changed}");
    for words in [&*server, &other.fingerprint().unwrap(), "(line 1)"] {
        assert!(changed.to_string().contains(words), "{words}: {changed}");
    }
    let revoked =
        format!("{0}@revoked * {1}\n", site.server.known_hosts(), site.server.host_keys()[0].public());
    let revoked = site.refuses(&site.knowing(&revoked));
    assert!(revoked.to_string().contains("revoked (line 2)"), "{revoked}");
    for error in [&unknown, &changed, &revoked] {
        assert_eq!((error.reason(), error.is_transient()), ("AuthFailed", false));
    }
    assert!(!site.server.log().contains("Accepted"), "nobody was let in, because nobody asked");
}

#[test]
fn a_host_certificate_counts_only_from_a_known_authority_for_this_host_and_now() {
    let certified = |name: &str, arguments: &[&str]| {
        let certificate_arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
        let certificate_for = Some(name.to_owned());
        site(&SshOptions { certificate_for, certificate_arguments, ..SshOptions::default() })
    };
    let line = |site: &Site, hosts: &str| {
        format!("@cert-authority {hosts} {}\n", site.server.authority().unwrap().public())
    };
    let right = certified("127.0.0.1", &[]);
    right.fetches(&right.knowing(&line(&right, "[127.0.0.*]:*")));
    right.fetches(&right.knowing(&line(&right, "127.0.0.1")));
    let elsewhere = right.refuses(&right.knowing(&line(&right, "*.example")));
    assert!(matches!(elsewhere.cause(), Error::HostKeyUnknown { .. }), "{elsewhere}");
    for (name, arguments, words) in [
        ("other.example", &[][..], "with a certificate that is for other.example"),
        ("127.0.0.1", &["-V", "-3h:-1h"], "has expired"),
        ("127.0.0.1", &["-V", "+1h:+2h"], "is not valid yet"),
    ] {
        let wrong = certified(name, arguments);
        let error = wrong.refuses(&wrong.knowing(&line(&wrong, "*,[*]:*")));
        assert!(error.to_string().contains(words), "{error}");
        // The key itself may be known all the same.
        wrong.fetches(&wrong.options());
    }
    let revoked = line(&right, "*,[*]:*") + &line(&right, "*,[*]:*").replace("cert-authority", "revoked");
    let error = right.refuses(&right.knowing(&revoked));
    assert!(error.to_string().contains("with a certificate that line 2 revokes"), "{error}");
}

#[test]
fn without_known_hosts_it_connects() {
    let site = site(&SshOptions::default());
    site.fetches(&with(site.server.key()));
}

#[test]
fn a_key_that_the_server_does_not_know_is_named_by_fingerprint_file_and_user() {
    let site = site(&SshOptions::default());
    site.server.forget_keys().unwrap();
    let error = site.refuses(&site.options());
    assert!(matches!(error.cause(), Error::KeyRefused { .. }), "{error}");
    let key = site.server.key();
    for words in [
        &*key.fingerprint().unwrap(),
        &key.path().display().to_string(),
        site.server.user(),
        "it accepts publickey",
    ] {
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
    assert_eq!((error.reason(), error.is_transient()), ("AuthFailed", false));
    let options = Options { ssh_key_file: None, ..site.options() };
    let error = site.refuses(&options);
    assert!(error.to_string().contains("somebody without a key"), "{error}");
}

#[test]
fn a_key_file_that_does_not_serve_is_named_without_its_content() {
    let site = site(&SshOptions::default());
    let missing = site.secrets.path().join("gone");
    let cases =
        [(missing.clone(), "cannot be read"), (site.file("public", "ssh-ed25519 AAAA"), "public key")];
    for (path, words) in cases {
        let error = site.refuses(&Options { ssh_key_file: Some(path.clone()), ..site.options() });
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
    // A known_hosts that is configured and missing must not be taken for none.
    let error = site.refuses(&Options { known_hosts_file: Some(missing), ..site.options() });
    assert!(error.to_string().contains("known_hosts file"), "{error}");
    assert_eq!(site.server.connections(), 0);
}

#[test]
fn a_key_that_is_exchanged_is_used_for_the_next_connection() {
    let site = site(&SshOptions::default());
    let path = site.file("key", "");
    let options = Options { ssh_key_file: Some(path.clone()), ..site.options() };
    let mut remote = remote_with(&site.url(), &options);
    assert!(error(&mut remote).to_string().contains("is empty"));
    std::fs::copy(site.server.key().path(), &path).unwrap();
    remote.resolve("main").unwrap();
    let newer = site.server.authorize(KeyKind::Ecdsa256).unwrap();
    std::fs::copy(newer.path(), &path).unwrap();
    remote.rest();
    remote.resolve("main").unwrap();
    assert!(site.server.log().contains(&newer.fingerprint().unwrap()), "{}", site.server.log());
}

#[test]
fn a_repository_that_is_not_there_is_told_with_the_servers_words() {
    let site = site(&SshOptions::default());
    let mut remote = remote_with(&site.server.url("plnat.git"), &site.options());
    let error = error(&mut remote);
    assert!(matches!(error.cause(), Error::NotFound { .. }), "{error}");
    for words in ["plnat.git", "no such repository", "does not appear to be a git repository", "SHA256:"] {
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
}

#[test]
fn what_the_server_says_on_its_standard_error_is_in_the_message() {
    let command = "echo 'the plant is closed until Monday' >&2; exit 3".to_owned();
    let site = site(&SshOptions { command: Some(command), ..SshOptions::default() });
    let error = site.refuses(&site.options());
    assert!(error.to_string().ends_with("the server refused: the plant is closed until Monday"), "{error}");
}

#[test]
fn a_server_that_is_not_there_or_no_ssh_server_is_told_from_one_that_refuses() {
    let site = site(&SshOptions::default());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = with(site.server.key());
    let refused = error(&mut remote_with(&format!("ssh://git@127.0.0.1:{port}/x"), &options));
    assert!(refused.to_string().contains("Connection refused"), "{refused}");
    assert_eq!((refused.reason(), refused.is_transient()), ("GitUnreachable", true));
    let http = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = http.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        use std::io::Write as _;
        http.accept().unwrap().0.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let error = error(&mut remote_with(&format!("ssh://git@127.0.0.1:{port}/x"), &options));
    assert_eq!(error.reason(), "GitUnreachable", "{error}");
    thread.join().unwrap();
}

#[test]
fn a_server_that_never_answers_costs_the_time_limit() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let limit = Duration::from_millis(300);
    let options = Options { connect_timeout: limit, ..Options::default() };
    let start = Instant::now();
    let error = error(&mut remote_with(&format!("ssh://git@127.0.0.1:{port}/x"), &options));
    assert!(matches!(error.cause(), Error::Silent { .. }), "{error}");
    assert!(start.elapsed() >= limit && start.elapsed() < Duration::from_secs(10));
    // And one that falls silent behind its login.
    let command = "cat >/dev/null".to_owned();
    let site = site(&SshOptions { command: Some(command), ..SshOptions::default() });
    let options = Options { first_byte_timeout: Duration::from_secs(2), ..site.options() };
    let error = site.refuses(&options);
    assert!(matches!(error.cause(), Error::Silent { .. }), "{error}");
}

#[test]
fn a_connection_that_was_closed_meanwhile_is_made_anew() {
    let site = site(&SshOptions {
        config: "ClientAliveInterval 1\nClientAliveCountMax 1".into(),
        ..SshOptions::default()
    });
    let mut remote = remote_with(&site.url(), &site.options());
    remote.resolve("main").unwrap();
    // Nobody drives the connection while nothing is asked, so that the server gives up on it.
    let deadline = Instant::now() + Duration::from_secs(30);
    while !site.server.log().contains("Timeout, client not responding") {
        assert!(Instant::now() < deadline, "{}", site.server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    remote.resolve("main").unwrap();
    assert_eq!(site.server.connections(), 2);
}
