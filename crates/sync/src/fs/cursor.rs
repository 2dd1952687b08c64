use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::io::Errno;

use super::open_dir;
use crate::Error;
use crate::path::beneath;

/// An open directory beneath a root that moves to other directories with as few opens as possible:
/// in a sorted walk each directory is opened once.
pub(crate) struct DirCursor {
    root: OwnedFd,
    root_path: PathBuf,
    open: Vec<Open>,
    /// What was found missing last, by its path: nothing beneath it is looked for again before something is made.
    missing: Option<String>,
}

/// A directory on the way.
struct Open {
    name: String,
    fd: OwnedFd,
    /// We have made it: what lies in it is made before it is looked for.
    fresh: bool,
}

impl DirCursor {
    /// The root itself may be reached through links: it is the operator's own path.
    pub(crate) fn new(root_path: &Path) -> Result<Self, Error> {
        let root = std::fs::File::open(root_path).map_err(Error::io("open", root_path))?;
        if !root.metadata().map_err(Error::io("examine", root_path))?.is_dir() {
            return Err(Error::Io { what: "open", path: root_path.to_owned(), source: Errno::NOTDIR.into() });
        }
        Ok(Self { root: root.into(), root_path: root_path.to_owned(), open: Vec::new(), missing: None })
    }

    /// The root's own path.
    pub(crate) fn root_path(&self) -> &Path {
        &self.root_path
    }

    /// The directory, if it exists.
    pub(crate) fn at(&mut self, directory: &str) -> Result<Option<BorrowedFd<'_>>, Error> {
        self.walk(directory, None)
    }

    /// The directory, made with all above it where it is missing; `made` is told each new one's path.
    pub(crate) fn make(
        &mut self,
        directory: &str,
        made: &mut dyn FnMut(&str),
    ) -> Result<BorrowedFd<'_>, Error> {
        match self.walk(directory, Some(made))? {
            // A name ends this walk with a borrow that the compiler cannot end earlier.
            Some(_) => Ok(self.top()),
            None => Err(self.error("create", directory, Errno::NOENT)),
        }
    }

    /// Forgets what is open: directories were removed.
    pub(crate) fn forget(&mut self) {
        self.open.clear();
        self.missing = None;
    }

    fn walk(
        &mut self,
        directory: &str,
        mut made: Option<&mut dyn FnMut(&str)>,
    ) -> Result<Option<BorrowedFd<'_>>, Error> {
        if made.is_none() && self.missing.as_deref().is_some_and(|missing| beneath(directory, missing)) {
            return Ok(None);
        }
        let wanted = || directory.split('/').filter(|component| !component.is_empty());
        let shared = wanted().zip(&self.open).take_while(|(name, open)| **name == *open.name).count();
        self.open.truncate(shared);
        let mut end = 0;
        for (at, name) in wanted().enumerate() {
            end += name.len() + usize::from(at > 0);
            if at < shared {
                continue;
            }
            let path = &directory[..end];
            let in_fresh = self.open.last().is_some_and(|open| open.fresh) && made.is_some();
            let mut fresh = false;
            let found = if in_fresh { Err(Errno::NOENT) } else { open_dir(self.top(), name) };
            let opened = match found {
                Err(Errno::NOENT) => {
                    let Some(made) = made.as_deref_mut() else {
                        self.missing = Some(path.to_owned());
                        return Ok(None);
                    };
                    match rustix::fs::mkdirat(self.top(), name, Mode::from_raw_mode(0o755)) {
                        Ok(()) => fresh = true,
                        Err(Errno::EXIST) => {}
                        Err(error) => return Err(self.error("create", path, error)),
                    }
                    self.missing = None;
                    made(path);
                    open_dir(self.top(), name)
                }
                opened => opened,
            };
            match opened {
                Ok(fd) => self.open.push(Open { name: name.to_owned(), fd, fresh }),
                Err(Errno::NOTDIR | Errno::LOOP) => return self.not_a_dir(name, path, made.is_some()),
                Err(error) => return Err(self.error("open", path, error)),
            }
        }
        Ok(Some(self.top()))
    }

    /// A file where a directory is looked for is no directory; a link is never followed.
    fn not_a_dir(&self, name: &str, path: &str, making: bool) -> Result<Option<BorrowedFd<'_>>, Error> {
        let is_link = rustix::fs::readlinkat(self.top(), name, Vec::new()).is_ok();
        let path = path.to_owned();
        if is_link {
            return Err(Error::InTheWay {
                path,
                why: "a symbolic link stands where a directory of the gateway belongs, and links are never followed",
            });
        }
        if making {
            return Err(Error::InTheWay { path, why: "a file stands where a directory has to go" });
        }
        Ok(None)
    }

    fn top(&self) -> BorrowedFd<'_> {
        self.open.last().map_or(self.root.as_fd(), |open| open.fd.as_fd())
    }

    fn error(&self, what: &'static str, directory: &str, error: Errno) -> Error {
        Error::io(what, self.root_path.join(directory))(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_made_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut cursor = DirCursor::new(dir.path()).unwrap();
        let mut made = Vec::new();
        cursor.make("a/b/c", &mut |path| made.push(path.to_owned())).unwrap();
        cursor.make("a/b/d", &mut |path| made.push(path.to_owned())).unwrap();
        assert_eq!(made, ["a", "a/b", "a/b/c", "a/b/d"]);
        assert!(dir.path().join("a/b/d").is_dir());
        assert!(cursor.at("a/b").unwrap().is_some());
        assert!(cursor.at("a/x/y").unwrap().is_none());
        assert!(cursor.at("").unwrap().is_some());
    }

    #[test]
    fn what_was_missing_is_found_once_it_was_made() {
        let dir = tempfile::tempdir().unwrap();
        let mut cursor = DirCursor::new(dir.path()).unwrap();
        assert!(cursor.at("a/b/c").unwrap().is_none() && cursor.at("a/b").unwrap().is_none());
        cursor.make("a/b/c", &mut |_| ()).unwrap();
        assert!(cursor.at("a/b/c").unwrap().is_some() && cursor.at("a/b/x").unwrap().is_none());
        assert!(cursor.at("a/bb").unwrap().is_none() && cursor.at("a/b").unwrap().is_some());
        // Somebody else is faster, in a directory that is new.
        std::fs::create_dir(dir.path().join("a/b/d")).unwrap();
        std::fs::write(dir.path().join("a/b/e"), "").unwrap();
        cursor.make("a/b/d", &mut |_| ()).unwrap();
        assert!(matches!(cursor.make("a/b/e/f", &mut |_| ()), Err(Error::InTheWay { .. })));
    }

    #[test]
    fn a_link_on_the_way_is_refused_even_when_it_stays_inside() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("real/sub")).unwrap();
        std::os::unix::fs::symlink("real", dir.path().join("link")).unwrap();
        let mut cursor = DirCursor::new(dir.path()).unwrap();
        for path in ["link", "link/sub"] {
            assert!(matches!(cursor.at(path), Err(Error::InTheWay { .. })), "{path}");
            assert!(matches!(cursor.make(path, &mut |_| ()), Err(Error::InTheWay { .. })), "{path}");
        }
    }

    #[test]
    fn a_file_on_the_way_is_no_directory() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "").unwrap();
        let mut cursor = DirCursor::new(dir.path()).unwrap();
        assert!(cursor.at("file/x").unwrap().is_none());
        assert!(matches!(cursor.make("file/x", &mut |_| ()), Err(Error::InTheWay { .. })));
    }
}
