//! Smart HTTP: who is trusted, who sees credentials, and what a failure means.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::{Client, Estate, remote, remote_with};
use stoker_git::{Error, Options, Remote};
use stoker_test_gitserver::{Answer, HttpOptions, HttpServer};

/// A server for one small repository, `plant.git`.
struct Site {
    _estate: tempfile::TempDir,
    server: HttpServer,
    head: String,
}

fn site(options: HttpOptions) -> Site {
    let root = tempfile::tempdir().unwrap();
    let repository = stoker_test_gitserver::Repository::init(root.path().join("plant.git")).unwrap();
    repository.write("x", "y").unwrap();
    let head = repository.commit("one").unwrap();
    let server = HttpServer::start(root.path(), options).unwrap();
    Site { _estate: root, server, head }
}

impl Site {
    fn url(&self) -> String {
        self.server.url("plant.git")
    }

    /// The URL with a user name and a password in it.
    fn url_with(&self, user: &str) -> String {
        self.url().replacen("://", &format!("://{user}@"), 1)
    }
}

fn filtered() -> HttpOptions {
    HttpOptions { filter: true, ..HttpOptions::default() }
}

fn guarded() -> HttpOptions {
    HttpOptions { basic_auth: Some(("x-access-token".into(), "secret".into())), ..filtered() }
}

fn token_file(token: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    std::fs::write(&path, token).unwrap();
    (dir, path)
}

fn resolve_error(remote: &mut Remote) -> Error {
    let error = remote.resolve("main").unwrap_err();
    assert!(!error.to_string().contains("secret") && !format!("{error:?}").contains("secret"), "{error:?}");
    error
}

#[test]
fn a_first_fetch_takes_four_requests_on_one_connection() {
    let estate = Estate::new();
    let server = HttpServer::start(estate.root.path(), filtered()).unwrap();
    let mut remote = remote(&server.url("plant.git"));
    let commit = remote.resolve("main").unwrap().commit;
    Client::new().fetch(&mut remote, &commit).unwrap();
    let traffic = remote.traffic();
    assert_eq!((traffic.requests, server.requests(), server.connections()), (4, 4, 1));
    assert!(
        traffic.received <= server.bytes_out() && traffic.received > server.bytes_out() / 2,
        "{traffic:?}"
    );
    for request in server.log() {
        assert_eq!(request.header("git-protocol"), Some("version=2"));
        assert!(request.header("user-agent").unwrap().starts_with("git/"), "{request:?}");
        assert!(!request.has_credentials());
    }
}

#[test]
fn a_token_file_opens_a_repository_and_is_read_anew_when_it_was_refused() {
    let site = site(guarded());
    let (_dir, path) = token_file("secret\n");
    let options = Options { token_file: Some(path.clone()), ..Options::default() };
    let mut remote = remote_with(&site.url(), &options);
    assert_eq!(remote.resolve("main").unwrap().commit.to_string(), site.head);
    // An installation token of a GitHub App lives for an hour.
    site.server.update(|options| options.basic_auth = Some(("x-access-token".into(), "renewed".into())));
    std::fs::write(&path, "renewed").unwrap();
    assert_eq!(remote.resolve("main").unwrap().commit.to_string(), site.head);
}

#[test]
fn a_wrong_token_is_named_by_its_file() {
    let site = site(guarded());
    let (_dir, path) = token_file("other-secret");
    let options = Options { token_file: Some(path.clone()), ..Options::default() };
    let error = resolve_error(&mut remote_with(&site.url(), &options));
    assert_eq!((error.reason(), error.is_transient()), ("AuthFailed", false));
    let expected =
        format!("{}: the server refused the token of {} (HTTP status 401)", site.url(), path.display());
    assert!(error.to_string().starts_with(&expected), "{error}");
}

#[test]
fn credentials_in_the_url_are_used_and_never_shown() {
    let site = site(guarded());
    let url = site.url_with("x-access-token:secret");
    assert_eq!(remote(&url).resolve("main").unwrap().commit.to_string(), site.head);
    let error = resolve_error(&mut remote(&site.url_with("x-access-token:top-secret")));
    assert!(error.to_string().contains("***@127.0.0.1"), "{error}");
    let error = resolve_error(&mut remote(&site.url()));
    assert!(error.to_string().contains("refused an anonymous reader"), "{error}");
}

