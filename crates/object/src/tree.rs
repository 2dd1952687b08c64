use crate::ObjectId;

/// What a tree's entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A directory.
    Tree,
    /// A file; `executable` is the owner's x bit, the only one that Git keeps.
    File {
        /// Whether the owner may execute it.
        executable: bool,
    },
    /// A symbolic link, whose blob is the target.
    Symlink,
    /// A commit of another repository.
    Submodule,
}

/// One entry of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What it is.
    pub mode: Mode,
    /// Its name: one path component, in bytes.
    pub name: &'a [u8],
    /// The tree, blob or commit it names.
    pub id: ObjectId,
}

/// The bytes are no tree that a file system could hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTree {
    /// An entry is cut off or has an unknown mode.
    #[error("the tree object is damaged at byte {0}")]
    Damaged(usize),
    /// A name that git itself refuses to check out: empty, `.`, `..`, `.git`, or with a slash.
    #[error("the tree has an entry with the forbidden name {0:?}")]
    ForbiddenName(String),
}

/// The entries of a tree object, in the object's order.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Entries<'a> {
    /// Reads the entries of a tree's bytes (without the object header).
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn read(&mut self) -> Option<Entry<'a>> {
        let rest = &self.bytes[self.at..];
        let space = rest.iter().take(8).position(|byte| *byte == b' ')?;
        let mode = mode(&rest[..space])?;
        let nul = space + 1 + rest[space + 1..].iter().position(|byte| *byte == 0)?;
        let id = ObjectId::from_slice(&rest[nul + 1..])?;
        self.at += nul + 21;
        Some(Entry { mode, name: &rest[space + 1..nul], id })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, InvalidTree>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let at = self.at;
        let result = match self.read() {
            None => Err(InvalidTree::Damaged(at)),
            Some(entry) if forbidden(entry.name) => {
                Err(InvalidTree::ForbiddenName(String::from_utf8_lossy(entry.name).into_owned()))
            }
            Some(entry) => return Some(Ok(entry)),
        };
        self.at = self.bytes.len();
        Some(result)
    }
}

fn mode(digits: &[u8]) -> Option<Mode> {
    let octal = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()?;
    Some(match octal & 0o170_000 {
        0o040_000 => Mode::Tree,
        0o100_000 => Mode::File { executable: octal & 0o100 != 0 },
        0o120_000 => Mode::Symlink,
        0o160_000 => Mode::Submodule,
        _ => return None,
    })
}

fn forbidden(name: &[u8]) -> bool {
    name.is_empty()
        || name == b"."
        || name == b".."
        || name.contains(&b'/')
        || name.eq_ignore_ascii_case(b".git")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (mode, name) in entries {
            bytes.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            bytes.extend_from_slice(&[7; 20]);
        }
        bytes
    }

    #[test]
    fn every_mode_is_told() {
        let bytes = tree(&[
            ("40000", "dir"),
            ("100644", "file"),
            ("100755", "run"),
            ("100664", "old"),
            ("120000", "link"),
            ("160000", "module"),
        ]);
        let modes: Vec<Mode> = Entries::new(&bytes).map(|entry| entry.unwrap().mode).collect();
        assert_eq!(
            modes,
            [
                Mode::Tree,
                Mode::File { executable: false },
                Mode::File { executable: true },
                Mode::File { executable: false },
                Mode::Symlink,
                Mode::Submodule
            ]
        );
    }

    #[test]
    fn a_name_that_leaves_the_directory_is_refused() {
        for name in ["..", ".", "", "a/b", ".git", ".GIT"] {
            let bytes = tree(&[("100644", name)]);
            let entries: Vec<_> = Entries::new(&bytes).collect();
            assert_eq!(entries, [Err(InvalidTree::ForbiddenName(name.to_owned()))], "{name}");
        }
    }

    #[test]
    fn a_cut_tree_is_damaged_and_ends() {
        let bytes = tree(&[("100644", "a"), ("100644", "b")]);
        for end in [1, 8, bytes.len() - 1] {
            let last = Entries::new(&bytes[..end]).last().unwrap();
            assert!(matches!(last, Err(InvalidTree::Damaged(_))), "{end}");
        }
    }
}
