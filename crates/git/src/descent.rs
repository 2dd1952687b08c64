//! Whether a commit descends from another one: by their history alone, without a tree or a blob.

use std::collections::{HashSet, VecDeque};
use std::fs::{self, File};
use std::io;
use std::path::Path;

use stoker_object::{CommitHeader, Kind, ObjectId};

use crate::Error;
use crate::capabilities::Server;
use crate::pack::{self, Limits};
use crate::request::Fetch;
use crate::session::Session;
use crate::store::BlobSink;
use crate::tips::Tips;
use crate::trees::TreeStore;

/// Commits between the two that are looked at: a plant that was away for years has fewer.
const MOST_COMMITS: u64 = 50_000;

/// What their bytes come to at most; a commit has some hundred, a signed one a thousand.
const MOST_BYTES: u64 = 256 << 20;

/// Walks from `commit` to its parents, and theirs, until `from` is among them. `parents` gives those of a commit, or
/// none where the walk ends.
///
/// Errors: [`Error::Limit`] when so many commits lie between the two that it is not worth knowing.
pub(crate) fn walk(
    commit: &ObjectId,
    from: &ObjectId,
    parents: &mut dyn FnMut(&ObjectId) -> Result<Vec<ObjectId>, Error>,
) -> Result<bool, Error> {
    let (mut queue, mut seen) = (VecDeque::from([*commit]), HashSet::from([*commit]));
    if commit == from {
        return Ok(true);
    }
    while let Some(id) = queue.pop_front() {
        for parent in parents(&id)? {
            if parent == *from {
                return Ok(true);
            }
            if seen.insert(parent) {
                queue.push_back(parent);
            }
        }
        if seen.len() as u64 > MOST_COMMITS {
            let (value, limit) = (seen.len() as u64, MOST_COMMITS);
            return Err(Error::Limit {
                what: "the number of commits since the one that was applied last",
                value,
                limit,
            });
        }
    }
    Ok(false)
}

/// Asks a server for the commits that lead from `from` to `commit`, and walks them.
///
/// Errors: [`Error::Unsupported`] if the server cannot send commits without their files.
pub(crate) fn over(
    session: &mut Session,
    commit: &ObjectId,
    from: &ObjectId,
    scratch: &Path,
) -> Result<bool, Error> {
    let mut tips = Tips::new(*commit);
    let server = session.server(&mut tips)?;
    let filter = match &server {
        Server::V2(server) => server.filter,
        Server::V0(server) => server.filter,
    };
    if !filter {
        return Err(Error::Unsupported(
            "the server cannot send commits without their files (git config uploadpack.allowFilter true there), so that it cannot be told whether the commit follows on the one that was applied last",
        ));
    }
    let place = Scratch::new(scratch)?;
    let mut store = TreeStore::open(&place.0)?;
    // The server leaves out what is before `from`. Of commits that are not on the way the ids would not fit.
    let fetch = Fetch { wants: &[tips.want(&server)], haves: &[*from], history: true, ..Fetch::default() };
    let limits = Limits {
        max_objects: MOST_COMMITS,
        max_object_bytes: 1 << 20,
        max_total_bytes: MOST_BYTES,
        max_pack_bytes: MOST_BYTES,
    };
    session
        .pack(&server, &fetch, &mut |pack| pack::receive(pack, &mut store, &mut NoBlobs, scratch, &limits))?;
    store.finish()?;
    let mut bytes = Vec::new();
    walk(commit, from, &mut |id| Ok(parents(&mut store, id, &mut bytes)?.unwrap_or_default()))
}

/// A commit's parents; `None` if the store does not have it.
pub(crate) fn parents(
    store: &mut TreeStore,
    commit: &ObjectId,
    bytes: &mut Vec<u8>,
) -> Result<Option<Vec<ObjectId>>, Error> {
    let found = store.read(commit, bytes)?.filter(|kind| *kind == Kind::Commit);
    Ok(found.and_then(|_| CommitHeader::parse(bytes)).map(|header| header.parents))
}

/// A directory for the commits on the way, gone when they were looked at.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(scratch: &Path) -> Result<Self, Error> {
        let path = scratch.join("history");
        // What a killed process left.
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io(format!("remove {}", path.display()), error));
            }
            _ => {}
        }
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::debug!(path = %self.0.display(), %error, "the next look removes it");
        }
    }
}

/// Blobs have no business among commits.
struct NoBlobs;

fn unasked<T>() -> io::Result<T> {
    let what = "a blob where only commits were asked for".to_owned();
    Err(Error::Protocol(what).into_io())
}

impl BlobSink for NoBlobs {
    fn contains(&mut self, _: &ObjectId) -> bool {
        false
    }

    fn small(&mut self, _: &ObjectId, _: &[u8]) -> io::Result<()> {
        unasked()
    }

    fn create(&mut self, _: u64) -> io::Result<File> {
        unasked()
    }

    fn keep(&mut self, _: &ObjectId, _: File) -> io::Result<()> {
        unasked()
    }

    fn open(&mut self, _: &ObjectId) -> io::Result<Option<File>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn id(number: u64) -> ObjectId {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        ObjectId::from_bytes(bytes)
    }

    fn descends(history: &[(u64, &[u64])], commit: u64, from: u64) -> bool {
        let history: HashMap<_, Vec<_>> = history
            .iter()
            .map(|(id_, parents)| (id(*id_), parents.iter().copied().map(id).collect()))
            .collect();
        walk(&id(commit), &id(from), &mut |id| Ok(history.get(id).cloned().unwrap_or_default())).unwrap()
    }

    #[test]
    fn a_commit_descends_from_itself_its_parents_and_theirs_also_over_merges() {
        let history: &[(u64, &[u64])] = &[(5, &[4, 3]), (4, &[2]), (3, &[2]), (2, &[1]), (1, &[])];
        for from in 1..=5 {
            assert!(descends(history, 5, from), "{from}");
        }
        assert!(!descends(history, 4, 3), "a sibling");
        assert!(!descends(history, 1, 2), "backwards");
        assert!(!descends(history, 5, 9), "unknown");
    }

    #[test]
    fn a_history_without_an_end_is_given_up() {
        let mut next = 1;
        let endless = walk(&id(0), &id(u64::MAX), &mut |_| {
            next += 1;
            Ok(vec![id(next)])
        });
        assert!(matches!(endless, Err(Error::Limit { .. })));
    }
}
