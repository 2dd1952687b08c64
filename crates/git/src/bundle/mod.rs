//! `git bundle` files: a repository on a USB stick, or on a mounted share.
//!
//! A bundle is a head and a pack. The pack gets an index once, in the scratch directory, and is then read where it lies,
//! as a repository's own packs are. Memory does not depend on it.

mod header;
mod index;

use std::fs::{self, File};
use std::io::{BufReader, Read as _};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use stoker_object::{FastHasher, ObjectId};

use crate::Error;
use crate::pack::Limits;
pub(crate) use header::{Header, read as read_head};
use index::Source;

/// Bundles that a directory may hold.
const MOST_BUNDLES: usize = 1000;

/// Whether this is a bundle's file.
pub(crate) fn is_bundle(path: &Path) -> bool {
    let mut beginning = [0; 16];
    let read = File::open(path).and_then(|mut file| {
        // A pipe is not waited for.
        if file.metadata()?.is_file() { file.read_exact(&mut beginning) } else { Ok(()) }
    });
    read.is_ok() && header::is_bundle(&beginning)
}

/// The bundles of a directory, the newest first.
pub(crate) fn in_directory(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |error| Error::io(format!("read {}", path.display()), error);
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "bundle") && is_bundle(&path) {
            let modified =
                path.metadata().map(|about| (about.mtime(), about.mtime_nsec())).unwrap_or_default();
            found.push((modified, path));
        }
        if found.len() > MOST_BUNDLES {
            let (value, limit) = (found.len() as u64, MOST_BUNDLES as u64);
            return Err(Error::Limit { what: "the number of bundles in the directory", value, limit });
        }
    }
    found.sort();
    Ok(found.into_iter().rev().map(|(_, path)| path).collect())
}

/// Reads a bundle's head; `each` sees its refs.
///
/// Errors: [`Error::Corrupt`] if it is none, or needs commits that are not in it.
pub(crate) fn head(path: &Path, each: &mut dyn FnMut(ObjectId, &str)) -> Result<Header, Error> {
    let file = File::open(path).map_err(|error| Error::io(format!("open {}", path.display()), error))?;
    let header = header::read(&mut BufReader::new(file), each).map_err(|error| match error {
        Error::Corrupt(why) => Error::Corrupt(format!("{}: {why}", path.display())),
        other => other,
    })?;
    if header.needs == 0 {
        return Ok(header);
    }
    let named: Vec<String> = header.prerequisites.iter().map(ToString::to_string).collect();
    let more = header.needs - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(Error::Corrupt(format!(
        "{} builds on commits that are not in it: {}{more}. Make a complete one: git bundle create {} <branch>",
        path.display(),
        named.join(", "),
        path.file_name().unwrap_or_default().to_string_lossy(),
    )))
}

/// Makes sure that a bundle's pack has an index, and gives the directory of objects that both are in: the index beside
/// a link to the bundle. `make` gives the id of an object of a pack without an index, by where it begins.
pub(crate) fn objects(
    path: &Path,
    scratch: &Path,
    limits: &Limits,
    make: &mut dyn FnMut(&Path, u64) -> Result<ObjectId, Error>,
) -> Result<PathBuf, Error> {
    let failed = |error| Error::io(format!("index {}", path.display()), error);
    let path = fs::canonicalize(path).map_err(failed)?;
    let file = File::open(&path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    let mut key = FastHasher::checksum();
    key.update(path.as_os_str().as_encoded_bytes());
    for number in
        [about.len(), about.ino(), about.mtime().cast_unsigned(), about.mtime_nsec().cast_unsigned()]
    {
        key.update(&number.to_le_bytes());
    }
    let directory = scratch.join("bundles").join(key.finish().to_string());
    let index = directory.join("pack/bundle.idx");
    if index::is_whole(&index) {
        return Ok(directory);
    }
    let header = head(&path, &mut |_, _| {})?;
    // Those of bundles that were here before: one at a time is used.
    remove(&scratch.join("bundles")).map_err(failed)?;
    fs::create_dir_all(directory.join("pack")).map_err(failed)?;
    symlink(&path, directory.join("pack/bundle.pack")).map_err(failed)?;
    let end = about.len().checked_sub(20).filter(|end| *end >= header.length + 12);
    let end = end.ok_or_else(|| Error::Corrupt(format!("{} is cut off: copy it again", path.display())))?;
    let source = Source { file: &file, path: &path, pack: header.length..end };
    let fresh = directory.join("pack/bundle.new");
    index::write(&source, &fresh, scratch, limits, &mut |at| make(&path, at))?;
    fs::rename(&fresh, &index).map_err(failed)?;
    Ok(directory)
}

fn remove(directory: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}
