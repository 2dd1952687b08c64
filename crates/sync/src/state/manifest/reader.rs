//! Base and changes read as one.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use stoker_object::ObjectId;

use super::base::{Base, BaseReader};
use super::changes::{Change, ChangesReader};
use super::entry::{Entry, Header, index_of};
use super::{base_path, changes_path};
use crate::path::{order, order_beneath};
use crate::{Error, Rules};

/// The newest header, and the id of the base that it belongs to; `None` if there is no manifest.
pub(crate) fn header(state_dir: &Path) -> Result<Option<(ObjectId, Header)>, Error> {
    Ok(open(state_dir)?.map(|(base, changes)| {
        let id = base.id;
        (id, changes.map_or(base.header, |(_, header)| header))
    }))
}

type Opened = (Base, Option<(ChangesReader, Header)>);

fn open(state_dir: &Path) -> Result<Option<Opened>, Error> {
    let Some(base) = Base::open(&base_path(state_dir))? else { return Ok(None) };
    let changes = ChangesReader::open(&changes_path(state_dir), &base.id)?;
    Ok(Some((base, changes)))
}

/// Reads the manifest entry by entry, forwards only, with one entry of look-ahead. What is passed over is not read.
pub(crate) struct ManifestReader<'a> {
    id: ObjectId,
    base: BaseReader,
    changes: Option<ChangesReader>,
    /// Of the base's mappings, which they are among the newest header's.
    renumbered: Vec<Option<u16>>,
    /// The newest header's mappings.
    mappings: u16,
    rules: &'a dyn Rules,
    next: Option<Entry>,
    last: String,
    path: PathBuf,
}

impl<'a> ManifestReader<'a> {
    /// `None` if there is no manifest. Entries name their mapping by its index in the header that comes along.
    pub(crate) fn open(state_dir: &Path, rules: &'a dyn Rules) -> Result<Option<(Self, Header)>, Error> {
        let Some((base, changes)) = open(state_dir)? else { return Ok(None) };
        let (changes, newest) = changes.unzip();
        let newest = newest.unwrap_or_else(|| base.header.clone());
        let reader = Self {
            id: base.id,
            renumbered: base.header.mappings.iter().map(|key| index_of(key, &newest.mappings)).collect(),
            mappings: u16::try_from(newest.mappings.len()).unwrap_or(u16::MAX),
            path: base_path(state_dir),
            base: BaseReader::new(base),
            changes,
            rules,
            next: None,
            last: String::new(),
        };
        Ok(Some((reader, newest)))
    }

    /// The id of the base.
    pub(crate) fn id(&self) -> &ObjectId {
        &self.id
    }

    /// The next entry, which stays.
    pub(crate) fn peek(&mut self) -> Result<Option<&Entry>, Error> {
        while self.next.is_none() {
            let Some(change) = self.next_change()? else { break };
            self.check_order(change.path())?;
            change.path().clone_into(&mut self.last);
            if let Change::Put(entry) = change {
                self.next = Some(entry);
            }
        }
        Ok(self.next.as_ref())
    }

    /// The next entry.
    pub(crate) fn advance(&mut self) -> Result<Option<Entry>, Error> {
        self.peek()?;
        Ok(self.next.take())
    }

    /// The entry of this path, if it has one; those before it are passed over.
    pub(crate) fn find(&mut self, path: &str) -> Result<Option<Entry>, Error> {
        let rules = self.rules;
        self.skip(&|entry| order(entry, path, &|name| rules.declares_resource(name)).is_lt())?;
        if self.peek()?.is_some_and(|entry| entry.path == path) { self.advance() } else { Ok(None) }
    }

    /// Passes over what lies in `directory` and beneath it.
    pub(crate) fn pass(&mut self, directory: &str) -> Result<(), Error> {
        self.skip(&|entry| order_beneath(entry, directory).is_le())
    }

    fn skip(&mut self, before: &dyn Fn(&str) -> bool) -> Result<(), Error> {
        if self.next.as_ref().is_some_and(|next| !before(&next.path)) {
            return Ok(());
        }
        self.next = None;
        self.base.skip(before)?;
        while let Some(changes) = &mut self.changes
            && changes.peek().is_some_and(|change| before(change.path()))
        {
            changes.take()?;
        }
        Ok(())
    }

    /// What comes next: an entry of the base that did not change, or a change.
    fn next_change(&mut self) -> Result<Option<Change>, Error> {
        let rules = self.rules;
        let change = self.changes.as_ref().and_then(ChangesReader::peek);
        let ordering = match (self.base.peek()?, change) {
            (None, None) => return Ok(None),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(entry), Some(change)) => {
                order(&entry.path, change.path(), &|name| rules.declares_resource(name))
            }
        };
        if ordering.is_le() {
            let entry = self.base.take()?;
            if ordering.is_lt() {
                return entry.map(|entry| self.renumber(entry)).transpose();
            }
        }
        let change = self.changes.as_mut().map(ChangesReader::take).transpose()?.flatten();
        if let Some(Change::Put(entry)) = &change
            && entry.mapping >= self.mappings
        {
            return Err(self.damaged("an entry's mapping is unknown"));
        }
        Ok(change)
    }

    fn renumber(&self, mut entry: Entry) -> Result<Change, Error> {
        let mapping = self.renumbered.get(usize::from(entry.mapping)).copied().flatten();
        entry.mapping = mapping.ok_or_else(|| self.damaged("an entry's mapping is unknown"))?;
        Ok(Change::Put(entry))
    }

    /// Only somebody who can compute checksums writes a manifest out of order, or a version with other rules did: nothing
    /// of it is believed.
    fn check_order(&self, path: &str) -> Result<(), Error> {
        let rules = self.rules;
        if self.last.is_empty() || order(&self.last, path, &|name| rules.declares_resource(name)).is_lt() {
            return Ok(());
        }
        Err(self.damaged("its entries are out of order"))
    }

    fn damaged(&self, why: &str) -> Error {
        Error::Damaged { path: self.path.clone(), why: why.to_owned() }
    }
}
