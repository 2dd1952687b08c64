//! References, asked of every kind of server.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use common::{remote, servers};
use stoker_git::{Error, RefKind, Remote};
use stoker_test_gitserver::{Answer, HttpOptions, HttpServer, Repository};

/// Commits `a` and `b`; see the tests for the refs.
struct Refs {
    root: tempfile::TempDir,
    repository: Repository,
    a: String,
    b: String,
}

fn refs() -> Refs {
    let root = tempfile::tempdir().unwrap();
    let repository = Repository::init(root.path().join("plant.git")).unwrap();
    repository.write("x", "a").unwrap();
    let a = repository.commit("a").unwrap();
    repository.tag("light").unwrap();
    repository.annotated_tag("annotated", "a").unwrap();
    repository.git(&["tag", "-a", "-m", "n", "nested", "annotated"]).unwrap();
    repository.tag("both").unwrap();
    repository.branch("release/8.3").unwrap();
    repository.write("x", "b").unwrap();
    let b = repository.commit("b").unwrap();
    repository.branch("both").unwrap();
    repository.git(&["update-ref", "refs/pull/7/head", &a]).unwrap();
    repository.git(&["update-ref", "refs/heads/tags/light", &b]).unwrap();
    Refs { root, repository, a, b }
}

#[test]
fn every_kind_of_reference_means_its_commit_on_every_server() {
    let Refs { root, a, b, .. } = refs();
    for server in servers(root.path(), "plant.git") {
        let mut remote = server.remote();
        for (reference, commit, kind, full_name) in [
            ("main", &b, RefKind::Branch, Some("refs/heads/main")),
            ("release/8.3", &a, RefKind::Branch, Some("refs/heads/release/8.3")),
            ("light", &a, RefKind::Tag, Some("refs/tags/light")),
            ("annotated", &a, RefKind::Tag, Some("refs/tags/annotated")),
            ("nested", &a, RefKind::Tag, Some("refs/tags/nested")),
            ("both", &b, RefKind::Branch, Some("refs/heads/both")),
            ("refs/tags/both", &a, RefKind::Tag, Some("refs/tags/both")),
            ("refs/pull/7/head", &a, RefKind::Other, Some("refs/pull/7/head")),
            ("tags/light", &b, RefKind::Branch, Some("refs/heads/tags/light")),
            ("heads/main", &b, RefKind::Branch, Some("refs/heads/main")),
            ("HEAD", &b, RefKind::Head, Some("refs/heads/main")),
            (a.as_str(), &a, RefKind::Commit, None),
        ] {
            let resolved =
                remote.resolve(reference).unwrap_or_else(|error| panic!("{}: {error}", server.name));
            assert_eq!(&resolved.commit.to_string(), commit, "{}: {reference}", server.name);
            assert_eq!((resolved.kind, resolved.full_name.as_deref()), (kind, full_name), "{}", server.name);
        }
    }
}

#[test]
fn a_commits_id_needs_no_network() {
    let mut remote = remote("https://127.0.0.1:1/nobody/listens");
    let id = "9daeafb9864cf43055ae93beb0afd6c7d144bfa4";
    assert_eq!(remote.resolve(id).unwrap().commit.to_string(), id);
    assert_eq!(remote.traffic().requests, 0);
}

#[test]
fn an_unknown_reference_is_answered_with_similar_names_by_every_server() {
    let Refs { root, .. } = refs();
    for server in servers(root.path(), "plant.git") {
        let message = server.remote().resolve("anotated").unwrap_err().to_string();
        assert!(
            message.contains("no branch or tag \"anotated\"; similar: \"annotated\""),
            "{}: {message}",
            server.name
        );
        assert!(message.starts_with(&server.url), "{message}");
        let message = server.remote().resolve("mian\u{1b}[31m^{}").unwrap_err().to_string();
        assert!(!message.contains('\u{1b}'), "{message}");
    }
}

#[test]
fn an_abbreviated_id_is_asked_for_in_full() {
    let Refs { root, a, .. } = refs();
    let server = HttpServer::start(root.path(), HttpOptions::default()).unwrap();
    let error = remote(&server.url("plant.git")).resolve(&a[..10]).unwrap_err();
    assert!(error.to_string().contains("all forty digits"), "{error}");
    assert_eq!((error.reason(), error.is_transient()), ("RefGone", false));
}

#[test]
fn only_the_named_refs_are_asked_for() {
    let Refs { root, repository, b, .. } = refs();
    let mut packed = String::from("# pack-refs with: peeled fully-peeled sorted \n");
    for number in 0..50_000 {
        packed.push_str(&format!("{b} refs/heads/z{number:05}\n"));
    }
    std::fs::write(repository.path().join(".git/packed-refs"), packed).unwrap();
    let server = HttpServer::start(root.path(), HttpOptions::default()).unwrap();
    let mut remote = remote(&server.url("plant.git"));
    assert_eq!(remote.resolve("main").unwrap().commit.to_string(), b);
    assert!(remote.traffic().received < 1000, "{:?}", remote.traffic());
    // An unknown name costs the list of all names once, and no memory for them.
    let message = remote.resolve("z4999").unwrap_err().to_string();
    assert!(message.contains("similar: \"z4999"), "{message}");
    assert!(remote.traffic().received > 3_000_000, "{:?}", remote.traffic());
}

