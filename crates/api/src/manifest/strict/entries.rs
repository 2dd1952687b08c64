//! Lists and maps, item by item.

use serde::de::{self, DeserializeSeed, IntoDeserializer, value::StrDeserializer};

use super::refusal::Refused;
use super::{Path, Reader};
use crate::manifest::tree::{Entry, Node};

/// The items of a list.
pub(super) struct Items<'a> {
    pub reader: Reader<'a>,
    pub nodes: &'a [Node],
    pub next: usize,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refused> {
        let Some(node) = self.nodes.get(self.next) else {
            return Ok(None);
        };
        let path = Path::Index(self.reader.path, self.next);
        self.next += 1;
        let reader = Reader { node, path: &path, unknown: self.reader.unknown };
        seed.deserialize(reader).map(Some).map_err(|refused| reader.locate(refused))
    }
}

/// The entries of a map, or those of them that a struct keeps.
pub(super) struct Entries<'a> {
    pub reader: Reader<'a>,
    pub all: &'a [Entry],
    /// For each entry whether it is kept; all are where this is `None`.
    pub keep: Option<Vec<bool>>,
    pub next: usize,
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refused> {
        if let Some(keep) = &self.keep {
            while keep.get(self.next) == Some(&false) {
                self.next += 1;
            }
        }
        let Some(entry) = self.all.get(self.next) else {
            return Ok(None);
        };
        let key: StrDeserializer<'_, Refused> = (*entry.key).into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Refused> {
        let entry = self.all.get(self.next).ok_or_else(|| Refused::new("has no value".to_owned()))?;
        self.next += 1;
        let path = Path::Key(self.reader.path, &entry.key);
        let reader = Reader { node: &entry.value, path: &path, unknown: self.reader.unknown };
        seed.deserialize(reader).map_err(|refused| reader.locate(refused))
    }
}
