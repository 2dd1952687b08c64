//! A real `git` against each way of the HTTP server.

#![expect(clippy::unwrap_used, reason = "in a test an error is a failure")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use stoker_test_gitserver::{Answer, HttpOptions, HttpServer, Repository, git};
use tempfile::TempDir;

struct Site {
    root: TempDir,
    repository: Repository,
}

fn site() -> Site {
    let root = TempDir::new().unwrap();
    let repository = Repository::init(root.path().join("plant one")).unwrap();
    repository.write("projects/a/project.json", "{}").unwrap();
    repository.write("config/empty", "").unwrap();
    repository.write_executable("bin/run.sh", "#!/bin/sh\n").unwrap();
    repository.commit("Add a project").unwrap();
    Site { root, repository }
}

const NAME: &str = "plant%20one";

fn start(site: &Site, options: HttpOptions) -> HttpServer {
    HttpServer::start(site.root.path(), options).unwrap()
}

fn ok(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn complaint(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{command:?} succeeded");
    String::from_utf8(output.stderr).unwrap()
}

fn clone(arguments: &[&str], url: &str, to: &Path) -> Command {
    let mut command = git();
    command.args(["clone", "--quiet"]).args(arguments).arg(url).arg(to);
    command
}

fn assert_cloned(site: &Site, to: &Path) {
    assert_eq!(std::fs::read(to.join("projects/a/project.json")).unwrap(), b"{}");
    let head = Repository::open(to).head().unwrap();
    assert_eq!(head, site.repository.head().unwrap());
}

#[test]
fn git_clones_over_protocol_v2() {
    let site = site();
    let server = start(&site, HttpOptions::default());
    let to = site.root.path().join("copy");
    ok(&mut clone(&[], &server.url(NAME), &to));
    assert_cloned(&site, &to);
    let log = server.log();
    assert!(log.iter().all(|request| request.status == 200), "{log:?}");
    assert_eq!(log[0].header("git-protocol"), Some("version=2"));
    assert_eq!(log[0].path, "/plant%20one/info/refs");
    assert_eq!(log[0].query, "service=git-upload-pack");
    assert!(log[1].body_bytes > 0);
    assert_eq!(server.requests(), log.len());
    assert!(
        server.bytes_in() > 0 && server.bytes_out() > 300,
        "{} {}",
        server.bytes_in(),
        server.bytes_out()
    );
}

#[test]
fn without_protocol_v2_the_refs_come_with_the_first_answer() {
    let site = site();
    let server = start(&site, HttpOptions { protocol_v2: false, ..HttpOptions::default() });
    let to = site.root.path().join("copy");
    ok(&mut clone(&[], &server.url(NAME), &to));
    assert_cloned(&site, &to);
    ok(git().args(["ls-remote", &server.url(NAME)]));
    let last = server.log().pop().unwrap();
    assert_eq!(last.method, "GET", "a v0 ls-remote needs no POST");
}

#[test]
fn a_client_trusts_the_server_by_its_authority_only() {
    let site = site();
    let server = start(&site, HttpOptions { tls: true, ..HttpOptions::default() });
    let url = server.url(NAME);
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let refused = complaint(git().args(["ls-remote", &url]));
    assert!(refused.contains("certificate"), "{refused}");
    assert_eq!(server.requests(), 0);

    let to = site.root.path().join("copy");
    let authority = server.ca_pem().unwrap();
    ok(clone(&[], &url, &to).env("GIT_SSL_CAINFO", &authority));
    assert_cloned(&site, &to);
    ok(git().args(["ls-remote", &url.replace("127.0.0.1", "localhost")]).env("GIT_SSL_CAINFO", &authority));
}

#[test]
fn filters_work_only_where_they_are_allowed() {
    let site = site();
    let server = start(&site, HttpOptions { filter: true, ..HttpOptions::default() });
    let arguments = ["--filter=blob:none", "--no-checkout", "--depth=1"];
    let to = site.root.path().join("filtered");
    ok(&mut clone(&arguments, &server.url(NAME), &to));
    let missing = Repository::open(&to).git(&["rev-list", "--objects", "--missing=print", "HEAD"]).unwrap();
    assert_eq!(missing.lines().filter(|line| line.starts_with('?')).count(), 3, "{missing}");

    server.update(|options| options.filter = false);
    let to = site.root.path().join("whole");
    ok(&mut clone(&arguments, &server.url(NAME), &to));
    let missing = Repository::open(&to).git(&["rev-list", "--objects", "--missing=print", "HEAD"]).unwrap();
    assert!(!missing.contains('?'), "{missing}");
}

#[test]
fn basic_credentials_are_demanded_and_recorded() {
    let site = site();
    let auth = Some(("x-access-token".to_owned(), "geheim".to_owned()));
    let server = start(&site, HttpOptions { basic_auth: auth, ..HttpOptions::default() });
    complaint(git().args(["ls-remote", &server.url(NAME)]));
    let log = server.log();
    assert_eq!((log[0].status, log[0].has_credentials()), (401, false));

    let url = server.url(NAME).replace("http://", "http://x-access-token:geheim@");
    ok(git().args(["ls-remote", &url]));
    let log = server.log();
    assert!(log.iter().any(|request| request.status == 200 && request.has_credentials()));
    assert!(!format!("{log:?}").contains("Basic "), "credentials in a debug text");
}

#[test]
fn a_bearer_token_is_as_good() {
    let site = site();
    let server = start(&site, HttpOptions { bearer: Some("abc".to_owned()), ..HttpOptions::default() });
    let with = |token: &str| {
        let mut command = git();
        let header = format!("http.extraHeader=Authorization: Bearer {token}");
        command.args(["-c", &header, "ls-remote", &server.url(NAME)]);
        command
    };
    ok(&mut with("abc"));
    complaint(&mut with("abd"));
}

#[test]
fn a_redirect_leads_to_another_server() {
    let site = site();
    let target = start(&site, HttpOptions::default());
    let redirect_to = Some(target.base_url());
    let server = start(&site, HttpOptions { redirect_to, redirect_status: 301, ..HttpOptions::default() });
    let to = site.root.path().join("copy");
    ok(&mut clone(&[], &server.url(NAME), &to));
    assert_cloned(&site, &to);
    assert_eq!(server.log()[0].status, 301);
    assert!(target.requests() >= 2);
}

#[test]
fn a_dumb_server_serves_files() {
    let site = site();
    site.repository.update_server_info().unwrap();
    let server = start(&site, HttpOptions { dumb: true, ..HttpOptions::default() });
    let to = site.root.path().join("copy");
    ok(&mut clone(&[], &server.url(NAME), &to));
    assert_cloned(&site, &to);
    assert!(server.log().iter().all(|request| request.method == "GET"));
}

#[test]
fn a_push_arrives_where_it_is_allowed() {
    let site = site();
    let forge = Repository::init_bare(site.root.path().join("forge.git")).unwrap();
    let server = start(&site, HttpOptions::default());
    let refused = site.repository.push(&server.url("forge.git"), "main").unwrap_err();
    assert!(refused.to_string().contains("403"), "{refused:#}");
    server.update(|options| options.push = true);
    // 3 MB that do not compress: more than http.postBuffer, so that it comes in chunks.
    site.repository.write("module.modl", noise(3_000_000)).unwrap();
    let commit = site.repository.commit("Add a module").unwrap();
    site.repository.push(&server.url("forge.git"), "main").unwrap();
    assert_eq!(forge.head().unwrap(), commit);
    let chunked = |name| server.log().iter().any(|request| request.header(name) == Some("chunked"));
    assert!(chunked("Transfer-Encoding"));
}

#[test]
fn a_large_request_comes_compressed() {
    let site = site();
    let server = start(&site, HttpOptions::default());
    let to = site.root.path().join("copy");
    ok(&mut clone(&[], &server.url(NAME), &to));
    let copy = Repository::open(&to);
    for n in 0..60 {
        copy.commit(&format!("Local {n}")).unwrap();
    }
    site.repository.commit("Remote").unwrap();
    server.reset_counters();
    copy.git(&["fetch", "--quiet"]).unwrap();
    let log = server.log();
    assert!(log.iter().any(|request| request.header("Content-Encoding") == Some("gzip")), "{log:?}");
    assert!(log.iter().all(|request| request.status == 200), "{log:?}");
}

#[test]
fn an_unknown_repository_is_404() {
    let site = site();
    let server = start(&site, HttpOptions::default());
    let error = complaint(git().args(["ls-remote", &server.url("nowhere")]));
    assert!(error.contains("not found"), "{error}");
    assert_eq!(server.log()[0].status, 404);
}

#[test]
fn a_status_can_be_put_before_everything() {
    let site = site();
    let server = start(&site, HttpOptions { status_override: Some(503), ..HttpOptions::default() });
    let error = complaint(git().args(["ls-remote", &server.url(NAME)]));
    assert!(error.contains("503"), "{error}");
    server.update(|options| options.status_override = None);
    ok(git().args(["ls-remote", &server.url(NAME)]));
}

#[test]
fn an_interceptor_answers_what_it_wants_to() {
    let site = site();
    let server = start(&site, HttpOptions::default());
    server.intercept(|request| {
        (request.method == "POST").then(|| Answer::status(429).with_header("Retry-After", "7"))
    });
    let error = complaint(git().args(["ls-remote", &server.url(NAME)]));
    assert!(error.contains("429"), "{error}");
    let statuses: Vec<u16> = server.log().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [200, 429]);
}

