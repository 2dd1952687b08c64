//! One directory of the desired tree: what all mappings together put into it.

use std::collections::BTreeMap;

use stoker_glob::PathFilter;
use stoker_object::{Entries, Entry, Mode, ObjectId};

use super::mapping::{Resolved, Source, bad_tree, read_tree};
use crate::path::{check_name, folded, join, shown};
use crate::{Desired, Error, Rules, Trees};

/// A directory to be looked at.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// Mappings that put a tree here: (index, tree), in order.
    pub trees: Vec<(usize, ObjectId)>,
    /// The same in the commit that was synced before; `None` when that is not known.
    pub before: Option<Vec<(usize, ObjectId)>>,
    /// Mappings whose destination lies deeper, and how many of its components are above.
    pub pins: Vec<(usize, usize)>,
    /// At or beneath the destination of a directory mapping: what lies here is looked at.
    pub territory: bool,
    /// At or beneath the destination of a mapping that mirrors.
    pub mirrored: bool,
    /// A file is to stand where this directory is.
    pub in_the_way: bool,
}

/// A file that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WantedFile {
    pub mapping: usize,
    pub source: ObjectId,
    pub executable: bool,
}

/// What is wanted in a directory.
#[derive(Debug, Default)]
pub(crate) struct Children {
    pub files: BTreeMap<String, WantedFile>,
    pub dirs: BTreeMap<String, Node>,
}

/// What the merge of a directory needs.
pub(crate) struct Merge<'a> {
    pub desired: &'a Desired,
    pub mappings: &'a [Resolved<'a>],
    pub filter: &'a PathFilter,
    pub rules: &'a dyn Rules,
}