#[test]
fn a_redirect_to_another_server_carries_no_credentials() {
    let target = site(filtered());
    let origin = site(HttpOptions { redirect_to: Some(target.server.base_url()), ..guarded() });
    origin.server.update(|options| options.basic_auth = None);
    let mut client = Client::new();
    let mut remote = remote(&origin.url_with("x-access-token:secret"));
    let commit = remote.resolve("main").unwrap().commit;
    client.fetch(&mut remote, &commit).unwrap();
    assert!(origin.server.log().iter().all(stoker_test_gitserver::Request::has_credentials));
    assert_eq!(origin.server.requests(), 1, "what follows goes to the target at once");
    assert!(target.server.requests() >= 4);
    assert!(!target.server.log().iter().any(stoker_test_gitserver::Request::has_credentials));

    // A target that wants credentials does not get them, and the message says why.
    target.server.update(|options| options.basic_auth = Some(("x-access-token".into(), "secret".into())));
    let error = resolve_error(&mut common::remote(&origin.url_with("x-access-token:secret")));
    assert_eq!(error.reason(), "AuthFailed");
    assert!(error.to_string().contains("are not sent to"), "{error}");
    assert!(!target.server.log().iter().any(stoker_test_gitserver::Request::has_credentials));
}

#[test]
fn a_redirect_on_the_same_server_keeps_the_credentials() {
    let site = site(guarded());
    site.server.intercept(|request| {
        let moved = request.target().strip_prefix("/old")?.to_owned();
        Some(Answer::status(301).with_header("Location", moved))
    });
    let url = site.url_with("x-access-token:secret").replace("/plant.git", "/old/plant.git");
    let mut remote = remote(&url);
    let commit = remote.resolve("main").unwrap().commit;
    Client::new().fetch(&mut remote, &commit).unwrap();
    let posts: Vec<_> = site.server.log().into_iter().filter(|request| request.method == "POST").collect();
    assert!(posts.iter().all(|request| request.path == "/plant.git/git-upload-pack"), "{posts:?}");
}

#[test]
fn a_post_is_redirected_where_the_server_asks_for_a_post() {
    let target = site(filtered());
    for (status, works) in [(307, true), (308, true), (302, false)] {
        let origin = site(filtered());
        let to = target.server.base_url();
        origin.server.intercept(move |request| {
            let location = format!("{to}{}", request.target());
            (request.method == "POST").then(|| Answer::status(status).with_header("Location", location))
        });
        let outcome = remote(&origin.url()).resolve("main");
        assert_eq!(outcome.is_ok(), works, "{status}: {outcome:?}");
    }
}

#[test]
fn a_redirect_from_https_down_to_http_is_refused() {
    let target = site(filtered());
    let origin = site(HttpOptions { tls: true, redirect_to: Some(target.server.base_url()), ..filtered() });
    let options = Options { ca_file: origin.server.ca_pem(), ..Options::default() };
    for url in [origin.url(), origin.url_with("x-access-token:secret")] {
        let error = resolve_error(&mut remote_with(&url, &options));
        assert!(error.to_string().contains("from https down to http"), "{error}");
    }
    assert_eq!(target.server.requests(), 0);
}

#[test]
fn redirects_in_a_circle_and_to_a_sign_on_page_are_refused() {
    let site = site(filtered());
    site.server.update(|options| options.redirect_to = Some(String::new()));
    let error = resolve_error(&mut remote(&site.url()));
    assert!(error.to_string().contains("more than five redirects"), "{error}");
    assert_eq!(site.server.requests(), 6);
    site.server.intercept(|_| {
        Some(Answer::status(302).with_header("Location", "https://sso.example.com/login?state=secret"))
    });
    let error = resolve_error(&mut remote(&site.url()));
    assert!(error.to_string().contains("https://sso.example.com/login, which is not followed"), "{error}");
}

#[test]
fn a_private_authority_is_trusted_by_its_file_only() {
    let site = site(HttpOptions { tls: true, ..filtered() });
    let options = Options { ca_file: site.server.ca_pem(), ..Options::default() };
    assert_eq!(remote_with(&site.url(), &options).resolve("main").unwrap().commit.to_string(), site.head);
    let error = resolve_error(&mut remote(&site.url()));
    assert!(error.to_string().contains("give its certificate as the CA file"), "{error}");
    assert_eq!(error.reason(), "GitUnreachable");
}

