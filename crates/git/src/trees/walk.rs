use std::collections::BTreeSet;

use stoker_object::{CommitHeader, Entries, Kind, Mode, ObjectId, TagHeader};

use super::index::Place;
use super::store::TreeStore;
use crate::error::Error;

/// Ids that one answer names.
const MAX_MISSING: usize = 4000;

/// A walk over what objects reach. It remembers where it was by one bit for each object, so that
/// neither a large estate nor a tree that holds itself a million times costs much.
pub(super) struct Walk<'a> {
    store: &'a mut TreeStore,
    seen: Vec<Vec<u8>>,
    missing: BTreeSet<ObjectId>,
    /// Objects to look at.
    stack: Vec<Step>,
}

/// An object that a walk has come to.
struct Step {
    id: ObjectId,
    /// Where it was found: the segment, and the byte there.
    segment: usize,
    at: u64,
    /// The tree that had its place in a complete commit.
    before: Option<ObjectId>,
}

impl<'a> Walk<'a> {
    pub fn new(store: &'a mut TreeStore) -> Self {
        let seen =
            store.segments.iter().map(|segment| vec![0; segment.index.len() as usize / 8 + 1]).collect();
        Self { store, seen, missing: BTreeSet::new(), stack: Vec::new() }
    }

    /// The trees below `root` that are missing, as far as they are not below `complete` too.
    pub fn trees(mut self, root: ObjectId, complete: Option<ObjectId>) -> Result<Vec<ObjectId>, Error> {
        if Some(root) != complete {
            self.enter(root, complete);
        }
        self.run()?;
        Ok(self.missing.into_iter().collect())
    }

    /// A bitmap for each segment of the objects that `roots` reach.
    pub fn reachable(mut self, roots: &[ObjectId]) -> Result<Vec<Vec<u8>>, Error> {
        for root in roots {
            self.enter(*root, None);
        }
        self.run()?;
        Ok(self.seen)
    }

    fn run(&mut self) -> Result<(), Error> {
        let (mut object, mut other) = (Vec::new(), Vec::new());
        while let Some(Step { id, segment, at, before }) = self.stack.pop() {
            if self.missing.len() >= MAX_MISSING {
                break;
            }
            match self.store.read_at(segment, at, &id, &mut object) {
                None => {
                    self.missing.insert(id);
                }
                Some(Kind::Tree) => {
                    let before = match before {
                        Some(before) => self.store.read(&before, &mut other)? == Some(Kind::Tree),
                        None => false,
                    };
                    self.children(&object, if before { &other } else { &[] });
                }
                Some(Kind::Commit) => {
                    if let Some(commit) = CommitHeader::parse(&object) {
                        self.enter(commit.tree, None);
                    }
                }
                Some(Kind::Tag) => {
                    if let Some(tag) = TagHeader::parse(&object) {
                        self.enter(tag.target, None);
                    }
                }
                Some(Kind::Blob) => {}
            }
        }
        Ok(())
    }

    /// Enters the directories of a tree that are not the same in the tree that was there before.
    /// Both are in the same order; where a hostile one is not, more is looked at than necessary. A
    /// tree with an entry that no file system may have ends there: who reads it will refuse it.
    fn children(&mut self, tree: &[u8], before: &[u8]) {
        let directories = |bytes| {
            let entries = Entries::new(bytes).map_while(Result::ok);
            entries.filter(|entry| entry.mode == Mode::Tree)
        };
        let mut others = directories(before).peekable();
        for entry in directories(tree) {
            while others.next_if(|other| slashed(other.name).lt(slashed(entry.name))).is_some() {}
            let other = others.next_if(|other| other.name == entry.name).map(|other| other.id);
            if other != Some(entry.id) {
                self.enter(entry.id, other);
            }
        }
    }

    /// Adds an object to those to look at, once.
    fn enter(&mut self, id: ObjectId, before: Option<ObjectId>) {
        let Some((segment, Place { rank, at })) = self.store.locate(&id) else {
            if self.missing.len() < MAX_MISSING {
                self.missing.insert(id);
            }
            return;
        };
        let (byte, bit) = ((rank / 8) as usize, 1 << (rank % 8));
        if self.seen[segment][byte] & bit == 0 {
            self.seen[segment][byte] |= bit;
            self.stack.push(Step { id, segment, at, before });
        }
    }
}

/// Git sorts a directory as if its name ended with a slash.
fn slashed(name: &[u8]) -> impl Iterator<Item = u8> {
    name.iter().copied().chain([b'/'])
}
