//! From what is wanted and what lies there to what has to happen. Nothing outside the state directory is touched.

mod decide;
mod files;
mod known;
mod mapping;
mod node;
mod signed;
mod summary;
mod walk;

pub(crate) use known::inside;
pub(crate) use mapping::{Resolved, Source};
pub use summary::{Change, ChangeKind, Summary};
pub(crate) use walk::MAX_DECLARATION;

use std::collections::BTreeSet;
use std::path::PathBuf;

use stoker_glob::PathFilter;
use stoker_object::ObjectId;

use crate::fs::DirCursor;
use crate::render::{Context, Place, Renderer};
use crate::reuse::Removed;
use crate::state::journal::{JournalHeader, JournalReader, JournalWriter, Op, Origin};
use crate::state::manifest::{Header, ManifestReader, is_damaged};
use crate::state::staging::{Staging, ensure_room};
use crate::volume::{Volume, unless_damaged};
use crate::{Desired, Error, Rules, Trees, clock};
use known::Known;
use node::Merge;
use walk::Walk;

/// Times within this of a manifest's writing vouch for nothing: file systems' clocks are coarse.
const RACY_NANOS: i64 = 20_000_000;

/// Which directories need no look.
#[derive(Debug, Clone, Copy)]
pub enum Trust<'a> {
    /// All are looked at.
    Nothing,
    /// Every managed directory is watched and only these (relative to the data directory) signalled a change.
    AllBut(&'a BTreeSet<String>),
}

impl Trust<'_> {
    /// Whether neither this directory nor any beneath needs a look.
    fn vouches_for(self, directory: &str) -> bool {
        let Self::AllBut(dirty) = self else { return false };
        if directory.is_empty() {
            return dirty.is_empty();
        }
        let inside = format!("{directory}/");
        !dirty.contains(directory)
            && dirty.range(inside.clone()..).next().is_none_or(|next| !next.starts_with(&inside))
    }
}

/// What a sync would do. It lies in a file of the state directory.
#[derive(Debug)]
pub struct Plan {
    /// Counts and the first paths of each kind.
    pub summary: Summary,
    pub(crate) header: JournalHeader,
    pub(crate) path: PathBuf,
    pub(crate) places: Vec<Place>,
    pub(crate) removed: Removed,
}

impl Plan {
    /// Nothing to write, nothing to remove, and the manifest is right.
    pub fn is_nothing(&self) -> bool {
        self.summary.steps == 0 && !self.summary.header_changed
    }

    /// Calls `each` with every path that is written and the commit's blob that its bytes are, or are made of.
    pub fn sources(&self, each: &mut dyn FnMut(&str, ObjectId)) -> Result<(), Error> {
        let Some((mut journal, _)) = JournalReader::open(&self.path)? else { return Ok(()) };
        while let Some(record) = journal.next()? {
            if let Op::Write { origin: Origin::Render | Origin::Staged(_), .. } = record.op {
                each(&record.entry.path, record.entry.source);
            }
        }
        Ok(())
    }

    /// The blobs that have to come from Git: neither on the volume nor staged. A blob may come twice.
    pub fn wants(&self, staging: &Staging) -> Result<Wants, Error> {
        let journal = JournalReader::open(&self.path)?.map(|(reader, _)| reader);
        Ok(Wants { journal, staging: staging.dir().to_owned(), empty: staging.is_empty() })
    }
}

/// Iterates over the blobs that are missing.
pub struct Wants {
    journal: Option<JournalReader>,
    staging: PathBuf,
    empty: bool,
}

impl Iterator for Wants {
    type Item = Result<ObjectId, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let record = match self.journal.as_mut()?.next() {
                Ok(record) => record?,
                Err(error) => {
                    self.journal = None;
                    return Some(Err(error));
                }
            };
            let Op::Write { origin, .. } = record.op else { continue };
            let blob = match origin {
                Origin::Live => continue,
                Origin::Render => record.entry.source,
                Origin::Staged(_) => record.entry.content,
            };
            if self.empty || !self.staging.join(Staging::name(&blob, 0)).exists() {
                return Some(Ok(blob));
            }
        }
    }
}

/// Makes the plan. Where the manifest turns out to be damaged on the way, everything is looked at without it.
pub(crate) fn plan(
    volume: &Volume,
    desired: &Desired,
    trees: &mut dyn Trees,
    rules: &dyn Rules,
    trust: Trust<'_>,
) -> Result<Plan, Error> {
    let old = unless_damaged(ManifestReader::open(volume.state_dir(), rules))?;
    match plan_over(old, volume, desired, trees, rules, trust) {
        Err(error) if is_damaged(&error, volume.state_dir()) => {
            plan_over(None, volume, desired, trees, rules, Trust::Nothing)
        }
        planned => planned,
    }
}

