use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::files;
use crate::error::Error;

/// Longest `config`, `alternates` or `.git` file that is read.
const LONGEST: u64 = 1 << 20;
/// Directories with objects that one repository may borrow from, itself included.
const MOST_DIRECTORIES: usize = 64;

/// Where the parts of a repository lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// The directory with `HEAD`.
    pub git: PathBuf,
    /// The directory with `refs`, `packed-refs` and `config`: another one for a linked work tree.
    pub common: PathBuf,
    /// Directories with objects: its own, then those that it borrows from.
    pub objects: Vec<PathBuf>,
}

impl Layout {
    /// Finds the repository that git would find for `file://<path>`.
    ///
    /// Errors: [`Error::Corrupt`] if there is none, [`Error::Unsupported`] if it is of a kind that is
    /// not read here.
    pub fn find(path: &Path) -> Result<Self, Error> {
        let git = git_directory(path)?;
        let common = match files::read_text(&git.join("commondir"), LONGEST)? {
            Some(common) => git.join(common.trim_end_matches(['\r', '\n'])),
            None => git.clone(),
        };
        check_config(&common)?;
        let objects = object_directories(common.join("objects"))?;
        Ok(Self { git, common, objects })
    }
}

/// The same places as git looks at, in the same order.
fn git_directory(path: &Path) -> Result<PathBuf, Error> {
    let mut with_suffix = path.as_os_str().to_owned();
    with_suffix.push(".git");
    let with_suffix = PathBuf::from(with_suffix);
    for place in [path.join(".git"), path.to_owned(), with_suffix.join(".git"), with_suffix] {
        if let Some(text) = files::read_text(&place, LONGEST).ok().flatten()
            && let Some(target) = text.strip_prefix("gitdir:")
        {
            let parent = place.parent().unwrap_or(path);
            return Ok(parent.join(target.trim()));
        }
        if place.join("HEAD").is_file()
            && (place.join("objects").is_dir() || place.join("commondir").is_file())
        {
            return Ok(place);
        }
    }
    let path = path.display();
    Err(Error::Corrupt(format!(
        "there is no Git repository at {path}: give the directory that holds .git, or a bare repository"
    )))
}

fn check_config(common: &Path) -> Result<(), Error> {
    let config = files::read_text(&common.join("config"), LONGEST)?.unwrap_or_default();
    if let Some("sha256") = extension(&config, "objectformat").as_deref() {
        return Err(Error::Unsupported("the repository uses SHA-256 object ids, which are not supported"));
    }
    if extension(&config, "refstorage").is_some_and(|storage| storage != "files")
        || common.join("reftable").is_dir()
    {
        return Err(Error::Unsupported(
            "the repository keeps its refs as reftable, which is not supported for file:// yet: convert it with `git refs migrate --ref-format=files`",
        ));
    }
    Ok(())
}

/// The last value of `extensions.<key>`, in lower case.
fn extension(config: &str, key: &str) -> Option<String> {
    let (mut inside, mut found) = (false, None);
    for line in config.lines() {
        let mut line = line.trim();
        if let Some(rest) = line.strip_prefix('[') {
            let (section, after) = rest.split_once(']').unwrap_or((rest, ""));
            inside = section.trim().eq_ignore_ascii_case("extensions");
            line = after.trim();
        }
        let line = line.split(['#', ';']).next().unwrap_or_default();
        if let Some((name, value)) = line.split_once('=')
            && inside
            && name.trim().eq_ignore_ascii_case(key)
        {
            found = Some(value.trim().trim_matches('"').to_ascii_lowercase());
        }
    }
    found
}

/// The repository's own directory of objects and all that it borrows from, each once.
fn object_directories(own: PathBuf) -> Result<Vec<PathBuf>, Error> {
    let (mut found, mut queue) = (Vec::new(), VecDeque::from([own]));
    while let Some(directory) = queue.pop_front() {
        // Two spellings of one directory must not count twice, nor lead round in a circle.
        let known = directory.canonicalize().unwrap_or_else(|_| directory.clone());
        if found.contains(&known) || !known.is_dir() {
            continue;
        }
        if found.len() == MOST_DIRECTORIES {
            let (value, limit) = (found.len() as u64 + 1, MOST_DIRECTORIES as u64);
            return Err(Error::Limit {
                what: "the number of repositories to borrow objects from",
                value,
                limit,
            });
        }
        let alternates = files::read_text(&known.join("info/alternates"), LONGEST)?.unwrap_or_default();
        let lines = alternates.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        queue.extend(lines.map(|line| known.join(line)));
        found.push(known);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_read_as_git_reads_them() {
        let config = "[core]\n\tobjectformat = no\n[Extensions]\n objectFormat = SHA256 ; why\n[x]\nrefstorage=reftable\n";
        assert_eq!(extension(config, "objectformat").as_deref(), Some("sha256"));
        assert_eq!(extension(config, "refstorage"), None);
        assert_eq!(
            extension("[extensions] refStorage = \"reftable\"", "refstorage").as_deref(),
            Some("reftable")
        );
    }
}
