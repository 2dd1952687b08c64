//! What the manifest says of one file, and of all together.

use serde::{Deserialize, Serialize};
use stoker_object::{FastHasher, ObjectId};

use crate::state::codec::{Put, Take};
use crate::{Error, Identity, fs::Stat};

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
    /// Managed files.
    pub files: u64,
    /// Bytes of them together.
    pub bytes: u64,
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

impl Rendered {
    /// Of a file whose blob only says which bytes belong there: see [`crate::Staging::stand_in`].
    pub(crate) fn stand_in(source: &ObjectId) -> Self {
        let mut sum = FastHasher::checksum();
        sum.update(b"stand-in");
        sum.update(source.as_bytes());
        Self { key: sum.finish(), volatile: false }
    }
}

const EXECUTABLE: u8 = 1;
const RENDERED: u8 = 2;
const VOLATILE: u8 = 4;
const ESSENCE: u8 = 8;

pub(crate) fn write_entry(out: &mut impl Put, entry: &Entry) -> Result<(), Error> {
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

pub(crate) fn read_entry(input: &mut impl Take) -> Result<Entry, Error> {
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

/// A mapping's place in a table.
pub(super) fn index_of(key: &MappingKey, table: &[MappingKey]) -> Option<u16> {
    u16::try_from(table.iter().position(|known| known == key)?).ok()
}

/// An entry with its mapping's index in the new table; `None` if its mapping is unknown.
pub(crate) fn renumbered(mut entry: Entry, from: &[MappingKey], to: &[MappingKey]) -> Option<Entry> {
    entry.mapping = index_of(from.get(usize::from(entry.mapping))?, to)?;
    Some(entry)
}
