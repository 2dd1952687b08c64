//! Whether a commit follows on another one, asked of every kind of server.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Client, Estate, servers};
use stoker_git::Error;
use stoker_object::ObjectId;

#[test]
fn whether_a_commit_descends_is_told_without_trees_and_blobs() {
    let estate = Estate::new();
    let id = |text: String| text.parse::<ObjectId>().unwrap();
    let base = estate.first;
    let repository = &estate.repository;
    repository.git(&["checkout", "-q", "-b", "side"]).unwrap();
    let side = id(repository.commit("side").unwrap());
    repository.checkout("main").unwrap();
    let mut commits = Vec::new();
    for number in 0..30 {
        repository.write("projects/p0/views/v0/view.json", format!("{{\"n\":{number}}}")).unwrap();
        commits.push(id(repository.commit("change").unwrap()));
    }
    // The line to `side` leads around what was applied last.
    repository.git(&["merge", "-q", "--no-ff", "--no-gpg-sign", "-m", "merge", "side"]).unwrap();
    let tip = id(repository.commit("tip").unwrap());
    for server in servers(estate.root.path(), "plant.git") {
        let mut remote = server.remote();
        let mut client = Client::new();
        remote.fetch_trees(&tip, &mut client.trees, &mut client.sink).unwrap();
        let mut ask = |commit: &ObjectId, from: &ObjectId| {
            let before = remote.traffic();
            let answer = remote.descends(commit, from, &mut client.trees);
            (answer, remote.traffic().received - before.received, remote.traffic().requests - before.requests)
        };
        let parent = id(repository.rev_parse("HEAD~1").unwrap());
        let (direct, _, requests) = ask(&tip, &parent);
        assert!(direct.unwrap() && requests == 0, "{}: a parent is known without asking", server.name);
        if server.name.contains("no filter") || matches!(server.name, "http, v0" | "git, v0") {
            let refused = ask(&tip, &base).0.unwrap_err();
            assert!(matches!(refused.cause(), Error::Unsupported(_)), "{}: {refused}", server.name);
            assert!(refused.to_string().contains("uploadpack.allowFilter"), "{refused}");
            continue;
        }
        for from in [base, commits[3], side] {
            let (answer, received, _) = ask(&tip, &from);
            assert!(answer.unwrap(), "{}: {from}", server.name);
            assert!(received < 16_000, "{}: {received} bytes for 30 commits", server.name);
        }
        let elsewhere = "1".repeat(40).parse().unwrap();
        assert!(!ask(&tip, &elsewhere).0.unwrap(), "{}", server.name);
        remote.fetch_trees(&commits[5], &mut client.trees, &mut client.sink).ok();
        let answer = remote.descends(&commits[5], &commits[6], &mut client.trees);
        assert!(answer.is_err() || !answer.unwrap(), "{}: backwards", server.name);
    }
}
