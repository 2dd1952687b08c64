//! Manifests of format 1: one file, entries without blocks.

use std::fs;
use std::path::Path;

use super::base::{self, BaseWriter};
use super::entry::{Header, read_entry};
use super::{base_path, changes_path};
use crate::Error;
use crate::state::codec::{Reader, Take as _};
use crate::volume::{sync_dir, unless_damaged};

const ENTRY: u8 = 1;

/// Writes a manifest of format 1 anew as a base. One that cannot be read stays: it says nothing, and the next sync looks
/// at everything.
pub(crate) fn convert(state_dir: &Path) -> Result<(), Error> {
    let path = base_path(state_dir);
    if base::format(&path) != Some(1) {
        return Ok(());
    }
    let fresh = path.with_extension("new");
    if unless_damaged(rewrite(&path, &fresh))?.is_none() {
        return Ok(());
    }
    // Nobody has written changes of the base that this becomes.
    match fs::remove_file(changes_path(state_dir)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::io("remove", changes_path(state_dir))(error));
        }
        _ => {}
    }
    fs::rename(&fresh, &path).map_err(Error::io("rename", &fresh))?;
    sync_dir(state_dir)
}

fn rewrite(path: &Path, fresh: &Path) -> Result<Option<()>, Error> {
    let Some((mut old, header)) = Reader::open::<Header>(path, base::KIND)? else { return Ok(None) };
    let mut writer = BaseWriter::create(fresh, &header)?;
    while let Some(tag) = old.record()? {
        if tag != ENTRY {
            return Err(old.damaged("a record has an unknown tag"));
        }
        let entry = read_entry(&mut old)?;
        // A file that a rollback put back without its being managed: the newer format leaves it out.
        if usize::from(entry.mapping) < header.mappings.len() {
            writer.push(&entry)?;
        }
    }
    writer.finish()?.sync_all().map_err(Error::io("sync", fresh))?;
    Ok(Some(()))
}
