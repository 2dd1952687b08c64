//! Where the manifests are.

use std::fs;
use std::io;
use std::path::Path;

use super::manifest::{OF_COLLECTION, OF_PROJECT, OF_RESOURCES};
use crate::record::Kind;

/// Paths of real projects have 16 levels; a link to a parent directory would have no end.
const MAX_DEPTH: usize = 48;

/// What a walk found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Manifests, relative to the data directory.
    pub manifests: Vec<String>,
    /// Directories that could not be listed, and why.
    pub unreadable: Vec<(String, io::Error)>,
}

/// All manifests of one kind, in order of path. A directory is a project only when it has a `project.json`;
/// a name that begins with a dot is not Ignition's business.
pub(crate) fn manifests(root: &Path, kind: Kind) -> Found {
    let mut found = Found::default();
    let (top, own) = match kind {
        Kind::Projects => ("projects", OF_PROJECT),
        Kind::Config => ("config/resources", OF_COLLECTION),
    };
    for name in found.subdirectories(root, top) {
        let directory = format!("{top}/{name}");
        let has_own = found.note(root, &directory, own);
        if has_own || kind == Kind::Config {
            found.resources_below(root, &directory, MAX_DEPTH);
        }
    }
    found
}

impl Found {
    /// Takes the manifest of this name, if it is there. Asked for by name: a listing that races with a rename
    /// may miss the entry that is being replaced.
    fn note(&mut self, root: &Path, directory: &str, name: &str) -> bool {
        let path = format!("{directory}/{name}");
        let there = fs::metadata(root.join(&path)).is_ok_and(|meta| meta.is_file());
        if there {
            self.manifests.push(path);
        }
        there
    }

    fn resources_below(&mut self, root: &Path, directory: &str, depth: usize) {
        if depth == 0 {
            return;
        }
        for name in self.subdirectories(root, directory) {
            let below = format!("{directory}/{name}");
            for manifest in OF_RESOURCES {
                self.note(root, &below, manifest);
            }
            self.resources_below(root, &below, depth - 1);
        }
    }

    fn subdirectories(&mut self, root: &Path, directory: &str) -> Vec<String> {
        let listed = fs::read_dir(root.join(directory)).and_then(|entries| {
            let mut names = Vec::new();
            for entry in entries {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if !name.starts_with('.') && is_directory(&entry) {
                    names.push(name);
                }
            }
            names.sort_unstable();
            Ok(names)
        });
        match listed {
            Ok(names) => names,
            Err(error) => {
                // Gone since its parent was listed: as if it had never been there.
                if error.kind() != io::ErrorKind::NotFound {
                    self.unreadable.push((directory.to_owned(), error));
                }
                Vec::new()
            }
        }
    }
}

/// Links count as what they point to: a `ConfigMap` is mounted that way.
fn is_directory(entry: &fs::DirEntry) -> bool {
    match entry.file_type() {
        Ok(kind) if kind.is_symlink() => fs::metadata(entry.path()).is_ok_and(|meta| meta.is_dir()),
        Ok(kind) => kind.is_dir(),
        Err(_) => false,
    }
}
