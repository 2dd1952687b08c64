use std::io;
use std::path::{Path, PathBuf};

use stoker_object::{CommitHeader, Entries, Kind, Mode, ObjectId, TagHeader};

use super::layout::Layout;
use super::objects::{Made, Objects};
use super::packs::Pack;
use super::refs::Refs;
use crate::bundle;
use crate::capabilities::{RefLine, RefSink};
use crate::error::Error;
use crate::pack::output::CHUNK;
use crate::pack::{Limits, PackStats};
use crate::store::BlobSink;
use crate::trees::{Completeness, MAX_OBJECT, TreeStore};

/// Tags that point at tags, as far as they are followed.
const MOST_TAGS: usize = 16;
/// Wants that are put in order at a time.
const BATCH: usize = 4096;
/// Looks at what is missing until a commit must be complete: each brings all that the last one named.
const MOST_ROUNDS: usize = 1000;

/// A repository on disk.
pub(crate) struct LocalRepository {
    path: PathBuf,
    refs: Names,
    objects: Objects,
    limits: Limits,
}

/// Where refs are.
enum Names {
    Disk(Refs),
    /// In the head of the bundle.
    Bundle,
}

impl Names {
    fn list(&self, path: &Path, prefixes: &[String], each: &mut dyn FnMut(RefLine<'_>)) -> Result<(), Error> {
        let Self::Disk(refs) = self else {
            let asked = |name: &str| prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()));
            let mut see = |id, name: &str| {
                if asked(name) {
                    each(RefLine { name, id, peeled: None, target: None });
                }
            };
            return bundle::head(path, &mut see).map(drop);
        };
        refs.list(prefixes, each)
    }
}

impl LocalRepository {
    /// Opens a bundle. Its pack gets an index in `scratch`, once.
    ///
    /// Errors: [`Error::Corrupt`] if it is none, or needs commits that are not in it.
    pub fn open_bundle(path: &Path, scratch: &Path, limits: Limits) -> Result<Self, Error> {
        let mut making = None;
        let objects = bundle::objects(path, scratch, &limits, &mut |path, at| {
            let (pack, objects) = match &mut making {
                Some(making) => making,
                none => none.insert((Pack::without_index(path)?, Objects::new(Vec::new(), scratch))),
            };
            objects.id_at(pack, at)
        })?;
        let (path, objects) = (path.to_owned(), Objects::new(vec![objects], scratch));
        Ok(Self { path, refs: Names::Bundle, objects, limits })
    }

    /// Whether it has this object.
    pub fn has(&mut self, id: &ObjectId) -> Result<bool, Error> {
        Ok(self.objects.kind(id)?.is_some())
    }

    /// Opens the repository that git would find for `file://<path>`. `scratch` is a directory for files
    /// that have no name there while they are used.
    ///
    /// Errors: [`Error::Corrupt`] if there is none, [`Error::Unsupported`] for SHA-256 and reftable.
    pub fn open(path: &Path, scratch: &Path, limits: Limits) -> Result<Self, Error> {
        let layout = Layout::find(path)?;
        let refs = Names::Disk(Refs::new(&layout));
        Ok(Self { path: path.to_owned(), refs, objects: Objects::new(layout.objects, scratch), limits })
    }

