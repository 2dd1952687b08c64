//! Servers that cannot be reached or do not let us in.

use stoker_test_gitserver::HttpOptions;

use super::{REFUSED, UNAVAILABLE, refuses, synced};
use crate::support::{Manifest, Site};

const TOKEN: &str = "s3cr3t-t0k3n-of-the-plant";

fn guarded(site: &Site) -> stoker_test_gitserver::HttpServer {
    let basic_auth = Some(("x-access-token".to_owned(), TOKEN.to_owned()));
    site.server_with(HttpOptions { filter: true, basic_auth, ..HttpOptions::default() })
}

#[test]
fn a_wrong_token_is_refused_without_being_shown() {
    let (site, wrong) = (synced(), "wr0ng-t0k3n");
    let server = guarded(&site);
    site.secret("git", "token", wrong);
    let manifest = Manifest::new(&server.url("plant.git")).with_token();
    let file = site.path("secrets/git/token").display().to_string();
    let words = [&*server.url("plant.git"), "401", &*file, "may read"];
    refuses(&site, &manifest, REFUSED, "AuthFailed", &words);
    let ended = site.once(&manifest, &[]);
    assert!(!ended.stderr.contains(wrong), "{}", ended.stderr);
    site.secret("git", "token", TOKEN);
    site.sync(&manifest);
}

#[test]
fn no_token_where_one_is_needed_is_refused() {
    let site = synced();
    let server = guarded(&site);
    let words = [&*server.url("plant.git"), "401", "git.auth"];
    refuses(&site, &Manifest::new(&server.url("plant.git")), REFUSED, "AuthFailed", &words);
}

#[test]
fn a_secret_that_is_not_there_is_named_with_its_file() {
    let site = synced();
    let server = guarded(&site);
    let manifest = Manifest::new(&server.url("plant.git")).with_token();
    let file = site.path("secrets/git/token").display().to_string();
    refuses(&site, &manifest, REFUSED, "AuthFailed", &["token file", &file, "Put the Secret's key there"]);
    site.secret("git", "token", "");
    refuses(&site, &manifest, REFUSED, "AuthFailed", &["token file", &file, "is empty"]);
}

#[test]
fn an_authority_that_is_not_there_or_not_the_servers_is_named() {
    let site = synced();
    let server = site.server_with(HttpOptions { tls: true, filter: true, ..HttpOptions::default() });
    let manifest = Manifest::new(&server.url("plant.git")).with_authority();
    let file = site.path("secrets/git/ca.crt").display().to_string();
    refuses(&site, &manifest, REFUSED, "AuthFailed", &[&file, "Put the Secret's key there"]);
    let other = site.server_with(HttpOptions { tls: true, ..HttpOptions::default() });
    site.secret("git", "ca.crt", std::fs::read(other.ca_pem().unwrap()).unwrap());
    let words = [&*server.url("plant.git"), "certificate"];
    refuses(&site, &manifest, UNAVAILABLE, "GitUnreachable", &words);
    site.secret("git", "ca.crt", std::fs::read(server.ca_pem().unwrap()).unwrap());
    site.sync(&manifest);
}

#[test]
fn a_server_that_is_down_or_broken_is_told_from_one_that_refuses() {
    let site = synced();
    let server = site.server();
    let manifest = Manifest::new(&server.url("plant.git"));
    server.update(|options| options.status_override = Some(503));
    refuses(&site, &manifest, UNAVAILABLE, "GitUnreachable", &[&server.url("plant.git"), "503"]);
    server.update(|options| *options = HttpOptions { cut_after: Some(10), ..HttpOptions::default() });
    refuses(&site, &manifest, UNAVAILABLE, "GitUnreachable", &[&server.url("plant.git")]);
    server.set_down(true).unwrap();
    refuses(&site, &manifest, UNAVAILABLE, "GitUnreachable", &[&server.url("plant.git"), "connect"]);
}

#[test]
fn a_repository_that_is_not_there_is_refused_with_what_to_check() {
    let site = synced();
    let server = site.server();
    let manifest = Manifest::new(&server.url("plnat.git"));
    refuses(
        &site,
        &manifest,
        UNAVAILABLE,
        "GitUnreachable",
        &["plnat.git", "no such repository", "git.repo"],
    );
}