#[test]
fn a_status_is_told_with_what_the_server_said() {
    let site = site(filtered());
    for (status, reason, transient, part) in [
        (401, "AuthFailed", false, "refused an anonymous reader"),
        (403, "AuthFailed", false, "refused an anonymous reader"),
        (404, "GitUnreachable", false, "no such repository"),
        (429, "GitUnreachable", true, "HTTP status 429"),
        (500, "GitUnreachable", true, "HTTP status 500"),
        (503, "GitUnreachable", true, "HTTP status 503"),
    ] {
        site.server.update(|options| options.status_override = Some(status));
        let error = resolve_error(&mut remote(&site.url()));
        assert_eq!((error.reason(), error.is_transient()), (reason, transient), "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
    site.server.intercept(|_| Some(Answer::status(429).with_header("Retry-After", "17")));
    let error = resolve_error(&mut remote(&site.url()));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(17)));
    site.server.intercept(|_| {
        let mut page = Answer::status(200).with_header("Content-Type", "text/html");
        page.body = b"<html>Welcome".to_vec();
        Some(page)
    });
    let error = resolve_error(&mut remote(&site.url()));
    assert!(error.to_string().contains("web page; check the path"), "{error}");
}

#[test]
fn a_server_that_was_away_is_found_again_by_the_same_remote() {
    let site = site(filtered());
    let mut remote = remote(&site.url());
    remote.resolve("main").unwrap();
    site.server.set_down(true).unwrap();
    let error = remote.resolve("main").unwrap_err();
    assert!(matches!(error.cause(), Error::Unreachable { .. }) && error.is_transient(), "{error}");
    site.server.set_down(false).unwrap();
    assert_eq!(remote.resolve("main").unwrap().commit.to_string(), site.head);
    // Restarted between two requests: the idle connection is gone, and nobody notices.
    site.server.set_down(true).unwrap();
    site.server.set_down(false).unwrap();
    assert_eq!(remote.resolve("main").unwrap().commit.to_string(), site.head);
}

fn impatient() -> Options {
    let short = Duration::from_millis(300);
    Options {
        connect_timeout: short,
        first_byte_timeout: short,
        silence_timeout: short,
        ..Options::default()
    }
}

/// Runs something that must end by a time limit of 300 ms, and gives its error.
fn in_time(work: impl FnOnce() -> Error) -> Error {
    let begun = Instant::now();
    let error = work();
    assert!(begun.elapsed() < Duration::from_secs(10), "{error}");
    assert!(error.is_transient(), "{error}");
    error
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let site = site(HttpOptions { delay: Duration::from_secs(30), ..filtered() });
    let error = in_time(|| resolve_error(&mut remote_with(&site.url(), &impatient())));
    assert!(matches!(error.cause(), Error::Silent { .. }), "{error}");
    // A port that takes connections and never speaks: the TLS handshake is part of connecting.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    for (scheme, part) in
        [("https", "failed to connect to"), ("http", "did not answer within"), ("git", "did not answer")]
    {
        let url = format!("{scheme}://{}/plant.git", mute.local_addr().unwrap());
        let error = in_time(|| resolve_error(&mut remote_with(&url, &impatient())));
        assert!(error.to_string().contains(part), "{error}");
    }
    let closed = mute.local_addr().unwrap();
    drop(mute);
    for scheme in ["http", "git"] {
        let error = in_time(|| resolve_error(&mut remote(&format!("{scheme}://{closed}/plant.git"))));
        assert!(error.to_string().ends_with("Connection refused"), "{error}");
    }
}

#[test]
fn an_answer_that_stops_is_given_up() {
    let estate = Estate::new();
    let server = HttpServer::start(estate.root.path(), filtered()).unwrap();
    server.update(|options| options.stall_after = Some(1000));
    let mut remote = remote_with(&server.url("plant.git"), &impatient());
    let mut client = Client::new();
    let error =
        in_time(|| remote.fetch_trees(&estate.first, &mut client.trees, &mut client.sink).unwrap_err());
    assert!(matches!(error.cause(), Error::Silent { .. }), "{error}");
    server.update(|options| {
        options.stall_after = None;
        options.cut_after = Some(1000);
    });
    let error =
        in_time(|| remote.fetch_trees(&estate.first, &mut client.trees, &mut client.sink).unwrap_err());
    assert!(matches!(error.cause(), Error::CutOff(_)), "{error}");
}

/// What is logged while `work` runs.
fn logged(work: impl FnOnce()) -> String {
    use std::sync::{Arc, Mutex};
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    tracing::subscriber::with_default(subscriber, work);
    String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
}

#[test]
fn credentials_over_http_work_and_are_warned_about_once() {
    let site = site(guarded());
    let log = logged(|| {
        for _ in 0..3 {
            remote(&site.url_with("x-access-token:secret")).resolve("main").unwrap();
        }
    });
    assert_eq!(log.matches("credentials are sent unencrypted").count(), 1, "{log}");
    assert!(log.contains("***@127.0.0.1") && !log.contains("secret"), "{log}");
}