    /// Shows `refs` the refs whose names begin with one of `prefixes`, tags peeled.
    pub fn refs(&mut self, prefixes: &[String], refs: &mut dyn RefSink) -> Result<(), Error> {
        let Self { path, refs: names, objects, .. } = self;
        names.list(path, prefixes, &mut |mut line: RefLine<'_>| {
            // Branches are commits by themselves.
            if line.peeled.is_none() && !line.name.starts_with("refs/heads/") {
                match peel(objects, &line.id) {
                    Ok(id) => line.peeled = id.filter(|id| *id != line.id),
                    // Whoever wants this ref is told when its objects are fetched; others are not kept waiting.
                    Err(error) => tracing::warn!(%error, name = line.name, "a ref leads nowhere"),
                }
            }
            refs.see(line);
        })
    }

    /// Makes `trees` hold a commit and all its trees, and the tags on the way if `wanted` is one. Gives
    /// the commit. Trees that are there already are not read.
    ///
    /// Errors: [`Error::RefGone`] if the repository does not have it.
    pub fn fetch_trees(
        &mut self,
        wanted: &ObjectId,
        trees: &mut TreeStore,
    ) -> Result<(ObjectId, PackStats), Error> {
        let mut stats = PackStats::default();
        let commit = self.copy_tags(wanted, trees, &mut stats)?;
        for _ in 0..MOST_ROUNDS {
            match trees.complete(&commit)? {
                Completeness::Complete => return Ok((commit, stats)),
                Completeness::CommitMissing => self.copy_commit(&commit, trees, &mut stats)?,
                Completeness::Missing(missing) => {
                    for id in missing {
                        self.copy_trees(id, trees, &mut stats)?;
                    }
                }
            }
        }
        Err(Error::Corrupt(format!("the trees of {commit} do not stay in the tree store")))
    }

    /// Brings the wanted blobs that `blobs` does not contain.
    pub fn fetch_blobs(
        &mut self,
        wants: &mut dyn Iterator<Item = io::Result<ObjectId>>,
        blobs: &mut dyn BlobSink,
    ) -> Result<PackStats, Error> {
        let mut stats = PackStats::default();
        loop {
            let mut batch = Vec::new();
            while batch.len() < BATCH
                && let Some(want) = wants.next()
            {
                let want = want.map_err(|source| Error::io("read the list of wanted blobs", source))?;
                if !blobs.contains(&want) {
                    batch.push((self.objects.order(&want)?, want));
                }
            }
            if batch.is_empty() {
                return Ok(stats);
            }
            batch.sort_unstable();
            batch.dedup();
            for (_, want) in batch {
                self.copy_blob(&want, blobs, &mut stats)?;
            }
        }
    }

    /// The parents of a commit; none of what is not here (a shallow repository ends there), or is no commit.
    pub fn parents(&mut self, commit: &ObjectId) -> Result<Vec<ObjectId>, Error> {
        let Some(made) = self.objects.read(commit, &mut in_memory)?.filter(|made| made.kind == Kind::Commit)
        else {
            return Ok(Vec::new());
        };
        Ok(CommitHeader::parse(self.objects.object(&made)).map(|header| header.parents).unwrap_or_default())
    }

    /// Copies the tags that lead to a commit; gives that commit's id.
    fn copy_tags(
        &mut self,
        wanted: &ObjectId,
        trees: &mut TreeStore,
        stats: &mut PackStats,
    ) -> Result<ObjectId, Error> {
        let mut id = *wanted;
        for _ in 0..MOST_TAGS {
            // What is not here may be in the store: a branch was forced, and the commit is wanted still.
            if self.objects.kind(&id)? != Some(Kind::Tag) {
                return Ok(id);
            }
            let Some(made) = self.objects.read(&id, &mut in_memory)? else { return Ok(id) };
            let object = self.objects.object(&made);
            trees.insert(Kind::Tag, &id, object)?;
            count(&self.limits, stats, &made)?;
            id = target(&id, object)?;
        }
        Err(endless_tags(wanted))
    }

    fn copy_commit(
        &mut self,
        commit: &ObjectId,
        trees: &mut TreeStore,
        stats: &mut PackStats,
    ) -> Result<(), Error> {
        let Some(made) = self.objects.read(commit, &mut in_memory)? else {
            return Err(Error::RefGone { commit: *commit, said: String::new() });
        };
        let object = self.objects.object(&made);
        let Some(header) = CommitHeader::parse(object).filter(|_| made.kind == Kind::Commit) else {
            return Err(Error::Corrupt(format!(
                "{commit} is a {} and not a commit that names a tree",
                made.kind
            )));
        };
        trees.insert(Kind::Commit, commit, object)?;
        count(&self.limits, stats, &made)?;
        self.copy_trees(header.tree, trees, stats)
    }

    /// Copies a tree and those below it, down to the ones that are there already.
    fn copy_trees(
        &mut self,
        root: ObjectId,
        trees: &mut TreeStore,
        stats: &mut PackStats,
    ) -> Result<(), Error> {
        let mut stack = vec![root];
        while let Some(id) = stack.pop() {
            // One that is there but damaged is named as missing, and then it is the root.
            if id != root && trees.contains(&id) {
                continue;
            }
            let made =
                self.objects.read(&id, &mut in_memory)?.ok_or_else(|| self.missing(Kind::Tree, &id))?;
            let object = self.objects.object(&made);
            if made.kind != Kind::Tree {
                return Err(Error::Corrupt(format!("{id} is a {} where a tree belongs", made.kind)));
            }
            trees.insert(Kind::Tree, &id, object)?;
            count(&self.limits, stats, &made)?;
            // An entry that no file system may have is refused by who reads the tree, with its path.
            let entries = Entries::new(object).map_while(Result::ok);
            stack.extend(entries.filter(|entry| entry.mode == Mode::Tree).map(|entry| entry.id));
        }
        Ok(())
    }

    fn copy_blob(
        &mut self,
        id: &ObjectId,
        blobs: &mut dyn BlobSink,
        stats: &mut PackStats,
    ) -> Result<(), Error> {
        let limit = self.limits.max_object_bytes;
        let mut place = |kind, size| {
            if kind != Kind::Blob {
                return Err(Error::Corrupt(format!("{id} is a {kind} where a blob belongs")));
            }
            if size > limit {
                return Err(Error::Limit { what: "the size of a blob in bytes", value: size, limit });
            }
            if size <= CHUNK as u64 {
                return Ok(None);
            }
            let failed =
                |source| Error::Io { what: format!("make a file for a blob of {size} bytes"), source };
            blobs.create(size).map(Some).map_err(failed)
        };
        let made = self.objects.read(id, &mut place)?;
        let mut made = made.ok_or_else(|| self.missing(Kind::Blob, id))?;
        count(&self.limits, stats, &made)?;
        let kept = match made.file.take() {
            Some(file) => blobs.keep(id, file),
            None => blobs.small(id, self.objects.object(&made)),
        };
        kept.map_err(|source| Error::Io { what: format!("keep the blob {id}"), source })
    }

    fn missing(&self, kind: Kind, id: &ObjectId) -> Error {
        let path = self.path.display();
        Error::Corrupt(format!(
            "the {kind} {id} is missing in {path}: run `git fsck` there (a partial clone cannot be used)"
        ))
    }
}

