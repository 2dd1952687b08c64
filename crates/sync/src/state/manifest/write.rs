//! After an apply: the manifest and the journal become the new manifest.

use std::cmp::Ordering;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::base::{Base, BaseWriter};
use super::changes::{Change, ChangesReader, ChangesWriter};
use super::entry::{Entry, Header, MappingKey, renumbered};
use super::reader::ManifestReader;
use super::{base_path, changes_path};
use crate::fs::{DirCursor, Live, Stat, Unsynced, look};
use crate::path::{order, split};
use crate::state::journal::{JournalHeader, JournalReader, Op, Record};
use crate::volume::{Volume, sync_dir, unless_damaged};
use crate::{Error, Rules};

/// Changes of more than one part in so many of the base are written into a new one.
const PART: u64 = 8;
/// Up to so many bytes of changes are no burden, however small the base.
const FEW_BYTES: u64 = 8 << 10;

/// A manifest's file that is written and not in force yet: [`Fresh::put_in_force`] is the moment that counts.
pub(crate) struct Fresh {
    file: File,
    at: PathBuf,
    path: PathBuf,
    /// What a base makes needless.
    changes: Option<PathBuf>,
}

impl Fresh {
    /// Its bytes, which have to be durable before it is put in force.
    pub(crate) fn unsynced(&self, unsynced: &mut Unsynced) -> Result<(), Error> {
        unsynced.push(self.file.try_clone().map_err(Error::io("open", &self.at))?, &self.at);
        Ok(())
    }

    /// Lets it, durable by now, take the place of the one before.
    pub(crate) fn put_in_force(self, state_dir: &Path) -> Result<(), Error> {
        fs::rename(&self.at, &self.path).map_err(Error::io("rename", self.at))?;
        sync_dir(state_dir)?;
        let Some(changes) = self.changes else { return Ok(()) };
        // Only now: until the new base is durable, they belong to the one before.
        match fs::remove_file(&changes) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", changes)(error))
            }
            _ => Ok(()),
        }
    }
}

/// Writes down what an apply, whose journal lies on the volume, makes of the manifest.
pub(crate) fn record(volume: &Volume, header: &JournalHeader, rules: &dyn Rules) -> Result<Fresh, Error> {
    if header.base.is_some()
        && let Some(fresh) = unless_damaged(changes(volume, header, rules))?
    {
        return Ok(fresh);
    }
    whole(volume, header)
}

/// Puts the journal's entries among the changes of the base that it was planned over; `None`: that base is not there.
fn changes(volume: &Volume, header: &JournalHeader, rules: &dyn Rules) -> Result<Option<Fresh>, Error> {
    let Some((manifest, before)) = ManifestReader::open(volume.state_dir(), rules)? else { return Ok(None) };
    let base = *manifest.id();
    if header.base != Some(base.to_string()) {
        return Ok(None);
    }
    let newest = Header { ..header.manifest.clone() };
    let newest = counted(volume, manifest, &before, newest)?;
    let mut entries = Entries::new(volume, &newest)?;
    let path = changes_path(volume.state_dir());
    let fresh = path.with_extension("changes.new");
    let (mut old, old_header) = ChangesReader::open(&path, &base)?.unzip();
    let old_mappings = old_header.map(|header| header.mappings).unwrap_or_default();
    let mut writer = ChangesWriter::create(&fresh, &base, &newest)?;
    let declares = |name: &str| rules.declares_resource(name);
    let mut next = entries.next()?;
    loop {
        let ordering = match (old.as_ref().and_then(ChangesReader::peek), &next) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => order(old.path(), new.path(), &declares),
        };
        if ordering.is_le()
            && let Some(change) = old.as_mut().map(ChangesReader::take).transpose()?.flatten()
            && ordering.is_lt()
        {
            writer.push(&carried_over(change, &old_mappings, &newest))?;
        }
        if ordering.is_ge() {
            if let Some(change) = &next {
                writer.push(change)?;
            }
            next = entries.next()?;
        }
    }
    Ok(Some(Fresh { file: writer.finish()?, at: fresh, path, changes: None }))
}

/// A base of the journal's entries alone: there is no other, or it cannot be read.
fn whole(volume: &Volume, header: &JournalHeader) -> Result<Fresh, Error> {
    let mut newest = header.manifest.clone();
    if header.base.is_some() {
        // What the journal leaves out was not found wanting, it is not known: the next plan looks at everything.
        newest.fingerprint.clear();
    }
    let path = base_path(volume.state_dir());
    let fresh = path.with_extension("new");
    let mut entries = Entries::new(volume, &newest)?;
    let mut writer = BaseWriter::create(&fresh, &newest)?;
    while let Some(change) = entries.next()? {
        if let Change::Put(entry) = change {
            writer.push(&entry)?;
        }
    }
    let changes = Some(changes_path(volume.state_dir()));
    Ok(Fresh { file: writer.finish()?, at: fresh, path, changes })
}

