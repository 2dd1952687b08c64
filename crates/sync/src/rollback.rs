//! The way back, without Git: the kept files of one or more generations become a journal like any other.

use std::fs::{self, File};
use std::os::fd::AsFd as _;

use crate::fs::{DirCursor, Live, copy, hash_file, look, open_file};
use crate::path::{order, split};
use crate::seen::Seen;
use crate::state::journal::{JournalHeader, JournalWriter, Old, Op, Origin, Record, Rollback};
use crate::state::manifest::{Entry, Header, ManifestReader, MappingKey, is_damaged, renumbered};
use crate::state::staging::{Staging, ensure_room};
use crate::state::undo::{self, UndoHeader, UndoReader, UndoRecord};
use crate::volume::{Volume, sync_dir, unless_damaged};
use crate::{Error, Prepared, Rules, clock};

/// One generation, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// Its number: `rollback --to` takes it.
    pub number: u64,
    /// Milliseconds since 1970.
    pub at: u64,
    /// The commit before, in hex; `None` before the first sync.
    pub from_commit: Option<String>,
    /// The commit that was applied.
    pub to_commit: String,
    /// Files that were written.
    pub written: u64,
    /// Files that were removed.
    pub deleted: u64,
    /// Bytes that are kept for it.
    pub bytes: u64,
}

/// The generations of a volume, newest first. One whose index is damaged is left out.
pub(crate) fn history(volume: &Volume) -> Result<Vec<Generation>, Error> {
    let undo_dir = volume.undo_dir();
    let mut generations = Vec::new();
    for number in undo::generations(&undo_dir)?.into_iter().rev() {
        let Ok(Some((_, header))) = UndoReader::open(&undo_dir, number) else { continue };
        generations.push(Generation {
            number,
            at: header.at,
            from_commit: header.before.map(|before| before.commit),
            to_commit: header.to_commit,
            written: header.written,
            deleted: header.deleted,
            bytes: undo::size(&undo::dir(&undo_dir, number))?,
        });
    }
    Ok(generations)
}

/// A generation's index, read along with the others.
struct Source {
    number: u64,
    reader: UndoReader,
    next: Option<UndoRecord>,
    mappings: Vec<MappingKey>,
}

impl Source {
    fn open(volume: &Volume, number: u64) -> Result<(Self, UndoHeader), Error> {
        let Some((mut reader, header)) = UndoReader::open(&volume.undo_dir(), number)? else {
            return Err(no_generation(volume, &number.to_string()));
        };
        let next = reader.next()?;
        let mappings = header.before.as_ref().map(|before| before.mappings.clone()).unwrap_or_default();
        Ok((Self { number, reader, next, mappings }, header))
    }

    fn take(&mut self) -> Result<Option<UndoRecord>, Error> {
        let following = self.reader.next()?;
        Ok(std::mem::replace(&mut self.next, following))
    }
}

/// What was at a path, and the generation that keeps it.
struct Past {
    generation: u64,
    record: UndoRecord,
    /// The mappings that the record's entry names by index.
    keys: Vec<MappingKey>,
}

fn no_generation(volume: &Volume, wanted: &str) -> Error {
    let known = undo::generations(&volume.undo_dir()).unwrap_or_default();
    let known = if known.is_empty() {
        "none".to_owned()
    } else {
        known.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
    };
    Error::NoGeneration { wanted: wanted.to_owned(), known }
}

/// Prepares going back to what was there before generation `to` was applied (the newest one by default). A damaged
/// manifest does not stand in the way: what is kept says what was there.
pub(crate) fn prepare(
    volume: &Volume,
    staging: &mut Staging,
    to: Option<u64>,
    rules: &dyn Rules,
) -> Result<Prepared, Error> {
    let current = unless_damaged(ManifestReader::open(volume.state_dir(), rules))?;
    match prepare_over(current, volume, staging, to, rules) {
        Err(error) if is_damaged(&error, volume.state_dir()) => {
            prepare_over(None, volume, staging, to, rules)
        }
        prepared => prepared,
    }
}