#[test]
fn an_answer_is_cut_where_the_test_wants_it() {
    let site = site();
    let server = start(&site, HttpOptions { cut_after: Some(20), ..HttpOptions::default() });
    complaint(git().args(["ls-remote", &server.url(NAME)]));
    assert_eq!(server.log()[0].status, 200);
    let sent = server.bytes_out();
    assert!(sent > 20 && sent < 400, "{sent} bytes");
}

#[test]
fn a_silent_server_ends_with_its_drop() {
    let site = site();
    let server = start(&site, HttpOptions { stall_after: Some(20), ..HttpOptions::default() });
    let mut client = git().args(["ls-remote", &server.url(NAME)]).stderr(Stdio::null()).spawn().unwrap();
    wait_for("the request", || server.requests() == 1);
    assert!(client.try_wait().unwrap().is_none(), "the client has an answer");
    drop(server);
    assert!(!client.wait().unwrap().success());
}

#[test]
fn a_delay_comes_before_the_first_byte() {
    let site = site();
    let delay = Duration::from_millis(300);
    let server = start(&site, HttpOptions { delay, ..HttpOptions::default() });
    let start = Instant::now();
    ok(git().args(["ls-remote", &server.url(NAME)]));
    assert!(start.elapsed() >= delay);
}

#[test]
fn a_server_that_is_down_refuses_and_comes_back_on_its_port() {
    let site = site();
    let server = start(&site, HttpOptions::default());
    let url = server.url(NAME);
    server.set_down(true).unwrap();
    complaint(git().args(["ls-remote", &url]));
    assert_eq!(server.connections(), 0);
    server.set_down(false).unwrap();
    ok(git().args(["ls-remote", &url]));
    assert_eq!(server.connections(), 1, "keep-alive: one connection for two requests");
    assert_eq!(server.requests(), 2);
}

#[test]
fn a_port_is_free_after_the_drop() {
    let site = site();
    let server = start(&site, HttpOptions::default());
    let address = server.addr();
    drop(server);
    assert!(std::net::TcpStream::connect(address).is_err());
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not come within 20 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}
