//! The scanner: reads the data directory as a gateway would, and is never content with half of something.
//!
//! Observe (`walk`, `observe`), decide (`judge`), act (here): load, keep, or record an incident.

mod judge;
mod loaded;
mod manifest;
mod observe;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

pub use loaded::{Loaded, Project, Resource};
pub(crate) use manifest::{Manifest, OF_RESOURCES};

use crate::record::{Incident, Kind, Trigger, What};
use judge::{Verdict, judge};
use observe::{Flaw, Seen, Sight, observe};

/// How often a resource is looked at whose manifest is awaited.
const AGAIN: Duration = Duration::from_millis(10);

/// What is loaded, and what was complained about.
pub(crate) struct Scanner {
    root: PathBuf,
    /// By manifest, for each kind.
    versions: [BTreeMap<String, Seen>; 2],
    /// What was last found wrong with a manifest's resource, so that it is said once.
    complaints: BTreeMap<String, Vec<Flaw>>,
    /// Since when a manifest has been behind its payloads.
    unsettled: BTreeMap<String, Instant>,
}

/// What a scan did.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub incidents: Vec<Incident>,
    pub loaded: usize,
    pub unloaded: usize,
}

/// How a scan may pass its time: sleeps so long, and says whether to go on.
pub(crate) type Pause<'p> = &'p dyn Fn(Duration) -> bool;

impl Scanner {
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            versions: [BTreeMap::new(), BTreeMap::new()],
            complaints: BTreeMap::new(),
            unsettled: BTreeMap::new(),
        }
    }

    /// Forgets all that is loaded, as a restart does.
    pub fn forget(&mut self) {
        *self = Self::new(&self.root);
    }

    pub fn loaded(&self) -> Loaded {
        Loaded::of(&self.versions)
    }

    /// Scans one kind. A scan that was asked for waits up to `settle` for manifests that are behind their
    /// payloads.
    pub fn scan(&mut self, kind: Kind, trigger: Trigger, settle: Duration, pause: Pause) -> Outcome {
        let mut outcome = Outcome::default();
        let found = walk::manifests(&self.root, kind);
        for (directory, error) in &found.unreadable {
            let flaw = Flaw { name: String::new(), what: What::Unreadable, detail: error.to_string() };
            self.complain(directory, vec![flaw], trigger, &mut outcome);
        }
        for path in &found.manifests {
            self.look_at(kind, path, trigger, settle, &mut outcome);
        }
        self.unload_missing(kind, &found, &mut outcome);
        while trigger != Trigger::Interval && self.awaits_some(kind) && pause(AGAIN) {
            let awaited: Vec<String> = self.awaited(kind).cloned().collect();
            for path in awaited {
                self.look_at(kind, &path, trigger, settle, &mut outcome);
            }
        }
        outcome
    }

    /// Loads one resource that the gateway itself has just written.
    pub fn reload(&mut self, kind: Kind, path: &str) {
        if let Sight::Whole(seen) = observe(&self.root.join(path), None) {
            self.load(kind, path, *seen);
        }
    }

    /// Manifests that are behind their payloads and not yet complained about.
    fn awaited(&self, kind: Kind) -> impl Iterator<Item = &String> {
        let versions = &self.versions[kind.index()];
        self.unsettled
            .keys()
            .filter(move |path| versions.contains_key(*path) && !self.complaints.contains_key(*path))
    }

    fn awaits_some(&self, kind: Kind) -> bool {
        self.awaited(kind).next().is_some()
    }

    fn look_at(&mut self, kind: Kind, path: &str, trigger: Trigger, settle: Duration, outcome: &mut Outcome) {
        let loaded = self.versions[kind.index()].get(path);
        match observe(&self.root.join(path), loaded) {
            Sight::Restless => {}
            Sight::Gone => self.unload(kind, path, outcome),
            Sight::Flawed(flaws) => self.complain(path, flaws, trigger, outcome),
            Sight::Whole(seen) => match judge(loaded, &seen) {
                Verdict::Load => {
                    self.load(kind, path, *seen);
                    outcome.loaded += 1;
                }
                Verdict::Same => self.load(kind, path, *seen),
                Verdict::Flawed(flaws) => self.complain(path, flaws, trigger, outcome),
                Verdict::Unsettled(flaws) => {
                    if !self.unsettled.contains_key(path) {
                        self.unsettled.insert(path.to_owned(), Instant::now());
                        self.complaints.remove(path);
                    }
                    let since = self.unsettled[path];
                    if since.elapsed() >= settle {
                        self.complain(path, flaws, trigger, outcome);
                    }
                }
            },
        }
    }

    fn load(&mut self, kind: Kind, path: &str, seen: Seen) {
        self.versions[kind.index()].insert(path.to_owned(), seen);
        self.complaints.remove(path);
        self.unsettled.remove(path);
    }

    fn unload(&mut self, kind: Kind, path: &str, outcome: &mut Outcome) {
        outcome.unloaded += usize::from(self.versions[kind.index()].remove(path).is_some());
        self.complaints.remove(path);
        self.unsettled.remove(path);
    }

    fn unload_missing(&mut self, kind: Kind, found: &walk::Found, outcome: &mut Outcome) {
        let there: BTreeSet<&String> = found.manifests.iter().collect();
        let unseen = |path: &String| {
            found.unreadable.iter().any(|(directory, _)| path.starts_with(directory.as_str()))
        };
        let gone: Vec<String> = self.versions[kind.index()]
            .keys()
            .filter(|path| !there.contains(path) && !unseen(path))
            .cloned()
            .collect();
        for path in gone {
            self.unload(kind, &path, outcome);
        }
        let of_this_kind = |path: &String| path.starts_with(kind.as_str());
        self.complaints.retain(|path, _| !of_this_kind(path) || there.contains(path) || unseen(path));
    }

    fn complain(&mut self, path: &str, flaws: Vec<Flaw>, trigger: Trigger, outcome: &mut Outcome) {
        if self.complaints.get(path) == Some(&flaws) {
            return;
        }
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let at = SystemTime::now();
        outcome.incidents.extend(flaws.iter().map(|flaw| Incident {
            path: if flaw.name.is_empty() { path.to_owned() } else { format!("{directory}/{}", flaw.name) },
            what: flaw.what,
            detail: flaw.detail.clone(),
            seen_by: trigger,
            at,
        }));
        self.complaints.insert(path.to_owned(), flaws);
    }
}
