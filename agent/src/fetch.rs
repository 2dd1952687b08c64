//! Joins the engine with the repository: trees go in, blobs go to the staging area.

use std::fs::File;
use std::io;
use std::path::Path;

use stoker_git::{BlobSink, Remote, RepoUrl, TreeStore};
use stoker_object::{CommitHeader, Kind, ObjectId};
use stoker_sync::{Plan, Staging, Trees};

use crate::app_token::AppToken;
use crate::failure::{Code, Failure};
use crate::lfs::{self, Pointers};
use crate::progress::Progress;
use crate::settings::Settings;
use stoker_api::Reason;

/// The repository, and the trees of what was fetched from it.
pub struct Repository {
    remote: Remote,
    store: TreeStore,
    /// The commit that was found as it should be signed last, and the policy and keys by which it was.
    pub verified: Option<(ObjectId, ObjectId)>,
    /// Large files that lie beside the repository, as they came by.
    pointers: Pointers,
    /// The token of a GitHub App, which ends after an hour.
    app: Option<AppToken>,
}

impl Repository {
    /// Opens it; nothing goes over the network yet.
    pub fn open(settings: &Settings, state_dir: &Path, trees_dir: &Path) -> Result<Self, Failure> {
        let url = RepoUrl::parse(&settings.repository)
            .map_err(|error| Failure { code: Code::Config, ..Failure::from(error) })?;
        let mut options = settings.git_options(state_dir);
        let app = settings.app_token()?;
        if let Some(app) = &app {
            options.token_file = Some(app.path());
        }
        Ok(Self {
            remote: Remote::open(&url, &options)?,
            store: TreeStore::open(trees_dir)?,
            verified: None,
            pointers: Pointers::default(),
            app,
        })
    }

    /// Makes sure that a token that ends is good for what comes next.
    fn renew(&mut self) -> Result<(), Failure> {
        self.app.as_mut().map_or(Ok(()), AppToken::renew)
    }

    /// The commit that a ref means now.
    pub fn resolve(&mut self, reference: &str) -> Result<ObjectId, Failure> {
        self.renew()?;
        match (self.remote.resolve(reference), &mut self.app) {
            (Ok(resolved), _) => Ok(resolved.commit),
            (Err(error), app) => {
                if let Some(app) = app.as_mut().filter(|_| error.reason() == "AuthFailed") {
                    app.forget();
                }
                Err(error.into())
            }
        }
    }

    /// Makes sure that the commit and all its trees are here; the commit's header.
    pub fn fetch_commit(
        &mut self,
        commit: ObjectId,
        staging: &mut Staging,
        progress: &mut Progress,
    ) -> Result<CommitHeader, Failure> {
        self.renew()?;
        let fetched = {
            let mut sink = Sink { staging, progress, pointers: &mut self.pointers };
            self.remote.fetch_trees(&commit, &mut self.store, &mut sink)
        };
        fetched.map_err(|error| refused(staging, error))?;
        let mut bytes = Vec::new();
        let found = self.store.read(&commit, &mut bytes)?;
        found.and_then(|_| CommitHeader::parse(&bytes)).ok_or_else(|| {
            Failure::new(
                Reason::RefGone,
                Code::Data,
                format!("object {commit} is no commit; name a branch, a tag or a commit"),
            )
        })
    }

    /// What a ref means now, with all that is known of it.
    pub fn look_up(&mut self, reference: &str) -> Result<stoker_git::Resolved, Failure> {
        Ok(self.remote.resolve(reference)?)
    }

    /// Makes sure that an annotated tag's object is here, and the commit that it leads to.
    pub fn fetch_tag(
        &mut self,
        tag: ObjectId,
        staging: &mut Staging,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let fetched = {
            let mut sink = Sink { staging, progress, pointers: &mut self.pointers };
            self.remote.fetch_trees(&tag, &mut self.store, &mut sink)
        };
        fetched.map(drop).map_err(|error| refused(staging, error))
    }

