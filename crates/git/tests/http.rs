//! Smart HTTP as `git http-backend` serves it.
#![allow(missing_docs)]

mod common;

use common::{Client, Estate, remote};
use stoker_test_gitserver::{HttpOptions, HttpServer};

#[test]
fn a_commit_is_fetched_byte_for_byte() {
    let estate = Estate::new();
    let server = HttpServer::start(estate.root.path(), HttpOptions { filter: true, ..HttpOptions::default() }).unwrap();
    let mut remote = remote(&server.url("plant.git"));
    let commit = remote.resolve("main").unwrap().commit;
    assert_eq!(commit, estate.first);
    let mut client = Client::new();
    let (trees, blobs) = client.fetch(&mut remote, &commit).unwrap();
    assert_eq!(trees.blobs, 0);
    assert_eq!(blobs.objects, blobs.blobs);
    client.assert_equals(&estate.repository, &commit.to_string());
    assert_eq!(remote.traffic().requests, 4, "handshake, refs, trees, blobs");
    assert_eq!(server.connections(), 1);
}
