//! The files of one directory: each is decided on, and written down in the order in which it will be done.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::{Claim, Decision, Found, Target, foreign, unwanted, wanted};
use super::known::inside;
use super::node::{Children, Node, WantedFile};
use super::signed::Signed;
use super::walk::{MAX_DECLARATION, Names, Walk};
use crate::Error;
use crate::fs::{Live, Stat, hash_file, look, open_file, read_small};
use crate::path::{join, shown, split};
use crate::state::journal::{Old, Op, Origin, Record};
use crate::state::manifest::{Entry, Rendered};

/// Whether something of a directory's own files changes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    No,
    Perhaps,
    Yes,
}

/// What is known of a directory's files before the next one is looked at.
struct Beside {
    change: Change,
    signed: Option<Signed>,
}

impl Walk<'_> {
    pub(super) fn files(
        &mut self,
        path: &str,
        node: &Node,
        children: &Children,
        listing: Option<&Names>,
    ) -> Result<bool, Error> {
        let mut known = BTreeMap::new();
        while self.known.peek_in(path)?.is_some() {
            let Some(entry) = self.known.take()? else { break };
            known.insert(inside(&entry.path, path).to_owned(), entry);
        }
        let rules = self.merge.rules;
        let mut todo: BTreeSet<(bool, &str)> = BTreeSet::new();
        let all =
            children.files.keys().chain(known.keys()).chain(listing.iter().flat_map(|(_, others)| others));
        todo.extend(all.map(|name| (rules.declares_resource(name), name.as_str())));
        let mut stays = false;
        let signed = Signed::of(path, children, self.renderer, rules);
        let mut beside = Beside { change: Change::No, signed };
        for (declares, name) in todo {
            let full = join(path, name);
            let blocks = children.dirs.contains_key(name);
            let early = declares || node.in_the_way || blocks;
            let entry = known.get(name);
            let Some(file) = children.files.get(name) else {
                let listed = listing.is_none_or(|(_, others)| others.contains(name));
                let left = self.not_wanted(&full, entry, node, early, listed, &mut beside)?;
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
            self.count_wanted(1)?;
            let listed = listing
                .is_none_or(|(directories, others)| others.contains(name) || directories.contains(name));
            self.one_wanted(&full, *file, entry, listed, declares, &mut beside)?;
        }
        for (decision, more, entry) in beside.signed.into_iter().flat_map(Signed::steps) {
            self.step(decision, more, entry)?;
        }
        Ok(stays)
    }

    /// Counts what was passed over as unchanged.
    pub(super) fn count_passed(&mut self) -> Result<(), Error> {
        let (files, bytes) = self.known.passed();
        self.summary.unchanged += files;
        self.summary.known_bytes = self.summary.known_bytes.saturating_add(bytes);
        self.count_wanted(files)
    }

    fn count_wanted(&mut self, files: u64) -> Result<(), Error> {
        self.summary.files = self.summary.files.saturating_add(files);
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
        beside: &mut Beside,
    ) -> Result<(), Error> {
        let (rendered, certain) = self.rendered(full, file, known, beside.signed.as_ref());
        let content = match rendered {
            None => Some(file.source),
            Some(_) => known.filter(|entry| certain && entry.rendered == rendered).map(|entry| entry.content),
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
        decision = rewritten_with_siblings(decision, declares, found, beside.change);
        let provenance_moved =
            known.is_some_and(|known| (known.source, known.mapping) != (entry.source, entry.mapping));
        if decision == Decision::Unchanged && provenance_moved {
            decision = Decision::Step(Op::Adopt);
        }
        self.enact(decision, entry, beside)
    }

    /// What a file's bytes are made from, if they are not the commit's; and whether that says all.
    fn rendered(
        &self,
        full: &str,
        file: WantedFile,
        known: Option<&Entry>,
        signed: Option<&Signed>,
    ) -> (Option<Rendered>, bool) {
        let signs = self.merge.rules.signs(split(full).1);
        if let Some(signed) = signed.filter(|_| signs) {
            let (rendered, certain) = signed.rendered(self.renderer, known);
            return (Some(rendered), certain);
        }
        let rendered = self.renderer.rendering(file.mapping, full).map(|rendering| {
            let volatile = known.and_then(|entry| entry.rendered).is_some_and(|rendered| rendered.volatile);
            Rendered { key: rendering.key(&file.source, volatile), volatile }
        });
        let stand_in = || {
            known.and_then(|entry| entry.rendered).filter(|made| *made == Rendered::stand_in(&file.source))
        };
        (rendered.or_else(stand_in), true)
    }

    fn not_wanted(
        &mut self,
        full: &str,
        known: Option<&Entry>,
        node: &Node,
        early: bool,
        listed: bool,
        beside: &mut Beside,
    ) -> Result<bool, Error> {
        let rules = self.merge.rules;
        let untouchable =
            self.merge.filter.excluded(full, false) || rules.skip(full) || rules.never_touch(full).is_some();
        if untouchable {
            self.summary.left += u64::from(known.is_some());
            return Ok(true);
        }
        let kept = rules.never_delete(full).is_some();
        let declares = rules.declares_resource(split(full).1);
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
        self.enact(decision, entry, beside)?;
        Ok(decision == Decision::Unmanaged)
    }

    fn found(&mut self, full: &str, known: Option<&Entry>, declares: bool) -> Result<Found, Error> {
        let (directory, name) = split(full);
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

    fn enact(&mut self, decision: Decision, entry: Entry, beside: &mut Beside) -> Result<(), Error> {
        let certain = match decision {
            Decision::Step(Op::Write { origin: Origin::Render, .. }) => Change::Perhaps,
            Decision::Step(Op::Write { .. } | Op::Delete { .. }) => Change::Yes,
            _ => Change::No,
        };
        beside.change = certain.max(beside.change);
        if let Some(signed) = &mut beside.signed {
            signed.hold(decision, entry, self.merge.rules);
            return Ok(());
        }
        self.step(decision, None, entry)
    }

    /// Counts what was decided and writes it down, or `more` in its place.
    fn step(&mut self, decision: Decision, more: Option<Op>, entry: Entry) -> Result<(), Error> {
        let known_bytes = self.summary.known_bytes;
        self.summary.count(decision, &entry);
        if more.is_some() {
            // It is counted when it is rendered.
            self.summary.known_bytes = known_bytes;
        }
        let decided = if let Decision::Step(op) = decision { Some(op) } else { None };
        let Some(op) = more.or(decided) else { return Ok(()) };
        if let Op::Delete { old: Old::File { content, .. }, .. } = op {
            self.removed.note(content, &entry.path);
        }
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
