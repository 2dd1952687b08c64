//! After an apply: the old manifest and the journal become the new manifest.

use std::fs;

use crate::fs::{DirCursor, Live, Stat, look};
use crate::path::{order, split};
use crate::prepare::take_known;
use crate::state::journal::{JournalHeader, JournalReader, Op};
use crate::state::manifest::{Entry, ManifestReader, ManifestWriter, MappingKey};
use crate::volume::{Volume, sync_dir, unless_damaged};
use crate::{Error, Rules};

/// Merges the old manifest with the journal into the new one.
pub(crate) fn write_manifest(
    volume: &Volume,
    header: &JournalHeader,
    rules: &dyn Rules,
) -> Result<(), Error> {
    let path = volume.manifest_path();
    let fresh = volume.state_dir().join("manifest.new");
    let (mut old, old_header) = unless_damaged(ManifestReader::open(&path))?.unzip();
    let old_keys = old_header.map(|header| header.mappings).unwrap_or_default();
    let renumber = |entry: Entry| renumbered(entry, &old_keys, &header.manifest.mappings);
    let mut writer = ManifestWriter::create(&fresh, &header.manifest)?;
    let mut dirs = DirCursor::new(volume.data_dir())?;
    let Some((mut journal, _)) = JournalReader::open(&volume.journal_path())? else { return Ok(()) };
    while let Some(mut record) = journal.next()? {
        copy_before(&mut old, &record.entry.path, rules, &mut |entry| match renumber(entry) {
            Some(entry) => writer.push(&entry),
            None => Ok(()),
        })?;
        take_known(&mut old, &record.entry.path, rules)?;
        match record.op {
            Op::Write { .. } => {
                record.entry.stat = written_stat(&mut dirs, &record.entry, header.manifest.stamp)?;
                writer.push(&record.entry)?;
            }
            Op::Adopt => writer.push(&record.entry)?,
            Op::Delete { .. } | Op::Forget => {}
        }
    }
    while let Some(entry) = old.as_mut().map(ManifestReader::advance).transpose()?.flatten() {
        if let Some(entry) = renumber(entry) {
            writer.push(&entry)?;
        }
    }
    writer.finish()?.sync_all().map_err(Error::io("sync", &fresh))?;
    fs::rename(&fresh, &path).map_err(Error::io("rename", &fresh))?;
    sync_dir(volume.state_dir())
}

fn copy_before(
    old: &mut Option<ManifestReader>,
    path: &str,
    rules: &dyn Rules,
    push: &mut dyn FnMut(Entry) -> Result<(), Error>,
) -> Result<(), Error> {
    let Some(old) = old else { return Ok(()) };
    while let Some(entry) = old.peek() {
        if order(&entry.path, path, &|name| rules.declares_resource(name)).is_ge() {
            break;
        }
        if let Some(entry) = old.advance()? {
            push(entry)?;
        }
    }
    Ok(())
}

/// An entry with its mapping's index in the new table; `None` if its mapping is unknown.
pub(crate) fn renumbered(mut entry: Entry, from: &[MappingKey], to: &[MappingKey]) -> Option<Entry> {
    let key = from.get(usize::from(entry.mapping))?;
    entry.mapping = u16::try_from(to.iter().position(|known| known == key)?).ok()?;
    Some(entry)
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
