//! Refs, trees and blobs of a repository behind a server: what to ask for, and what to do when a server refuses.

use std::io;
use std::path::Path;

use stoker_object::ObjectId;

use crate::arrivals::Arrivals;
use crate::pack::PackStats;
use crate::pktline::refuses_want;
use crate::remote::Fetched;
use crate::request::Fetch;
use crate::resolve::{Resolved, pick};
use crate::session::Session;
use crate::store::BlobSink;
use crate::tips::Tips;
use crate::transport::Traffic;
use crate::trees::{Completeness, TreeStore};
use crate::{Error, descent, peel};

/// Objects wanted in one request: 400 kB of it, far below the megabyte that proxies allow.
const MOST_WANTS: usize = 8000;

/// Commits that are named as had. One is enough: the last ones differ by little.
const MOST_HAVES: usize = 8;

/// Requests until the trees of a commit must be complete. Each brings at least what it asked for.
const MOST_ROUNDS: usize = 1000;

/// A repository behind a server.
pub(crate) struct Wire {
    session: Session,
    /// The server gives out whole commits only, no trees or blobs by their id.
    whole_commits: bool,
    /// It was said that the server cannot filter.
    told_of_filters: bool,
    /// The commit that was fetched last.
    commit: Option<ObjectId>,
}

impl Wire {
    pub fn new(session: Session) -> Self {
        Self { session, whole_commits: false, told_of_filters: false, commit: None }
    }

    pub fn traffic(&self) -> Traffic {
        self.session.traffic()
    }

    pub fn rest(&mut self) {
        self.session.rest();
    }

    pub fn resolve(&mut self, reference: &str) -> Result<Resolved, Error> {
        let picked = pick(reference, |prefixes, picker| self.session.refs(prefixes, picker))?;
        let mut resolved = picked.resolved;
        if picked.unpeeled {
            resolved.commit = peel::over(&mut self.session, resolved.commit, reference)?;
        }
        Ok(resolved)
    }

