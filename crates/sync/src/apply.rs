//! Carries out a journal. Every step can be taken again: a restart finishes what a kill interrupted,
//! from the staging area, without Git or network.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::AtFlags;
use rustix::io::Errno;
use stoker_object::ObjectId;

use crate::fs::{DirCursor, Live, Unsynced, hash_file, look, open_file, open_sized};
use crate::path::{beneath, split};
use crate::prepare::{ONE_BY_ONE, Prepared, keep_for_undo};
use crate::state::journal::{JournalHeader, JournalReader, Old, Op, Origin, Record};
use crate::state::local::{self, Local};
use crate::state::manifest::{self, Entry, Fresh};
use crate::state::staging::Staging;
use crate::state::undo;
use crate::volume::{Volume, sync_dir, unless_damaged};
use crate::{Error, Rules, UndoPolicy};

/// So many displaced paths are named.
const NAMED: usize = 50;

/// What an apply did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Files that were put in place.
    pub written: u64,
    /// Files that were removed.
    pub deleted: u64,
    /// The first of the paths whose local version is in `local/`.
    pub displaced: Vec<String>,
    /// The generation that leads back.
    pub generation: Option<u64>,
    /// The commit that is on disk now.
    pub commit: String,
}

/// Applies what was prepared, once: it is taken by value. From here on a kill does not undo it: the next start finishes it.
pub(crate) fn apply(
    volume: &Volume,
    staging: &mut Staging,
    mut prepared: Prepared,
    rules: &dyn Rules,
    stop: &AtomicBool,
) -> Result<Applied, Error> {
    let staged = prepared.unsynced.take();
    let bulk = staged.is_none();
    let mut unsynced = staged.unwrap_or_default();
    keep_for_undo(volume, &prepared, rules, &mut unsynced)?;
    // First barrier: all that the journal relies on, and its own bytes.
    if bulk {
        drop(unsynced);
        sync_volume(volume.state_dir())?;
    } else {
        unsynced.push_path(staging.dir())?;
        unsynced.push_path(&prepared.path)?;
        unsynced.sync()?;
    }
    // Second: the journal. Not before now does a kill leave anything to be finished.
    fs::rename(&prepared.path, volume.journal_path()).map_err(Error::io("rename", &prepared.path))?;
    sync_dir(volume.state_dir())?;
    let applied = finish(volume, rules, stop)?.unwrap_or_default();
    staging.clear()?;
    Ok(applied)
}

/// Removes what is no longer needed; nothing depends on it. True if a manifest's base was written anew.
pub(crate) fn tidy(volume: &Volume, undo_policy: UndoPolicy, rules: &dyn Rules) -> Result<bool, Error> {
    // The journal that was removed must not come back once the gateway's own writes count.
    sync_dir(volume.state_dir())?;
    undo::prune(&volume.undo_dir(), undo_policy)?;
    local::expire(&volume.local_dir())?;
    // A manifest that cannot be read is the next plan's to find out, which looks at everything then.
    let compacted = unless_damaged(manifest::compact(volume, rules).map(Some))?;
    Ok(compacted.unwrap_or_default())
}

/// Carries out the journal that lies on the volume, if there is one.
pub(crate) fn finish(
    volume: &Volume,
    rules: &dyn Rules,
    stop: &AtomicBool,
) -> Result<Option<Applied>, Error> {
    let path = volume.journal_path();
    let Some((_, header)) = JournalReader::open(&path)? else { return Ok(None) };
    let mut run = Run::new(volume, &header, stop)?;
    run.pass(&path, Phase::EarlyDeletes, rules)?;
    run.pass(&path, Phase::Writes, rules)?;
    run.pass(&path, Phase::Deletes, rules)?;
    // Third barrier: what was put in place, and the manifest that says so.
    let fresh = manifest::record(volume, &header, rules)?;
    run.sync(&fresh)?;
    fresh.put_in_force(volume.state_dir())?;
    let mut applied = run.applied;
    if let Some(rollback) = &header.rollback {
        for generation in undo::generations(&volume.undo_dir())? {
            if generation >= rollback.to {
                undo::remove(&volume.undo_dir(), generation)?;
            }
        }
    }
    // Not made durable here: see `tidy`. One that comes back in a power cut finds everything done.
    fs::remove_file(&path).map_err(Error::io("remove", &path))?;
    applied.generation = header.undo;
    applied.commit = header.manifest.commit;
    Ok(Some(applied))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// What declares a resource that goes, and what is in the way of a write.
    EarlyDeletes,
    Writes,
    Deletes,
}

struct Run<'a> {
    volume: &'a Volume,
    header: &'a JournalHeader,
    stop: &'a AtomicBool,
    dirs: DirCursor,
    staging: File,
    local: Local,
    /// Directories whose entries changed; `None` when the whole volume is synced at the end.
    touched: Option<BTreeSet<String>>,
    buffer: Vec<u8>,
    applied: Applied,
}

