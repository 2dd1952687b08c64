use std::fs::File;
use std::io::{self, BufRead};
use std::os::unix::fs::FileExt as _;

use stoker_object::{Kind, ObjectId};

use super::cache::Cache;
use super::delta::{Delta, Source, WHOLE};
use super::fault::Fault;
use super::inflate::Inflate;
use super::output::{CHUNK, Output};
use super::work::Workspace;
use super::{Limits, PackStats};
use crate::error::Error;
use crate::store::BlobSink;
use crate::trees::{MAX_OBJECT, TreeStore};

/// Makes objects out of compressed bytes, within limits, and gives them to whom they belong.
pub(super) struct Maker<'a> {
    trees: &'a mut TreeStore,
    blobs: &'a mut dyn BlobSink,
    limits: &'a Limits,
    /// Buffers that every object uses again.
    pub work: Workspace,
    /// The object that lies in the workspace's base buffer.
    base: Option<Held>,
    /// What was made last.
    recent: Cache<ObjectId>,
    /// What was made so far.
    pub stats: PackStats,
}

/// The base of a delta.
pub(super) enum Found {
    /// A blob that is too long for a buffer, in this file, and its bytes.
    Blob(File, u64),
    /// An object whose bytes lie in the workspace's base buffer.
    InMemory(Held),
}

/// What lies at the beginning of a buffer: an object that was made or read, and whose id was checked then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    kind: Kind,
    id: ObjectId,
    len: usize,
}

impl<'a> Maker<'a> {
    pub fn new(trees: &'a mut TreeStore, blobs: &'a mut dyn BlobSink, limits: &'a Limits) -> Self {
        let (work, stats) = (Workspace::new(), PackStats::default());
        Self { trees, blobs, limits, work, base: None, recent: Cache::new(), stats }
    }

    /// Looks for an object that was stored, now or before.
    pub fn find(&mut self, kind: Option<Kind>, id: &ObjectId) -> Result<Option<Found>, Fault> {
        if let Some(held) = self.held(id) {
            return Ok(Some(Found::InMemory(held)));
        }
        if kind != Some(Kind::Blob) {
            self.base = None;
            if let Some(kind) = self.trees.read(id, &mut self.work.base)? {
                return Ok(Some(self.in_memory(kind, id, self.work.base.len())));
            }
        }
        if kind.is_some_and(|kind| kind != Kind::Blob) {
            return Ok(None);
        }
        match self.blobs.open(id).map_err(|source| blob_error("read back", id, source))? {
            Some(file) => self.blob(id, file).map(Some).map_err(Fault::io("read back the base of a delta")),
            None => Ok(None),
        }
    }

    /// An object that is still in memory, as a base.
    fn held(&mut self, id: &ObjectId) -> Option<Held> {
        if self.base.is_none_or(|held| held.id != *id) {
            let (kind, object) = self.recent.get(id)?;
            let len = object.len();
            if self.work.base.len() < len {
                self.work.base.resize(len, 0);
            }
            self.work.base[..len].copy_from_slice(object);
            self.base = Some(Held { kind, id: *id, len });
        }
        self.base
    }

    /// Reads a blob whole if it is not long: a delta copies from all over its base.
    fn blob(&mut self, id: &ObjectId, file: File) -> io::Result<Found> {
        let size = file.metadata()?.len();
        if size > WHOLE {
            return Ok(Found::Blob(file, size));
        }
        let len = size as usize;
        self.base = None;
        if self.work.base.len() < len {
            self.work.base.resize(len, 0);
        }
        file.read_exact_at(&mut self.work.base[..len], 0)?;
        Ok(self.in_memory(Kind::Blob, id, len))
    }

    fn in_memory(&mut self, kind: Kind, id: &ObjectId, len: usize) -> Found {
        Found::InMemory(*self.base.insert(Held { kind, id: *id, len }))
    }

    /// Makes an object whose own bytes are next in `input`.
    pub fn whole(&mut self, kind: Kind, size: u64, input: &mut dyn BufRead) -> Result<ObjectId, Fault> {
        self.admit(kind, size)?;
        let file = file_for(kind, size, self.blobs)?;
        let mut out = Output::new(kind, size, &mut self.work.object, file);
        let mut inflate = Inflate::new(&mut self.work.inflate, input, size);
        while out.left() > 0 {
            let count = inflate.read(out.room()?)?;
            out.filled(count);
        }
        inflate.finish()?;
        let finished = out.finish()?;
        self.store(kind, size, finished.id, finished.file)
    }

