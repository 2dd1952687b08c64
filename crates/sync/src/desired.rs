use std::collections::BTreeMap;
use std::fs::File;

use stoker_object::ObjectId;

use crate::Error;

/// Who a volume was synced for. Another identity means that what lies on the volume proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Identity {
    /// The resource's namespace.
    pub namespace: String,
    /// The resource's name.
    pub gateway_sync: String,
    /// The profile's name.
    pub profile: String,
    /// The gateway's name.
    pub gateway: String,
}

/// What a gateway's data directory is to hold.
#[derive(Debug, Clone)]
pub struct Desired {
    /// For whom.
    pub identity: Identity,
    /// The commit, and nothing else than this commit.
    pub commit: ObjectId,
    /// The root tree of that commit.
    pub tree: ObjectId,
    /// In order: later mappings overlay earlier ones.
    pub mappings: Vec<Mapping>,
    /// doublestar globs, matched against paths relative to the data directory.
    pub excludes: Vec<String>,
    /// What templates see.
    pub data: TemplateData,
    /// Beyond these a sync stops before anything moves.
    pub limits: Limits,
    /// How much of the past is kept.
    pub undo: UndoPolicy,
    /// Put local changes right although the commit is the one on disk (seeding and commissioning of
    /// a gateway that has never run yet are no drift).
    pub restore: bool,
}

/// One entry of `mappings` (contract, section 1).
#[derive(Debug, Clone, Default)]
pub struct Mapping {
    /// Relative to the repository's root; a template.
    pub source: String,
    /// Relative to the data directory; a template.
    pub destination: String,
    /// `None`: inferred from the tree.
    pub kind: Option<MappingKind>,
    /// A missing source fails the sync.
    pub required: bool,
    /// Render the contents of the files.
    pub template: bool,
    /// JSON edits, after rendering.
    pub patches: Vec<Patch>,
    /// What may be removed.
    pub prune: Prune,
}

/// What a mapping's source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MappingKind {
    /// A directory and all beneath it.
    Dir,
    /// One file.
    File,
}

/// Edits of JSON files.
#[derive(Debug, Clone, Default)]
pub struct Patch {
    /// Which files, relative to the mapping's destination; `None` on a file mapping: the file.
    pub file: Option<String>,
    /// sjson path → value (a template).
    pub set: BTreeMap<String, String>,
}

/// What a mapping may remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Prune {
    /// What was written (or found equal) once and Git no longer has.
    #[default]
    Owned,
    /// Everything that the source does not have: the destination mirrors it.
    All,
}

/// The data of templates (contract, section 1).
#[derive(Debug, Clone, Default)]
pub struct TemplateData {
    /// `.GatewayName`
    pub gateway_name: String,
    /// `.PodName`
    pub pod_name: String,
    /// `.PodOrdinal`
    pub pod_ordinal: i64,
    /// `.Namespace`
    pub namespace: String,
    /// `.Ref`
    pub reference: String,
    /// `.Commit`
    pub commit: String,
    /// `.CRName`
    pub cr_name: String,
    /// `.Labels.<key>`
    pub labels: BTreeMap<String, String>,
    /// `.Vars.<key>`
    pub vars: BTreeMap<String, String>,
}

/// `sync.limits` (contract, section 8).
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Files of the desired tree.
    pub max_files: u64,
    /// Bytes of the desired tree.
    pub max_bytes: u64,
    /// Bytes of one file.
    pub max_file_bytes: u64,
    /// How many files one sync may remove.
    pub max_deletes: MaxDeletes,
}

/// How many files one sync may remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxDeletes {
    /// So many.
    Count(u64),
    /// So many of a hundred managed files, but at least 50.
    Percent(u64),
}

impl MaxDeletes {
    /// The number of files, when `managed` are managed.
    pub fn of(self, managed: u64) -> u64 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => (managed.saturating_mul(percent) / 100).max(50),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_files: 200_000,
            max_bytes: 1 << 30,
            max_file_bytes: 512 << 20,
            max_deletes: MaxDeletes::Percent(25),
        }
    }
}

/// How much of the past is kept.
#[derive(Debug, Clone, Copy)]
pub struct UndoPolicy {
    /// Generations besides generation 0.
    pub generations: u32,
    /// Bytes of their files together, generation 0 and the newest exempt.
    pub max_bytes: u64,
}

impl Default for UndoPolicy {
    fn default() -> Self {
        Self { generations: 3, max_bytes: 256 << 20 }
    }
}

/// What the engine asks of the rules about a gateway's paths. Paths are relative to the data directory.
pub trait Rules {
    /// Stands for everything the answers depend on besides the path: a changed key means a full look.
    fn key(&self) -> String;
    /// Why this path is neither written nor removed, whatever a mapping says.
    fn never_touch(&self, path: &str) -> Option<&'static str>;
    /// Why this path is not removed, although it may be written.
    fn never_delete(&self, path: &str) -> Option<&'static str>;
    /// Whether this path is left alone for now, as if it were excluded (a backup node's replicated files).
    fn skip(&self, path: &str) -> bool;
    /// Whether a file of this name declares the resource that its siblings are the payload of.
    fn declares_resource(&self, name: &str) -> bool;
    /// Why a mapping that mirrors (`prune: all`) must not have this destination.
    fn refuses_prune_all(&self, destination: &str) -> Option<String>;
    /// What remains of a declaring file's content when everything the gateway rewrites by itself is
    /// taken out: two versions of equal essence are the same. `None`: compare the bytes.
    fn essence(&self, name: &str, content: &[u8]) -> Option<ObjectId>;
    /// Whether a file of this name, which declares a resource, may bear a signature over itself and its siblings.
    fn signs(&self, name: &str) -> bool {
        let _ = name;
        false
    }
    /// A declaring file that was rendered or patched, or whose siblings were: the bytes it has to have instead of
    /// `written`, with a signature that fits them. `None`: it is right as it is, because it was not signed, or
    /// `committed` already bore a signature that fits nothing.
    ///
    /// `payload` opens a file of its directory by name; `None`: there is none, or it is not to be had.
    fn resign(
        &self,
        name: &str,
        committed: &[u8],
        written: &[u8],
        payload: &mut OpenPayload<'_>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let _ = (name, committed, written, payload);
        Ok(None)
    }
}

/// Opens a payload file of a resource.
pub type OpenPayload<'a> = dyn FnMut(&str, Version) -> Result<Option<File>, Error> + 'a;

/// Which bytes of a file that a sync may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// As the commit has them.
    Committed,
    /// As they are on the gateway after the sync: rendered and patched.
    Written,
}

/// Where the trees of the wanted commit are.
pub trait Trees {
    /// Puts the bytes of tree `id` into `bytes` (cleared first). An error ends the sync.
    fn tree(&mut self, id: &ObjectId, bytes: &mut Vec<u8>) -> Result<(), String>;
}
