//! The merge, in path order, of desired tree, manifest and what lies on the volume. Its memory follows
//! the depth and the largest directory, not the number of files.

use std::collections::{BTreeMap, BTreeSet};

use stoker_object::ObjectId;

use super::known::Known;
use super::node::{Children, Merge, Node, WantedFile};
use super::{Summary, Trust};
use crate::fs::{DirCursor, Live, look, names};
use crate::path::{MAX_DEPTH, join, shown};
use crate::render::Renderer;
use crate::reuse::Removed;
use crate::state::journal::JournalWriter;
use crate::{Error, Trees};

/// A declaring file larger than this is compared byte by byte.
pub(crate) const MAX_DECLARATION: u64 = 1 << 20;

/// The state of a walk.
pub(crate) struct Walk<'a> {
    pub merge: Merge<'a>,
    pub renderer: &'a Renderer<'a>,
    pub trees: &'a mut dyn Trees,
    pub dirs: DirCursor,
    pub known: Known<'a>,
    pub out: JournalWriter,
    pub summary: Summary,
    pub removed: Removed,
    pub trust: Trust<'a>,
    /// The commit and all that decides besides are those of the manifest.
    pub same: bool,
    /// Modification times from here on (nanoseconds) vouch for nothing, but for `stamp`.
    pub racy_from: i64,
    pub stamp: i64,
    pub buffer: Vec<u8>,
}

/// What lies in a directory: the names of its directories, and of everything else.
pub(super) type Names = (BTreeSet<String>, BTreeSet<String>);

impl Walk<'_> {
    /// Walks a directory and all beneath; true if something stays in it.
    pub(crate) fn directory(&mut self, path: &str, node: &Node, depth: usize) -> Result<bool, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::UnsafePath { path: shown(path), why: "is more than 100 directories deep" });
        }
        if self.may_pass(path, node) {
            return self.pass(path);
        }
        let mut children = self.merge.children(path, node, self.trees)?;
        let listing = self.list(path, node)?;
        let mut stays = self.directories(path, node, &mut children, listing.as_ref(), depth)?;
        stays |= self.files(path, node, &children, listing.as_ref())?;
        Ok(stays)
    }

    /// Nothing beneath changed in Git, and nothing signalled a change on the volume.
    fn may_pass(&self, path: &str, node: &Node) -> bool {
        let stable = |(index, _): &(usize, ObjectId)| self.same || !self.renderer.renders(*index);
        node.territory
            && node.pins.is_empty()
            && !node.trees.is_empty()
            && node.before.as_ref() == Some(&node.trees)
            && node.trees.iter().all(stable)
            && self.trust.vouches_for(path)
    }

    /// Its files are counted when all was walked: see [`Known::passed`].
    fn pass(&mut self, path: &str) -> Result<bool, Error> {
        self.known.pass(path)?;
        Ok(true)
    }

    fn list(&mut self, path: &str, node: &Node) -> Result<Option<Names>, Error> {
        if !node.territory {
            return Ok(None);
        }
        let root = self.dirs.root_path().to_owned();
        let Some(dir) = self.dirs.at(path)? else { return Ok(Some(Default::default())) };
        let (mut directories, mut others) = (BTreeSet::new(), BTreeSet::new());
        names(dir, &mut self.buffer, &mut |name, is_dir| {
            let names = if is_dir { &mut directories } else { &mut others };
            names.insert(name.to_owned());
        })
        .map_err(Error::io("read", root.join(path)))?;
        Ok(Some((directories, others)))
    }

    fn directories(
        &mut self,
        path: &str,
        node: &Node,
        children: &mut Children,
        listing: Option<&Names>,
        depth: usize,
    ) -> Result<bool, Error> {
        let mut todo: BTreeSet<String> = children.dirs.keys().cloned().collect();
        match listing {
            Some((directories, _)) => todo.extend(directories.iter().cloned()),
            None => todo.extend(self.directories_in_place_of(path, &children.files)?),
        }
        let mut stays = false;
        loop {
            let manifest = self.known.peek_dir(path)?;
            let name = match (todo.first(), manifest) {
                (Some(name), Some(other)) if other < name.as_str() => other.to_owned(),
                (Some(name), _) => name.clone(),
                (None, Some(other)) => other.to_owned(),
                (None, None) => return Ok(stays),
            };
            todo.remove(&name);
            let full = join(path, &name);
            let child = children.dirs.get_mut(&name).map(std::mem::take);
            if child.is_none() && self.is_foreign(&full, true) {
                stays |= self.leave(&full)?;
                continue;
            }
            let in_the_way = node.in_the_way || children.files.contains_key(&name);
            let mut child = child.unwrap_or(Node {
                territory: node.territory || in_the_way,
                mirrored: node.mirrored,
                ..Node::default()
            });
            child.in_the_way = in_the_way;
            let left = self.directory(&full, &child, depth + 1)?;
            if left && child.in_the_way && !node.in_the_way {
                return Err(Error::InTheWay {
                    path: shown(&full),
                    why: "the commit has a file there, and the directory holds files that are not ours",
                });
            }
            stays |= left;
        }
    }

    /// Where a directory is not listed, those of its directories that stand where a file has to go.
    fn directories_in_place_of(
        &mut self,
        path: &str,
        files: &BTreeMap<String, WantedFile>,
    ) -> Result<Vec<String>, Error> {
        let root = self.dirs.root_path().to_owned();
        let Some(dir) = self.dirs.at(path)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for name in files.keys() {
            if look(dir, name).map_err(Error::io("examine", root.join(join(path, name))))? == Live::Dir {
                found.push(name.clone());
            }
        }
        Ok(found)
    }

    /// A directory that is neither wanted nor to be looked into.
    fn is_foreign(&self, full: &str, is_dir: bool) -> bool {
        self.merge.filter.excluded(full, is_dir) || self.merge.rules.never_touch(full).is_some()
    }

    /// Passes over what the manifest has there; it stays in the manifest.
    fn leave(&mut self, path: &str) -> Result<bool, Error> {
        while self.known.peek_in(path)?.is_some() {
            if self.known.take()?.is_none() {
                break;
            }
            self.summary.left += 1;
        }
        Ok(true)
    }
}
