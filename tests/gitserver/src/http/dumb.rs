//! Files as a plain web server gives them: the "dumb" protocol, which knows nothing of Git.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use super::message::{Answer, Request};

/// The file that a request names, or 404.
pub(super) fn answer(root: &Path, request: &Request) -> Answer {
    if request.method != "GET" {
        return Answer::status(405);
    }
    let found = locate(root, &decode(&request.path)).and_then(|file| fs::read(file).ok());
    found.map_or_else(|| Answer::status(404), |body| Answer { status: 200, body, ..Answer::default() })
}

/// Percent-decoding of a path.
pub(super) fn decode(path: &str) -> OsString {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        if let (b'%', Some(value)) = (byte, escaped.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            bytes.push(value);
            rest = &tail[2..];
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    OsString::from_vec(bytes)
}

/// The file beneath the root; inside `.git` where a directory on the way is a work tree.
fn locate(root: &Path, path: &OsString) -> Option<PathBuf> {
    let mut place = root.to_owned();
    for component in Path::new(path).components() {
        match component {
            Component::RootDir | Component::CurDir => continue,
            Component::Normal(name) => place.push(name),
            Component::ParentDir | Component::Prefix(_) => return None,
        }
        if place.join(".git").is_dir() {
            place.push(".git");
        }
    }
    Some(place)
}
