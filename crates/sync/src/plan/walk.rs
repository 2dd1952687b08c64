//! The merge, in path order, of desired tree, manifest and what lies on the volume. Its memory follows
//! the depth and the largest directory, not the number of files.

use std::collections::{BTreeMap, BTreeSet};

use stoker_object::ObjectId;

use super::decide::{Claim, Decision, Found, Target, foreign, unwanted, wanted};
use super::known::{Known, inside};
use super::node::{Children, Merge, Node, WantedFile};
use super::{Summary, Trust};
use crate::fs::{DirCursor, Live, Stat, hash_file, look, names, open_file, read_small};
use crate::path::{MAX_DEPTH, join, shown};
use crate::render::Renderer;
use crate::reuse::Removed;
use crate::state::journal::{JournalWriter, Old, Op, Origin, Record};
use crate::state::manifest::{Entry, Rendered};
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
type Names = (BTreeSet<String>, BTreeSet<String>);

/// Whether something of a directory's own files changes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    No,
    Perhaps,
    Yes,
}

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

    fn pass(&mut self, path: &str) -> Result<bool, Error> {
        let mut any = false;
        while self.known.peek_in(path).is_some() {
            let Some(entry) = self.known.take()? else { break };
            self.count_wanted()?;
            self.summary.known_bytes += entry.stat.size;
            self.summary.unchanged += 1;
            any = true;
        }
        Ok(any)
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
            let manifest = self.known.peek_dir(path);
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
        while self.known.peek_in(path).is_some() {
            if self.known.take()?.is_none() {
                break;
            }
            self.summary.left += 1;
        }
        Ok(true)
    }

    fn files(
        &mut self,
        path: &str,
        node: &Node,
        children: &Children,
        listing: Option<&Names>,
    ) -> Result<bool, Error> {
        let mut known = BTreeMap::new();
        while self.known.peek_in(path).is_some() {
            let Some(entry) = self.known.take()? else { break };
            known.insert(inside(&entry.path, path).to_owned(), entry);
        }
        let rules = self.merge.rules;
        let mut todo: BTreeSet<(bool, &str)> = BTreeSet::new();
        let all =
            children.files.keys().chain(known.keys()).chain(listing.iter().flat_map(|(_, others)| others));
        todo.extend(all.map(|name| (rules.declares_resource(name), name.as_str())));
        let (mut stays, mut change) = (false, Change::No);
        for (declares, name) in todo {
            let full = join(path, name);
            let blocks = children.dirs.contains_key(name);
            let early = declares || node.in_the_way || blocks;
            let entry = known.get(name);
            let Some(file) = children.files.get(name) else {
                let listed = listing.is_none_or(|(_, others)| others.contains(name));
                let left = self.not_wanted(&full, entry, node, early, listed, &mut change)?;
                if left && blocks {
                    return Err(Error::InTheWay {
                        path: shown(&full),
                        why: "the commit has a directory there, and the file is not ours",
                    });
                }
                stays |= left;
                continue;
            };
            stays = true;
            self.count_wanted()?;
            let listed = listing
                .is_none_or(|(directories, others)| others.contains(name) || directories.contains(name));
            self.one_wanted(&full, *file, entry, listed, declares, &mut change)?;
        }
        Ok(stays)
    }

    fn count_wanted(&mut self) -> Result<(), Error> {
        self.summary.files += 1;
        let most = self.merge.desired.limits.max_files;
        if self.summary.files <= most {
            return Ok(());
        }
        Err(Error::Limit {
            what: "the commit has too many files for this gateway",
            figure: format!("more than {most} files"),
            limit: most.to_string(),
            field: "sync.limits.maxFiles",
            next: "Narrow the mappings, or raise the limit",
        })
    }

    fn one_wanted(
        &mut self,
        full: &str,
        file: WantedFile,
        known: Option<&Entry>,
        listed: bool,
        declares: bool,
        change: &mut Change,
    ) -> Result<(), Error> {
        let rendering = self.renderer.rendering(file.mapping, full);
        let rendered = rendering.as_ref().map(|rendering| {
            let volatile = known.and_then(|entry| entry.rendered).is_some_and(|rendered| rendered.volatile);
            Rendered { key: rendering.key(&file.source, volatile), volatile }
        });
        let content = match rendered {
            None => Some(file.source),
            Some(rendered) => {
                known.filter(|entry| entry.rendered == Some(rendered)).map(|entry| entry.content)
            }
        };
        let found = if listed { self.found(full, known, declares)? } else { Found::Absent };
        let target = Target { content, rendered: rendered.is_some(), executable: file.executable };
        let drift_stays = self.same && !self.merge.desired.restore;
        let mut decision = wanted(target, known, found, drift_stays);
        if decision == Decision::Blocked {
            // The directory was walked before: what is in it goes early, or the walk has ended there.
            let origin = if target.rendered { Origin::Render } else { Origin::Staged(0) };
            let old = Old::Absent;
            decision = Decision::Step(Op::Write { old, origin, local: false, only_with_siblings: false });
        }
        let stat = match found {
            Found::File { stat, .. } => stat,
            _ => Stat::default(),
        };
        let entry = Entry {
            path: full.to_owned(),
            source: file.source,
            content: content.unwrap_or_default(),
            executable: file.executable,
            mapping: u16::try_from(file.mapping).unwrap_or(u16::MAX),
            rendered,
            essence: known.filter(|entry| Some(entry.content) == content).and_then(|entry| entry.essence),
            stat,
        };
        decision = rewritten_with_siblings(decision, declares, found, *change);
        let provenance_moved =
            known.is_some_and(|known| (known.source, known.mapping) != (entry.source, entry.mapping));
        if decision == Decision::Unchanged && provenance_moved {
            decision = Decision::Step(Op::Adopt);
        }
        self.enact(decision, entry, change)
    }

    fn not_wanted(
        &mut self,
        full: &str,
        known: Option<&Entry>,
        node: &Node,
        early: bool,
        listed: bool,
        change: &mut Change,
    ) -> Result<bool, Error> {
        let rules = self.merge.rules;
        let untouchable =
            self.merge.filter.excluded(full, false) || rules.skip(full) || rules.never_touch(full).is_some();
        if untouchable {
            self.summary.left += u64::from(known.is_some());
            return Ok(true);
        }
        let kept = rules.never_delete(full).is_some();
        let declares = rules.declares_resource(crate::path::split(full).1);
        let decision = match known {
            Some(entry) => {
                let claim =
                    if self.known.table.covers(entry) && !kept { Claim::Ours } else { Claim::Released };
                let found = if listed { self.found(full, known, declares)? } else { Found::Absent };
                unwanted(entry, claim, found, early)
            }
            None if node.mirrored && !kept => foreign(true, self.found(full, None, false)?, early),
            None => Decision::Unmanaged,
        };
        let entry = known.cloned().unwrap_or_else(|| Entry::unknown(full));
        self.summary.left += u64::from(known.is_some() && decision == Decision::Unmanaged);
        self.enact(decision, entry, change)?;
        Ok(decision == Decision::Unmanaged)
    }

    fn found(&mut self, full: &str, known: Option<&Entry>, declares: bool) -> Result<Found, Error> {
        let (directory, name) = crate::path::split(full);
        let root = self.dirs.root_path().to_owned();
        let failed = |what| Error::io(what, root.join(full));
        let Some(dir) = self.dirs.at(directory)? else { return Ok(Found::Absent) };
        let (stat, executable) = match look(dir, name).map_err(failed("examine"))? {
            Live::Absent => return Ok(Found::Absent),
            Live::Dir => return Ok(Found::Dir),
            Live::Other => return Ok(Found::Other),
            Live::File { stat, executable } => (stat, executable),
        };
        let trusted = |entry: &&Entry| {
            entry.stat.vouches(&stat) && (stat.mtime < self.racy_from || stat.mtime == self.stamp)
        };
        if let Some(entry) = known.filter(trusted) {
            return Ok(Found::File { content: entry.content, executable, stat, same_essence: true });
        }
        self.summary.hashed += 1;
        let file = open_file(dir, name).map_err(failed("open"))?;
        let content = hash_file(&file, stat.size, &mut self.buffer).map_err(failed("read"))?;
        let mut same_essence = known.is_some_and(|entry| entry.content == content);
        if let Some(essence) = known.and_then(|entry| entry.essence).filter(|_| declares && !same_essence) {
            let file = open_file(dir, name).map_err(failed("open"))?;
            let bytes = read_small(&file, MAX_DECLARATION).map_err(failed("read"))?;
            same_essence = bytes.and_then(|bytes| self.merge.rules.essence(name, &bytes)) == Some(essence);
        }
        Ok(Found::File { content, executable, stat, same_essence })
    }

    fn enact(&mut self, decision: Decision, entry: Entry, change: &mut Change) -> Result<(), Error> {
        self.summary.count(decision, &entry);
        let Decision::Step(op) = decision else { return Ok(()) };
        if let Op::Delete { old: Old::File { content, .. }, .. } = op {
            self.removed.note(content, &entry.path);
        }
        let certain = match op {
            Op::Write { origin: Origin::Render, .. } => Change::Perhaps,
            Op::Write { .. } | Op::Delete { .. } => Change::Yes,
            Op::Adopt | Op::Forget => Change::No,
        };
        *change = certain.max(*change);
        self.out.push(&Record { entry, op })
    }
}

/// The gateway notices a changed payload by its manifest, so that is written anew with it.
fn rewritten_with_siblings(decision: Decision, declares: bool, found: Found, change: Change) -> Decision {
    let right = matches!(decision, Decision::Unchanged | Decision::Step(Op::Adopt));
    let Found::File { content, executable, .. } = found else { return decision };
    if !declares || !right || change == Change::No {
        return decision;
    }
    Decision::Step(Op::Write {
        old: Old::File { content, executable },
        origin: Origin::Live,
        local: false,
        only_with_siblings: change == Change::Perhaps,
    })
}