#[test]
fn a_resolution_costs_one_request_once_the_server_is_known() {
    let Refs { root, repository, a, b } = refs();
    let server = HttpServer::start(root.path(), HttpOptions::default()).unwrap();
    let mut remote = remote(&server.url("plant.git"));
    assert_eq!(remote.resolve("main").unwrap().commit.to_string(), b);
    repository.git(&["update-ref", "refs/heads/main", &a]).unwrap();
    assert_eq!(remote.resolve("main").unwrap().commit.to_string(), a);
    let asked: Vec<String> = server.log().iter().map(|request| request.method.clone()).collect();
    assert_eq!(asked, ["GET", "POST", "POST"]);
}

fn refused(remote: &mut Remote) -> (String, &'static str) {
    let error = remote.resolve("main").unwrap_err();
    assert_eq!(error.is_transient(), matches!(error.cause(), Error::Unreachable { .. }), "{error}");
    (error.to_string(), error.reason())
}

#[test]
fn an_empty_repository_says_so_on_every_server() {
    let root = tempfile::tempdir().unwrap();
    Repository::init(root.path().join("empty.git")).unwrap();
    for server in servers(root.path(), "empty.git") {
        let (message, reason) = refused(&mut server.remote());
        assert!(
            message.ends_with("the repository is empty: push a commit first"),
            "{}: {message}",
            server.name
        );
        assert_eq!(reason, "RefGone");
    }
}

#[test]
fn a_sha_256_repository_says_so_on_every_server() {
    let root = tempfile::tempdir().unwrap();
    let repository = Repository::init_with(root.path().join("new.git"), &["--object-format=sha256"]).unwrap();
    repository.write("x", "y").unwrap();
    repository.commit("one").unwrap();
    for server in servers(root.path(), "new.git") {
        let (message, reason) = refused(&mut server.remote());
        assert!(message.contains("SHA-256"), "{}: {message}", server.name);
        assert_eq!(reason, "UnsupportedFeature", "{}", server.name);
    }
}

#[test]
fn a_repository_that_is_not_there_says_so_on_every_server() {
    let root = tempfile::tempdir().unwrap();
    for server in servers(root.path(), "missing.git") {
        let (message, reason) = refused(&mut server.remote());
        let part = if server.name == "file" {
            "there is no Git repository at"
        } else {
            "there is no such repository"
        };
        assert!(message.contains(part), "{}: {message}", server.name);
        assert_eq!(reason, "GitUnreachable", "{}", server.name);
    }
}

#[test]
fn a_dumb_server_says_so() {
    let Refs { root, repository, .. } = refs();
    repository.update_server_info().unwrap();
    let server =
        HttpServer::start(root.path(), HttpOptions { dumb: true, ..HttpOptions::default() }).unwrap();
    let (message, reason) = refused(&mut remote(&server.url("plant.git")));
    assert!(message.contains("\"dumb\" HTTP") && message.contains("git http-backend"), "{message}");
    assert_eq!(reason, "UnsupportedFeature");
}

#[test]
fn a_tag_that_leads_to_no_commit_says_so() {
    let Refs { root, repository, .. } = refs();
    repository.git(&["tag", "-a", "-m", "t", "of-a-tree", "HEAD^{tree}"]).unwrap();
    let server =
        HttpServer::start(root.path(), HttpOptions { filter: true, ..HttpOptions::default() }).unwrap();
    let mut remote = remote(&server.url("plant.git"));
    let tree = remote.resolve("of-a-tree").unwrap().commit;
    let mut client = common::Client::new();
    let error = client.fetch(&mut remote, &tree).unwrap_err();
    assert!(matches!(error.cause(), Error::NotACommit { .. }), "{error}");
}

#[test]
fn a_tag_is_peeled_by_looking_at_it_where_the_server_does_not_peel() {
    let Refs { root, repository, a, b } = refs();
    let options = HttpOptions { protocol_v2: false, any_sha: true, filter: true, ..HttpOptions::default() };
    let server = HttpServer::start(root.path(), options).unwrap();
    let mut said = Vec::new();
    let mut packet =
        |line: String| said.extend_from_slice(format!("{:04x}{line}", line.len() + 4).as_bytes());
    packet("# service=git-upload-pack\n".to_owned());
    let mut capabilities =
        "\0side-band-64k shallow filter ofs-delta allow-tip-sha1-in-want allow-reachable-sha1-in-want";
    for line in repository.git(&["show-ref"]).unwrap().lines() {
        packet(format!("{line}{}\n", std::mem::take(&mut capabilities)));
    }
    let mut body = said;
    body.extend_from_slice(b"0000");
    // The flush behind the service line.
    let service = usize::from_str_radix(std::str::from_utf8(&body[..4]).unwrap(), 16).unwrap();
    body.splice(service..service, *b"0000");
    server.intercept(move |request| {
        (request.method == "GET").then(|| {
            let kind = "application/x-git-upload-pack-advertisement";
            Answer { status: 200, headers: vec![("Content-Type".into(), kind.into())], body: body.clone() }
        })
    });
    let mut remote = remote(&server.url("plant.git"));
    for (reference, commit) in [("annotated", &a), ("nested", &a), ("light", &a), ("main", &b)] {
        assert_eq!(&remote.resolve(reference).unwrap().commit.to_string(), commit, "{reference}");
    }
}