impl<'a> Run<'a> {
    fn new(volume: &'a Volume, header: &'a JournalHeader, stop: &'a AtomicBool) -> Result<Self, Error> {
        let staging = volume.state_dir().join("staging");
        fs::create_dir_all(&staging).map_err(Error::io("create", &staging))?;
        Ok(Self {
            volume,
            header,
            stop,
            dirs: DirCursor::new(volume.data_dir())?,
            staging: File::open(&staging).map_err(Error::io("open", staging))?,
            local: Local::new(&volume.local_dir()),
            touched: (header.operations <= ONE_BY_ONE).then(BTreeSet::new),
            buffer: Vec::new(),
            applied: Applied::default(),
        })
    }

    fn pass(&mut self, journal: &Path, phase: Phase, rules: &dyn Rules) -> Result<(), Error> {
        let Some((mut reader, _)) = JournalReader::open(journal)? else { return Ok(()) };
        while let Some(record) = reader.next()? {
            let now = match record.op {
                Op::Write { .. } => phase == Phase::Writes,
                Op::Delete { early: true, .. } => phase == Phase::EarlyDeletes,
                Op::Delete { early: false, .. } => phase == Phase::Deletes,
                Op::Adopt | Op::Forget => false,
            };
            if !now {
                continue;
            }
            // The journal may have been written by somebody else: the rules hold for it, too.
            if rules.never_touch(&record.entry.path).is_some() {
                continue;
            }
            if self.stop.load(Ordering::Relaxed) {
                return Err(Error::Stopped);
            }
            self.step(&record)?;
        }
        Ok(())
    }

    fn step(&mut self, record: &Record) -> Result<(), Error> {
        match record.op {
            Op::Write { old, origin, local, .. } => {
                let copy = if let Origin::Staged(copy) = origin { copy } else { 0 };
                self.write(&record.entry, old, copy, local)
            }
            Op::Delete { old, local, .. } => self.delete(&record.entry, old, local),
            Op::Adopt | Op::Forget => Ok(()),
        }
    }

    fn write(&mut self, entry: &Entry, old: Old, copy: u32, local: bool) -> Result<(), Error> {
        let (directory, name) = split(&entry.path);
        let path = self.volume.data_dir().join(&entry.path);
        let failed = |what| Error::io(what, path.clone());
        let touched = &mut self.touched;
        let dir = self.dirs.make(directory, &mut |made| touch(touched, split(made).0))?;
        let found = look(dir, name).map_err(failed("examine"))?;
        match self.classify(entry, old, found)? {
            Now::Done => return Ok(()),
            Now::AsPlanned if !local => {}
            Now::AsPlanned | Now::Changed => self.displace(entry, found)?,
        }
        let staged = Staging::name(&entry.content, copy);
        self.check_staged(entry, &staged)?;
        let Some(dir) = self.dirs.at(directory)? else { return Ok(()) };
        rustix::fs::renameat(&self.staging, staged.as_str(), dir, name)
            .map_err(|error| failed("rename")(error.into()))?;
        touch(&mut self.touched, directory);
        self.applied.written += 1;
        Ok(())
    }

    fn delete(&mut self, entry: &Entry, old: Old, local: bool) -> Result<(), Error> {
        let (directory, name) = split(&entry.path);
        let path = self.volume.data_dir().join(&entry.path);
        let failed = |what| Error::io(what, path.clone());
        let Some(dir) = self.dirs.at(directory)? else { return Ok(()) };
        let found = look(dir, name).map_err(failed("examine"))?;
        if matches!(found, Live::Absent | Live::Dir) {
            return Ok(());
        }
        let changed = match (old, found) {
            (Old::File { content, .. }, Live::File { stat, .. }) => self.hash(entry, stat.size)? != content,
            (Old::Other, Live::Other) => false,
            _ => true,
        };
        if local || changed {
            self.displace(entry, found)?;
        }
        let Some(dir) = self.dirs.at(directory)? else { return Ok(()) };
        rustix::fs::unlinkat(dir, name, AtFlags::empty()).map_err(|error| failed("remove")(error.into()))?;
        touch(&mut self.touched, directory);
        self.applied.deleted += 1;
        self.remove_empty(directory)
    }

    /// What is at the path now, compared with what the plan saw.
    fn classify(&mut self, entry: &Entry, old: Old, found: Live) -> Result<Now, Error> {
        Ok(match (found, old) {
            (Live::Absent, _) | (Live::Other, Old::Other) => Now::AsPlanned,
            (Live::File { stat, executable }, old) => {
                let content = self.hash(entry, stat.size)?;
                let same = Old::File { content, executable };
                if content == entry.content
                    && executable == entry.executable
                    && stat.mtime == self.header.manifest.stamp
                {
                    Now::Done
                } else if same == old {
                    Now::AsPlanned
                } else {
                    Now::Changed
                }
            }
            _ => Now::Changed,
        })
    }

