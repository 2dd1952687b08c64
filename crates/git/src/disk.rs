//! A repository of this machine, behind the same operations as one behind a server.

use std::io;
use std::path::PathBuf;

use stoker_object::ObjectId;

use crate::local::LocalRepository;
use crate::pack::{Limits, PackStats};
use crate::remote::Fetched;
use crate::resolve::{Resolved, pick};
use crate::store::BlobSink;
use crate::transport::Options;
use crate::trees::TreeStore;
use crate::{Error, descent};

/// A `file://` repository. It is opened anew for each piece of work, which costs the reading of a few names: it may be
/// a mount that comes and goes, and it may have been repacked meanwhile.
pub(crate) struct Disk {
    path: PathBuf,
    scratch: PathBuf,
    limits: Limits,
}

impl Disk {
    pub fn new(path: PathBuf, options: &Options) -> Self {
        Self { path, scratch: options.scratch.clone(), limits: options.limits }
    }

    pub fn resolve(&self, reference: &str) -> Result<Resolved, Error> {
        let mut repository = self.open()?;
        let picked = pick(reference, |prefixes, picker| repository.refs(prefixes, picker).map(|()| false))?;
        Ok(picked.resolved)
    }

    pub fn fetch_trees(&self, wanted: &ObjectId, trees: &mut TreeStore) -> Result<Fetched, Error> {
        let outcome = self.open()?.fetch_trees(wanted, trees);
        // Also after an error: what has come is there for the next attempt.
        trees.finish()?;
        outcome.map(|(commit, pack)| Fetched { commit, pack })
    }

    pub fn fetch_blobs(
        &self,
        wants: &mut dyn Iterator<Item = io::Result<ObjectId>>,
        blobs: &mut dyn BlobSink,
    ) -> Result<PackStats, Error> {
        self.open()?.fetch_blobs(wants, blobs)
    }

    pub fn descends(&self, commit: &ObjectId, from: &ObjectId) -> Result<bool, Error> {
        let mut repository = self.open()?;
        descent::walk(commit, from, &mut |id| repository.parents(id))
    }

    fn open(&self) -> Result<LocalRepository, Error> {
        LocalRepository::open(&self.path, &self.scratch, self.limits).map_err(away)
    }
}

/// What is not there is no damage: as with a server, it may come.
fn away(error: Error) -> Error {
    match error {
        Error::Corrupt(cause) => Error::Unreachable { what: "open the repository".to_owned(), cause },
        other => other,
    }
}
