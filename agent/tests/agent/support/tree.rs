//! What lies below a directory, as a value that can be compared.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::STATE;

/// Paths below a directory with what is there; the agent's state directory is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree(pub BTreeMap<String, Entry>);

#[derive(Clone, PartialEq, Eq)]
pub enum Entry {
    Directory,
    File { executable: bool, content: Vec<u8> },
    Link(String),
}

impl Tree {
    pub fn of(root: &Path) -> Self {
        let mut tree = BTreeMap::new();
        let mut left = vec![String::new()];
        while let Some(prefix) = left.pop() {
            for entry in fs::read_dir(root.join(&prefix)).unwrap() {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().expect("a name of this test is UTF-8");
                let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
                if path == STATE {
                    continue;
                }
                let kind = entry.file_type().unwrap();
                let what = if kind.is_dir() {
                    left.push(path.clone());
                    Entry::Directory
                } else if kind.is_symlink() {
                    Entry::Link(fs::read_link(entry.path()).unwrap().display().to_string())
                } else {
                    let executable = entry.metadata().unwrap().permissions().mode() & 0o100 != 0;
                    Entry::File { executable, content: fs::read(entry.path()).unwrap() }
                };
                tree.insert(path, what);
            }
        }
        Self(tree)
    }

    /// Of each side what the other has not, or has differently; short enough to read.
    fn difference(&self, other: &Self) -> String {
        let mut lines = Vec::new();
        for (name, (one, two)) in [("left", (self, other)), ("right", (other, self))] {
            for (path, entry) in &one.0 {
                if two.0.get(path) != Some(entry) {
                    lines.push(format!("{name}: {path}: {entry:?}"));
                }
            }
        }
        lines.truncate(20);
        lines.join("\n")
    }
}

/// Fails with the paths that differ, not with megabytes of content.
#[track_caller]
pub fn assert_same(left: &Tree, right: &Tree, what: &str) {
    assert!(left == right, "{what}:\n{}", left.difference(right));
}

impl fmt::Debug for Entry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory => out.write_str("a directory"),
            Self::Link(target) => write!(out, "a link to {target}"),
            Self::File { executable, content } => {
                let start = String::from_utf8_lossy(&content[..content.len().min(60)]);
                let kind = if *executable { "an executable" } else { "a file" };
                write!(out, "{kind} of {} bytes: {start:?}", content.len())
            }
        }
    }
}
