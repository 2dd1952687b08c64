use std::fs::File;
use std::mem;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use stoker_object::{Kind, ObjectId};

use super::files::failed;
use super::loose::{self, Head};
use super::packs::{Pack, Packs};
use crate::error::Error;
use crate::pack::cache::Cache;
use crate::pack::delta::{Delta, Source};
use crate::pack::entry::{Base, Entry, Form};
use crate::pack::fault::Fault;
use crate::pack::inflate::Inflate;
use crate::pack::output::{CHUNK, Finished, Output};
use crate::pack::scratch::scratch_file;
use crate::pack::section::Section;
use crate::pack::work::Workspace;

/// The longest chain of deltas that git can write.
const LONGEST_CHAIN: usize = 4096;

/// Where an object's bytes go: a file for one that shall not be held in memory, or none. Asked once,
/// before the first byte; an error refuses the object.
pub(super) type Place<'a> = dyn FnMut(Kind, u64) -> Result<Option<File>, Error> + 'a;

/// The objects of a repository and of those that it borrows from.
pub(super) struct Objects {
    directories: Vec<PathBuf>,
    scratch: PathBuf,
    packs: Packs,
    /// By the place where they begin: the number of the pack, and the byte there.
    cache: Cache<(u32, u64)>,
    work: Workspace,
}

/// An object that was read and is what its id says.
pub(super) struct Made {
    pub kind: Kind,
    pub size: u64,
    /// Whether deltas were applied for it now: what the cache has needs none.
    pub delta: bool,
    /// The file that [`Place`] gave for it; without one it is in memory.
    pub file: Option<File>,
}

/// One object of a pack as it is stored.
#[derive(Clone, Copy)]
struct Stored {
    /// Where its head begins.
    at: u64,
    /// Where its compressed bytes begin.
    data: u64,
    /// How many they are once inflated.
    size: u64,
}

/// What has to be done for an object: begin with the root, apply the deltas from the last to the first.
struct Chain {
    kind: Kind,
    root: Root,
    deltas: Vec<Stored>,
}

enum Root {
    Whole(Stored),
    /// The object that begins here is in the cache.
    Cached(u64),
}

/// A link of a chain that was made: in the workspace's object buffer, unless it has a file.
struct Link {
    at: u64,
    size: u64,
    finished: Finished,
}

/// The base of the next delta.
enum Step {
    /// This many bytes in the workspace's base buffer.
    Memory(usize),
    /// A file of this size.
    File(File, u64),
}

/// Where a link of a chain goes.
enum Aim<'a, 'b> {
    /// It is but a step on the way: a large blob goes to a scratch file in this directory.
    Step(&'a Path),
    /// It is the object that was asked for.
    Object(&'a mut Place<'b>),
}

impl Objects {
    pub fn new(directories: Vec<PathBuf>, scratch: &Path) -> Self {
        Self {
            packs: Packs::new(&directories),
            directories,
            scratch: scratch.to_owned(),
            cache: Cache::new(),
            work: Workspace::new(),
        }
    }

    /// Something to sort objects by, so that they are read in the order in which they lie.
    pub fn order(&mut self, id: &ObjectId) -> Result<(u32, u64), Error> {
        let packed = self.packed(id)?;
        Ok(packed.map_or((u32::MAX, 0), |(pack, at)| (pack.number, at)))
    }

    /// What an object is, without reading it; `None` if it is not here.
    pub fn kind(&mut self, id: &ObjectId) -> Result<Option<Kind>, Error> {
        if let Some((pack, at)) = self.packed(id)? {
            return self.chain(&pack, at).map(|chain| Some(chain.kind));
        }
        let Some((path, file)) = loose::open(&self.directories, id)? else { return Ok(None) };
        let mut section = Section::new(&file, 0, u64::MAX, &mut self.work.section);
        let mut inflate = Inflate::new(&mut self.work.inflate, &mut section, u64::MAX);
        let head = Head::read(&mut inflate).map_err(|fault| fault.in_file(&path, 0))?;
        Ok(Some(head.kind))
    }

    /// Reads an object; `None` if it is not here. One that `place` has no file for can be looked at with
    /// [`Objects::object`] until the next is read.
    pub fn read(&mut self, id: &ObjectId, place: &mut Place<'_>) -> Result<Option<Made>, Error> {
        self.work.trim();
        if let Some((pack, at)) = self.packed(id)? {
            return self.read_packed(&pack, at, id, place).map(Some);
        }
        match loose::open(&self.directories, id)? {
            Some((path, file)) => self.read_loose(&path, &file, id, place).map(Some),
            None => Ok(None),
        }
    }

