use std::fs;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use stoker_object::ObjectId;

use super::files::{self, failed};
use super::layout::Layout;
use crate::capabilities::RefLine;
use crate::error::Error;

/// Longest line of `packed-refs`, and longest file of a ref.
const LONGEST: u64 = 4096;
/// Symbolic refs that lead to one another, as git follows them.
const MOST_LINKS: usize = 5;
/// Directories below `refs/` that are gone into, one within the other.
const DEEPEST: usize = 64;

/// The refs of a repository on disk: those in files of their own, and those in `packed-refs`.
pub(super) struct Refs {
    git: PathBuf,
    common: PathBuf,
}

/// What a ref's file says.
enum Content {
    Id(ObjectId),
    Symbolic(String),
}

impl Refs {
    pub fn new(layout: &Layout) -> Self {
        Self { git: layout.git.clone(), common: layout.common.clone() }
    }

    /// Gives the refs whose names begin with one of `prefixes`. Tags are peeled where `packed-refs` knows.
    pub fn list(&self, prefixes: &[String], each: &mut dyn FnMut(RefLine<'_>)) -> Result<(), Error> {
        let is_asked = |name: &str| prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()));
        if is_asked("HEAD") {
            self.loose("HEAD", each)?;
        }
        for (number, prefix) in prefixes.iter().enumerate() {
            let covered = prefixes[..number].iter().any(|other| prefix.starts_with(other.as_str()));
            if !covered {
                self.walk_prefix(prefix, each)?;
            }
        }
        self.packed(&mut |name, id, peeled| {
            // A file of its own is newer than the line; its name may lead out only for a hostile line.
            if is_asked(name) && is_safe(name) && !self.common.join(name).is_file() {
                each(RefLine { name, id, peeled, target: None });
            }
        })
    }

    /// Goes through the files below the directory that a prefix lies in.
    fn walk_prefix(&self, prefix: &str, each: &mut dyn FnMut(RefLine<'_>)) -> Result<(), Error> {
        let directory = match prefix.rsplit_once('/') {
            Some((directory, _)) if directory.starts_with("refs") => directory,
            _ if "refs/".starts_with(prefix) => "refs",
            _ => return Ok(()),
        };
        if !is_safe(directory) {
            return Ok(());
        }
        let mut stack = vec![(directory.to_owned(), 0)];
        while let Some((directory, depth)) = stack.pop() {
            let path = self.common.join(&directory);
            let entries = match fs::read_dir(&path) {
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
                {
                    continue;
                }
                outcome => outcome.map_err(failed("read", &path))?,
            };
            for entry in entries {
                let entry = entry.map_err(failed("read", &path))?;
                let Ok(file_name) = entry.file_name().into_string() else { continue };
                let name = format!("{directory}/{file_name}");
                if file_name.starts_with('.')
                    || entry.path().extension().is_some_and(|extension| extension == "lock")
                {
                    continue;
                }
                if entry.file_type().map_err(failed("look at", &path))?.is_dir() {
                    let on_the_way = name.starts_with(prefix) || prefix.starts_with(&format!("{name}/"));
                    if on_the_way && depth < DEEPEST {
                        stack.push((name, depth + 1));
                    }
                } else if name.starts_with(prefix) {
                    self.loose(&name, each)?;
                }
            }
        }
        Ok(())
    }

    /// Gives a ref that has a file of its own, if it leads to an object.
    fn loose(&self, name: &str, each: &mut dyn FnMut(RefLine<'_>)) -> Result<(), Error> {
        match self.read(name)? {
            None => {}
            Some(Content::Id(id)) => each(RefLine { name, id, peeled: None, target: None }),
            Some(Content::Symbolic(first)) => {
                let mut target = first;
                for _ in 0..MOST_LINKS {
                    match self.read(&target)? {
                        Some(Content::Symbolic(next)) => target = next,
                        Some(Content::Id(id)) => {
                            each(RefLine { name, id, peeled: None, target: Some(&target) });
                            break;
                        }
                        None => {
                            self.packed(&mut |packed, id, peeled| {
                                if packed == target {
                                    each(RefLine { name, id, peeled, target: Some(&target) });
                                }
                            })?;
                            break;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn read(&self, name: &str) -> Result<Option<Content>, Error> {
        // `HEAD` belongs to the work tree, everything else to the repository.
        let directory = if name == "HEAD" { &self.git } else { &self.common };
        let path = directory.join(name);
        let Some(text) = files::read_text(&path, LONGEST)? else { return Ok(None) };
        let text = text.trim_end();
        if let Some(target) = text.strip_prefix("ref:") {
            let target = target.trim_start();
            let usable = target.starts_with("refs/") && is_safe(target);
            return Ok(usable.then(|| Content::Symbolic(target.to_owned())));
        }
        let id = text.get(..40).unwrap_or(text).parse().ok();
        if id.is_none() {
            // A power cut leaves such files; it must not keep other refs from being found.
            tracing::warn!(path = %path.display(), "a ref's file holds no object id");
        }
        Ok(id.map(Content::Id))
    }

    /// Gives the lines of `packed-refs`.
    fn packed(&self, each: &mut dyn FnMut(&str, ObjectId, Option<ObjectId>)) -> Result<(), Error> {
        let path = self.common.join("packed-refs");
        let Some(file) = files::open(&path)? else { return Ok(()) };
        let mut reader = BufReader::new(file);
        let mut last: Option<(String, ObjectId)> = None;
        let mut line = Vec::new();
        loop {
            line.clear();
            let count =
                reader.by_ref().take(LONGEST).read_until(b'\n', &mut line).map_err(failed("read", &path))?;
            if count as u64 == LONGEST {
                return Err(damaged(&path));
            }
            let text = line.trim_ascii_end();
            let peeled = text.strip_prefix(b"^").and_then(id);
            if let Some((name, id)) = last.take() {
                each(&name, id, peeled);
            }
            if count == 0 {
                return Ok(());
            }
            if peeled.is_some() || text.is_empty() || text.starts_with(b"#") {
                continue;
            }
            let parsed = text.split_at_checked(41).filter(|(head, _)| head[40] == b' ');
            let (Some(id), Some((_, name))) = (id(text), parsed) else { return Err(damaged(&path)) };
            // A name that is not UTF-8 cannot be asked for.
            last = String::from_utf8(name.to_vec()).ok().map(|name| (name, id));
        }
    }
}

fn damaged(path: &Path) -> Error {
    Error::Corrupt(format!("{} is damaged: run `git pack-refs --all` in the repository", path.display()))
}

fn id(hex: &[u8]) -> Option<ObjectId> {
    std::str::from_utf8(hex.get(..40)?).ok()?.parse().ok()
}

/// Whether a ref's name, as a path, stays below the repository.
fn is_safe(name: &str) -> bool {
    name.split('/').all(|part| !part.is_empty() && part != "." && part != "..") && !name.contains('\0')
}
