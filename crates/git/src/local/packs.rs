use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use stoker_object::ObjectId;

use super::files::{self, failed};
use super::index::PackIndex;
use crate::error::Error;

/// Packs that are open at a time, two files each.
const MOST_OPEN: usize = 32;
/// Packs that a repository may have; `git gc` leaves one or two.
const MOST_PACKS: usize = 20_000;

/// The packs of a repository and of those that it borrows from.
pub(super) struct Packs {
    directories: Vec<PathBuf>,
    /// Those that were of use last come first, and only they are open.
    known: Vec<Known>,
    next: u32,
}

struct Known {
    number: u32,
    index: PathBuf,
    open: Option<Rc<Pack>>,
}

/// An open pack.
pub(super) struct Pack {
    /// Tells it from other packs as long as this program runs.
    pub number: u32,
    pub path: PathBuf,
    pub file: File,
    /// Where its last object ends.
    pub end: u64,
    /// `None` while one is made.
    index: Option<PackIndex>,
}

impl Packs {
    pub fn new(directories: &[PathBuf]) -> Self {
        let directories = directories.iter().map(|directory| directory.join("pack")).collect();
        Self { directories, known: Vec::new(), next: 0 }
    }

    /// The pack that has the object, and where it begins there.
    pub fn find(&mut self, id: &ObjectId) -> Result<Option<(Rc<Pack>, u64)>, Error> {
        let mut at = 0;
        while at < self.known.len() {
            let Some(pack) = self.known[at].open()? else {
                // Packed anew while we look: its objects are in another pack by now.
                self.known.remove(at);
                continue;
            };
            if let Some(offset) = pack.find(id)? {
                self.known[..=at].rotate_right(1);
                self.close_surplus();
                return Ok(Some((pack, offset)));
            }
            at += 1;
            self.close_surplus();
        }
        Ok(None)
    }

    /// Looks for packs that are not known yet; tells whether there were any.
    pub fn list(&mut self) -> Result<bool, Error> {
        let before = self.known.len();
        for directory in &self.directories {
            let entries = match fs::read_dir(directory) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                outcome => outcome.map_err(failed("read", directory))?,
            };
            for entry in entries {
                let path = entry.map_err(failed("read", directory))?.path();
                let is_index = path.extension().is_some_and(|extension| extension == "idx");
                if !is_index || self.known.iter().any(|known| known.index == path) {
                    continue;
                }
                if self.known.len() == MOST_PACKS {
                    let (value, limit) = (MOST_PACKS as u64 + 1, MOST_PACKS as u64);
                    return Err(Error::Limit { what: "the number of packs (run `git gc`)", value, limit });
                }
                self.known.push(Known { number: self.next, index: path, open: None });
                self.next += 1;
            }
        }
        Ok(self.known.len() > before)
    }

    fn close_surplus(&mut self) {
        // Only one is opened at a time, so only one can be too many.
        let open = self.known.iter().filter(|known| known.open.is_some()).count();
        if open > MOST_OPEN
            && let Some(last) = self.known.iter_mut().rev().find(|known| known.open.is_some())
        {
            last.open = None;
        }
    }
}

impl Known {
    fn open(&mut self) -> Result<Option<Rc<Pack>>, Error> {
        if self.open.is_none() {
            self.open = Pack::open(&self.index, self.number)?.map(Rc::new);
        }
        Ok(self.open.clone())
    }
}

impl Pack {
    fn open(index: &Path, number: u32) -> Result<Option<Self>, Error> {
        let path = index.with_extension("pack");
        let (Some(index_file), Some(file)) = (files::open(index)?, files::open(&path)?) else {
            return Ok(None);
        };
        let index = PackIndex::load(index_file, index)?;
        let len = file.metadata().map_err(failed("look at", &path))?.len();
        let mut head = [0; 8];
        let read = file.read_exact_at(&mut head, 0);
        // A bundle is a pack behind a head; its index counts from the bundle's beginning.
        let known = matches!(&head, b"PACK\0\0\0\x02" | b"PACK\0\0\0\x03" | b"# v2 git" | b"# v3 git");
        if read.is_err() || !known || len < 32 {
            return Err(Error::Corrupt(format!(
                "{} is not a pack: run `git fsck` in the repository",
                path.display()
            )));
        }
        Ok(Some(Self { number, path, file, end: len - 20, index: Some(index) }))
    }

    /// A pack that has no index yet: its objects are found by where they begin.
    pub fn without_index(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(failed("open", path))?;
        let len = file.metadata().map_err(failed("look at", path))?.len();
        Ok(Self { number: u32::MAX, path: path.to_owned(), file, end: len.saturating_sub(20), index: None })
    }

    /// Where in this pack the object begins.
    pub fn find(&self, id: &ObjectId) -> Result<Option<u64>, Error> {
        let Some(index) = &self.index else { return Ok(None) };
        index.find(id).map_err(failed("read the index of", &self.path))
    }
}
