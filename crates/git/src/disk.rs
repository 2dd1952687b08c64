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
use crate::{Error, bundle, descent};

/// A `file://` repository. It is opened anew for each piece of work, which costs the reading of a few names: it may be
/// a mount that comes and goes, and it may have been repacked meanwhile.
pub(crate) struct Disk {
    path: PathBuf,
    scratch: PathBuf,
    limits: Limits,
    /// Of a directory of bundles, the one that is used.
    chosen: Option<PathBuf>,
}

impl Disk {
    pub fn new(path: PathBuf, options: &Options) -> Self {
        Self { path, scratch: options.scratch.clone(), limits: options.limits, chosen: None }
    }

    pub fn resolve(&mut self, reference: &str) -> Result<Resolved, Error> {
        let Some(bundles) = self.bundles()? else { return names(self.open()?, reference) };
        // The newest that has the ref.
        let mut refused = None;
        for bundle in bundles {
            let repository = LocalRepository::open_bundle(&bundle, &self.scratch, self.limits).map_err(away);
            match repository.and_then(|repository| names(repository, reference)) {
                Ok(resolved) => {
                    tracing::debug!(bundle = %bundle.display(), "the ref is taken from this bundle");
                    self.chosen = Some(bundle);
                    return Ok(resolved);
                }
                // A newer bundle may be damaged, or still be copied. An older one serves until then.
                Err(error) => {
                    tracing::debug!(%error, bundle = %bundle.display(), "passed over");
                    refused.get_or_insert(error);
                }
            }
        }
        Err(refused.unwrap_or(Error::EmptyRepository))
    }

    pub fn fetch_trees(&mut self, wanted: &ObjectId, trees: &mut TreeStore) -> Result<Fetched, Error> {
        let outcome = self.with(wanted)?.fetch_trees(wanted, trees);
        // Also after an error: what has come is there for the next attempt.
        trees.finish()?;
        outcome.map(|(commit, pack)| Fetched { commit, pack })
    }

    pub fn fetch_blobs(
        &mut self,
        wants: &mut dyn Iterator<Item = io::Result<ObjectId>>,
        blobs: &mut dyn BlobSink,
    ) -> Result<PackStats, Error> {
        self.open()?.fetch_blobs(wants, blobs)
    }

    pub fn descends(&mut self, commit: &ObjectId, from: &ObjectId) -> Result<bool, Error> {
        let mut repository = self.with(commit)?;
        descent::walk(commit, from, &mut |id| repository.parents(id))
    }

    /// The bundles of a directory that holds some and is no repository.
    fn bundles(&self) -> Result<Option<Vec<PathBuf>>, Error> {
        if !self.path.is_dir() || self.path.join(".git").exists() || self.path.join("HEAD").is_file() {
            return Ok(None);
        }
        let bundles = bundle::in_directory(&self.path)?;
        Ok(Some(bundles).filter(|bundles| !bundles.is_empty()))
    }

    /// The repository, or the bundle, that has a commit.
    fn with(&mut self, commit: &ObjectId) -> Result<LocalRepository, Error> {
        let Some(bundles) = self.bundles()? else { return self.open() };
        // The one that was chosen goes first: another one needs an index of its own.
        let chosen = self.chosen.clone().filter(|chosen| bundles.contains(chosen));
        for bundle in chosen.into_iter().chain(bundles) {
            let opened = LocalRepository::open_bundle(&bundle, &self.scratch, self.limits);
            if let Ok(mut repository) = opened
                && repository.has(commit)?
            {
                self.chosen = Some(bundle);
                return Ok(repository);
            }
        }
        Err(Error::RefGone { commit: *commit, said: "no bundle of the directory has it".to_owned() })
    }

    fn open(&self) -> Result<LocalRepository, Error> {
        let path = self.chosen.as_ref().unwrap_or(&self.path);
        if bundle::is_bundle(path) {
            return LocalRepository::open_bundle(path, &self.scratch, self.limits).map_err(away);
        }
        LocalRepository::open(path, &self.scratch, self.limits).map_err(away)
    }
}

fn names(mut repository: LocalRepository, reference: &str) -> Result<Resolved, Error> {
    let picked = pick(reference, |prefixes, picker| repository.refs(prefixes, picker).map(|()| false))?;
    Ok(picked.resolved)
}

/// What is not there is no damage: as with a server, it may come.
fn away(error: Error) -> Error {
    match error {
        Error::Corrupt(cause) => Error::Unreachable { what: "open the repository".to_owned(), cause },
        other => other,
    }
}