    /// The bytes of the object that was read last into memory.
    pub fn object(&self, made: &Made) -> &[u8] {
        &self.work.object[..made.size as usize]
    }

    fn packed(&mut self, id: &ObjectId) -> Result<Option<(Rc<Pack>, u64)>, Error> {
        if let Some(found) = self.packs.find(id)? {
            return Ok(Some(found));
        }
        // Not loose either: perhaps packs were added, or replaced, since we looked.
        if loose::open(&self.directories, id)?.is_none() && self.packs.list()? {
            return self.packs.find(id);
        }
        Ok(None)
    }

    fn read_loose(
        &mut self,
        path: &Path,
        file: &File,
        id: &ObjectId,
        place: &mut Place<'_>,
    ) -> Result<Made, Error> {
        let len = file.metadata().map_err(failed("look at", path))?.len();
        let Workspace { inflate, object, section, .. } = &mut self.work;
        let mut section = Section::new(file, 0, len, section);
        let mut make = || {
            let mut inflate = Inflate::new(inflate, &mut section, u64::MAX);
            let head = Head::read(&mut inflate)?;
            let mut out = Output::new(head.kind, head.size, object, place(head.kind, head.size)?);
            out.put(head.begun())?;
            copy(inflate, &mut out)?;
            Ok((head, out.finish()?))
        };
        let (head, finished) = make().map_err(|fault: Fault| fault.in_file(path, 0))?;
        check(&finished, id, path)?;
        Ok(Made { kind: head.kind, size: head.size, delta: false, file: finished.file })
    }

    fn read_packed(
        &mut self,
        pack: &Pack,
        at: u64,
        id: &ObjectId,
        place: &mut Place<'_>,
    ) -> Result<Made, Error> {
        let (kind, delta, made) = self.make(pack, at, place)?;
        check(&made.finished, id, &pack.path)?;
        if made.finished.file.is_none() {
            self.cache.put((pack.number, at), kind, &self.work.object[..made.size as usize]);
        }
        Ok(Made { kind, size: made.size, delta, file: made.finished.file })
    }

    /// The id of the object that begins at `at` of a pack that has no index yet.
    pub fn id_at(&mut self, pack: &Pack, at: u64) -> Result<ObjectId, Error> {
        self.work.trim();
        let scratch = self.scratch.clone();
        let mut place = |kind, size| {
            let large = kind == Kind::Blob && size > CHUNK as u64;
            if large { scratch_file(&scratch).map(Some) } else { Ok(None) }
        };
        let (kind, _, made) = self.make(pack, at, &mut place)?;
        if made.finished.file.is_none() {
            self.cache.put((pack.number, at), kind, &self.work.object[..made.size as usize]);
        }
        Ok(made.finished.id)
    }

    /// Makes an object: its kind, whether it is a delta, and its bytes.
    fn make(&mut self, pack: &Pack, at: u64, place: &mut Place<'_>) -> Result<(Kind, bool, Link), Error> {
        let chain = self.chain(pack, at)?;
        let (kind, delta) = (chain.kind, !chain.deltas.is_empty());
        let scratch = self.scratch.clone();
        let mut made = self.root(pack, &chain, &mut Aim::of(!delta, place, &scratch))?;
        for (number, link) in chain.deltas.iter().enumerate().rev() {
            let base = self.step(pack, kind, made);
            made = self.delta(pack, *link, kind, &base, &mut Aim::of(number == 0, place, &scratch))?;
        }
        Ok((kind, delta, made))
    }

    /// Follows deltas to an object that is stored whole, or that is in the cache.
    fn chain(&mut self, pack: &Pack, mut at: u64) -> Result<Chain, Error> {
        let mut deltas = Vec::new();
        loop {
            if let Some((kind, _)) = self.cache.get(&(pack.number, at)) {
                return Ok(Chain { kind, root: Root::Cached(at), deltas });
            }
            let place = |fault: Fault| fault.in_file(&pack.path, at);
            let mut section = Section::new(&pack.file, at, pack.end, &mut self.work.section);
            let entry = Entry::read(&mut section, at).map_err(place)?;
            let stored = Stored { at, data: section.position(), size: entry.size };
            let base = match entry.form {
                Form::Whole(kind) => return Ok(Chain { kind, root: Root::Whole(stored), deltas }),
                Form::Delta(Base::At(base)) => base,
                Form::Delta(Base::Id(id)) => pack.find(&id)?.ok_or_else(|| {
                    place(Fault::damaged(format!("the delta's base {id} is not in the pack")))
                })?,
            };
            deltas.push(stored);
            if deltas.len() > LONGEST_CHAIN {
                return Err(place(Fault::damaged("a chain of deltas does not end")));
            }
            at = base;
        }
    }