/// The newest header with its counts: those of before, and what the journal makes of them.
fn counted(
    volume: &Volume,
    mut manifest: ManifestReader<'_>,
    before: &Header,
    mut newest: Header,
) -> Result<Header, Error> {
    (newest.files, newest.bytes) = (before.files, before.bytes);
    let mut entries = Entries::new(volume, &newest)?;
    while let Some(record) = entries.journal.next()? {
        if let Some(old) = manifest.find(&record.entry.path)? {
            newest.files = newest.files.saturating_sub(1);
            newest.bytes = newest.bytes.saturating_sub(old.stat.size);
        }
        if entries.stays(&record) {
            newest.files += 1;
            newest.bytes = newest.bytes.saturating_add(record.entry.stat.size);
        }
    }
    Ok(newest)
}

/// The journal as changes of the manifest.
struct Entries {
    journal: JournalReader,
    dirs: DirCursor,
    stamp: i64,
    mappings: usize,
}

impl Entries {
    fn new(volume: &Volume, newest: &Header) -> Result<Self, Error> {
        let path = volume.journal_path();
        let Some((journal, _)) = JournalReader::open(&path)? else {
            return Err(Error::Damaged { path, why: "it is gone".to_owned() });
        };
        let dirs = DirCursor::new(volume.data_dir())?;
        Ok(Self { journal, dirs, stamp: newest.stamp, mappings: newest.mappings.len() })
    }

    /// Whether the path is managed from now on. What a rollback brings back may be nobody's.
    fn stays(&self, record: &Record) -> bool {
        matches!(record.op, Op::Write { .. } | Op::Adopt) && usize::from(record.entry.mapping) < self.mappings
    }

    fn next(&mut self) -> Result<Option<Change>, Error> {
        let Some(record) = self.journal.next()? else { return Ok(None) };
        if !self.stays(&record) {
            return Ok(Some(Change::Gone(record.entry.path)));
        }
        let Record { mut entry, op } = record;
        if matches!(op, Op::Write { .. }) {
            entry.stat = written_stat(&mut self.dirs, &entry, self.stamp)?;
        }
        Ok(Some(Change::Put(entry)))
    }
}

/// A change with its mapping's index in the newest table. A mapping that is gone takes its files out of our hands.
fn carried_over(change: Change, from: &[MappingKey], newest: &Header) -> Change {
    let Change::Put(entry) = change else { return change };
    let path = entry.path.clone();
    renumbered(entry, from, &newest.mappings).map_or(Change::Gone(path), Change::Put)
}

/// What vouches for a file that we wrote: only if it is still the one that we wrote.
fn written_stat(dirs: &mut DirCursor, entry: &Entry, stamp: i64) -> Result<Stat, Error> {
    let (directory, name) = split(&entry.path);
    let unknown = Stat { size: entry.stat.size, ..Default::default() };
    let Some(dir) = dirs.at(directory)? else { return Ok(unknown) };
    match look(dir, name) {
        Ok(Live::File { stat, .. }) if stat.mtime == stamp && stat.size == entry.stat.size => Ok(stat),
        _ => Ok(unknown),
    }
}

/// Writes base and changes together as a new base, once the changes are many. False: there was no need.
///
/// The new base's name for itself is another one, so that the changes of the old one say nothing beside it: there is no
/// moment at which they are counted twice or not at all.
pub(crate) fn compact(volume: &Volume, rules: &dyn Rules) -> Result<bool, Error> {
    let Ok(found) = fs::metadata(changes_path(volume.state_dir())) else { return Ok(false) };
    if found.len() <= FEW_BYTES {
        return Ok(false);
    }
    let path = base_path(volume.state_dir());
    let Some(base) = Base::open(&path)? else { return Ok(false) };
    if found.len() <= base.length / PART {
        return Ok(false);
    }
    let Some(fresh) = together(volume.state_dir(), rules)? else { return Ok(false) };
    fresh.file.sync_all().map_err(Error::io("sync", &fresh.at))?;
    fresh.put_in_force(volume.state_dir())?;
    Ok(true)
}

fn together(state_dir: &Path, rules: &dyn Rules) -> Result<Option<Fresh>, Error> {
    let Some((mut manifest, header)) = ManifestReader::open(state_dir, rules)? else { return Ok(None) };
    let path = base_path(state_dir);
    let fresh = path.with_extension("new");
    let mut writer = BaseWriter::create(&fresh, &header)?;
    while let Some(entry) = manifest.advance()? {
        writer.push(&entry)?;
    }
    let changes = Some(changes_path(state_dir));
    Ok(Some(Fresh { file: writer.finish()?, at: fresh, path, changes }))
}
