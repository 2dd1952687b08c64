//! Trees and blobs, fetched from every kind of server and compared with git.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::io::Write as _;
use std::process::Stdio;

use common::{Client, Estate, servers};
use stoker_git::{Completeness, Error, PackStats};
use stoker_object::ObjectId;
use stoker_test_gitserver::{HttpOptions, HttpServer, Repository};

#[test]
fn a_commit_is_fetched_byte_for_byte_from_every_server() {
    let estate = Estate::new();
    for server in servers(estate.root.path(), "plant.git") {
        let mut remote = server.remote();
        let commit = remote.resolve("main").unwrap().commit;
        let mut client = Client::new();
        let (trees, blobs) =
            client.fetch(&mut remote, &commit).unwrap_or_else(|error| panic!("{}: {error}", server.name));
        client.assert_equals(&estate.repository, &commit.to_string());
        if server.filters {
            assert_eq!(trees.blobs, 0, "{}", server.name);
            assert_eq!(blobs.objects, blobs.blobs, "{}", server.name);
        } else {
            assert_eq!(blobs, PackStats::default(), "{}: all blobs came with the trees", server.name);
        }
        // Nothing is asked for twice.
        let before = remote.traffic().requests;
        let again = client.fetch(&mut remote, &commit).unwrap();
        assert_eq!((again, remote.traffic().requests), (Default::default(), before), "{}", server.name);
    }
}

#[test]
fn a_change_brings_the_changed_trees_and_blobs_and_no_others() {
    let estate = Estate::new();
    for (round, server) in servers(estate.root.path(), "plant.git").into_iter().enumerate() {
        let mut remote = server.remote();
        let mut client = Client::new();
        let before = remote.resolve("main").unwrap().commit;
        client.fetch(&mut remote, &before).unwrap();
        let after = estate.change_ten(&format!("round {round}"));
        assert_eq!(remote.resolve("main").unwrap().commit, after, "{}", server.name);
        client.sink.came.clear();
        let received = remote.traffic().received;
        let (trees, blobs) =
            client.fetch(&mut remote, &after).unwrap_or_else(|error| panic!("{}: {error}", server.name));
        let received = remote.traffic().received - received;
        client.assert_equals(&estate.repository, &after.to_string());
        if server.filters {
            // The commit, the root, `projects`, two projects with their `views`, and one directory with the one file.
            assert_eq!(trees.objects, 1 + 2 + 4 + 1, "{}", server.name);
            assert_eq!(
                (blobs.objects, client.sink.came.len()),
                (1, 1),
                "{}: ten files with one content",
                server.name
            );
            assert!(received < 4000, "{}: {received} bytes", server.name);
        }
    }
}

#[test]
fn an_annotated_tag_is_fetched_by_its_own_id_as_the_commit_it_leads_to() {
    let estate = Estate::new();
    estate.repository.annotated_tag("v1", "one").unwrap();
    estate.repository.git(&["tag", "-a", "-m", "n", "nested", "v1"]).unwrap();
    let tag: ObjectId = estate.repository.rev_parse("nested").unwrap().parse().unwrap();
    for server in servers(estate.root.path(), "plant.git") {
        let mut client = Client::new();
        let fetched = server.remote().fetch_trees(&tag, &mut client.trees, &mut client.sink).unwrap();
        assert_eq!(fetched.commit, estate.first, "{}", server.name);
    }
}

#[test]
fn a_commit_that_only_a_tag_leads_to_is_fetched_from_every_server() {
    let estate = Estate::new();
    let commit = estate.change_ten("tagged");
    estate.repository.annotated_tag("v1", "one").unwrap();
    estate.repository.git(&["reset", "--quiet", "--hard", "HEAD~1"]).unwrap();
    for server in servers(estate.root.path(), "plant.git") {
        let mut client = Client::new();
        client
            .fetch(&mut server.remote(), &commit)
            .unwrap_or_else(|error| panic!("{}: {error}", server.name));
        client.assert_equals(&estate.repository, &commit.to_string());
    }
}

#[test]
fn a_commit_that_is_gone_has_an_error_of_its_own_on_every_server() {
    let estate = Estate::new();
    let gone: ObjectId = "1234567890123456789012345678901234567890".parse().unwrap();
    for server in servers(estate.root.path(), "plant.git") {
        let mut client = Client::new();
        let error = server.remote().fetch_trees(&gone, &mut client.trees, &mut client.sink).unwrap_err();
        assert!(
            matches!(error.cause(), Error::RefGone { commit, .. } if *commit == gone),
            "{}: {error}",
            server.name
        );
        assert_eq!((error.reason(), error.is_transient()), ("RefGone", false));
    }
}