fn prepare_over(
    current: Option<(ManifestReader<'_>, Header)>,
    volume: &Volume,
    staging: &mut Staging,
    to: Option<u64>,
    rules: &dyn Rules,
) -> Result<Prepared, Error> {
    staging.clear()?;
    let (current, current_header) = current.unzip();
    let current_header = current_header.unwrap_or_default();
    let all = undo::generations(&volume.undo_dir())?;
    let to = to.or(all.last().copied()).ok_or_else(|| no_generation(volume, "at all"))?;
    if !all.contains(&to) {
        return Err(no_generation(volume, &to.to_string()));
    }
    let mut sources = Vec::new();
    let mut target = UndoHeader::default();
    for number in all.into_iter().filter(|number| *number >= to) {
        let (source, header) = Source::open(volume, number)?;
        if number == to {
            target = header;
        }
        sources.push(source);
    }
    let stamp = clock::now_nanos();
    let header = JournalHeader {
        manifest: manifest_after(&target, &sources, current.as_ref().map(|_| &current_header), stamp),
        undo: None,
        keep_dirs: current_header.mappings.iter().map(|key| key.destination.clone()).collect(),
        // Not counted yet: the whole volume is made durable at once.
        operations: u64::MAX,
        base: current.as_ref().map(|current| current.id().to_string()),
        rollback: Some(Rollback { to, from_commit: current_header.commit.clone() }),
    };
    let path = volume.state_dir().join("journal.new");
    let mut maker = Maker {
        volume,
        staging,
        rules,
        current,
        current_keys: current_header.mappings,
        header,
        dirs: DirCursor::new(volume.data_dir())?,
        seen: Seen::for_entries(10_000),
        copies: 0,
        buffer: Vec::new(),
        changed_dir: None,
        written: 0,
        rewritten: 0,
        deleted: 0,
        bytes: 0,
    };
    let mut writer = JournalWriter::create(&path, &maker.header)?;
    while let Some(past) = first(&mut sources, rules)? {
        if let Some(record) = maker.record(past)? {
            writer.push(&record)?;
        }
    }
    writer.finish()?.sync_all().map_err(Error::io("sync", &path))?;
    sync_dir(maker.staging.dir())?;
    let Maker { mut header, written, rewritten, deleted, bytes, .. } = maker;
    header.operations = written + rewritten + deleted;
    Ok(Prepared { header, path, written, deleted, bytes, unsynced: None })
}

/// The manifest's header afterwards: that of the time before, with every mapping an entry may name.
fn manifest_after(target: &UndoHeader, sources: &[Source], current: Option<&Header>, stamp: i64) -> Header {
    let mut header = target.before.clone().unwrap_or_default();
    let all = sources
        .iter()
        .flat_map(|source| source.mappings.iter())
        .chain(current.iter().flat_map(|header| &header.mappings));
    for key in all {
        if !header.mappings.contains(key) {
            header.mappings.push(key.clone());
        }
    }
    if current.is_none() {
        // What no generation changed is not in the manifest then: the next plan looks at everything.
        header.fingerprint.clear();
    }
    header.stamp = stamp;
    header.written_at = clock::now_millis();
    header
}

/// The first path of all indexes. Where several generations changed it, what was there before the oldest counts.
fn first(sources: &mut [Source], rules: &dyn Rules) -> Result<Option<Past>, Error> {
    let declares = |name: &str| rules.declares_resource(name);
    let next = sources.iter().filter_map(|source| source.next.as_ref()).map(|record| record.path.clone());
    let Some(path) = next.min_by(|a, b| order(a, b, &declares)) else { return Ok(None) };
    let mut oldest = None;
    for source in sources.iter_mut() {
        if source.next.as_ref().is_some_and(|record| record.path == path)
            && let Some(record) = source.take()?
            && oldest.is_none()
        {
            oldest = Some(Past { generation: source.number, record, keys: source.mappings.clone() });
        }
    }
    Ok(oldest)
}

struct Maker<'a> {
    volume: &'a Volume,
    staging: &'a Staging,
    rules: &'a dyn Rules,
    current: Option<ManifestReader<'a>>,
    current_keys: Vec<MappingKey>,
    header: JournalHeader,
    dirs: DirCursor,
    seen: Seen,
    copies: u32,
    buffer: Vec<u8>,
    /// The directory in which the last change was, for the manifest that comes after its payloads.
    changed_dir: Option<String>,
    written: u64,
    /// Manifests that stay as they are, and are written anew because a payload beside them changes.
    rewritten: u64,
    deleted: u64,
    bytes: u64,
}

