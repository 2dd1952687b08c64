//! What differs between the volume and what was synced to it: offline, from the manifest alone.

use crate::fs::{DirCursor, Live, hash_file, look, open_file, read_small};
use crate::path::split;
use crate::plan::MAX_DECLARATION;
use crate::state::manifest::{Entry, ManifestReader};
use crate::volume::Volume;
use crate::{Error, Rules};

/// How a managed file differs from what was synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// Other bytes.
    Changed,
    /// The same bytes, another x bit.
    Mode,
    /// It is gone.
    Missing,
    /// Something that is no file lies there.
    Replaced,
}

/// Looks at every managed file and names those that differ, in order; returns how many were looked at.
/// Whatever vouches for a file, its bytes are read.
pub(crate) fn diff(
    volume: &Volume,
    rules: &dyn Rules,
    each: &mut dyn FnMut(&str, Difference),
) -> Result<u64, Error> {
    let Some((mut manifest, _)) = ManifestReader::open(volume.state_dir(), rules)? else { return Ok(0) };
    let mut dirs = DirCursor::new(volume.data_dir())?;
    let (mut count, mut buffer) = (0, Vec::new());
    while let Some(entry) = manifest.advance()? {
        count += 1;
        if let Some(difference) = compare(volume, &mut dirs, rules, &entry, &mut buffer)? {
            each(&entry.path, difference);
        }
    }
    Ok(count)
}

fn compare(
    volume: &Volume,
    dirs: &mut DirCursor,
    rules: &dyn Rules,
    entry: &Entry,
    buffer: &mut Vec<u8>,
) -> Result<Option<Difference>, Error> {
    let (directory, name) = split(&entry.path);
    let path = volume.data_dir().join(&entry.path);
    let failed = |what| Error::io(what, path.clone());
    let dir = match dirs.at(directory) {
        Ok(Some(dir)) => dir,
        Ok(None) => return Ok(Some(Difference::Missing)),
        Err(Error::InTheWay { .. }) => return Ok(Some(Difference::Replaced)),
        Err(error) => return Err(error),
    };
    let (stat, executable) = match look(dir, name).map_err(failed("examine"))? {
        Live::Absent => return Ok(Some(Difference::Missing)),
        Live::Dir | Live::Other => return Ok(Some(Difference::Replaced)),
        Live::File { stat, executable } => (stat, executable),
    };
    let file = open_file(dir, name).map_err(failed("open"))?;
    if hash_file(&file, stat.size, buffer).map_err(failed("read"))? == entry.content {
        return Ok((executable != entry.executable).then_some(Difference::Mode));
    }
    if let Some(essence) = entry.essence {
        let file = open_file(dir, name).map_err(failed("open"))?;
        let bytes = read_small(&file, MAX_DECLARATION).map_err(failed("read"))?;
        if bytes.and_then(|bytes| rules.essence(name, &bytes)) == Some(essence) {
            return Ok(None);
        }
    }
    Ok(Some(Difference::Changed))
}
