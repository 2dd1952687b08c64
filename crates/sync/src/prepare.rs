//! From a plan to a journal: everything rendered, staged, checked and durable, and nothing moved yet.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use stoker_object::ObjectId;

use crate::fs::{DirCursor, Unsynced, copy, hash_file, link_or_copy, open_file, read_small};
use crate::path::split;
use crate::plan::{Change, ChangeKind, MAX_DECLARATION, Plan};
use crate::render::{Context, Renderer};
use crate::resign::Siblings;
use crate::seen::Seen;
use crate::state::journal::{JournalHeader, JournalReader, JournalWriter, Old, Op, Origin, Record};
use crate::state::manifest::{Entry, ManifestReader, Rendered};
use crate::state::staging::{Staging, check_file_size};
use crate::state::undo::{self, UndoHeader, UndoRecord, UndoWriter};
use crate::volume::{Volume, unless_damaged};
use crate::{Desired, Error, Limits, Rules, clock};

/// Up to so many files are made durable one by one; beyond, one `syncfs` for the whole volume is cheaper
/// although it writes out the gateway's own data too (measured on ext4: 0.3 ms a file against 75 ms).
pub(crate) const ONE_BY_ONE: u64 = 128;

/// A plan that is ready to be applied.
#[derive(Debug)]
pub struct Prepared {
    pub(crate) header: JournalHeader,
    pub(crate) path: PathBuf,
    /// Files that will be put in place, without manifests that are only written anew.
    pub written: u64,
    /// Files that will be removed.
    pub deleted: u64,
    /// Bytes of the files that will be put in place.
    pub bytes: u64,
    /// The staged files, which are not durable yet; `None`: they are too many to be made so one by one.
    pub(crate) unsynced: Option<Unsynced>,
}

impl Prepared {
    /// Calls `each` for every file that will be put in place or removed, without manifests that are
    /// only written anew.
    pub fn changes(&self, each: &mut dyn FnMut(Change)) -> Result<(), Error> {
        let Some((mut journal, _)) = JournalReader::open(&self.path)? else { return Ok(()) };
        while let Some(Record { entry, op }) = journal.next()? {
            let same = Old::File { content: entry.content, executable: entry.executable };
            let (kind, local) = match op {
                Op::Write { old, .. } if old == same => continue,
                Op::Write { old: Old::Absent, local, .. } => (ChangeKind::Added, local),
                Op::Write { local, .. } => (ChangeKind::Modified, local),
                Op::Delete { local, .. } => (ChangeKind::Deleted, local),
                Op::Adopt | Op::Forget => continue,
            };
            each(Change { kind, path: entry.path, local, perhaps: false });
        }
        Ok(())
    }

    /// No file changes; at most the manifest does.
    pub fn touches_no_file(&self) -> bool {
        self.header.operations == 0
    }
}

struct Preparer<'a> {
    volume: &'a Volume,
    staging: &'a mut Staging,
    renderer: Renderer<'a>,
    rules: &'a dyn Rules,
    limits: Limits,
    stamp: i64,
    seen: Seen,
    copies: u32,
    dirs: DirCursor,
    buffer: Vec<u8>,
    /// Where a payload of this directory changes for certain.
    changed_dir: Option<String>,
    siblings: Siblings,
    prepared: Prepared,
    total_bytes: u64,
}

/// Renders, stages and checks all that the plan writes. All blobs that the plan wants must be staged.
pub(crate) fn prepare(
    volume: &Volume,
    staging: &mut Staging,
    plan: Plan,
    desired: &Desired,
    rules: &dyn Rules,
) -> Result<Prepared, Error> {
    let context = Context::new(&desired.data);
    let stamp = clock::now_nanos();
    let mut header = plan.header;
    header.manifest.stamp = stamp;
    let generations = undo::generations(&volume.undo_dir())?;
    let generation = match generations.last() {
        None if plan.summary.first => 0,
        last => last.map_or(1, |last| last + 1),
    };
    let moves = plan.summary.writes() + plan.summary.deleted;
    header.undo = (moves > 0).then_some(generation);
    if moves > 0 {
        header.manifest.generation = generation;
    }
    let path = volume.state_dir().join("journal.new");
    let mut preparer = Preparer {
        volume,
        staging,
        renderer: Renderer::new(&context, &desired.mappings, &plan.places)?,
        rules,
        limits: desired.limits,
        stamp,
        seen: Seen::for_entries(plan.summary.writes()),
        copies: 0,
        dirs: DirCursor::new(volume.data_dir())?,
        buffer: Vec::new(),
        changed_dir: None,
        siblings: Siblings::default(),
        prepared: Prepared {
            header: header.clone(),
            path: path.clone(),
            written: 0,
            deleted: 0,
            bytes: 0,
            unsynced: (moves <= ONE_BY_ONE).then(Unsynced::default),
        },
        total_bytes: plan.summary.known_bytes,
    };
    preparer.prepared.header.operations = 0;
    preparer.write(&plan.path, &header)?;
    preparer.check_total()?;
    let mut prepared = preparer.prepared;
    if moves > 0 && prepared.header.operations == 0 {
        // All that was rendered came out as it was: there is nothing to go back from.
        header.undo = None;
        header.manifest.generation = generations.last().copied().unwrap_or(0);
        rewrite_header(&path, &header)?;
        prepared.header = header;
    }
    Ok(prepared)
}

