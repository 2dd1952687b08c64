use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use stoker_object::{CommitHeader, Kind, ObjectId};

use super::MAX_OBJECT;
use super::files::{self, Names, failed};
use super::index::Place;
use super::markers::Markers;
use super::segment::Segment;
use super::walk::Walk;
use super::window::Window;
use super::writer::Writer;
use crate::error::Error;

/// Segments that are opened; we leave fewer.
const MAX_OPEN: usize = 64;
/// Files that are looked at in a directory where others can make them.
const MAX_FILES: usize = 65_536;
/// Bytes of the buffer that is kept for looking at objects.
const KEPT: usize = 256 * 1024;
/// Numbers beyond this are not ours.
const MAX_NUMBER: u32 = 1_000_000_000;

/// A directory of trees, commits and tags, found by id; one process at a time.
///
/// Every object is verified against its id when it is read, so that nothing is synced on its way in:
/// what a kill, a power cut or somebody else's hand makes of the files, objects are missing at worst,
/// and fetched again.
pub struct TreeStore {
    pub(super) directory: PathBuf,
    /// The newest last: it is asked first.
    pub(super) segments: Vec<Segment>,
    pub(super) markers: Markers,
    writer: Option<Writer>,
    spare: Vec<u8>,
    pub(super) window: Window,
}

/// Whether all trees of a commit are in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completeness {
    /// They are.
    Complete,
    /// Not even the commit itself is.
    CommitMissing,
    /// These trees are not, nor is whatever lies below them: at most 4,000 are named at a time.
    Missing(Vec<ObjectId>),
}

