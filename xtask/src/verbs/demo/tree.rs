//! The files of a directory, compared byte by byte.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

/// The agent's own directory, which is no part of a gateway's configuration.
const STATE_DIR: &str = ".stoker";
const OWNER_MAY_RUN: u32 = 0o100;

/// A file's contents, and whether its owner may run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) bytes: Vec<u8>,
    executable: bool,
}

/// Files by their path below a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tree(BTreeMap<String, File>);

/// Which file each path is, and when it was last written: two equal ones mean that nothing was written, not even the
/// same bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamps(BTreeMap<String, (u64, i64, i64)>);

/// What makes one tree of another, by path.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) added: Vec<String>,
    pub(super) modified: Vec<String>,
    pub(super) deleted: Vec<String>,
}

impl From<BTreeMap<String, File>> for Tree {
    fn from(files: BTreeMap<String, File>) -> Self {
        Self(files)
    }
}

impl Tree {
    /// Everything below `dir` but the agent's own directory.
    pub(super) fn read(dir: &Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        walk(dir, "", &mut |path, file| {
            let bytes = fs::read(file)?;
            let executable = fs::metadata(file)?.mode() & OWNER_MAY_RUN != 0;
            files.insert(path, File { bytes, executable });
            Ok(())
        })?;
        Ok(Self(files))
    }

    /// The files below a directory of it, by their path from there.
    pub(super) fn below(&self, directory: &str) -> BTreeMap<String, File> {
        let inside = |path: &str| Some(path.strip_prefix(directory)?.strip_prefix('/')?.to_owned());
        self.0.iter().filter_map(|(path, file)| Some((inside(path)?, file.clone()))).collect()
    }

    /// This one with all of another laid over it.
    pub(super) fn with(&self, over: &Self) -> Self {
        let mut files = self.0.clone();
        files.extend(over.0.iter().map(|(path, file)| (path.clone(), file.clone())));
        Self(files)
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(path, file)| (path.as_str(), file.bytes.as_slice()))
    }

    pub(super) fn get(&self, path: &str) -> Option<&[u8]> {
        self.0.get(path).map(|file| file.bytes.as_slice())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.values().map(|file| file.bytes.len()).sum()
    }

    /// What makes `other` of this one.
    pub(super) fn changes_to(&self, other: &Self) -> Changes {
        let mut changes = Changes::default();
        for (path, file) in &other.0 {
            match self.0.get(path) {
                None => changes.added.push(path.clone()),
                Some(before) if before != file => changes.modified.push(path.clone()),
                Some(_) => {}
            }
        }
        changes.deleted = self.0.keys().filter(|path| !other.0.contains_key(*path)).cloned().collect();
        changes
    }

    /// Fails with the first difference when this, which was found, is not what was expected.
    pub(super) fn must_equal(&self, expected: &Self) -> Result<()> {
        let Changes { added, modified, deleted } = expected.changes_to(self);
        let count = added.len() + modified.len() + deleted.len();
        let first = [("is not wanted", added), ("differs", modified), ("is missing", deleted)];
        let first = first.into_iter().find_map(|(what, paths)| Some((paths.into_iter().next()?, what)));
        match first {
            None => Ok(()),
            Some((path, what)) => bail!("{count} files are not as the commit has them; {path} {what}"),
        }
    }
}

impl Changes {
    pub(super) fn count(&self) -> usize {
        self.added.len() + self.modified.len() + self.deleted.len()
    }
}

impl Stamps {
    pub(super) fn read(dir: &Path) -> Result<Self> {
        let mut stamps = BTreeMap::new();
        walk(dir, "", &mut |path, file| {
            let found = fs::metadata(file)?;
            stamps.insert(path, (found.ino(), found.mtime(), found.mtime_nsec()));
            Ok(())
        })?;
        Ok(Self(stamps))
    }

    /// Fails when a file was written, added or removed since.
    pub(super) fn must_hold(&self, dir: &Path) -> Result<()> {
        let now = Self::read(dir)?;
        let changed = now.0.iter().find(|(path, stamp)| self.0.get(*path) != Some(stamp));
        let gone = self.0.keys().find(|path| !now.0.contains_key(*path));
        let path = changed.map(|(path, _)| path).or(gone);
        ensure!(path.is_none(), "{} was written", path.map_or("", String::as_str));
        Ok(())
    }
}

fn walk(dir: &Path, prefix: &str, visit: &mut dyn FnMut(String, &Path) -> Result<()>) -> Result<()> {
    let entries = fs::read_dir(dir).with_context(|| format!("failed to list {}", dir.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().into_string().ok().context("a file's name is not UTF-8")?;
        if prefix.is_empty() && name == STATE_DIR {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &format!("{path}/"), visit)?;
        } else {
            visit(path, &entry.path()).with_context(|| entry.path().display().to_string())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let file = |text: &str| File { bytes: text.into(), executable: false };
        Tree::from(
            files.iter().map(|(path, text)| ((*path).to_owned(), file(text))).collect::<BTreeMap<_, _>>(),
        )
    }

    #[test]
    fn what_differs_is_named() {
        let expected = tree(&[("a", "1"), ("b", "1")]);
        expected.must_equal(&expected).unwrap();
        for (found, words) in [
            (tree(&[("a", "1")]), "1 files are not as the commit has them; b is missing"),
            (tree(&[("a", "2"), ("b", "1")]), "1 files are not as the commit has them; a differs"),
            (
                tree(&[("a", "1"), ("b", "1"), ("c", "1")]),
                "1 files are not as the commit has them; c is not wanted",
            ),
        ] {
            assert_eq!(found.must_equal(&expected).unwrap_err().to_string(), words);
        }
    }

    #[test]
    fn a_file_that_was_written_with_the_same_bytes_was_written() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(STATE_DIR)).unwrap();
        fs::write(dir.path().join("a"), "1").unwrap();
        let stamps = Stamps::read(dir.path()).unwrap();
        fs::write(dir.path().join(STATE_DIR).join("journal"), "1").unwrap();
        stamps.must_hold(dir.path()).unwrap();
        fs::write(dir.path().join("fresh"), "1").unwrap();
        fs::rename(dir.path().join("fresh"), dir.path().join("a")).unwrap();
        assert_eq!(stamps.must_hold(dir.path()).unwrap_err().to_string(), "a was written");
        fs::remove_file(dir.path().join("a")).unwrap();
        assert!(stamps.must_hold(dir.path()).is_err());
    }

    #[test]
    fn what_lies_below_a_directory_is_told_from_its_neighbours() {
        let all = tree(&[("a/x", "1"), ("a/b/y", "2"), ("ab/z", "3")]);
        assert_eq!(all.below("a").keys().collect::<Vec<_>>(), ["b/y", "x"]);
    }
}