impl Preparer<'_> {
    fn write(&mut self, plan: &Path, header: &JournalHeader) -> Result<(), Error> {
        let Some((mut reader, _)) = JournalReader::open(plan)? else {
            return Err(Error::Damaged { path: plan.to_owned(), why: "it is gone".to_owned() });
        };
        let mut writer = JournalWriter::create(&self.prepared.path, header)?;
        while let Some(record) = reader.next()? {
            if let Some(record) = self.record(record)? {
                writer.push(&record)?;
            }
        }
        writer.finish().map(drop)
    }

    /// Fills in what the plan could not know; `None`: nothing is left to do.
    fn record(&mut self, mut record: Record) -> Result<Option<Record>, Error> {
        let (old, origin, local, only_with_siblings) = match record.op {
            Op::Write { old, origin, local, only_with_siblings } => (old, origin, local, only_with_siblings),
            Op::Delete { .. } => {
                self.prepared.deleted += 1;
                self.prepared.header.operations += 1;
                self.note_change(&record.entry);
                self.siblings.removed(&record.entry);
                return Ok(Some(record));
            }
            Op::Adopt | Op::Forget => return Ok(Some(record)),
        };
        if only_with_siblings && self.changed_dir.as_deref() != Some(split(&record.entry.path).0) {
            record.op = Op::Adopt;
            return Ok(Some(record));
        }
        let stood_in = match origin {
            Origin::Render => self.render(&mut record.entry).map(|()| false)?,
            Origin::Staged(_) => self.stand_in(&mut record.entry),
            Origin::Live => false,
        };
        let same = old == Old::File { content: record.entry.content, executable: record.entry.executable };
        if origin != Origin::Live {
            self.siblings.written(&record.entry);
        }
        if same && (stood_in || origin == Origin::Render) && !self.notifies(&record.entry) {
            self.total_bytes += record.entry.stat.size;
            record.entry.essence = self.staged_essence(&record.entry)?;
            record.op = Op::Adopt;
            return Ok(Some(record));
        }
        let copy = self.stage(&mut record.entry, origin)?;
        record.op = Op::Write { old, origin: Origin::Staged(copy), local, only_with_siblings: false };
        self.prepared.header.operations += 1;
        if !same {
            self.prepared.written += 1;
            self.note_change(&record.entry);
        }
        self.prepared.bytes += record.entry.stat.size;
        self.total_bytes += record.entry.stat.size;
        Ok(Some(record))
    }

    /// The gateway notices changed siblings by this file: it is written anew although it stays as it is.
    fn notifies(&self, entry: &Entry) -> bool {
        let (directory, name) = split(&entry.path);
        self.rules.declares_resource(name) && self.changed_dir.as_deref() == Some(directory)
    }

    fn note_change(&mut self, entry: &Entry) {
        let directory = split(&entry.path).0;
        if self.changed_dir.as_deref() != Some(directory) {
            self.changed_dir = Some(directory.to_owned());
        }
    }

    /// Another content belongs where the commit has this blob.
    fn stand_in(&mut self, entry: &mut Entry) -> bool {
        let Some(content) = self.staging.stood_in(&entry.source) else { return false };
        entry.content = content;
        entry.rendered = Some(Rendered::stand_in(&entry.source));
        true
    }

    fn render(&mut self, entry: &mut Entry) -> Result<(), Error> {
        let rendering = self.renderer.rendering(usize::from(entry.mapping), &entry.path);
        let signs = self.rules.signs(split(&entry.path).1);
        if rendering.is_none() && !signs && self.stand_in(entry) {
            return Ok(());
        }
        let blob = self.staging.stood_in(&entry.source).unwrap_or(entry.source);
        let source = self.staging.get(&blob).map_err(Error::io("open", self.staging.dir()))?;
        let Some(source) = source else { return Err(missing(entry, &blob)) };
        let target = self.staging.dir().join("rendering");
        let mut volatile = match &rendering {
            Some(rendering) => {
                rendering.run(&entry.path, source, &target, &self.staging.dir().join("patching"))?
            }
            // Only its siblings are rendered, and it signs them.
            None => fs::copy(self.staging.path(&blob, 0), &target)
                .map(|_| false)
                .map_err(Error::io("copy to", &target))?,
        };
        let mut key = rendering.map(|rendering| rendering.key(&entry.source, volatile)).unwrap_or_default();
        if signs {
            volatile |= self.siblings.volatile(&entry.path);
            key = self.renderer.seal(&entry.rendered.map(|recipe| recipe.key).unwrap_or_default(), volatile);
            self.siblings.resign(entry, &target, self.staging, &mut self.dirs, self.rules)?;
        }
        let file = File::open(&target).map_err(Error::io("open", &target))?;
        let size = file.metadata().map_err(Error::io("examine", &target))?.len();
        entry.content = hash_file(&file, size, &mut self.buffer).map_err(Error::io("read", &target))?;
        entry.rendered = Some(Rendered { key, volatile });
        if self.staging.contains(&entry.content) {
            // Another path claimed these bytes already, or they are the source's own.
            return fs::remove_file(&target).map_err(Error::io("remove", &target));
        }
        self.staging.adopt(&target, &entry.content)
    }

    /// The essence of a declaring file that is staged and right on the volume already.
    fn staged_essence(&self, entry: &Entry) -> Result<Option<ObjectId>, Error> {
        let failed = || Error::io("read", self.staging.path(&entry.content, 0));
        match self.staging.get(&entry.content).map_err(failed())? {
            Some(file) => self.essence(entry, &file).map_err(failed()),
            None => Ok(None),
        }
    }

    /// 0 for the first path with this content, which takes the staged file itself; a number of its own
    /// for every other.
    fn copy_number(&mut self, content: &ObjectId) -> u32 {
        if self.seen.insert(content) {
            return 0;
        }
        self.copies += 1;
        self.copies
    }

    /// Gives the write a staged file of its own; which copy it is.
    fn stage(&mut self, entry: &mut Entry, origin: Origin) -> Result<u32, Error> {
        let nth = self.copy_number(&entry.content);
        let path = self.staging.path(&entry.content, nth);
        let name = Staging::name(&entry.content, nth);
        if origin == Origin::Live {
            let (directory, file) = split(&entry.path);
            let failed = |what| Error::io(what, self.volume.data_dir().join(&entry.path));
            let Some(dir) = self.dirs.at(directory)? else { return Err(missing(entry, &entry.content)) };
            let live = open_file(dir, file).map_err(failed("open"))?;
            let staging = File::open(self.staging.dir()).map_err(failed("open"))?;
            copy(&live, std::os::fd::AsFd::as_fd(&staging), &name).map_err(failed("copy"))?;
        } else if nth > 0 {
            let first = self.staging.path(&entry.content, 0);
            fs::copy(&first, &path).map_err(Error::io("copy", first))?;
        }
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(missing(entry, &entry.content));
            }
            opened => opened.map_err(Error::io("open", &path))?,
        };
        entry.stat.size =
            set_mode_and_stamp(&file, entry.executable, self.stamp).map_err(Error::io("prepare", &path))?;
        check_file_size(entry.stat.size, self.limits)?;
        entry.essence = self.essence(entry, &file).map_err(Error::io("read", &path))?;
        if let Some(unsynced) = &mut self.prepared.unsynced {
            unsynced.push(file, &path);
        }
        Ok(nth)
    }

    fn essence(&self, entry: &Entry, file: &File) -> std::io::Result<Option<ObjectId>> {
        let name = split(&entry.path).1;
        if !self.rules.declares_resource(name) {
            return Ok(None);
        }
        Ok(read_small(file, MAX_DECLARATION)?.and_then(|bytes| self.rules.essence(name, &bytes)))
    }

    fn check_total(&self) -> Result<(), Error> {
        if self.total_bytes <= self.limits.max_bytes {
            return Ok(());
        }
        Err(Error::Limit {
            what: "the commit's files are too large together",
            figure: format!("{} bytes", self.total_bytes),
            limit: self.limits.max_bytes.to_string(),
            field: "sync.limits.maxBytes",
            next: "Narrow the mappings, or raise the limit",
        })
    }
}