    fn root(&mut self, pack: &Pack, chain: &Chain, aim: &mut Aim<'_, '_>) -> Result<Link, Error> {
        let Workspace { inflate, object, section, .. } = &mut self.work;
        let (at, size, outcome) = match chain.root {
            Root::Whole(entry) => {
                let mut out = aim.output(chain.kind, entry.size, object)?;
                let mut section = Section::new(&pack.file, entry.data, pack.end, section);
                let copied = copy(Inflate::new(inflate, &mut section, entry.size), &mut out);
                (entry.at, entry.size, copied.and_then(|()| out.finish()))
            }
            Root::Cached(at) => {
                // It was there a moment ago, and nothing was put there since.
                let cached = self.cache.get(&(pack.number, at)).map_or(&[][..], |(_, object)| object);
                let mut out = aim.output(chain.kind, cached.len() as u64, object)?;
                (at, cached.len() as u64, out.put(cached).and_then(|()| out.finish()))
            }
        };
        Ok(Link { at, size, finished: outcome.map_err(|fault| fault.in_file(&pack.path, at))? })
    }

    /// Applies one delta of a chain.
    fn delta(
        &mut self,
        pack: &Pack,
        entry: Stored,
        kind: Kind,
        base: &Step,
        aim: &mut Aim<'_, '_>,
    ) -> Result<Link, Error> {
        let Workspace { inflate, object, base: memory, blocks, instructions, section } = &mut self.work;
        let mut section = Section::new(&pack.file, entry.data, pack.end, section);
        let mut source = match base {
            Step::Memory(len) => Source::Memory(&memory[..*len]),
            Step::File(file, size) => Source::file(file, *size, blocks),
        };
        let mut apply = || {
            let delta = Delta::begin(Inflate::new(inflate, &mut section, entry.size), instructions)?;
            let size = delta.result_size();
            let mut out = aim.output(kind, size, object)?;
            delta.apply(&mut source, &mut out)?;
            Ok(Link { at: entry.at, size, finished: out.finish()? })
        };
        apply().map_err(|fault: Fault| fault.in_file(&pack.path, entry.at))
    }

    /// What was made becomes the base of the next delta.
    fn step(&mut self, pack: &Pack, kind: Kind, link: Link) -> Step {
        if let Some(file) = link.finished.file {
            return Step::File(file, link.size);
        }
        mem::swap(&mut self.work.object, &mut self.work.base);
        self.cache.put((pack.number, link.at), kind, &self.work.base[..link.size as usize]);
        Step::Memory(link.size as usize)
    }
}

impl<'b> Aim<'_, 'b> {
    fn of<'a>(is_last: bool, place: &'a mut Place<'b>, scratch: &'a Path) -> Aim<'a, 'b> {
        if is_last { Aim::Object(place) } else { Aim::Step(scratch) }
    }

    /// Begins what this link of the chain makes.
    fn output<'a>(&mut self, kind: Kind, size: u64, buffer: &'a mut Vec<u8>) -> Result<Output<'a>, Error> {
        match self {
            Self::Object(place) => Ok(Output::new(kind, size, buffer, place(kind, size)?)),
            Self::Step(scratch) => {
                let large = kind == Kind::Blob && size > CHUNK as u64;
                let file = if large { Some(scratch_file(scratch)?) } else { None };
                Ok(Output::unhashed(size, buffer, file))
            }
        }
    }
}

fn copy(mut inflate: Inflate<'_>, out: &mut Output<'_>) -> Result<(), Fault> {
    while out.left() > 0 {
        let count = inflate.read(out.room()?)?;
        out.filled(count);
    }
    inflate.finish()
}

fn check(finished: &Finished, id: &ObjectId, path: &Path) -> Result<(), Error> {
    if finished.id == *id {
        return Ok(());
    }
    let path = path.display();
    Err(Error::Corrupt(format!(
        "the object {id} in {path} has other bytes: run `git fsck` in the repository"
    )))
}