/// Trees, commits and tags are held in memory, within bounds; blobs have no business there.
fn in_memory(kind: Kind, size: u64) -> Result<Option<std::fs::File>, Error> {
    if kind != Kind::Blob && size > MAX_OBJECT {
        let what = "the size of a tree, commit or tag in bytes";
        return Err(Error::Limit { what, value: size, limit: MAX_OBJECT });
    }
    if kind == Kind::Blob && size > CHUNK as u64 {
        return Err(Error::Corrupt("a blob stands where a tree, commit or tag belongs".to_owned()));
    }
    Ok(None)
}

fn count(limits: &Limits, stats: &mut PackStats, made: &Made) -> Result<(), Error> {
    stats.objects += 1;
    stats.blobs += u64::from(made.kind == Kind::Blob);
    stats.deltas += u64::from(made.delta);
    stats.object_bytes = stats.object_bytes.saturating_add(made.size);
    let (value, limit) = (stats.object_bytes, limits.max_total_bytes);
    if value > limit {
        return Err(Error::Limit { what: "the size of all objects fetched in bytes", value, limit });
    }
    Ok(())
}

/// What is left of an object once tags are followed; `None` if it is not here.
fn peel(objects: &mut Objects, wanted: &ObjectId) -> Result<Option<ObjectId>, Error> {
    let mut id = *wanted;
    for _ in 0..MOST_TAGS {
        match objects.kind(&id)? {
            Some(Kind::Tag) => {
                let Some(made) = objects.read(&id, &mut in_memory)? else { return Ok(None) };
                id = target(&id, objects.object(&made))?;
            }
            kind => return Ok(kind.map(|_| id)),
        }
    }
    Err(endless_tags(wanted))
}

fn target(id: &ObjectId, tag: &[u8]) -> Result<ObjectId, Error> {
    let header = TagHeader::parse(tag);
    header.map(|header| header.target).ok_or_else(|| Error::Corrupt(format!("the tag {id} names no object")))
}

fn endless_tags(id: &ObjectId) -> Error {
    Error::Corrupt(format!("the tag {id} leads to more than {MOST_TAGS} others"))
}