    /// Makes an object from `base` and instructions, `size` bytes once inflated, that are next in `input`.
    pub fn delta(
        &mut self,
        base: &Found,
        size: u64,
        input: &mut dyn BufRead,
    ) -> Result<(Kind, ObjectId), Fault> {
        self.stats.deltas += 1;
        let inflate = Inflate::new(&mut self.work.inflate, input, size);
        let delta = Delta::begin(inflate, &mut self.work.instructions)?;
        let (kind, result_size) = (base.kind(), delta.result_size());
        admit(self.limits, &mut self.stats, kind, result_size)?;
        let file = file_for(kind, result_size, self.blobs)?;
        let mut out = Output::new(kind, result_size, &mut self.work.object, file);
        match base {
            Found::InMemory(held) => {
                delta.apply(&mut Source::Memory(&self.work.base[..held.len]), &mut out)?;
            }
            Found::Blob(file, size) => {
                delta.apply(&mut Source::file(file, *size, &mut self.work.blocks), &mut out)?;
            }
        }
        let finished = out.finish()?;
        Ok((kind, self.store(kind, result_size, finished.id, finished.file)?))
    }

    /// Whether a delta may have instructions of this length: they are not held, but they take time.
    pub fn admit_instructions(&self, size: u64) -> Result<(), Fault> {
        object_size("the size of a delta in bytes", size, self.limits.max_object_bytes)
    }

    fn admit(&mut self, kind: Kind, size: u64) -> Result<(), Fault> {
        admit(self.limits, &mut self.stats, kind, size)
    }

    fn store(&mut self, kind: Kind, size: u64, id: ObjectId, file: Option<File>) -> Result<ObjectId, Fault> {
        if let Some(file) = file {
            self.blobs.keep(&id, file).map_err(|source| blob_error("keep", &id, source))?;
        } else {
            let content = &self.work.object[..size as usize];
            self.recent.put(id, kind, content);
            if kind != Kind::Blob {
                self.trees.insert(kind, &id, content)?;
            } else if !self.blobs.contains(&id) {
                self.blobs.small(&id, content).map_err(|source| blob_error("keep", &id, source))?;
            }
        }
        self.trim();
        Ok(id)
    }

    /// Gives back what an object beyond the usual has made of the buffers.
    fn trim(&mut self) {
        self.work.trim();
        self.base = self.base.filter(|held| held.len <= self.work.base.len());
    }
}

impl Found {
    fn kind(&self) -> Kind {
        match self {
            Self::Blob(..) => Kind::Blob,
            Self::InMemory(held) => held.kind,
        }
    }
}

/// A file of the sink's for a blob that does not fit a buffer.
fn file_for(kind: Kind, size: u64, blobs: &mut dyn BlobSink) -> Result<Option<File>, Fault> {
    if kind != Kind::Blob || size <= CHUNK as u64 {
        return Ok(None);
    }
    let failed = |source| Error::Io { what: format!("make a file for a blob of {size} bytes"), source };
    Ok(Some(blobs.create(size).map_err(failed)?))
}

fn blob_error(verb: &str, id: &ObjectId, source: io::Error) -> Error {
    Error::Io { what: format!("{verb} the blob {id}"), source }
}

/// Counts an object before a byte of it is made.
fn admit(limits: &Limits, stats: &mut PackStats, kind: Kind, size: u64) -> Result<(), Fault> {
    match kind {
        Kind::Blob => object_size("the size of a blob in bytes", size, limits.max_object_bytes)?,
        _ => object_size("the size of a tree, commit or tag in bytes", size, MAX_OBJECT)?,
    }
    stats.objects += 1;
    stats.blobs += u64::from(kind == Kind::Blob);
    stats.object_bytes = stats.object_bytes.saturating_add(size);
    object_size("the size of all objects of the pack in bytes", stats.object_bytes, limits.max_total_bytes)
}

fn object_size(what: &'static str, value: u64, limit: u64) -> Result<(), Fault> {
    if value > limit {
        return Err(Error::Limit { what, value, limit }.into());
    }
    Ok(())
}
