//! What a repository made here holds, and the two other ways to it: the daemon and a slow link.

#![expect(clippy::unwrap_used, reason = "in a test an error is a failure")]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use stoker_test_gitserver::{Daemon, DaemonOptions, Repository, Throttle, git};
use tempfile::TempDir;

fn repository(root: &TempDir) -> Repository {
    let repository = Repository::init(root.path().join("site")).unwrap();
    repository.write("views/Füllstand Tank 1/view.json", "{}").unwrap();
    repository.write_executable("bin/run", "x").unwrap();
    repository.symlink("link", "../outside").unwrap();
    repository
}

#[test]
fn equal_calls_give_equal_ids() {
    let (one, two) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let ids = [one, two].map(|root| {
        let repository = repository(&root);
        let commit = repository.commit("First").unwrap();
        let tag = repository.annotated_tag("v1", "One").unwrap();
        repository.set_date(1_800_000_000);
        (commit, tag, repository.commit("Second").unwrap())
    });
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0].0, ids[0].2);
}

#[test]
fn an_archive_holds_the_bytes_the_modes_and_the_links() {
    let root = TempDir::new().unwrap();
    let repository = repository(&root);
    let first = repository.commit("First").unwrap();
    repository.write("link", "no link any more").unwrap();
    repository.remove("views").unwrap();
    let second = repository.commit("Second").unwrap();

    let archive = repository.archive(&first).unwrap();
    assert_eq!(fs::read(archive.path().join("views/Füllstand Tank 1/view.json")).unwrap(), b"{}");
    let mode = |path: &str| fs::metadata(archive.path().join(path)).unwrap().permissions().mode() & 0o100;
    assert_eq!((mode("bin/run"), mode("views/Füllstand Tank 1/view.json")), (0o100, 0));
    assert_eq!(fs::read_link(archive.path().join("link")).unwrap().to_str(), Some("../outside"));

    let archive = repository.archive(&second).unwrap();
    assert_eq!(fs::read(archive.path().join("link")).unwrap(), b"no link any more");
    assert!(!archive.path().join("views").exists());
}

#[test]
fn tags_and_branches_point_where_they_were_made() {
    let root = TempDir::new().unwrap();
    let repository = repository(&root);
    let first = repository.commit("First").unwrap();
    repository.tag("light").unwrap();
    let annotated = repository.annotated_tag("heavy", "Heavy").unwrap();
    repository.branch("release/1").unwrap();
    let second = repository.commit("Second").unwrap();
    repository.gc().unwrap();
    assert_ne!(annotated, first);
    for name in ["light", "heavy^{commit}", "release/1"] {
        assert_eq!(repository.rev_parse(name).unwrap(), first, "{name}");
    }
    assert_eq!(repository.rev_parse("main").unwrap(), second);
}

#[test]
fn a_tree_that_git_would_refuse_can_be_committed() {
    let root = TempDir::new().unwrap();
    let repository = Repository::init_bare(root.path().join("evil.git")).unwrap();
    let blob = repository.write_object("blob", b"x").unwrap();
    let raw: Vec<u8> =
        (0..40).step_by(2).map(|at| u8::from_str_radix(&blob[at..at + 2], 16).unwrap()).collect();
    let tree = repository.write_object("tree", &[b"100644 ..\0".as_slice(), &raw].concat()).unwrap();
    let commit = repository.commit_tree(&tree, "Escape").unwrap();
    assert_eq!(repository.git(&["ls-tree", "--name-only", &commit]).unwrap(), "..");
}

#[test]
fn a_sha256_repository_can_be_made() {
    let root = TempDir::new().unwrap();
    let repository = Repository::init_with(root.path().join("new"), &["--object-format=sha256"]).unwrap();
    repository.write("a", "a").unwrap();
    assert_eq!(repository.commit("First").unwrap().len(), 64);
}

#[test]
fn git_clones_from_the_daemon() {
    let root = TempDir::new().unwrap();
    let repository = repository(&root);
    let commit = repository.commit("First").unwrap();
    let daemon = Daemon::start(root.path()).unwrap();
    let copy = Repository::clone_from(&daemon.url("site"), root.path().join("copy")).unwrap();
    assert_eq!(copy.head().unwrap(), commit);

    let filtered = root.path().join("filtered");
    let cloned = git()
        .args(["clone", "--quiet", "--no-checkout", "--filter=blob:none", &daemon.url("site")])
        .arg(&filtered)
        .status();
    assert!(cloned.unwrap().success());
    let missing =
        Repository::open(&filtered).git(&["rev-list", "--objects", "--missing=print", "HEAD"]).unwrap();
    assert!(missing.contains('?'), "{missing}");

    let address = daemon.addr();
    drop(daemon);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn the_daemon_takes_a_push_when_it_may() {
    let root = TempDir::new().unwrap();
    let repository = repository(&root);
    let commit = repository.commit("First").unwrap();
    let forge = Repository::init_bare(root.path().join("forge.git")).unwrap();
    let closed = Daemon::start(root.path()).unwrap();
    repository.push(&closed.url("forge.git"), "main").unwrap_err();
    let open =
        Daemon::start_with(root.path(), &DaemonOptions { push: true, ..DaemonOptions::default() }).unwrap();
    repository.push(&open.url("forge.git"), "main").unwrap();
    assert_eq!(forge.head().unwrap(), commit);
}

#[test]
fn a_throttle_takes_the_time_that_its_rate_says() {
    let root = TempDir::new().unwrap();
    let repository = repository(&root);
    repository.commit("First").unwrap();
    let daemon = Daemon::start(root.path()).unwrap();
    let link = Throttle::start(daemon.addr(), u64::MAX).unwrap();
    let url = link.url(&daemon.url("site"));

    let start = Instant::now();
    Repository::clone_from(&url, root.path().join("quick")).unwrap();
    let quick = start.elapsed();
    let bytes = link.bytes_down();
    assert!(bytes > 500 && link.bytes_up() > 100, "{bytes} down, {} up", link.bytes_up());

    // 8 bits a byte: the answer takes a second, and the questions a little more.
    link.set_rate(bytes * 8);
    let start = Instant::now();
    Repository::clone_from(&url, root.path().join("slow")).unwrap();
    let slow = start.elapsed();
    assert!(slow >= Duration::from_millis(900), "{slow:?}, without a limit {quick:?}");
    assert!(slow < quick + Duration::from_secs(5), "{slow:?}, without a limit {quick:?}");
}

#[test]
fn a_link_ends_although_its_target_is_silent() {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let link = Throttle::start(target.local_addr().unwrap(), u64::MAX).unwrap();
    let client = TcpStream::connect(link.addr()).unwrap();
    let _silent = target.accept().unwrap();
    drop(client);
    drop(link);
}

#[test]
fn a_link_that_is_down_refuses_and_cuts() {
    let root = TempDir::new().unwrap();
    let repository = repository(&root);
    repository.commit("First").unwrap();
    let daemon = Daemon::start(root.path()).unwrap();
    let link = Throttle::start(daemon.addr(), 800).unwrap();
    let url = link.url(&daemon.url("site"));
    let mut client = git().args(["ls-remote", &url]).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while link.bytes_up() == 0 {
        assert!(Instant::now() < deadline, "nothing came through");
        std::thread::sleep(Duration::from_millis(5));
    }
    link.set_down(true).unwrap();
    assert!(!client.wait().unwrap().success());
    assert!(!git().args(["ls-remote", &url]).output().unwrap().status.success());
    link.set_rate(u64::MAX);
    link.set_down(false).unwrap();
    assert!(git().args(["ls-remote", &url]).output().unwrap().status.success());
}
