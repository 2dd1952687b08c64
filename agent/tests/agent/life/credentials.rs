//! Every way to be let in: it works, it is exchanged without a restart, and it never appears anywhere.

use std::fs;
use std::path::Path;

use stoker_test_gitserver::{
    CertificateOptions, ForwardProxy, HttpOptions, HttpServer, KeyKind, SshOptions, SshServer,
};

use crate::support::{Ended, Manifest, Site};

const TOKEN: &str = "gt-7d1f0c55-not-for-your-eyes";
const PROXY_PASSWORD: &str = "pp-19ac-of-the-proxy";

/// Secrets as bytes that must be nowhere.
struct Forbidden(Vec<Vec<u8>>);

impl Forbidden {
    /// The lines of a key in a file.
    fn key(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('-') && line.len() > 10);
        Self(lines.map(|line| line.as_bytes().to_vec()).collect())
    }

    /// A password as it is, and as it goes into a header behind a user name.
    fn password(user: &str, password: &str) -> Self {
        let header = base64(format!("{user}:{password}").as_bytes());
        Self(vec![
            password.as_bytes().to_vec(),
            header.into_bytes(),
            base64(password.as_bytes()).into_bytes(),
        ])
    }

    fn assert_absent(&self, bytes: &[u8], place: &str) {
        assert!(!self.0.is_empty());
        for secret in self.0.iter().filter(|secret| !secret.is_empty()) {
            let found = bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "{} is in {place}", String::from_utf8_lossy(secret));
        }
    }

    fn assert_absent_below(&self, directory: &Path) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.assert_absent_below(&path);
            } else {
                self.assert_absent(&fs::read(&path).unwrap(), &path.display().to_string());
            }
        }
    }

    /// In what a run printed, in the status file and on the volume.
    fn assert_absent_after(&self, site: &Site, ended: &Ended) {
        self.assert_absent(ended.stderr.as_bytes(), "the log");
        self.assert_absent(ended.stdout.as_bytes(), "the output");
        self.assert_absent(&fs::read(site.path("status.json")).unwrap(), "the status file");
        self.assert_absent_below(&site.data);
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let whole = bytes.chunks_exact(3);
    let digits = whole.flat_map(|three| {
        let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        [18, 12, 6, 0].map(|shift| char::from(DIGITS[(bits >> shift & 63) as usize]))
    });
    digits.collect()
}

/// Runs once and says everything that it has to say.
fn run(site: &Site, manifest: &Manifest) -> Ended {
    site.write_manifest(&manifest.text());
    Ended::of(site.command(&["--once"]).env("STOKER_LOG", "trace").env("RUST_LOG", "trace"))
}

fn over_ssh(site: &Site, server: &SshServer) -> Manifest {
    site.secret("git", "key", fs::read(server.key().path()).unwrap());
    site.secret("hosts", "known_hosts", server.known_hosts());
    Manifest::new(&server.url("plant.git"))
        .with("git.auth.sshKey.secretRef.name", "git")
        .with("git.auth.sshKey.secretRef.key", "key")
        .with("git.auth.sshKey.knownHosts.secretRef.name", "hosts")
        .with("git.auth.sshKey.knownHosts.secretRef.key", "known_hosts")
}

#[test]
fn a_repository_is_synced_over_ssh_and_the_key_is_seen_nowhere() {
    let site = Site::new();
    let server = SshServer::start(&site.served(), &SshOptions::default()).unwrap();
    let manifest = over_ssh(&site, &server);
    let forbidden = Forbidden::key(server.key().path());
    let ended = run(&site, &manifest);
    assert_eq!(ended.code, 0, "{}\n{}", ended.stderr, server.log());
    assert!(site.live_view("main").exists());
    assert!(!ended.stderr.contains("unverified"), "{}", ended.stderr);
    forbidden.assert_absent_after(&site, &ended);
    // Not let in, not trusted, damaged: each message has a reason to show what was sent.
    server.forget_keys().unwrap();
    let refused = run(&site, &manifest);
    assert_eq!(refused.code, 77, "{}", refused.stderr);
    for words in [&*server.key().fingerprint().unwrap(), "public half", server.user()] {
        assert!(refused.message().contains(words), "{words}: {}", refused.stderr);
    }
    forbidden.assert_absent_after(&site, &refused);
    site.secret("hosts", "known_hosts", format!("{} {}\n", server.host(), server.key().public()));
    let changed = run(&site, &manifest);
    assert_eq!(changed.code, 77, "{}", changed.stderr);
    let fingerprint = server.host_keys()[0].fingerprint().unwrap();
    assert!(
        changed.message().contains(&fingerprint) && changed.message().contains("knownHosts"),
        "{}",
        changed.stderr
    );
    let key = fs::read_to_string(server.key().path()).unwrap();
    site.secret("git", "key", &key[..key.len() - 60]);
    let damaged = run(&site, &manifest);
    assert_eq!(damaged.code, 77, "{}", damaged.stderr);
    assert!(damaged.message().contains("SSH key"), "{}", damaged.stderr);
    forbidden.assert_absent_after(&site, &damaged);
}