fn plan_over(
    old: Option<(ManifestReader<'_>, Header)>,
    volume: &Volume,
    desired: &Desired,
    trees: &mut dyn Trees,
    rules: &dyn Rules,
    trust: Trust<'_>,
) -> Result<Plan, Error> {
    let context = Context::new(&desired.data);
    let filter = PathFilter::new(&desired.excludes)
        .map_err(|error| Error::Pattern { pattern: error.pattern.clone(), why: error.to_string() })?;
    let base = old.as_ref().map(|(reader, _)| reader.id().to_string());
    let (reader, old) = old.unzip();
    let old_tree = old.as_ref().and_then(|header| header.tree.parse().ok());
    let mappings = mapping::resolve(desired, old_tree, &context, trees, rules)?;
    let fingerprint = mapping::fingerprint(desired, &mappings, &context, rules).to_string();
    let places: Vec<Place> = mappings.iter().map(Place::of).collect();
    let renderer = Renderer::new(&context, &desired.mappings, &places)?;

    let same_rules = old.as_ref().is_some_and(|old| old.fingerprint == fingerprint);
    let same = same_rules && old.as_ref().is_some_and(|old| old.commit == desired.commit.to_string());
    let planned_at = clock::now_millis();
    let mut known = Known::new(reader.zip(old.as_ref()), &mappings);
    let header = Header {
        identity: desired.identity.clone(),
        commit: desired.commit.to_string(),
        tree: desired.tree.to_string(),
        fingerprint,
        generation: old.as_ref().map_or(0, |old| old.generation),
        written_at: planned_at,
        mappings: std::mem::take(&mut known.table.keys),
        ..Header::default()
    };
    known.table.keys.clone_from(&header.mappings);
    let path = volume.plan_path();
    let merge = Merge { desired, mappings: &mappings, filter: &filter, rules };
    let root = merge.root();
    let mut walk = Walk {
        merge,
        renderer: &renderer,
        trees,
        dirs: DirCursor::new(volume.data_dir())?,
        known,
        out: JournalWriter::create(&path, &JournalHeader::default())?,
        summary: Summary::default(),
        removed: Removed::default(),
        trust: if same_rules { trust } else { Trust::Nothing },
        same,
        racy_from: old.as_ref().map_or(i64::MIN, |old| {
            i64::try_from(old.written_at).unwrap_or(0).saturating_mul(1_000_000) - RACY_NANOS
        }),
        stamp: old.as_ref().map_or(0, |old| old.stamp),
        buffer: Vec::new(),
    };
    walk.directory("", &root, 0)?;
    walk.count_passed()?;
    let Walk { mut summary, out, removed, .. } = walk;
    out.finish()?;

    summary.first = old.is_none();
    summary.same = same;
    summary.skipped = skipped(&mappings);
    summary.header_changed = old.as_ref().is_none_or(|old| {
        (&old.commit, &old.fingerprint, &old.identity)
            != (&header.commit, &header.fingerprint, &header.identity)
    });
    check_deletes(desired, &summary, old.as_ref().map_or(0, |old| old.files))?;
    ensure_room(volume.state_dir(), 0, summary.writes() * 2)?;
    let header = JournalHeader {
        manifest: Header { files: summary.files + summary.left, ..header },
        keep_dirs: mappings.iter().map(|mapping| mapping.key.destination.clone()).collect(),
        operations: summary.steps,
        base,
        ..JournalHeader::default()
    };
    Ok(Plan { summary, header, path, places, removed })
}

fn skipped(mappings: &[Resolved<'_>]) -> Vec<String> {
    let missing = mappings.iter().filter(|mapping| mapping.source == Source::Missing);
    missing.map(|mapping| mapping.key.source.clone()).collect()
}

fn check_deletes(desired: &Desired, summary: &Summary, managed: u64) -> Result<(), Error> {
    let most = desired.limits.max_deletes.of(managed);
    if summary.deleted <= most {
        return Ok(());
    }
    let first: Vec<&str> = summary
        .changes
        .iter()
        .filter(|change| change.kind == ChangeKind::Deleted)
        .map(|change| change.path.as_str())
        .take(3)
        .collect();
    Err(Error::Limit {
        what: "the commit removes too many files at once",
        figure: format!("{} of {managed} (such as {})", summary.deleted, first.join(", ")),
        limit: most.to_string(),
        field: "sync.limits.maxDeletes",
        next: "If that is meant, raise the limit for this commit; if not, correct the repository or the mapping",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_dirty_directories_and_those_above_them_need_a_look() {
        let dirty: BTreeSet<String> = ["a/b-x", "a/b/c", "z"].map(str::to_owned).into();
        let trust = Trust::AllBut(&dirty);
        for directory in ["", "a", "a/b", "a/b/c", "a/b-x", "z"] {
            assert!(!trust.vouches_for(directory), "{directory:?}");
        }
        for directory in ["a/b/c/d", "a/b/d", "a/bb", "b", "zz", "a/b-x/y"] {
            assert!(trust.vouches_for(directory), "{directory:?}");
        }
        assert!(Trust::AllBut(&BTreeSet::new()).vouches_for("") && !Trust::Nothing.vouches_for("b"));
    }
}