#[test]
fn trees_that_came_before_a_cut_are_not_fetched_again() {
    let estate = Estate::wide();
    let server =
        HttpServer::start(estate.root.path(), HttpOptions { filter: true, ..HttpOptions::default() })
            .unwrap();
    let url = server.url("plant.git");
    let mut whole = common::remote(&url);
    let mut client = Client::new();
    let all = whole.fetch_trees(&estate.first, &mut client.trees, &mut client.sink).unwrap().pack;

    let mut client = Client::new();
    let mut objects = 0;
    let mut attempts = 0;
    // Room for the handshake and a part of the trees: each attempt dies on the way, and the program with it.
    server.update(|options| options.cut_after = Some(all.pack_bytes / 4));
    loop {
        attempts += 1;
        assert!(attempts < 50, "no progress");
        let mut remote = common::remote(&url);
        match remote.fetch_trees(&estate.first, &mut client.trees, &mut client.sink) {
            Ok(fetched) => break objects += fetched.pack.objects,
            Err(error) => assert!(error.is_transient(), "{error}"),
        }
        client.reopen();
    }
    assert!(attempts > 2, "{attempts}");
    assert!(objects < all.objects, "the last attempt had less to fetch: {objects} of {}", all.objects);
    assert_eq!(client.trees.complete(&estate.first).unwrap(), Completeness::Complete);
}

#[test]
fn an_update_that_was_cut_goes_on_where_it_was() {
    let estate = Estate::wide();
    let server =
        HttpServer::start(estate.root.path(), HttpOptions { filter: true, ..HttpOptions::default() })
            .unwrap();
    let url = server.url("plant.git");
    let mut client = Client::new();
    client.fetch(&mut common::remote(&url), &estate.first).unwrap();
    for (path, _) in client.files(&estate.first) {
        if path.ends_with("view.json") {
            estate.repository.write(&path, format!("new {path}")).unwrap();
        }
    }
    let after: ObjectId = estate.repository.commit("all views").unwrap().parse().unwrap();
    server.update(|options| options.cut_after = Some(10_000));
    let mut attempts = 0;
    while let Err(error) = common::remote(&url).fetch_trees(&after, &mut client.trees, &mut client.sink) {
        assert!(error.is_transient(), "{error}");
        client.reopen();
        attempts += 1;
        assert!(attempts < 50, "no progress");
    }
    assert!(attempts > 1, "{attempts}");
    server.update(|options| options.cut_after = None);
    client.fetch(&mut common::remote(&url), &after).unwrap();
    client.assert_equals(&estate.repository, &after.to_string());
}

#[test]
fn a_server_without_filters_is_fetched_from_piece_by_piece_too() {
    let estate = Estate::wide();
    let server = HttpServer::start(estate.root.path(), HttpOptions::default()).unwrap();
    let url = server.url("plant.git");
    let mut client = Client::new();
    // The large blob comes early, and the views after it do not fit in what is left.
    server.update(|options| options.cut_after = Some(30_000));
    let mut attempts = 0;
    while let Err(error) =
        common::remote(&url).fetch_trees(&estate.first, &mut client.trees, &mut client.sink)
    {
        assert!(error.is_transient(), "{error}");
        client.reopen();
        attempts += 1;
        assert!(attempts < 50, "no progress");
    }
    assert!(attempts > 1, "{attempts}");
    server.update(|options| options.cut_after = None);
    let (trees, blobs) = client.fetch(&mut common::remote(&url), &estate.first).unwrap();
    assert_eq!(trees, PackStats::default());
    assert!(blobs.blobs > 0, "what was cut off is asked for by its id");
    client.assert_equals(&estate.repository, &estate.first.to_string());
}

#[test]
fn blobs_that_came_before_a_cut_are_not_fetched_again() {
    let estate = Estate::wide();
    let server =
        HttpServer::start(estate.root.path(), HttpOptions { filter: true, ..HttpOptions::default() })
            .unwrap();
    let url = server.url("plant.git");
    let mut client = Client::new();
    common::remote(&url).fetch_trees(&estate.first, &mut client.trees, &mut client.sink).unwrap();
    server.update(|options| options.cut_after = Some(20_000));
    let error = client.fetch(&mut common::remote(&url), &estate.first).unwrap_err();
    assert!(error.is_transient(), "{error}");
    let came = client.sink.came.len();
    assert!(came > 100, "{came} blobs in 20 kB");
    server.update(|options| options.cut_after = None);
    let (_, blobs) = client.fetch(&mut common::remote(&url), &estate.first).unwrap();
    assert_eq!(client.sink.came.len() as u64, came as u64 + blobs.blobs);
    client.assert_equals(&estate.repository, &estate.first.to_string());
}