/// The stamp tells our own files from what others wrote since, across restarts. Returns the size.
fn set_mode_and_stamp(file: &File, executable: bool, stamp: i64) -> std::io::Result<u64> {
    let metadata = file.metadata()?;
    let mode = if executable { 0o755 } else { 0o644 };
    if metadata.mode() & 0o7777 != mode {
        file.set_permissions(fs::Permissions::from_mode(mode))?;
    }
    let modified = SystemTime::UNIX_EPOCH + Duration::from_nanos(stamp.unsigned_abs());
    file.set_times(FileTimes::new().set_modified(modified))?;
    Ok(metadata.len())
}

/// Makes a staged file ready for its rename, and durable.
pub(crate) fn finish_staged(path: &Path, executable: bool, stamp: i64) -> Result<(), Error> {
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(Error::io("open", path))?;
    set_mode_and_stamp(&file, executable, stamp)
        .and_then(|_| file.sync_all())
        .map_err(Error::io("prepare", path))
}

fn missing(entry: &Entry, id: &ObjectId) -> Error {
    Error::ObjectMissing {
        id: id.to_string(),
        commit: String::new(),
        why: format!("it was not fetched, and {:?} needs it", entry.path),
    }
}

fn rewrite_header(path: &Path, header: &JournalHeader) -> Result<(), Error> {
    let fresh = path.with_extension("again");
    let Some((mut reader, _)) = JournalReader::open(path)? else { return Ok(()) };
    let mut writer = JournalWriter::create(&fresh, header)?;
    while let Some(record) = reader.next()? {
        writer.push(&record)?;
    }
    writer.finish()?;
    fs::rename(&fresh, path).map_err(Error::io("rename", fresh))
}

