//! The manifest of the last sync, read along with the walk.

use super::mapping::{Resolved, Source};
use crate::Error;
use crate::path::beneath;
use crate::state::manifest::{Entry, Header, ManifestReader, MappingKey};

/// The old manifest's entries in order, their mappings numbered after the new table.
pub(crate) struct Known<'a> {
    reader: Option<ManifestReader<'a>>,
    pub table: Table,
    /// Entries that were not taken, and their bytes.
    rest: (u64, u64),
}

/// The mappings that manifest entries refer to: first those of the resource, then those that are gone.
pub(crate) struct Table {
    pub keys: Vec<MappingKey>,
    /// Old index → new index.
    renumbered: Vec<u16>,
    active: Vec<bool>,
}

impl<'a> Known<'a> {
    /// Without a readable manifest everything is hashed, and nothing is ours until it is found equal.
    pub(crate) fn new(old: Option<(ManifestReader<'a>, &Header)>, mappings: &[Resolved<'_>]) -> Self {
        let (reader, header) = old.unzip();
        let table = Table::new(mappings, header.map(|header| header.mappings.as_slice()).unwrap_or_default());
        Self { reader, table, rest: header.map(|header| (header.files, header.bytes)).unwrap_or_default() }
    }

    /// The next entry if it lies in `directory` or beneath.
    pub(crate) fn peek_in(&mut self, directory: &str) -> Result<Option<&Entry>, Error> {
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let next = reader.peek()?;
        Ok(next.filter(|entry| beneath(&entry.path, directory) && entry.path.len() > directory.len()))
    }

    /// The name of the subdirectory of `directory` that the next entry lies in.
    pub(crate) fn peek_dir(&mut self, directory: &str) -> Result<Option<&str>, Error> {
        let Some(entry) = self.peek_in(directory)? else { return Ok(None) };
        Ok(inside(&entry.path, directory).split_once('/').map(|(name, _)| name))
    }

    /// Takes the next entry.
    pub(crate) fn take(&mut self) -> Result<Option<Entry>, Error> {
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let Some(mut entry) = reader.advance()? else { return Ok(None) };
        if let Some(mapping) = self.table.renumbered.get(usize::from(entry.mapping)) {
            entry.mapping = *mapping;
        }
        self.rest.0 = self.rest.0.saturating_sub(1);
        self.rest.1 = self.rest.1.saturating_sub(entry.stat.size);
        Ok(Some(entry))
    }

    /// Passes over what lies in `directory` and beneath, without reading it.
    pub(crate) fn pass(&mut self, directory: &str) -> Result<(), Error> {
        self.reader.as_mut().map_or(Ok(()), |reader| reader.pass(directory))
    }

    /// How many entries were passed over, and their bytes together, once all was walked.
    pub(crate) fn passed(&self) -> (u64, u64) {
        self.rest
    }
}

impl Table {
    fn new(mappings: &[Resolved<'_>], old: &[MappingKey]) -> Self {
        let mut keys: Vec<MappingKey> = mappings.iter().map(|mapping| mapping.key.clone()).collect();
        let mut active: Vec<bool> =
            mappings.iter().map(|mapping| mapping.source != Source::Missing).collect();
        let current = keys.len();
        let mut renumbered = Vec::with_capacity(old.len());
        for key in old {
            let at = keys.iter().position(|known| known == key).unwrap_or_else(|| {
                keys.push(key.clone());
                // A mapping whose source was renamed still covers its destination.
                active.push((0..current).any(|at| active[at] && keys[at].destination == key.destination));
                keys.len() - 1
            });
            renumbered.push(u16::try_from(at).unwrap_or(u16::MAX));
        }
        Self { keys, renumbered, active }
    }

    /// Whether a mapping still covers this entry: Git decides over it.
    pub(crate) fn covers(&self, entry: &Entry) -> bool {
        let at = usize::from(entry.mapping);
        let covered = self.keys.get(at).is_some_and(|key| beneath(&entry.path, &key.destination));
        covered && self.active.get(at).copied().unwrap_or(false)
    }
}

/// A path without its directory's part.
pub(crate) fn inside<'p>(path: &'p str, directory: &str) -> &'p str {
    path.get(directory.len()..).unwrap_or_default().trim_start_matches('/')
}
