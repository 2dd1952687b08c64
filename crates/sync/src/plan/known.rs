//! The manifest of the last sync, read along with the walk.

use std::path::Path;

use super::mapping::{Resolved, Source};
use crate::path::{beneath, order};
use crate::state::manifest::{Entry, ManifestReader, MappingKey};
use crate::volume::unless_damaged;
use crate::{Error, Rules};

/// The old manifest's entries in order, their mappings numbered after the new table.
pub(crate) struct Known<'a> {
    reader: Option<ManifestReader>,
    pub table: Table,
    rules: &'a dyn Rules,
    last: Option<String>,
}

/// The mappings that manifest entries refer to: first those of the resource, then those that are gone.
pub(crate) struct Table {
    pub keys: Vec<MappingKey>,
    /// Old index → new index.
    renumbered: Vec<u16>,
    active: Vec<bool>,
}

impl<'a> Known<'a> {
    pub(crate) fn open(path: &Path, mappings: &[Resolved<'_>], rules: &'a dyn Rules) -> Result<Self, Error> {
        // Without a readable manifest everything is hashed, and nothing is ours until it is found equal.
        let (reader, header) = unless_damaged(ManifestReader::open(path))?.unzip();
        let table = Table::new(
            mappings,
            header.as_ref().map(|header| header.mappings.as_slice()).unwrap_or_default(),
        );
        Ok(Self { reader, table, rules, last: None })
    }

    /// The next entry if it lies in `directory` or beneath.
    pub(crate) fn peek_in(&self, directory: &str) -> Option<&Entry> {
        let entry = self.reader.as_ref()?.peek()?;
        (beneath(&entry.path, directory) && entry.path.len() > directory.len()).then_some(entry)
    }

    /// The name of the subdirectory of `directory` that the next entry lies in.
    pub(crate) fn peek_dir(&self, directory: &str) -> Option<&str> {
        let rest = inside(&self.peek_in(directory)?.path, directory);
        rest.split_once('/').map(|(name, _)| name)
    }

    /// Takes the next entry.
    pub(crate) fn take(&mut self) -> Result<Option<Entry>, Error> {
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let Some(mut entry) = reader.advance()? else { return Ok(None) };
        let rules = self.rules;
        let ordered = self
            .last
            .as_ref()
            .is_none_or(|last| order(last, &entry.path, &|name| rules.declares_resource(name)).is_lt());
        let Some(mapping) = self.table.renumbered.get(usize::from(entry.mapping)).filter(|_| ordered) else {
            // Only somebody who can compute the checksum writes such a file: nothing more of it is believed.
            self.reader = None;
            return Ok(None);
        };
        entry.mapping = *mapping;
        self.last = Some(entry.path.clone());
        Ok(Some(entry))
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
