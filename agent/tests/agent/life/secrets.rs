//! Secrets go to whom they are for, and nowhere else.

use std::fs;
use std::path::Path;

use serde_json::Value;
use stoker_test_gateway::{Gateway, Settings};
use stoker_test_gitserver::HttpOptions;

use crate::support::{Manifest, Site, Tree};

const TOKEN: &str = "gt-7d1f0c55-not-for-your-eyes";
const PASSWORD: &str = "pw-a93e-in-the-url";
const KEY: &str = "ky-5e2b-of-the-gateway";

/// Every form in which a secret could be written down: as it is, and as base64 in a header.
fn forms() -> Vec<String> {
    let mut forms = vec![TOKEN.to_owned(), PASSWORD.to_owned(), KEY.to_owned()];
    // `x-access-token:` is a multiple of three bytes long, so the token's own base64 shows in the header.
    for secret in [TOKEN, PASSWORD, KEY] {
        forms.push(base64(secret.as_bytes()));
    }
    forms
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let whole = bytes.chunks_exact(3);
    let digits = whole.flat_map(|three| {
        let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        [18, 12, 6, 0].map(|shift| char::from(DIGITS[(bits >> shift & 63) as usize]))
    });
    digits.collect()
}

fn assert_clean(text: &str, what: &str) {
    for form in forms() {
        assert!(!text.contains(&form), "{form} is in {what}");
    }
}

fn assert_clean_below(directory: &Path) {
    let mut left = vec![directory.to_owned()];
    let mut files = 0;
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                files += 1;
                let bytes = fs::read(&path).unwrap();
                for form in forms() {
                    let found = bytes.windows(form.len()).any(|window| window == form.as_bytes());
                    assert!(!found, "{form} is in {}", path.display());
                }
            }
        }
    }
    assert!(files > 5, "there was something to look through");
}

#[test]
fn tokens_never_appear_in_logs_status_or_the_volume_whatever_goes_wrong() {
    let site = Site::new();
    site.secret("git", "token", TOKEN);
    site.secret("ignition-api", "apiKey", format!("stoker:{KEY}"));
    let basic_auth = Some(("x-access-token".to_owned(), TOKEN.to_owned()));
    let server = site.server_with(HttpOptions { filter: true, basic_auth, ..HttpOptions::default() });
    let gateway = Gateway::start(Settings::new(&site.data).with_token("stoker", KEY)).unwrap();
    let manifest = Manifest::new(&server.url("plant.git")).with_token().with("gateway.port", gateway.port());
    let agent = site.start(&manifest, &[]);
    agent.wait_for_commit(&site.repository.head().unwrap());
    assert!(server.log().iter().any(stoker_test_gitserver::Request::has_credentials));

    // Refused, redirected, unreachable: each message has a reason to show what was sent.
    let wake = |reason: &str| {
        site.write_manifest(&manifest.text());
        fs::write(site.data.join("projects/line/.wake"), "").unwrap();
        agent.wait_for_status(reason, |status| status["reason"] == reason);
    };
    server.update(|options| options.status_override = Some(403));
    wake("AuthFailed");
    server.update(|options| {
        options.status_override = None;
        options.redirect_to = Some("http://localhost:1".to_owned());
    });
    wake("GitUnreachable");
    assert_clean(&agent.log(), "the log");
    assert_clean(&agent.get("/status").1, "/status");
    assert_clean(&fs::read_to_string(site.path("status.json")).unwrap(), "the status file");
    drop(agent);
    assert_clean_below(&site.data);
    // The secrets are where the test put them, so that looking for them can succeed.
    let secrets = format!("{:?}", Tree::of(&site.path("secrets")));
    assert!(secrets.contains(TOKEN) && secrets.contains(KEY));
}

#[test]
fn a_secret_that_appears_or_changes_is_used_without_a_restart() {
    let site = Site::new();
    let basic_auth = Some(("x-access-token".to_owned(), TOKEN.to_owned()));
    let server = site.server_with(HttpOptions { filter: true, basic_auth, ..HttpOptions::default() });
    let agent = site.start(&Manifest::new(&server.url("plant.git")).with_token(), &[]);
    let missing =
        |status: &Value| status["errorMessage"].as_str().is_some_and(|told| told.contains("cannot be read"));
    let status = agent.wait_for_status("a missing Secret", missing);
    assert_eq!(status["reason"], "AuthFailed", "{status:#}");
    site.secret("git", "token", "an older one");
    agent.wait_for_status("a refusal", |status| {
        status["errorMessage"].as_str().is_some_and(|told| told.contains("401"))
    });
    site.secret("git", "token", TOKEN);
    agent.wait_for_commit(&site.repository.head().unwrap());
}

#[test]
fn a_password_in_the_url_never_appears_either() {
    let site = Site::new();
    let basic_auth = Some(("me".to_owned(), PASSWORD.to_owned()));
    let server = site.server_with(HttpOptions { filter: true, basic_auth, ..HttpOptions::default() });
    let url = server.url("plant.git").replace("http://", &format!("http://me:{PASSWORD}@"));
    let ended = site.once(&Manifest::new(&url), &[]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("credentials are sent unencrypted"), "{}", ended.stderr);
    assert_clean(&ended.stderr, "the log");
    server.update(|options| options.status_override = Some(401));
    let refused = site.once(&Manifest::new(&url), &[]);
    assert_eq!(refused.code, 77, "{}", refused.stderr);
    assert_clean(&refused.stderr, "the log");
    assert!(refused.message().contains(&server.addr().to_string()), "{}", refused.stderr);
    assert_clean(&fs::read_to_string(site.path("status.json")).unwrap(), "the status file");
    assert_clean_below(&site.data);
}