#[test]
fn more_blobs_than_fit_one_request_come_in_two() {
    let root = tempfile::tempdir().unwrap();
    let repository = Repository::init(root.path().join("many.git")).unwrap();
    let commit = import(&repository, 8100);
    let server =
        HttpServer::start(root.path(), HttpOptions { filter: true, ..HttpOptions::default() }).unwrap();
    let mut remote = common::remote(&server.url("many.git"));
    let mut client = Client::new();
    let (_, blobs) = client.fetch(&mut remote, &commit).unwrap();
    assert_eq!(blobs.blobs, 8100);
    client.assert_equals(&repository, &commit.to_string());
    let posts: Vec<_> = server.log().into_iter().filter(|request| request.method == "POST").collect();
    assert_eq!(posts.len(), 3, "trees, 8,000 blobs, 100 blobs");
    assert_eq!(posts[1].header("content-encoding"), Some("gzip"));
    assert!(posts[1].body_bytes < 300_000, "{} bytes", posts[1].body_bytes);
    assert_eq!(remote.traffic().sent, posts.iter().map(|request| request.body_bytes).sum::<u64>());
}

#[test]
fn a_blob_that_the_server_does_not_have_is_named() {
    let estate = Estate::new();
    let wanted: ObjectId = "1234567890123456789012345678901234567890".parse().unwrap();
    for server in servers(estate.root.path(), "plant.git") {
        let mut client = Client::new();
        let mut remote = server.remote();
        remote.fetch_trees(&estate.first, &mut client.trees, &mut client.sink).unwrap();
        let wants = &mut [Ok(wanted)].into_iter();
        let error = remote.fetch_blobs(wants, &mut client.trees, &mut client.sink).unwrap_err();
        assert!(error.to_string().contains(&wanted.to_string()), "{}: {error}", server.name);
    }
}

#[test]
fn a_server_that_gives_out_no_blobs_by_id_is_asked_for_the_commit() {
    let estate = Estate::new();
    let server =
        HttpServer::start(estate.root.path(), HttpOptions { filter: true, ..HttpOptions::default() })
            .unwrap();
    let mut remote = common::remote(&server.url("plant.git"));
    let mut client = Client::new();
    remote.fetch_trees(&estate.first, &mut client.trees, &mut client.sink).unwrap();
    // As JGit answers a want that no ref points at.
    let refusals = std::sync::atomic::AtomicUsize::new(1);
    server.intercept(move |request| {
        let refuse = request.method == "POST" && refusals.load(std::sync::atomic::Ordering::SeqCst) == 1;
        refuse.then(|| {
            refusals.store(0, std::sync::atomic::Ordering::SeqCst);
            let mut answer = stoker_test_gitserver::Answer::status(200);
            answer.headers = vec![("Content-Type".into(), "application/x-git-upload-pack-result".into())];
            answer.body = b"0017ERR want 1234 not valid"[..].to_vec();
            answer.body[..4].copy_from_slice(b"001b");
            answer
        })
    });
    client.fetch(&mut remote, &estate.first).unwrap();
    client.assert_equals(&estate.repository, &estate.first.to_string());
}

#[test]
fn damaged_stored_trees_are_fetched_again() {
    let estate = Estate::wide();
    let server =
        HttpServer::start(estate.root.path(), HttpOptions { filter: true, ..HttpOptions::default() })
            .unwrap();
    let mut remote = common::remote(&server.url("plant.git"));
    let mut client = Client::new();
    client.fetch(&mut remote, &estate.first).unwrap();
    let damaged = client.damage_trees();
    assert!(damaged > 0);
    client.reopen();
    let after = estate.change_ten("after");
    client.fetch(&mut remote, &after).unwrap();
    client.assert_equals(&estate.repository, &after.to_string());
}

/// Commits so many small files, each different, without writing them to a work tree.
fn import(repository: &Repository, count: usize) -> ObjectId {
    let mut stream = String::from("commit refs/heads/main\ncommitter a <a> 1700000000 +0000\ndata 4\nmany\n");
    for number in 0..count {
        let (directory, content) = (number % 90, number.to_string());
        stream += &format!("M 100644 inline d{directory}/f{number}\ndata {}\n{content}\n", content.len());
    }
    let mut git = repository.command();
    let mut git = git.args(["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn().unwrap();
    git.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(git.wait().unwrap().success());
    repository.rev_parse("main").unwrap().parse().unwrap()
}
