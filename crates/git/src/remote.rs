//! The way into this crate: a repository by its URL, wherever it lies.

use std::io;
use std::path::PathBuf;

use stoker_object::ObjectId;

use crate::disk::Disk;
use crate::lfs::{Lfs, Wanted};
use crate::pack::PackStats;
use crate::resolve::{Resolved, commit_id};
use crate::session::Session;
use crate::store::BlobSink;
use crate::transport::{self, Options, Traffic, Way};
use crate::trees::TreeStore;
use crate::url::RepoUrl;
use crate::wire::Wire;
use crate::{Error, descent};

/// A repository. It keeps its connection, and what it learned of the server, from one call to the next.
pub struct Remote {
    name: String,
    backend: Backend,
    scratch: PathBuf,
    lfs: Lfs,
}

enum Backend {
    Wire(Wire),
    Disk(Disk),
}

/// A commit whose trees are all in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The commit: what was asked for, or what it leads to if it was an annotated tag.
    pub commit: ObjectId,
    /// What came; nothing if the store was complete already.
    pub pack: PackStats,
}

impl Remote {
    /// Prepares to use a repository. Nothing is read yet, neither network nor files.
    pub fn open(url: &RepoUrl, options: &Options) -> Result<Self, Error> {
        let name = url.to_string();
        let backend = match transport::open(url.location(), options) {
            Way::Transport(transport) => Backend::Wire(Wire::new(Session::new(transport, options))),
            Way::Path(path) => Backend::Disk(Disk::new(path, options)),
        };
        Ok(Self { name, backend, scratch: options.scratch.clone(), lfs: Lfs::new(url.location(), options) })
    }

    /// The commit that a branch, a tag (annotated ones are peeled), `HEAD`, a full ref name or a commit's full id means.
    /// An id is taken as it is, without asking anybody. A branch wins over a tag of the same name.
    ///
    /// Errors: [`Error::UnknownRef`] with up to three similar names, [`Error::EmptyRepository`], and whatever keeps
    /// the server from answering.
    pub fn resolve(&mut self, reference: &str) -> Result<Resolved, Error> {
        let reference = reference.trim();
        if let Some(resolved) = commit_id(reference).map_err(|error| error.at(&self.name))? {
            return Ok(resolved);
        }
        let resolved = match &mut self.backend {
            Backend::Wire(wire) => wire.resolve(reference),
            Backend::Disk(disk) => disk.resolve(reference),
        };
        resolved.map_err(|error| error.at(&self.name))
    }

    /// Makes `trees` hold the commit and all its trees. Blobs come to `blobs` only from a server that cannot leave
    /// them out. What arrived before an error stays: the next call goes on from there.
    ///
    /// Errors: [`Error::RefGone`] if the server does not have the commit.
    pub fn fetch_trees(
        &mut self,
        commit: &ObjectId,
        trees: &mut TreeStore,
        blobs: &mut dyn BlobSink,
    ) -> Result<Fetched, Error> {
        let fetched = match &mut self.backend {
            Backend::Wire(wire) => wire.fetch_trees(commit, trees, blobs),
            Backend::Disk(disk) => disk.fetch_trees(commit, trees),
        };
        fetched.map_err(|error| error.at(&self.name))
    }

    /// Brings the wanted blobs that `blobs` does not contain, in requests of at most 8,000. A server that gives out
    /// whole commits only is asked for the one that [`Remote::fetch_trees`] fetched last.
    ///
    /// When it returns without an error, every wanted blob has gone to `blobs`. What arrived before an error stays.
    pub fn fetch_blobs(
        &mut self,
        wants: &mut dyn Iterator<Item = io::Result<ObjectId>>,
        trees: &mut TreeStore,
        blobs: &mut dyn BlobSink,
    ) -> Result<PackStats, Error> {
        let fetched = match &mut self.backend {
            Backend::Wire(wire) => wire.fetch_blobs(wants, trees, blobs),
            Backend::Disk(disk) => disk.fetch_blobs(wants, blobs),
        };
        fetched.map_err(|error| error.at(&self.name))
    }

    /// Says that nothing will be asked for a while. An SSH connection is ended, with all that it keeps in memory; the
    /// next call makes a new one.
    pub fn rest(&mut self) {
        if let Backend::Wire(wire) = &mut self.backend {
            wire.rest();
        }
    }

    /// Brings the bytes that belong in place of these pointers, each content once, and tells `blobs` of each pointer
    /// which content that is ([`BlobSink::stand_in`]). Gives the bytes that came. What arrived before an error stays.
    ///
    /// Errors: [`Error::Lfs`] for an object that cannot be had, or is not what its pointer says.
    pub fn fetch_lfs(&mut self, wanted: &[Wanted], blobs: &mut dyn BlobSink) -> Result<u64, Error> {
        self.lfs.fetch(wanted, blobs).map_err(|error| error.at(&self.name))
    }

    /// Whether `commit`, which `trees` has, descends from another one: by the commits between them alone. Of the
    /// direct parents no server is asked.
    ///
    /// Errors: [`Error::Unsupported`] from a server that cannot send commits without files, [`Error::Limit`] where
    /// more than 50,000 commits lie between the two.
    pub fn descends(
        &mut self,
        commit: &ObjectId,
        from: &ObjectId,
        trees: &mut TreeStore,
    ) -> Result<bool, Error> {
        let parents = descent::parents(trees, commit, &mut Vec::new())?;
        if commit == from || parents.is_some_and(|parents| parents.contains(from)) {
            return Ok(true);
        }
        let descends = match &mut self.backend {
            Backend::Wire(wire) => wire.descends(commit, from, &self.scratch),
            Backend::Disk(disk) => disk.descends(commit, from),
        };
        descends.map_err(|error| error.at(&self.name))
    }

    /// What went over the network so far; nothing for `file://`.
    pub fn traffic(&self) -> Traffic {
        let mut traffic = match &self.backend {
            Backend::Wire(wire) => wire.traffic(),
            Backend::Disk(_) => Traffic::default(),
        };
        traffic.requests += self.lfs.traffic.requests;
        traffic.sent += self.lfs.traffic.sent;
        traffic.received += self.lfs.traffic.received;
        traffic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_can_be_handed_to_another_thread() {
        fn is_send<T: Send>() {}
        is_send::<Remote>();
    }
}