impl Merge<'_> {
    /// The root of the data directory, with every active mapping pinned to it.
    pub(crate) fn root(&self) -> Node {
        let mut root = Node { before: Some(Vec::new()), ..Node::default() };
        for (index, mapping) in self.mappings.iter().enumerate() {
            match mapping.source {
                Source::Missing => {}
                Source::Dir(tree) if mapping.key.destination.is_empty() => self.mount(&mut root, index, tree),
                _ => root.pins.push((index, 0)),
            }
        }
        root
    }

    /// Reads a node's trees and merges them: later mappings overlay earlier ones.
    pub(crate) fn children(&self, path: &str, node: &Node, trees: &mut dyn Trees) -> Result<Children, Error> {
        let mut children = Children::default();
        let mut bytes = Vec::new();
        // In the order of mappings, so that the later one wins whether it comes by a tree or by a pin.
        let mut sources: Vec<(usize, Option<ObjectId>, usize)> =
            node.trees.iter().map(|(index, tree)| (*index, Some(*tree), 0)).collect();
        sources.extend(node.pins.iter().map(|(index, depth)| (*index, None, *depth)));
        sources.sort_by_key(|(index, ..)| *index);
        for (index, tree, depth) in sources {
            let Some(tree) = tree else {
                self.pin(path, &mut children, index, depth)?;
                continue;
            };
            read_tree(trees, self.desired, &tree, &mut bytes)?;
            for entry in Entries::new(&bytes) {
                let entry = entry.map_err(|error| bad_tree(self.desired, &tree, path, &error))?;
                self.add(path, &mut children, index, &entry)?;
            }
        }
        for child in children.dirs.values_mut() {
            child.territory |= node.territory;
            child.mirrored |= node.mirrored;
        }
        self.add_before(path, node, &mut children, trees, &mut bytes)?;
        check_collisions(path, &children)?;
        Ok(children)
    }

    fn add(&self, path: &str, children: &mut Children, index: usize, entry: &Entry<'_>) -> Result<(), Error> {
        let name = std::str::from_utf8(entry.name).map_err(|_| Error::UnsafePath {
            path: join(path, &shown(&String::from_utf8_lossy(entry.name))),
            why: "is not UTF-8, which a gateway needs. Rename it in the repository",
        })?;
        let full = join(path, name);
        let is_dir = entry.mode == Mode::Tree;
        if self.filter.excluded(&full, is_dir) || (!is_dir && self.rules.skip(&full)) {
            return Ok(());
        }
        check_name(name).map_err(|why| Error::UnsafePath { path: shown(&full), why })?;
        match entry.mode {
            Mode::Tree => {
                let child = children.dirs.entry(name.to_owned()).or_default();
                child.trees.push((index, entry.id));
            }
            Mode::File { executable } => {
                if let Some(rule) = self.rules.never_touch(&full) {
                    let mapping = self.mappings[index].key.source.clone();
                    return Err(Error::NeverTouch { path: shown(&full), rule, mapping });
                }
                let file = WantedFile { mapping: index, source: entry.id, executable };
                children.files.insert(name.to_owned(), file);
            }
            Mode::Symlink => return Err(self.not_a_file(&full, index, "symbolic link")),
            Mode::Submodule => return Err(self.not_a_file(&full, index, "submodule")),
        }
        Ok(())
    }

    fn not_a_file(&self, full: &str, index: usize, what: &'static str) -> Error {
        let key = &self.mappings[index].key;
        let inside = full.strip_prefix(key.destination.as_str()).unwrap_or(full).trim_start_matches('/');
        Error::NotAFile { path: shown(&join(&key.source, inside)), destination: shown(full), what }
    }

    fn pin(&self, path: &str, children: &mut Children, index: usize, depth: usize) -> Result<(), Error> {
        let mapping = &self.mappings[index];
        let mut rest = mapping.key.destination.split('/').skip(depth);
        let Some(name) = rest.next() else { return Ok(()) };
        if rest.next().is_some() {
            children.dirs.entry(name.to_owned()).or_default().pins.push((index, depth + 1));
            return Ok(());
        }
        let full = join(path, name);
        match mapping.source {
            Source::Missing => {}
            Source::Dir(tree) => {
                let mut child = children.dirs.remove(name).unwrap_or_default();
                self.mount(&mut child, index, tree);
                children.dirs.insert(name.to_owned(), child);
            }
            Source::File { id, executable } => {
                if self.filter.excluded(&full, false) || self.rules.skip(&full) {
                    return Ok(());
                }
                if let Some(rule) = self.rules.never_touch(&full) {
                    let mapping = mapping.key.source.clone();
                    return Err(Error::NeverTouch { path: shown(&full), rule, mapping });
                }
                children.files.insert(name.to_owned(), WantedFile { mapping: index, source: id, executable });
            }
        }
        Ok(())
    }

    /// A directory mapping's destination.
    fn mount(&self, node: &mut Node, index: usize, tree: ObjectId) {
        let mapping = &self.mappings[index];
        node.trees.push((index, tree));
        node.territory = true;
        node.mirrored |= mapping.mapping.prune == crate::Prune::All;
        if let Some(before) = mapping.before {
            node.before.get_or_insert_default().push((index, before));
        }
    }

    /// Finds the children's trees of the commit before, so that what did not change can be passed over.
    fn add_before(
        &self,
        path: &str,
        node: &Node,
        children: &mut Children,
        trees: &mut dyn Trees,
        bytes: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let Some(before) = &node.before else { return Ok(()) };
        // The same trees: the same children. Not where a mapping is pinned: it brings what it was before itself.
        if node.pins.is_empty() && before == &node.trees {
            for child in children.dirs.values_mut() {
                child.before = Some(child.trees.clone());
            }
            return Ok(());
        }
        for (index, tree) in before {
            if trees.tree(tree, bytes).is_err() {
                return Ok(());
            }
            for entry in Entries::new(bytes) {
                let entry = entry.map_err(|error| bad_tree(self.desired, tree, path, &error))?;
                let child = std::str::from_utf8(entry.name).ok().and_then(|name| children.dirs.get_mut(name));
                if let (Mode::Tree, Some(child)) = (entry.mode, child) {
                    child.before.get_or_insert_default().push((*index, entry.id));
                }
            }
        }
        for child in children.dirs.values_mut() {
            if let Some(before) = &mut child.before {
                before.sort_by_key(|(index, _)| *index);
            }
        }
        Ok(())
    }
}

/// Names that differ in case only, or a file and a directory of one name, cannot both be written.
fn check_collisions(path: &str, children: &Children) -> Result<(), Error> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for name in children.files.keys().chain(children.dirs.keys()) {
        let Some(other) = seen.insert(folded(name), name) else { continue };
        let why = if other == name {
            "one is a file and the other a directory"
        } else {
            "their names differ in case only, and a gateway's backups do not tell them apart"
        };
        return Err(Error::Collision {
            first: shown(&join(path, other)),
            second: shown(&join(path, name)),
            why,
        });
    }
    Ok(())
}