    /// The bytes of a commit or tag that was fetched. The store gives none that do not hash to the id.
    pub fn object(&mut self, id: &ObjectId, kind: Kind) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let found = self.store.read(id, &mut bytes)?.filter(|found| *found == kind);
        let gone = || format!("the {kind} {id} was not sent");
        found.map(|_| bytes).ok_or_else(|| Failure::new(Reason::RefGone, Code::Data, gone()))
    }

    /// Whether a commit descends from another one.
    pub fn descends(&mut self, commit: &ObjectId, from: &ObjectId) -> Result<bool, Failure> {
        Ok(self.remote.descends(commit, from, &mut self.store)?)
    }

    /// Brings the blobs that the plan wants to the staging area.
    pub fn fetch_blobs(
        &mut self,
        plan: &Plan,
        staging: &mut Staging,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let mut wants = plan.wants(staging)?.map(|want| want.map_err(io::Error::other)).peekable();
        if wants.peek().is_none() {
            return Ok(());
        }
        let fetched = {
            let mut sink = Sink { staging, progress, pointers: &mut self.pointers };
            self.remote.fetch_blobs(&mut wants, &mut self.store, &mut sink)
        };
        fetched.map(drop).map_err(|error| refused(staging, error))
    }

    /// Brings the bytes that belong in place of the plan's pointers. `look`: the staging area holds blobs that came
    /// earlier, or from the volume.
    pub fn fetch_lfs(
        &mut self,
        plan: &Plan,
        staging: &mut Staging,
        progress: &mut Progress,
        look: bool,
    ) -> Result<(), Failure> {
        let wanted = std::mem::take(&mut self.pointers).wanted(plan, staging, look)?;
        if wanted.is_empty() {
            return Ok(());
        }
        let fetched = {
            let mut sink = Sink { staging, progress, pointers: &mut self.pointers };
            self.remote.fetch_lfs(&wanted, &mut sink)
        };
        match fetched {
            Ok(bytes) => {
                tracing::debug!(files = wanted.len(), bytes, "fetched from Git LFS");
                Ok(())
            }
            Err(error) => Err(lfs::name_file(refused(staging, error), plan, &wanted)),
        }
    }

    /// Drops the trees that no longer lead to this commit.
    pub fn keep_only(&mut self, commit: ObjectId) -> Result<(), Failure> {
        Ok(self.store.retain(&[commit])?)
    }

    /// Bytes received and requests made so far.
    pub fn traffic(&self) -> stoker_git::Traffic {
        self.remote.traffic()
    }

    /// Says that nothing will be asked for a while.
    pub fn rest(&mut self) {
        self.remote.rest();
    }

    /// The trees, as the engine reads them.
    pub fn trees(&mut self) -> StoredTrees<'_> {
        StoredTrees(&mut self.store)
    }
}

/// A limit or a full disk ends a fetch from within: that is the failure, not the fetch's own words.
fn refused(staging: &mut Staging, error: stoker_git::Error) -> Failure {
    staging.take_refusal().map_or_else(|| error.into(), Failure::from)
}

/// The trees, as the engine reads them.
pub struct StoredTrees<'a>(&'a mut TreeStore);

impl Trees for StoredTrees<'_> {
    fn tree(&mut self, id: &ObjectId, bytes: &mut Vec<u8>) -> Result<(), String> {
        match self.0.read(id, bytes) {
            Ok(Some(_)) => Ok(()),
            Ok(None) => {
                // The store took the set for complete, and it is not: the next fetch looks for real.
                self.0.distrust();
                Err("it is gone from the state directory; the next attempt fetches it again".to_owned())
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

struct Sink<'a> {
    staging: &'a mut Staging,
    progress: &'a mut Progress,
    pointers: &'a mut Pointers,
}

impl BlobSink for Sink<'_> {
    fn contains(&mut self, id: &ObjectId) -> bool {
        self.staging.contains(id)
    }

    fn small(&mut self, id: &ObjectId, content: &[u8]) -> io::Result<()> {
        self.progress.file(content.len() as u64);
        self.pointers.note(id, content);
        self.staging.small(id, content)
    }

    fn create(&mut self, size: u64) -> io::Result<File> {
        self.progress.file(size);
        self.staging.create(size)
    }

    fn keep(&mut self, id: &ObjectId, _: File) -> io::Result<()> {
        self.staging.keep(id)
    }

    fn open(&mut self, id: &ObjectId) -> io::Result<Option<File>> {
        self.staging.get(id)
    }

    fn stand_in(&mut self, pointer: &ObjectId, content: &ObjectId) -> io::Result<()> {
        self.staging.stand_in(pointer, content).map_err(io::Error::other)
    }
}
