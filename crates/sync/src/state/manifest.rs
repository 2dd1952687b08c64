//! The manifest: what we wrote, in the order of [`crate::path::order`].

use std::path::Path;

use serde::{Deserialize, Serialize};
use stoker_object::ObjectId;

use super::codec::{Reader, Writer};
use crate::{Error, Identity, fs::Stat};

const KIND: u8 = b'M';
const ENTRY: u8 = 1;

/// What a manifest says of all its files together.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Header {
    pub identity: Identity,
    pub commit: String,
    pub tree: String,
    /// What besides the commit decides what is written: mappings, excludes, variables.
    pub fingerprint: String,
    /// The undo generation that leads back from here.
    pub generation: u64,
    /// Milliseconds since 1970.
    pub written_at: u64,
    /// Modification time (nanoseconds since 1970) of the files that the last sync wrote.
    pub stamp: i64,
    pub files: u64,
    /// Entries name their mapping by its index here.
    pub mappings: Vec<MappingKey>,
}

/// Where a managed file came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MappingKey {
    pub source: String,
    pub destination: String,
}

/// One managed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Relative to the data directory.
    pub path: String,
    /// The blob in Git.
    pub source: ObjectId,
    /// The blob id of the bytes that we wrote: another one when they were rendered.
    pub content: ObjectId,
    pub executable: bool,
    pub mapping: u16,
    pub rendered: Option<Rendered>,
    /// See [`crate::Rules::essence`].
    pub essence: Option<ObjectId>,
    pub stat: Stat,
}

impl Entry {
    /// A path of which nothing else is known.
    pub(crate) fn unknown(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            source: ObjectId::default(),
            content: ObjectId::default(),
            executable: false,
            mapping: u16::MAX,
            rendered: None,
            essence: None,
            stat: Stat::default(),
        }
    }
}

/// What a rendered file was rendered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rendered {
    /// Stands for source, patches and data together.
    pub key: ObjectId,
    /// The template or a patch uses the commit or the ref.
    pub volatile: bool,
}

/// Writes a manifest.
pub(crate) struct ManifestWriter(Writer);

impl ManifestWriter {
    pub(crate) fn create(path: &Path, header: &Header) -> Result<Self, Error> {
        Writer::create(path, KIND, header).map(Self)
    }

    pub(crate) fn push(&mut self, entry: &Entry) -> Result<(), Error> {
        self.0.record(ENTRY)?;
        write_entry(&mut self.0, entry)
    }

    pub(crate) fn finish(self) -> Result<std::fs::File, Error> {
        self.0.finish()
    }
}

/// Reads a manifest entry by entry, with one entry of look-ahead.
pub(crate) struct ManifestReader {
    reader: Reader,
    next: Option<Entry>,
}

impl ManifestReader {
    /// `None` if there is no manifest.
    pub(crate) fn open(path: &Path) -> Result<Option<(Self, Header)>, Error> {
        let Some((mut reader, header)) = Reader::open::<Header>(path, KIND)? else {
            return Ok(None);
        };
        let next = read_next(&mut reader)?;
        Ok(Some((Self { reader, next }, header)))
    }

    /// The next entry, which stays.
    pub(crate) fn peek(&self) -> Option<&Entry> {
        self.next.as_ref()
    }

    /// The next entry.
    pub(crate) fn advance(&mut self) -> Result<Option<Entry>, Error> {
        let following = if self.next.is_some() { read_next(&mut self.reader)? } else { None };
        Ok(std::mem::replace(&mut self.next, following))
    }
}

fn read_next(reader: &mut Reader) -> Result<Option<Entry>, Error> {
    match reader.record()? {
        None => Ok(None),
        Some(ENTRY) => read_entry(reader).map(Some),
        Some(_) => Err(reader.damaged("a record has an unknown tag")),
    }
}

const EXECUTABLE: u8 = 1;
const RENDERED: u8 = 2;
const VOLATILE: u8 = 4;
const ESSENCE: u8 = 8;

pub(crate) fn write_entry(out: &mut Writer, entry: &Entry) -> Result<(), Error> {
    out.path(&entry.path)?;
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    out.byte(
        flag(entry.executable, EXECUTABLE)
            | flag(entry.rendered.is_some(), RENDERED)
            | flag(entry.rendered.is_some_and(|rendered| rendered.volatile), VOLATILE)
            | flag(entry.essence.is_some(), ESSENCE),
    )?;
    out.number(u64::from(entry.mapping))?;
    out.id(&entry.source)?;
    if let Some(rendered) = entry.rendered {
        out.id(&entry.content)?;
        out.id(&rendered.key)?;
    }
    if let Some(essence) = &entry.essence {
        out.id(essence)?;
    }
    out.number(entry.stat.size)?;
    out.signed(entry.stat.mtime)?;
    out.signed(entry.stat.ctime.wrapping_sub(entry.stat.mtime))?;
    out.number(entry.stat.inode)
}

pub(crate) fn read_entry(input: &mut Reader) -> Result<Entry, Error> {
    let path = input.path()?;
    let flags = input.byte()?;
    let mapping = u16::try_from(input.number()?).map_err(|_| input.damaged("a mapping is out of bounds"))?;
    let source = input.id()?;
    let (mut content, mut rendered) = (source, None);
    if flags & RENDERED != 0 {
        content = input.id()?;
        rendered = Some(Rendered { key: input.id()?, volatile: flags & VOLATILE != 0 });
    }
    let essence = if flags & ESSENCE != 0 { Some(input.id()?) } else { None };
    let (size, mtime) = (input.number()?, input.signed()?);
    let ctime = mtime.wrapping_add(input.signed()?);
    let stat = Stat { size, mtime, ctime, inode: input.number()? };
    Ok(Entry { path, source, content, executable: flags & EXECUTABLE != 0, mapping, rendered, essence, stat })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_as_they_went() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manifest");
        let id = |byte| ObjectId::from_bytes([byte; 20]);
        let stat =
            Stat { size: 5, mtime: 1_700_000_000_123_456_789, ctime: 1_700_000_000_200_000_000, inode: 99 };
        let plain = Entry {
            path: "a/b".into(),
            source: id(1),
            content: id(1),
            executable: true,
            mapping: 3,
            rendered: None,
            essence: Some(id(4)),
            stat,
        };
        let rendered = Entry {
            path: "a/c".into(),
            content: id(2),
            executable: false,
            rendered: Some(Rendered { key: id(3), volatile: true }),
            essence: None,
            ..plain.clone()
        };
        let header = Header { commit: "x".into(), files: 2, ..Header::default() };
        let mut writer = ManifestWriter::create(&path, &header).unwrap();
        writer.push(&plain).unwrap();
        writer.push(&rendered).unwrap();
        writer.finish().unwrap();

        let (mut reader, header) = ManifestReader::open(&path).unwrap().unwrap();
        assert_eq!(header.files, 2);
        assert_eq!(reader.peek(), Some(&plain));
        assert_eq!(reader.advance().unwrap(), Some(plain));
        assert_eq!(reader.advance().unwrap(), Some(rendered));
        assert_eq!(reader.advance().unwrap(), None);
        assert_eq!(reader.advance().unwrap(), None);
    }
}
