use std::fs::File;
use std::path::Path;

use stoker_object::{Kind, ObjectId};

use super::files::{self, Names, failed};
use super::index::{Index, IndexBuilder};
use super::record::{self, HEADER};
use super::window::Window;
use crate::error::Error;

pub(super) const MAGIC: &[u8; 8] = b"STKSEG1\n";
/// A segment that has grown beyond this is finished and another one begun; a longer file was not
/// written by us, and is not scanned.
pub(super) const MAX_SEGMENT: u64 = 1 << 30;

/// A finished segment.
pub(super) struct Segment {
    pub names: Names,
    pub index: Index,
    objects: File,
    len: u64,
}

impl Segment {
    pub fn new(names: Names, objects: File, len: u64, index: Index) -> Self {
        Self { names, index, objects, len }
    }

    /// Opens a segment; one without its index (the program was killed), or with one that does not
    /// fit, keeps the objects before the first that is not whole. `None` if nothing is left.
    pub fn open(directory: &Path, number: u32) -> Result<Option<Self>, Error> {
        let names = Names::new(directory, number);
        let Some(objects) = files::open_regular(&names.objects)? else {
            names.remove();
            return Ok(None);
        };
        let len = objects.metadata().map_err(failed("look at", &names.objects))?.len();
        if let Some(file) = files::open_regular(&names.index)?
            && let Some(index) = Index::load(file, len)
        {
            return Ok(Some(Self { names, index, objects, len }));
        }
        let recovered = if len <= MAX_SEGMENT { recover(directory, &names, &objects, len)? } else { None };
        let Some((len, builder)) = recovered else {
            names.remove();
            return Ok(None);
        };
        objects.set_len(len).map_err(failed("cut", &names.objects))?;
        let index = builder.finish(files::create(&names.index)?, &names.index, len)?;
        Ok(Some(Self { names, index, objects, len }))
    }

    /// Bytes of the objects' file.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Reads the object `id`, whose record begins at byte `at`.
    pub fn read(&self, window: &mut Window, at: u64, id: &ObjectId, object: &mut Vec<u8>) -> Option<Kind> {
        record::read(window, (self.names.number, &self.objects), at, id, object)
    }

    /// Makes it durable.
    pub fn sync(&self) -> Result<(), Error> {
        self.objects.sync_all().map_err(failed("sync", &self.names.objects))?;
        self.index.sync().map_err(failed("sync", &self.names.index))
    }
}

/// The length of the part that is good, and its index.
fn recover(
    directory: &Path,
    names: &Names,
    objects: &File,
    len: u64,
) -> Result<Option<(u64, IndexBuilder)>, Error> {
    use std::os::unix::fs::FileExt as _;
    let mut magic = [0; MAGIC.len()];
    if objects.read_exact_at(&mut magic, 0).is_err() || magic != *MAGIC {
        return Ok(None);
    }
    let (mut at, mut builder, mut buffer) = (MAGIC.len() as u64, IndexBuilder::new(directory), Vec::new());
    while let Some(header) =
        record::verify(objects, at, len, &mut buffer).map_err(failed("read", &names.objects))?
    {
        builder.push(header.id, at)?;
        at += HEADER as u64 + header.len;
    }
    Ok((!builder.is_empty()).then_some((at, builder)))
}