    pub fn fetch_trees(
        &mut self,
        wanted: &ObjectId,
        trees: &mut TreeStore,
        blobs: &mut dyn BlobSink,
    ) -> Result<Fetched, Error> {
        let mut total = PackStats::default();
        let mut trust = true;
        for _ in 0..MOST_ROUNDS {
            let commit = peel::stored(wanted, trees)?;
            self.commit = Some(commit);
            let missing = match trees.complete(&commit)? {
                Completeness::Complete => return Ok(Fetched { commit, pack: total }),
                Completeness::CommitMissing => Vec::new(),
                Completeness::Missing(missing) => missing,
            };
            let mut haves = if trust { trees.haves() } else { Vec::new() };
            // The newest are the last.
            haves.drain(..haves.len().saturating_sub(MOST_HAVES));
            let outcome = self.round(&commit, &missing, &haves, trees, blobs);
            // Also after an error: what has come is there for the next attempt.
            trees.finish()?;
            match outcome {
                Ok(stats) => add(&mut total, stats),
                // The server relied on something that should be here: ask for everything, once.
                Err(error @ (Error::NotSent { .. } | Error::Pack { .. })) if !haves.is_empty() => {
                    tracing::warn!(%error, "the stored trees are damaged and are fetched again");
                    trees.distrust();
                    trust = false;
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::Protocol(format!("it sends the trees of {wanted} one by one")))
    }

    /// Asks once for the commit, or for the trees that are `missing` of it.
    fn round(
        &mut self,
        commit: &ObjectId,
        missing: &[ObjectId],
        haves: &[ObjectId],
        trees: &mut TreeStore,
        blobs: &mut dyn BlobSink,
    ) -> Result<PackStats, Error> {
        let mut tips = Tips::new(*commit);
        let server = self.session.server(&mut tips)?;
        let no_blobs = server.no_blobs();
        if !no_blobs && !std::mem::replace(&mut self.told_of_filters, true) {
            tracing::warn!(
                "the server cannot leave files out (git's uploadpack.allowFilter): each update sends the whole commit, which is slow"
            );
        }
        // Without a filter all blobs come along, and of those nobody knows what is here.
        let haves = if no_blobs { haves } else { &[] };
        if let Some(first) = missing.first()
            && server.any_want()
            && !self.whole_commits
        {
            let wants = &missing[..missing.len().min(MOST_WANTS)];
            let fetch = Fetch { wants, haves, shallow: false, no_blobs, history: false };
            return match self.session.fetch(&server, &fetch, trees, blobs) {
                Err(error) if refuses_want(&error) => {
                    self.ask_for_whole_commits();
                    Ok(PackStats::default())
                }
                Err(error) => Err(error),
                Ok(stats) => check_tree(trees, first).map(|()| stats),
            };
        }
        let fetch = Fetch { wants: &[tips.want(&server)], haves, shallow: true, no_blobs, history: false };
        let stats = self.session.fetch(&server, &fetch, trees, blobs).map_err(|error| gone(error, commit))?;
        match missing.first() {
            Some(first) => check_tree(trees, first)?,
            None if trees.contains(commit) => {}
            None => return Err(Error::NotSent { what: "the commit", id: *commit }),
        }
        Ok(stats)
    }

    pub fn fetch_blobs(
        &mut self,
        wants: &mut dyn Iterator<Item = io::Result<ObjectId>>,
        trees: &mut TreeStore,
        blobs: &mut dyn BlobSink,
    ) -> Result<PackStats, Error> {
        let mut total = PackStats::default();
        let mut batch = Vec::new();
        while next_batch(&mut batch, wants, blobs)? {
            let mut arrivals = Arrivals::new(blobs, &batch);
            add(&mut total, self.batch(&batch, trees, &mut arrivals)?);
            if let Some(id) = arrivals.missing() {
                return Err(Error::NotSent { what: "the blob", id });
            }
        }
        Ok(total)
    }

    fn batch(
        &mut self,
        batch: &[ObjectId],
        trees: &mut TreeStore,
        blobs: &mut dyn BlobSink,
    ) -> Result<PackStats, Error> {
        let server = self.session.server(&mut ())?;
        if server.any_want() && !self.whole_commits {
            let fetch = Fetch { wants: batch, haves: &[], shallow: false, no_blobs: false, history: false };
            match self.session.fetch(&server, &fetch, trees, blobs) {
                Err(error) if refuses_want(&error) && self.commit.is_some() => {}
                outcome => return outcome,
            }
        }
        self.ask_for_whole_commits();
        let commit =
            self.commit.ok_or(Error::Unsupported("the server does not give out blobs by their id"))?;
        let mut tips = Tips::new(commit);
        let server = self.session.server(&mut tips)?;
        let fetch = Fetch {
            wants: &[tips.want(&server)],
            haves: &[],
            shallow: true,
            no_blobs: false,
            history: false,
        };
        self.session.fetch(&server, &fetch, trees, blobs).map_err(|error| gone(error, &commit))
    }

    pub fn descends(&mut self, commit: &ObjectId, from: &ObjectId, scratch: &Path) -> Result<bool, Error> {
        descent::over(&mut self.session, commit, from, scratch)
    }

    fn ask_for_whole_commits(&mut self) {
        if !std::mem::replace(&mut self.whole_commits, true) {
            tracing::warn!(
                "the server does not give out trees and blobs by their id (git's protocol v2, or uploadpack.allowAnySHA1InWant): whole commits are fetched, which is slow"
            );
        }
    }
}

/// The next blobs that are not here, sorted; false when there are none left.
fn next_batch(
    batch: &mut Vec<ObjectId>,
    wants: &mut dyn Iterator<Item = io::Result<ObjectId>>,
    blobs: &mut dyn BlobSink,
) -> Result<bool, Error> {
    batch.clear();
    while batch.len() < MOST_WANTS {
        let Some(want) = wants.next() else { break };
        let id = want.map_err(|error| Error::io("list the wanted blobs", error))?;
        if !blobs.contains(&id) {
            batch.push(id);
        }
    }
    batch.sort_unstable();
    batch.dedup();
    Ok(!batch.is_empty())
}

fn check_tree(trees: &mut TreeStore, id: &ObjectId) -> Result<(), Error> {
    if trees.contains(id) { Ok(()) } else { Err(Error::NotSent { what: "the tree", id: *id }) }
}

/// A commit that is refused is one that is gone.
fn gone(error: Error, commit: &ObjectId) -> Error {
    match error {
        Error::Server(said) if refuses_want(&Error::Server(said.clone())) => {
            Error::RefGone { commit: *commit, said }
        }
        other => other,
    }
}

fn add(total: &mut PackStats, pack: PackStats) {
    let PackStats { objects, blobs, deltas, pack_bytes, object_bytes } = pack;
    total.objects += objects;
    total.blobs += blobs;
    total.deltas += deltas;
    total.pack_bytes += pack_bytes;
    total.object_bytes += object_bytes;
}

#[cfg(test)]
mod tests;
