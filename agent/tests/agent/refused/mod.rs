//! Bad input: each ends in one message that names the thing, the place and the next step, in one exit code,
//! and leaves the data directory as it was.

mod access;
mod manifest;
mod mappings;
mod repository;
mod signatures;
mod volume;

use crate::support::site::status_file;
use crate::support::{Manifest, Site, assert_same};

/// Exit codes of the design, section 3.
const DATA: i32 = 65;
const UNAVAILABLE: i32 = 69;
const SYSTEM: i32 = 71;
const NOT_NOW: i32 = 75;
const REFUSED: i32 = 77;
const CONFIG: i32 = 78;

/// A site that is synced, beside a gateway's own files.
fn synced() -> Site {
    let site = Site::new();
    site.sync(&site.manifest());
    std::fs::create_dir(site.data.join("db")).unwrap();
    std::fs::write(site.data.join("db/config.idb"), "the gateway's own").unwrap();
    site
}

/// One run that must end with this code and with one message that has all of these words; the data directory
/// stays as it was, and the status says the same, with this reason.
#[track_caller]
fn refuses(site: &Site, manifest: &Manifest, code: i32, reason: &str, words: &[&str]) {
    let (before, at) = (site.live(), status_file(&site.path("status.json")));
    let ended = site.once(manifest, &[]);
    assert_eq!(ended.code, code, "{}", ended.stderr);
    let message = ended.message();
    assert!(!ended.stderr.contains("\"ERROR\""), "it is said twice: {}", ended.stderr);
    for word in words {
        assert!(message.contains(word), "{word:?} is not in: {message}");
    }
    assert_same(&before, &site.live(), "the data directory has changed");
    let status = status_file(&site.path("status.json")).expect("a status was written");
    assert_eq!(status["syncStatus"], "Error");
    assert_eq!(status["reason"], reason, "{status:#}");
    let told = status["errorMessage"].as_str().unwrap();
    assert!(message.starts_with(told.trim_end_matches('…')), "{message}\nbut in the status: {told}");
    assert_eq!(status["syncedCommit"], at.unwrap_or_default()["syncedCommit"], "what is on disk");
}