    /// The content of the live file.
    fn hash(&mut self, entry: &Entry, size: u64) -> Result<ObjectId, Error> {
        let (directory, name) = split(&entry.path);
        let path = self.volume.data_dir().join(&entry.path);
        let Some(dir) = self.dirs.at(directory)? else { return Ok(ObjectId::default()) };
        let file = open_file(dir, name).map_err(Error::io("open", &path))?;
        hash_file(&file, size, &mut self.buffer).map_err(Error::io("read", path))
    }

    /// Keeps what is there in `local/`. A directory in the way moves there whole.
    fn displace(&mut self, entry: &Entry, found: Live) -> Result<(), Error> {
        let directory = split(&entry.path).0;
        let Some(dir) = self.dirs.at(directory)? else { return Ok(()) };
        match found {
            Live::Absent => return Ok(()),
            Live::Dir => self.local.take(dir, &entry.path)?,
            Live::File { .. } | Live::Other => self.local.keep(dir, &entry.path)?,
        }
        if self.applied.displaced.len() < NAMED {
            self.applied.displaced.push(entry.path.clone());
        }
        Ok(())
    }

    /// The bytes are looked at once more, through the descriptor of the very file that is renamed.
    fn check_staged(&mut self, entry: &Entry, staged: &str) -> Result<(), Error> {
        let failed = |what| Error::io(what, self.volume.data_dir().join(&entry.path));
        let (file, size) = match open_sized(self.staging.as_fd(), staged) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(self.lost(entry, "is gone"));
            }
            opened => opened.map_err(failed("open the staged version of"))?,
        };
        let content =
            hash_file(&file, size, &mut self.buffer).map_err(failed("read the staged version of"))?;
        if content == entry.content { Ok(()) } else { Err(self.lost(entry, "was changed by somebody else")) }
    }

    fn lost(&self, entry: &Entry, how: &str) -> Error {
        Error::ObjectMissing {
            id: entry.content.to_string(),
            commit: self.header.manifest.commit.clone(),
            why: format!("the staged version of {:?} {how}", entry.path),
        }
    }

    /// Removes directories that became empty, up to the mapping's destination.
    fn remove_empty(&mut self, directory: &str) -> Result<(), Error> {
        let mut directory = directory;
        let mut removed = false;
        while self.header.keep_dirs.iter().any(|kept| directory != kept && beneath(directory, kept)) {
            if directory.is_empty() || self.header.keep_dirs.iter().any(|kept| beneath(kept, directory)) {
                break;
            }
            let (above, name) = split(directory);
            let Some(dir) = self.dirs.at(above)? else { break };
            match rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR) {
                Ok(()) => removed = true,
                Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT | Errno::BUSY) => break,
                Err(error) => {
                    return Err(Error::io("remove", self.volume.data_dir().join(directory))(error.into()));
                }
            }
            touch(&mut self.touched, above);
            directory = above;
        }
        if removed {
            self.dirs.forget();
        }
        Ok(())
    }

    /// Makes the directories that were touched durable, and the manifest's new file.
    fn sync(&mut self, fresh: &Fresh) -> Result<(), Error> {
        let Some(touched) = self.touched.take() else { return sync_volume(self.volume.state_dir()) };
        let mut unsynced = Unsynced::default();
        fresh.unsynced(&mut unsynced)?;
        for directory in touched {
            let path = self.volume.data_dir().join(&directory);
            let Some(dir) = self.dirs.at(&directory)? else { continue };
            let dir = dir.try_clone_to_owned().map_err(Error::io("open", &path))?;
            unsynced.push(dir.into(), &path);
        }
        unsynced.sync()
    }
}

/// What is at a path while a journal is carried out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Now {
    /// The new version, put there before a kill.
    Done,
    /// What the plan saw.
    AsPlanned,
    /// Neither: somebody wrote in between, and that version is kept.
    Changed,
}

fn touch(touched: &mut Option<BTreeSet<String>>, directory: &str) {
    if let Some(touched) = touched
        && !touched.contains(directory)
    {
        touched.insert(directory.to_owned());
    }
}

/// Makes the whole volume durable.
fn sync_volume(dir: &Path) -> Result<(), Error> {
    let fd = File::open(dir).map_err(Error::io("open", dir))?;
    sync_file_system(&fd).map_err(Error::io("sync", dir))
}

#[cfg(target_os = "linux")]
fn sync_file_system(fd: &File) -> std::io::Result<()> {
    Ok(rustix::fs::syncfs(fd)?)
}

#[cfg(not(target_os = "linux"))]
fn sync_file_system(_: &File) -> std::io::Result<()> {
    rustix::fs::sync();
    Ok(())
}
