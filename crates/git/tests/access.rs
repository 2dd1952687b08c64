//! The way to a server: tokens that change, private authorities, client certificates, proxies.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use common::{Client, Estate, remote_with};
use stoker_git::{Error, Options, ProxyOptions};
use stoker_test_gitserver::{
    Answer, CertificateOptions, Daemon, ForwardProxy, HttpOptions, HttpServer, SshOptions, SshServer,
};

const TOKEN: &str = "s3cr3t-t0k3n";

fn filtered() -> HttpOptions {
    HttpOptions { filter: true, ..HttpOptions::default() }
}

fn https() -> HttpOptions {
    HttpOptions { tls: true, ..filtered() }
}

/// A Secret as kubelet mounts it: the names are links through `..data`, which a rename exchanges.
struct Mounted {
    dir: tempfile::TempDir,
    version: u32,
}

impl Mounted {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let mut mounted = Self { dir: tempfile::tempdir().unwrap(), version: 0 };
        mounted.update(files);
        for (name, _) in files {
            symlink(Path::new("..data").join(name), mounted.path(name)).unwrap();
        }
        mounted
    }

    fn update(&mut self, files: &[(&str, &[u8])]) {
        self.version += 1;
        let name = format!("..{}", self.version);
        fs::create_dir(self.path(&name)).unwrap();
        for (file, content) in files {
            fs::write(self.path(&name).join(file), content).unwrap();
        }
        symlink(&name, self.path("..data_tmp")).unwrap();
        fs::rename(self.path("..data_tmp"), self.path("..data")).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

fn resolve(url: &str, options: &Options) -> Result<(), Error> {
    remote_with(url, options).resolve("main").map(drop)
}

#[test]
fn a_rotated_token_is_used_for_the_very_next_request() {
    let estate = Estate::new();
    let basic = |token: &str| Some(("x-access-token".to_owned(), token.to_owned()));
    let server =
        HttpServer::start(estate.root.path(), HttpOptions { basic_auth: basic("one"), ..filtered() })
            .unwrap();
    let mut secret = Mounted::new(&[("token", b"one\n")]);
    let options = Options { token_file: Some(secret.path("token")), ..Options::default() };
    let mut remote = remote_with(&server.url("plant.git"), &options);
    remote.resolve("main").unwrap();
    secret.update(&[("token", b"two\n")]);
    server.update(|options| options.basic_auth = basic("two"));
    server.reset_counters();
    remote.resolve("main").unwrap();
    assert_eq!(server.requests(), 1, "not even one request was refused: {:?}", server.log());
}

#[test]
fn a_server_that_asks_for_bearer_gets_the_token_that_way_and_no_other_server_does() {
    let estate = Estate::new();
    let bearer = HttpOptions { bearer: Some(TOKEN.to_owned()), ..filtered() };
    let server = HttpServer::start(estate.root.path(), bearer).unwrap();
    let mut secret = Mounted::new(&[("token", TOKEN.as_bytes())]);
    let options = Options { token_file: Some(secret.path("token")), ..Options::default() };
    let mut remote = remote_with(&server.url("plant.git"), &options);
    let commit = remote.resolve("main").unwrap().commit;
    let mut client = Client::new();
    client.fetch(&mut remote, &commit).unwrap();
    let log = server.log();
    assert!(log[0].header("authorization").unwrap().starts_with("Basic "));
    assert!(log[1..].iter().all(|request| request.header("authorization").unwrap().starts_with("Bearer ")));
    // It stays so when the token changes.
    secret.update(&[("token", b"newer")]);
    server.update(|options| options.bearer = Some("newer".to_owned()));
    server.reset_counters();
    remote.resolve("main").unwrap();
    assert_eq!(server.requests(), 1);
    // A wrong one is refused once more, not for ever.
    secret.update(&[("token", b"wrong")]);
    let error = remote.resolve("main").unwrap_err();
    assert!(matches!(error.cause(), Error::AuthFailed { status: 401, .. }), "{error}");
    assert!(server.requests() < 8);
    // Another server that asks for it in a redirect's place sees nothing.
    let thief = HttpServer::start(estate.root.path(), filtered()).unwrap();
    thief.intercept(|_| Some(Answer::status(401).with_header("WWW-Authenticate", "Bearer")));
    server.update(|options| options.redirect_to = Some(thief.base_url()));
    remote.resolve("main").unwrap_err();
    assert!(thief.requests() > 0 && thief.log().iter().all(|request| !request.has_credentials()));
}

#[test]
fn a_certificate_that_does_not_serve_is_named_with_its_dates_and_its_names() {
    let estate = Estate::new();
    let told = |certificate: CertificateOptions| {
        let server = HttpServer::start(estate.root.path(), HttpOptions { certificate, ..https() }).unwrap();
        let options = Options { ca_file: server.ca_pem(), ..Options::default() };
        let error = resolve(&server.url("plant.git"), &options).unwrap_err();
        assert_eq!(error.reason(), "GitUnreachable", "{error}");
        error.to_string()
    };
    let plain = CertificateOptions::default;
    let expired = told(CertificateOptions { from_day: -20, until_day: -10, ..plain() });
    let of = "the certificate of \"Stoker test server\" (127.0.0.1, localhost)";
    assert!(expired.contains(of) && expired.contains("expired on 20"), "{expired}");
    assert!(expired.contains("this machine's clock says 20"), "{expired}");
    let early = told(CertificateOptions { from_day: 10, ..plain() });
    assert!(early.contains(of) && early.contains("is valid from 20"), "{early}");
    let names = vec!["git.example".to_owned(), "10.1.2.3".to_owned()];
    let wrong = told(CertificateOptions { names, ..plain() });
    assert!(wrong.contains("is not for 127.0.0.1, but for git.example, 10.1.2.3"), "{wrong}");
}

#[test]
fn an_unknown_authority_is_named_and_a_new_one_is_believed_without_a_restart() {
    let estate = Estate::new();
    let server = HttpServer::start(estate.root.path(), https()).unwrap();
    let other = HttpServer::start(estate.root.path(), https()).unwrap();
    let authority = |server: &HttpServer| fs::read(server.ca_pem().unwrap()).unwrap();
    let mut secret = Mounted::new(&[("ca.crt", &authority(&other))]);
    let options = Options { ca_file: Some(secret.path("ca.crt")), ..Options::default() };
    let mut remote = remote_with(&server.url("plant.git"), &options);
    let error = remote.resolve("main").unwrap_err().to_string();
    assert!(error.contains("an authority that is not known (Stoker test authority)"), "{error}");
    // A bundle of the old and the new one, as it is while they are exchanged.
    let bundle = [authority(&other), authority(&server)].concat();
    secret.update(&[("ca.crt", &bundle)]);
    remote.resolve("main").unwrap();
    assert!(resolve(&other.url("plant.git"), &options).is_ok());
    // The name that is asked for is the URL's: TLS sends it (SNI) where it is one.
    let named = server.url("plant.git").replace("127.0.0.1", "localhost");
    resolve(&named, &options).unwrap();
}

#[test]
fn a_client_certificate_is_shown_where_the_server_asks_for_one() {
    let estate = Estate::new();
    let certificate = CertificateOptions { client_auth: true, ..CertificateOptions::default() };
    let server = HttpServer::start(estate.root.path(), HttpOptions { certificate, ..https() }).unwrap();
    let url = server.url("plant.git");
    let without = Options { ca_file: server.ca_pem(), ..Options::default() };
    let client = server.client_cert_dir().unwrap();
    let with = Options { client_cert_dir: Some(client.to_owned()), ..without.clone() };
    let mut remote = remote_with(&url, &with);
    let commit = remote.resolve("main").unwrap().commit;
    Client::new().fetch(&mut remote, &commit).unwrap();
    let error = resolve(&url, &without).unwrap_err();
    // The server's alert can be lost with the connection that it ends.
    let told = error.to_string();
    assert!(told.contains("without a client certificate") || told.contains("connect"), "{told}");
    // One of another authority.
    let stranger = HttpServer::start(estate.root.path(), https()).unwrap();
    let dir = stranger.client_cert_dir().unwrap().to_owned();
    let mut secret = Mounted::new(&[
        ("tls.crt", &fs::read(dir.join("tls.crt")).unwrap()),
        ("tls.key", &fs::read(dir.join("tls.key")).unwrap()),
    ]);
    let options = Options { client_cert_dir: Some(secret.dir.path().to_owned()), ..without };
    let mut remote = remote_with(&url, &options);
    remote.resolve("main").unwrap_err();
    // Renewed: the next request shows the new one.
    secret.update(&[
        ("tls.crt", &fs::read(client.join("tls.crt")).unwrap()),
        ("tls.key", &fs::read(client.join("tls.key")).unwrap()),
    ]);
    remote.resolve("main").unwrap();
}

fn proxied(proxy: &ForwardProxy, auth: Option<&Path>, no_proxy: &str, options: Options) -> Options {
    let proxy =
        ProxyOptions { url: proxy.url(), auth_file: auth.map(Path::to_owned), no_proxy: no_proxy.to_owned() };
    Options { proxy: Some(proxy), ..options }
}

#[test]
fn every_kind_of_server_is_reached_through_a_proxy() {
    let estate = Estate::new();
    let proxy = ForwardProxy::start(None).unwrap();
    let http = HttpServer::start(estate.root.path(), filtered()).unwrap();
    let https = HttpServer::start(estate.root.path(), https()).unwrap();
    let daemon = Daemon::start(estate.root.path()).unwrap();
    let ssh = SshServer::start(estate.root.path(), &SshOptions::default()).unwrap();
    let key = Options { ssh_key_file: Some(ssh.key().path().to_owned()), ..Options::default() };
    let authority = Options { ca_file: https.ca_pem(), ..Options::default() };
    for (url, address, options) in [
        (http.url("plant.git"), http.addr(), Options::default()),
        (https.url("plant.git"), https.addr(), authority),
        (daemon.url("plant.git"), daemon.addr(), Options::default()),
        (ssh.url("plant.git"), ssh.addr(), key),
    ] {
        let mut remote = remote_with(&url, &proxied(&proxy, None, "other.example", options.clone()));
        let commit = remote.resolve("main").unwrap_or_else(|error| panic!("{error}\n{}", proxy.log())).commit;
        let mut client = Client::new();
        client.fetch(&mut remote, &commit).unwrap();
        client.assert_equals(&estate.repository, &commit.to_string());
        assert!(proxy.was_asked_for(&address.to_string()), "{url}\n{}", proxy.log());
        // An exception goes straight there.
        let before = proxy.log().len();
        resolve(&url, &proxied(&proxy, None, "127.0.0.0/8", options)).unwrap();
        assert_eq!(proxy.log().len(), before, "{}", proxy.log());
    }
}

#[test]
fn a_proxy_that_asks_for_a_password_gets_it_from_the_file() {
    let estate = Estate::new();
    let proxy = ForwardProxy::start(Some(("plant", "pr0xy-s3cr3t"))).unwrap();
    let server = HttpServer::start(estate.root.path(), https()).unwrap();
    let ssh = SshServer::start(estate.root.path(), &SshOptions::default()).unwrap();
    let options = Options {
        ca_file: server.ca_pem(),
        ssh_key_file: Some(ssh.key().path().to_owned()),
        ..Options::default()
    };
    let mut secret = Mounted::new(&[("auth", b"plant:pr0xy-s3cr3t\n")]);
    let right = proxied(&proxy, Some(&secret.path("auth")), "", options.clone());
    for url in [server.url("plant.git"), ssh.url("plant.git")] {
        resolve(&url, &right).unwrap_or_else(|error| panic!("{error}\n{}", proxy.log()));
        let error = resolve(&url, &proxied(&proxy, None, "", options.clone())).unwrap_err();
        assert!(matches!(error.cause(), Error::ProxyRefused { .. }), "{error}");
        assert!(error.to_string().contains(&proxy.url()), "{error}");
    }
    secret.update(&[("auth", b"plant:wr0ng")]);
    let error = resolve(&server.url("plant.git"), &right).unwrap_err();
    assert!(!error.to_string().contains("wr0ng") && !format!("{error:?}").contains("wr0ng"), "{error:?}");
}

#[test]
fn a_proxy_that_is_not_there_or_cannot_reach_the_server_is_told_apart() {
    let estate = Estate::new();
    let proxy = ForwardProxy::start(None).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = HttpServer::start(estate.root.path(), https()).unwrap();
    for url in [format!("https://127.0.0.1:{port}/x"), format!("ssh://git@127.0.0.1:{port}/x")] {
        let error = resolve(&url, &proxied(&proxy, None, "", Options::default())).unwrap_err();
        assert!(matches!(error.cause(), Error::ProxyRefused { .. }), "{error}");
        assert_eq!(error.reason(), "GitUnreachable", "{error}");
    }
    let gone =
        ProxyOptions { url: format!("http://127.0.0.1:{port}"), auth_file: None, no_proxy: String::new() };
    let options = Options { proxy: Some(gone), ..Options::default() };
    for url in [server.url("plant.git"), "ssh://git@127.0.0.1:22/x".to_owned()] {
        let error = resolve(&url, &options).unwrap_err().to_string();
        assert!(
            error.contains(&format!("127.0.0.1:{port}")) || error.contains(&format!("port {port}")),
            "{error}"
        );
        assert!(error.contains("Connection refused"), "{error}");
    }
}
