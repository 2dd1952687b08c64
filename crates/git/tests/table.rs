//! Every kind of server does what it is used for; what was seen goes into the table of `docs/git.md`.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Client, Estate, remote_with, servers};
use stoker_git::{Options, ProxyOptions};
use stoker_test_gitserver::{ForwardProxy, HttpOptions, HttpServer, SshOptions, SshServer, table};

/// Goes through everything that an agent asks a server for.
fn try_everything(name: &str, url: &str, options: &Options) {
    let saw = |feature: &str, result: &str| table::record(name, feature, result).unwrap();
    let mut remote = remote_with(url, options);
    let branch = remote.resolve("main").unwrap_or_else(|error| panic!("{name}: {error}"));
    saw("a branch", "yes");
    assert_eq!(remote.resolve("v1").unwrap().commit, branch.commit, "{name}");
    saw("an annotated tag", "yes");
    let mut client = Client::new();
    let (trees, blobs) = client.fetch(&mut remote, &branch.commit).unwrap();
    let with_files = trees.blobs > 0;
    saw("a first fetch", if with_files { "the whole commit" } else { "trees, then files" });
    assert!(with_files || blobs.blobs > 0, "{name}");
    let unknown = remote.resolve("mian").unwrap_err().to_string();
    assert!(unknown.contains("\"main\""), "{name}: {unknown}");
    saw("a wrong ref", "named, with similar ones");
}

#[test]
fn servers_of_every_kind_are_in_the_table() {
    let estate = Estate::new();
    estate.repository.annotated_tag("v1", "one").unwrap();
    for server in servers(estate.root.path(), "plant.git") {
        let name = match server.name.split_once(", ") {
            Some(("http" | "https", rest)) => format!("git http-backend, {rest}"),
            Some(("git", rest)) => format!("git daemon, {rest}"),
            _ => server.name.to_owned(),
        };
        let name = if server.name.starts_with("https") { format!("{name}, TLS") } else { name };
        try_everything(&name, &server.url, &server.options);
    }
    for (name, protocol_v2, filter) in [
        ("OpenSSH, v2, filter", true, true),
        ("OpenSSH, v2, no filter", true, false),
        ("OpenSSH, v0", false, false),
    ] {
        let options = SshOptions { protocol_v2, filter, ..SshOptions::default() };
        let server = SshServer::start(estate.root.path(), &options).unwrap();
        let key = Options { ssh_key_file: Some(server.key().path().to_owned()), ..Options::default() };
        try_everything(name, &server.url("plant.git"), &key);
    }
    let proxy = ForwardProxy::start(Some(("plant", "word"))).unwrap();
    let auth = estate.root.path().join("auth");
    std::fs::write(&auth, "plant:word").unwrap();
    let through = ProxyOptions { url: proxy.url(), auth_file: Some(auth), no_proxy: String::new() };
    let https = HttpOptions { tls: true, filter: true, ..HttpOptions::default() };
    let https = HttpServer::start(estate.root.path(), https).unwrap();
    let ssh = SshServer::start(estate.root.path(), &SshOptions::default()).unwrap();
    let options = Options {
        ca_file: https.ca_pem(),
        ssh_key_file: Some(ssh.key().path().to_owned()),
        proxy: Some(through),
        ..Options::default()
    };
    try_everything("git http-backend, TLS, through tinyproxy", &https.url("plant.git"), &options);
    try_everything("OpenSSH, through tinyproxy", &ssh.url("plant.git"), &options);
}
