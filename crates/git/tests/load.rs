//! What a repository costs does not depend on what else it holds: refs by the thousand, history by the hundred thousand.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use common::{Client, remote_with};
use stoker_git::{Options, Traffic};
use stoker_test_gitserver::{Answer, Daemon, HttpOptions, HttpServer, Repository, SshOptions, SshServer};

const REFS: usize = 50_000;
/// With `STOKER_SLOW_TESTS=1` the figure of the issue.
const COMMITS: usize = 20_000;
const ALL_COMMITS: usize = 500_000;

fn commits() -> usize {
    let slow = std::env::var_os("STOKER_SLOW_TESTS").is_some_and(|value| value != "0");
    if slow { ALL_COMMITS } else { COMMITS }
}

/// A repository of `commits` commits by `git fast-import`, whose last one always has the same forty files.
fn import(dir: &Path, commits: usize) -> Repository {
    let repository = Repository::init(dir).unwrap();
    let mut command = repository.command();
    let mut child = command
        .args(["fast-import", "--quiet", "--force"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = std::io::BufWriter::new(child.stdin.take().unwrap());
    for at in 0..commits {
        let last = at + 1 == commits;
        let message = if last { "last".to_owned() } else { at.to_string() };
        let who = "committer Plant <plant@example> 1700000000 +0000";
        write!(out, "commit refs/heads/main\n{who}\ndata {}\n{message}\n", message.len()).unwrap();
        let content = if last { "last".to_owned() } else { at.to_string() };
        if at == 0 || last {
            for file in 0..40 {
                write!(out, "M 644 inline projects/p{file}/project.json\ndata 5\nfile{}\n", file % 10)
                    .unwrap();
            }
        }
        write!(out, "M 644 inline counter\ndata {}\n{content}\n", content.len()).unwrap();
    }
    out.flush().unwrap();
    drop(out);
    assert!(child.wait().unwrap().success());
    repository
}

/// Adds refs beside `main`, as a packed list: half branches, half tags, some of whose names begin as the wanted one.
fn add_refs(repository: &Repository, count: usize) {
    let head = repository.rev_parse("refs/heads/main").unwrap();
    let mut names: Vec<String> = (0..count / 2).map(|at| format!("refs/heads/feature/{at:06}")).collect();
    names.extend((0..count / 2).map(|at| format!("refs/tags/v{at:06}")));
    names.push("refs/heads/main".to_owned());
    names.sort();
    let lines: Vec<String> = names.iter().map(|name| format!("{head} {name}")).collect();
    let lines = lines.join("\n") + "\n";
    let path = repository.git(&["rev-parse", "--absolute-git-dir"]).unwrap();
    let text = format!("# pack-refs with: peeled fully-peeled sorted \n{lines}");
    fs::write(Path::new(&path).join("packed-refs"), text).unwrap();
    let all = repository.git(&["for-each-ref", "--format=x"]).unwrap();
    assert_eq!(all.lines().count(), count + 1);
}

/// Resolves and fetches everything.
fn cost(url: &str, options: &Options) -> Traffic {
    let mut remote = remote_with(url, options);
    let commit = remote.resolve("main").unwrap().commit;
    Client::new().fetch(&mut remote, &commit).unwrap();
    remote.traffic()
}

#[test]
fn many_refs_and_a_long_history_cost_what_a_small_repository_costs() {
    let root = tempfile::tempdir().unwrap();
    import(&root.path().join("small.git"), 1);
    let refs = import(&root.path().join("refs.git"), 1);
    add_refs(&refs, REFS);
    import(&root.path().join("history.git"), commits());
    let http =
        HttpServer::start(root.path(), HttpOptions { filter: true, ..HttpOptions::default() }).unwrap();
    let daemon = Daemon::start(root.path()).unwrap();
    let ssh = SshServer::start(root.path(), &SshOptions::default()).unwrap();
    let key = Options { ssh_key_file: Some(ssh.key().path().to_owned()), ..Options::default() };
    let url = |server: &str, repository: &str| match server {
        "http" => http.url(repository),
        "git" => daemon.url(repository),
        _ => ssh.url(repository),
    };
    for server in ["http", "git", "ssh"] {
        let small = cost(&url(server, "small.git"), &key);
        assert!(small.received > 500, "{small:?}");
        for large in ["refs.git", "history.git"] {
            let large = cost(&url(server, large), &key);
            assert_eq!(large.requests, small.requests, "{server}");
            // A commit with a parent is 48 bytes longer.
            let (more, than) = (large.received.abs_diff(small.received), small.received);
            assert!(more < 150, "{server}: {large:?} instead of {than}");
            assert!(large.sent.abs_diff(small.sent) < 50, "{server}: {large:?} {small:?}");
        }
    }
}

#[test]
fn requests_stay_below_a_megabyte_and_one_connection_carries_them_all() {
    let root = tempfile::tempdir().unwrap();
    let repository = Repository::init(root.path().join("plant.git")).unwrap();
    for at in 0..20_000 {
        let path = repository.path().join(format!("p{}/f{at}", at % 100));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, at.to_string()).unwrap();
    }
    repository.commit("many").unwrap();
    let server =
        HttpServer::start(root.path(), HttpOptions { filter: true, ..HttpOptions::default() }).unwrap();
    let traffic = cost(&server.url("plant.git"), &Options::default());
    let log = server.log();
    let largest = log.iter().map(|request| request.body_bytes).max().unwrap();
    assert!(largest > 100_000 && largest < 1 << 20, "{largest}");
    let posts = log.iter().filter(|request| request.method == "POST").count();
    assert_eq!(posts, 5, "ls-refs, trees, and 20,000 blobs in three requests");
    assert_eq!((server.connections(), traffic.requests), (1, log.len() as u64));
}

#[test]
fn a_server_that_asks_to_wait_is_understood_in_seconds_and_as_a_date() {
    let root = tempfile::tempdir().unwrap();
    let repository = Repository::init(root.path().join("plant.git")).unwrap();
    repository.write("x", "y").unwrap();
    repository.commit("one").unwrap();
    let server = HttpServer::start(root.path(), HttpOptions::default()).unwrap();
    for (status, value, seconds) in
        [(429, "17", 17..=17), (503, "Sat, 31 Dec 2039 23:59:59 GMT", 86_400..=86_400)]
    {
        server.intercept(move |_| Some(Answer::status(status).with_header("Retry-After", value)));
        let error = remote_with(&server.url("plant.git"), &Options::default()).resolve("main").unwrap_err();
        let asked = error.retry_after().as_ref().map(Duration::as_secs);
        assert!(asked.is_some_and(|asked| seconds.contains(&asked)), "{value}: {asked:?}");
        assert!(error.is_transient() && error.reason() == "GitUnreachable", "{error}");
    }
}