impl TreeStore {
    /// Opens the store in `directory`, which is made if need be. What a killed process left
    /// unfinished is repaired; what cannot be is dropped, to be fetched again.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed("make", directory))?;
        if !fs::symlink_metadata(directory).map_err(failed("look at", directory))?.is_dir() {
            return Err(Error::Corrupt(format!("{} is not a directory: remove it", directory.display())));
        }
        let (mut numbers, commits) = list(directory).map_err(failed("read", directory))?;
        numbers.sort_unstable();
        numbers.dedup();
        let surplus = numbers.len().saturating_sub(MAX_OPEN);
        for number in numbers.drain(..surplus) {
            Names::new(directory, number).remove();
        }
        let mut segments = Vec::new();
        for number in numbers {
            segments.extend(Segment::open(directory, number)?);
        }
        let markers = Markers::new(directory, commits);
        let mut store = Self {
            directory: directory.to_owned(),
            segments,
            markers,
            writer: None,
            spare: Vec::new(),
            window: Window::default(),
        };
        store.merge_if_many();
        Ok(store)
    }

    /// Adds an object whose id the caller has computed from these bytes. One that is there already,
    /// undamaged, is not written again.
    pub fn insert(&mut self, kind: Kind, id: &ObjectId, object: &[u8]) -> Result<(), Error> {
        if kind == Kind::Blob {
            return Err(Error::Corrupt(format!("the blob {id} stands where a tree, commit or tag belongs")));
        }
        let value = object.len() as u64;
        if value > MAX_OBJECT {
            let what = "the size of a tree, commit or tag in bytes";
            return Err(Error::Limit { what, value, limit: MAX_OBJECT });
        }
        let mut spare = std::mem::take(&mut self.spare);
        let there = self.find(id, &mut spare);
        if spare.capacity() <= KEPT {
            self.spare = spare;
        }
        if there.is_some() {
            return Ok(());
        }
        if self.writer.as_ref().is_some_and(Writer::is_full) {
            self.finish()?;
        }
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => Writer::create(&self.directory, self.next_number())?,
        };
        self.writer.insert(writer).append(kind, id, object)
    }

    /// Reads the object `id` into `object`, replacing what was there; `None` if it is not here.
    pub fn read(&mut self, id: &ObjectId, object: &mut Vec<u8>) -> Result<Option<Kind>, Error> {
        Ok(self.find(id, object))
    }

    /// Whether the store has the object, as far as its indexes know.
    pub fn contains(&mut self, id: &ObjectId) -> bool {
        self.writer.as_mut().is_some_and(|writer| writer.contains(id)) || self.locate(id).is_some()
    }

    /// Whether everything that `commit` needs, blobs apart, is here; its parents are not asked for.
    /// What was found complete once is not walked again, nor is what it shares with the commit that
    /// was found complete last.
    pub fn complete(&mut self, commit: &ObjectId) -> Result<Completeness, Error> {
        if self.markers.commits().contains(commit) {
            return Ok(Completeness::Complete);
        }
        self.finish()?;
        let Some(tree) = self.root(commit)? else { return Ok(Completeness::CommitMissing) };
        let base = match self.markers.commits().last().copied() {
            Some(known) => self.root(&known)?,
            None => None,
        };
        let missing = Walk::new(self).trees(tree, base)?;
        if !missing.is_empty() {
            return Ok(Completeness::Missing(missing));
        }
        self.markers.add(*commit)?;
        Ok(Completeness::Complete)
    }

    /// The commits that are known to be complete, the newest last: a fetch may say `have` for them.
    pub fn haves(&self) -> Vec<ObjectId> {
        self.markers.commits().to_vec()
    }

    /// Forgets which commits are complete, so that the next question is answered by looking: for a
    /// caller who missed an object that should have been here. Reading a damaged object does it too.
    pub fn distrust(&mut self) {
        self.markers.retain(|_| false);
    }

    /// Ends the segment that this fetch has written.
    pub fn finish(&mut self) -> Result<(), Error> {
        if let Some(writer) = self.writer.take() {
            self.segments.push(writer.finish()?);
            self.merge_if_many();
        }
        Ok(())
    }

    /// The newest place of an object in finished segments: segment and place there.
    pub(super) fn locate(&mut self, id: &ObjectId) -> Option<(usize, Place)> {
        let newest_first = self.segments.iter_mut().enumerate().rev();
        newest_first.into_iter().find_map(|(number, segment)| Some((number, segment.index.find(id)?)))
    }

    pub(super) fn next_number(&self) -> u32 {
        let written = self.writer.as_ref().map_or(0, Writer::number);
        self.segments.last().map_or(0, |segment| segment.names.number).max(written) + 1
    }

    /// Reads an object that was located in a finished segment; if it is not whole there, from wherever it is.
    pub(super) fn read_at(
        &mut self,
        segment: usize,
        at: u64,
        id: &ObjectId,
        object: &mut Vec<u8>,
    ) -> Option<Kind> {
        let read = self.segments[segment].read(&mut self.window, at, id, object);
        read.or_else(|| self.find(id, object))
    }

    /// Reads an object from the newest segment that has it whole.
    fn find(&mut self, id: &ObjectId, object: &mut Vec<u8>) -> Option<Kind> {
        let mut damaged = false;
        if let Some(writer) = &mut self.writer
            && let Some(kind) = writer.read(&mut self.window, id, object)
        {
            return Some(kind);
        }
        for segment in self.segments.iter_mut().rev() {
            let Some(place) = segment.index.find(id) else { continue };
            if let Some(kind) = segment.read(&mut self.window, place.at, id, object) {
                return Some(kind);
            }
            damaged = true;
        }
        if damaged {
            tracing::warn!(%id, directory = %self.directory.display(), "an object of the tree store is damaged; it will be fetched again");
            self.distrust();
        }
        None
    }

    /// The root tree of a commit, if the commit is here.
    fn root(&mut self, commit: &ObjectId) -> Result<Option<ObjectId>, Error> {
        let mut object = std::mem::take(&mut self.spare);
        let kind = self.find(commit, &mut object);
        let header = CommitHeader::parse(&object);
        self.spare = object;
        match (kind, header) {
            (None, _) => Ok(None),
            (Some(Kind::Commit), Some(header)) => Ok(Some(header.tree)),
            (Some(Kind::Commit), None) => Err(Error::Corrupt(format!("the commit {commit} names no tree"))),
            (Some(kind), _) => Err(Error::Corrupt(format!("{commit} is a {kind}, not a commit"))),
        }
    }
}

impl Drop for TreeStore {
    /// What is still in memory survives the program; the index is made when the store is opened again.
    fn drop(&mut self) {
        if let Some(writer) = &mut self.writer
            && let Err(error) = writer.flush()
        {
            tracing::debug!(%error, "the last trees were not kept");
        }
    }
}

/// The numbers of segments, and the commits of markers, the oldest first.
fn list(directory: &Path) -> io::Result<(Vec<u32>, Vec<ObjectId>)> {
    let (mut numbers, mut commits) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(directory)?.take(MAX_FILES) {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if let Some(commit) = Markers::parse(name) {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            commits.push((modified.ok(), commit));
        } else if name.starts_with("scratch-") {
            files::remove(&entry.path());
        } else if let Some((number, "seg" | "idx")) = name.split_once('.') {
            numbers.extend(number.parse().ok().filter(|number| (1..MAX_NUMBER).contains(number)));
        }
    }
    commits.sort_unstable();
    Ok((numbers, commits.into_iter().map(|(_, commit)| commit).collect()))
}