#[test]
fn without_known_hosts_the_log_says_once_that_nobody_vouches_for_the_server() {
    let site = Site::new();
    let server = SshServer::start(&site.served(), &SshOptions::default()).unwrap();
    site.secret("git", "key", fs::read(server.key().path()).unwrap());
    let manifest = Manifest::new(&server.url("plant.git"))
        .with("git.auth.sshKey.secretRef.name", "git")
        .with("git.auth.sshKey.secretRef.key", "key");
    let agent = site.start(&manifest, &[]);
    agent.wait_for_commit(&site.repository.head().unwrap());
    site.view("main", "two");
    let commit = site.repository.commit("two").unwrap();
    agent.wait_for_commit(&commit);
    let log = agent.log();
    assert_eq!(log.matches("accepted unverified").count(), 1, "{log}");
    assert!(log.contains(&server.host_keys()[0].fingerprint().unwrap()), "{log}");
    assert!(server.connections() >= 2, "the connection is not kept while nothing is asked");
}

#[test]
fn an_exchanged_ssh_key_wakes_the_agent_and_lets_it_in() {
    let site = Site::new();
    let server = SshServer::start(&site.served(), &SshOptions::default()).unwrap();
    let manifest = over_ssh(&site, &server);
    let right = fs::read(server.key().path()).unwrap();
    site.secret("git", "key", "not yet");
    let agent = site.start(&manifest, &[]);
    agent.wait_for_status("a refusal", |status| {
        status["errorMessage"].as_str().is_some_and(|told| told.contains("no private key"))
    });
    site.secret("git", "key", right);
    agent.wait_for_commit(&site.repository.head().unwrap());
    let newer = server.authorize(KeyKind::Ecdsa256).unwrap();
    site.secret("git", "key", fs::read(newer.path()).unwrap());
    site.view("main", "two");
    let commit = site.repository.commit("two").unwrap();
    agent.wait_for_commit(&commit);
    assert!(server.log().contains(&newer.fingerprint().unwrap()), "{}", server.log());
}

#[test]
fn a_private_server_behind_a_proxy_is_synced_from_and_no_secret_is_seen_anywhere() {
    let site = Site::new();
    let certificate = CertificateOptions { client_auth: true, ..CertificateOptions::default() };
    let options = HttpOptions {
        tls: true,
        filter: true,
        certificate,
        bearer: Some(TOKEN.to_owned()),
        ..HttpOptions::default()
    };
    let server = HttpServer::start(&site.served(), options).unwrap();
    let proxy = ForwardProxy::start(Some(("plant", PROXY_PASSWORD))).unwrap();
    let client = server.client_cert_dir().unwrap();
    for name in ["tls.crt", "tls.key"] {
        site.secret("client", name, fs::read(client.join(name)).unwrap());
    }
    site.secret("ca", "ca.crt", fs::read(server.ca_pem().unwrap()).unwrap());
    site.secret("git", "token", TOKEN);
    site.secret("proxy", "auth", format!("plant:{PROXY_PASSWORD}"));
    let manifest = Manifest::new(&server.url("plant.git"))
        .with_token()
        .with("git.tls.caSecretRef.name", "ca")
        .with("git.tls.caSecretRef.key", "ca.crt")
        .with("git.tls.clientCertSecretRef.name", "client")
        .with("git.proxy.url", proxy.url())
        .with("git.proxy.secretRef.name", "proxy")
        .with("git.proxy.secretRef.key", "auth");
    let forbidden = [
        Forbidden::key(&client.join("tls.key")),
        Forbidden::password("x-access-token", TOKEN),
        Forbidden::password("plant", PROXY_PASSWORD),
    ];
    let ended = run(&site, &manifest);
    assert_eq!(ended.code, 0, "{}\n{}", ended.stderr, proxy.log());
    assert!(proxy.was_asked_for(&server.addr().to_string()), "{}", proxy.log());
    for secret in &forbidden {
        secret.assert_absent_after(&site, &ended);
    }
    // Each of them wrong, one after the other.
    server.update(|options| options.bearer = Some("another".to_owned()));
    let wrong_token = run(&site, &manifest);
    assert_eq!(wrong_token.code, 77, "{}", wrong_token.stderr);
    site.secret("client", "tls.crt", "nothing");
    let wrong_certificate = run(&site, &manifest);
    assert!(wrong_certificate.message().contains("client certificate"), "{}", wrong_certificate.stderr);
    fs::remove_dir_all(site.path("secrets/client")).unwrap();
    let no_certificate = run(&site, &manifest);
    assert_eq!(no_certificate.code, 77, "{}", no_certificate.stderr);
    let without = Manifest::new(&server.url("plant.git")).with("git.proxy.url", proxy.url());
    let no_password = run(&site, &without);
    assert!(no_password.message().contains("git.proxy"), "{}", no_password.stderr);
    for ended in [&wrong_token, &wrong_certificate, &no_certificate, &no_password] {
        for secret in &forbidden {
            secret.assert_absent_after(&site, ended);
        }
    }
}