impl Maker<'_> {
    /// What brings a path back; `None`: nobody may touch it.
    fn record(&mut self, past: Past) -> Result<Option<Record>, Error> {
        let record = self.bring_back(past)?;
        let changes = |record: &&Record| matches!(record.op, Op::Write { .. } | Op::Delete { .. });
        if let Some(changed) = record.as_ref().filter(changes) {
            self.changed_dir = Some(split(&changed.entry.path).0.to_owned());
        }
        Ok(record)
    }

    fn bring_back(&mut self, past: Past) -> Result<Option<Record>, Error> {
        let Past { generation, record: undo, keys } = past;
        if self.rules.never_touch(&undo.path).is_some() {
            return Ok(None);
        }
        let now = self.current_entry(&undo.path)?;
        let found = self.found(&undo.path)?;
        let before = undo.entry.and_then(|entry| renumbered(entry, &keys, &self.header.manifest.mappings));
        let (directory, name) = split(&undo.path);
        // The gateway looks at it to notice that a payload has changed.
        let rewrites = self.rules.declares_resource(name) && self.changed_dir.as_deref() == Some(directory);
        let is_ours = |content| {
            now.as_ref().is_some_and(|entry| {
                Old::File { content: entry.content, executable: entry.executable } == content
            })
        };
        let local = matches!(found, Old::File { .. } | Old::Other) && !is_ours(found);
        match undo.old {
            Old::Absent | Old::Other => {
                let entry = now.or(before).unwrap_or_else(|| Entry::unknown(&undo.path));
                if found == Old::Absent {
                    return Ok(Some(Record { entry, op: Op::Forget }));
                }
                self.deleted += 1;
                let early = self.rules.declares_resource(name);
                Ok(Some(Record { entry, op: Op::Delete { old: found, early, local } }))
            }
            Old::File { content, executable } => {
                let managed = before.is_some();
                let mut entry =
                    before.unwrap_or_else(|| Entry { source: content, ..Entry::unknown(&undo.path) });
                entry.content = content;
                entry.executable = executable;
                if found == undo.old && !rewrites {
                    return Ok(Some(Record { entry, op: if managed { Op::Adopt } else { Op::Forget } }));
                }
                let copy = self.stage(generation, &mut entry)?;
                if found == undo.old {
                    self.rewritten += 1;
                } else {
                    self.written += 1;
                }
                Ok(Some(Record {
                    entry,
                    op: Op::Write {
                        old: found,
                        origin: Origin::Staged(copy),
                        local,
                        only_with_siblings: false,
                    },
                }))
            }
        }
    }

    fn current_entry(&mut self, path: &str) -> Result<Option<Entry>, Error> {
        let entry = self.current.as_mut().map(|current| current.find(path)).transpose()?.flatten();
        Ok(entry.and_then(|entry| renumbered(entry, &self.current_keys, &self.header.manifest.mappings)))
    }

    fn found(&mut self, path: &str) -> Result<Old, Error> {
        let (directory, name) = split(path);
        let failed = |what| Error::io(what, self.volume.data_dir().join(path));
        let Some(dir) = self.dirs.at(directory)? else { return Ok(Old::Absent) };
        Ok(match look(dir, name).map_err(failed("examine"))? {
            Live::Absent => Old::Absent,
            Live::Dir | Live::Other => Old::Other,
            Live::File { stat, executable } => {
                let file = open_file(dir, name).map_err(failed("open"))?;
                let content = hash_file(&file, stat.size, &mut self.buffer).map_err(failed("read"))?;
                Old::File { content, executable }
            }
        })
    }

    /// Copies the kept file to the staging area, after making sure that it is still what it was: a
    /// second name of the kept file itself could be written through by whoever holds it open.
    fn stage(&mut self, generation: u64, entry: &mut Entry) -> Result<u32, Error> {
        let kept = undo::dir(&self.volume.undo_dir(), generation).join(entry.content.to_string());
        let damaged = || Error::UndoDamaged { path: entry.path.clone() };
        let file = File::open(&kept).map_err(|_| damaged())?;
        let size = file.metadata().map_err(Error::io("examine", &kept))?.len();
        if hash_file(&file, size, &mut self.buffer).map_err(Error::io("read", &kept))? != entry.content {
            return Err(damaged());
        }
        ensure_room(self.staging.dir(), size, 1)?;
        let nth = if self.seen.insert(&entry.content) {
            0
        } else {
            self.copies += 1;
            self.copies
        };
        let target = self.staging.path(&entry.content, nth);
        let dir = File::open(self.staging.dir()).map_err(Error::io("open", self.staging.dir()))?;
        let kept_again = File::open(&kept).map_err(Error::io("open", &kept))?;
        copy(&kept_again, dir.as_fd(), &Staging::name(&entry.content, nth))
            .map_err(Error::io("copy", &kept))?;
        crate::prepare::finish_staged(&target, entry.executable, self.header.manifest.stamp)?;
        entry.stat.size = size;
        self.bytes += size;
        Ok(nth)
    }
}

/// Puts the prepared rollback in place as the journal, with the hold that goes with it.
pub(crate) fn begin(volume: &Volume, prepared: &Prepared) -> Result<(), Error> {
    if let Some(rollback) = &prepared.header.rollback {
        volume.set_hold("rolled back by hand", &rollback.from_commit)?;
    }
    fs::rename(&prepared.path, volume.journal_path()).map_err(Error::io("rename", &prepared.path))?;
    sync_dir(volume.state_dir())
}