/// Writes the generation that leads back: the index, and second names of what will be displaced. Its files are added to
/// those that are to be made durable.
pub(crate) fn keep_for_undo(
    volume: &Volume,
    prepared: &Prepared,
    rules: &dyn Rules,
    unsynced: &mut Unsynced,
) -> Result<(), Error> {
    let Some(generation) = prepared.header.undo else { return Ok(()) };
    let undo_dir = volume.undo_dir();
    undo::remove(&undo_dir, generation)?;
    let known = prepared.header.base.as_ref().map(|_| ManifestReader::open(volume.state_dir(), rules));
    let (mut manifest, before) = known.map(unless_damaged).transpose()?.flatten().unzip();
    let header = UndoHeader {
        before,
        to_commit: prepared.header.manifest.commit.clone(),
        at: clock::now_millis(),
        written: prepared.written,
        deleted: prepared.deleted,
    };
    let mut index = UndoWriter::create(&undo_dir, generation, &header)?;
    let dir = undo::dir(&undo_dir, generation);
    let files = File::open(&dir).map_err(Error::io("open", &dir))?;
    let mut dirs = DirCursor::new(volume.data_dir())?;
    let Some((mut journal, _)) = JournalReader::open(&prepared.path)? else { return Ok(()) };
    while let Some(Record { entry, op }) = journal.next()? {
        let known = take_known(&mut manifest, &entry.path)?;
        let (Op::Write { old, .. } | Op::Delete { old, .. }) = op else { continue };
        if let Old::File { content, .. } = old {
            let (directory, name) = split(&entry.path);
            if let Some(live) = dirs.at(directory)? {
                match link_or_copy(live, name, std::os::fd::AsFd::as_fd(&files), &content.to_string()) {
                    // Gone since the plan: the apply will find that out and name it.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    kept => kept.map_err(Error::io("keep", volume.data_dir().join(&entry.path)))?,
                }
            }
        }
        index.push(&UndoRecord { path: entry.path, old, entry: known })?;
    }
    unsynced.push(index.finish()?, &dir);
    unsynced.push(files, &dir);
    unsynced.push_path(&undo_dir)
}

/// The manifest's entry of this path, passing over those before: both are in the same order. One that turns out to be
/// damaged knows nothing more.
fn take_known(manifest: &mut Option<ManifestReader<'_>>, path: &str) -> Result<Option<Entry>, Error> {
    let Some(reader) = manifest else { return Ok(None) };
    let found = reader.find(path).map(Some);
    let found = unless_damaged(found)?;
    if found.is_none() {
        *manifest = None;
    }
    Ok(found.flatten())
}
