//! A repository of this machine, behind the same operations as one behind a server.

use std::io;
use std::path::PathBuf;

use stoker_object::ObjectId;

use crate::Error;
use crate::local::LocalRepository;
use crate::pack::{Limits, PackStats};
use crate::remote::Fetched;
use crate::resolve::{Resolved, pick};
use crate::store::BlobSink;
use crate::transport::Options;
use crate::trees::TreeStore;

/// A `file://` repository. It is opened when it is first used, and anew after an error: it may be a mount that was
/// not there yet.
pub(crate) struct Disk {
    path: PathBuf,
    scratch: PathBuf,
    limits: Limits,
    opened: Option<LocalRepository>,
}

impl Disk {
    pub fn new(path: PathBuf, options: &Options) -> Self {
        Self { path, scratch: options.scratch.clone(), limits: options.limits, opened: None }
    }

    pub fn resolve(&mut self, reference: &str) -> Result<Resolved, Error> {
        self.with(|repository| {
            let picked =
                pick(reference, |prefixes, picker| repository.refs(prefixes, picker).map(|()| false))?;
            Ok(picked.resolved)
        })
    }

    pub fn fetch_trees(&mut self, wanted: &ObjectId, trees: &mut TreeStore) -> Result<Fetched, Error> {
        self.with(|repository| {
            let outcome = repository.fetch_trees(wanted, trees);
            trees.finish()?;
            outcome.map(|(commit, pack)| Fetched { commit, pack })
        })
    }

    pub fn fetch_blobs(
        &mut self,
        wants: &mut dyn Iterator<Item = io::Result<ObjectId>>,
        blobs: &mut dyn BlobSink,
    ) -> Result<PackStats, Error> {
        self.with(|repository| repository.fetch_blobs(wants, blobs))
    }

    fn with<T>(&mut self, work: impl FnOnce(&mut LocalRepository) -> Result<T, Error>) -> Result<T, Error> {
        let mut repository = match self.opened.take() {
            Some(repository) => repository,
            None => LocalRepository::open(&self.path, &self.scratch, self.limits).map_err(away)?,
        };
        let outcome = work(&mut repository)?;
        self.opened = Some(repository);
        Ok(outcome)
    }
}

/// What is not there is no damage: as with a server, it may come.
fn away(error: Error) -> Error {
    match error {
        Error::Corrupt(cause) => Error::Unreachable { what: "open the repository".to_owned(), cause },
        other => other,
    }
}
