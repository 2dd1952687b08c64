//! A repository in memory, a data directory on disk, and the whole sync in one call.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use stoker_object::{Hasher, Kind, ObjectId, blob_id};
use stoker_sync::{
    Applied, Desired, Error, Identity, Limits, Mapping, OpenPayload, Plan, Prune, Rules, Summary,
    TemplateData, Trees, Trust, UndoPolicy, Version, Volume,
};

/// What a path of a commit is.
#[derive(Clone)]
pub enum Node {
    File(Vec<u8>),
    Executable(Vec<u8>),
    Symlink(String),
    Submodule,
}

/// A repository: commits are maps from path to content.
#[derive(Default)]
pub struct Repo {
    trees: HashMap<ObjectId, Vec<u8>>,
    blobs: HashMap<ObjectId, Vec<u8>>,
    commits: u8,
}

pub struct Commit {
    pub id: ObjectId,
    pub tree: ObjectId,
}

impl Repo {
    pub fn commit(&mut self, files: &[(&str, &str)]) -> Commit {
        let nodes =
            files.iter().map(|(path, content)| (*path, Node::File(content.as_bytes().to_vec()))).collect();
        self.commit_nodes(nodes)
    }

    pub fn commit_nodes(&mut self, nodes: Vec<(&str, Node)>) -> Commit {
        let nodes: BTreeMap<String, Node> =
            nodes.into_iter().map(|(path, node)| (path.to_owned(), node)).collect();
        let tree = self.tree(&nodes, "");
        self.commits += 1;
        Commit { id: ObjectId::from_bytes([self.commits; 20]), tree }
    }

    fn tree(&mut self, nodes: &BTreeMap<String, Node>, directory: &str) -> ObjectId {
        let mut entries: BTreeMap<String, (&str, ObjectId)> = BTreeMap::new();
        for (path, node) in nodes {
            let Some(rest) = path.strip_prefix(directory) else { continue };
            if let Some((name, _)) = rest.split_once('/') {
                let subtree = || ("40000", self.tree(nodes, &format!("{directory}{name}/")));
                entries.entry(format!("{name}/")).or_insert_with(subtree);
                continue;
            }
            let entry = match node {
                Node::File(bytes) => ("100644", self.blob(bytes)),
                Node::Executable(bytes) => ("100755", self.blob(bytes)),
                Node::Symlink(target) => ("120000", self.blob(target.as_bytes())),
                Node::Submodule => ("160000", ObjectId::from_bytes([9; 20])),
            };
            entries.insert(rest.to_owned(), entry);
        }
        let mut bytes = Vec::new();
        for (name, (mode, id)) in entries {
            bytes.extend_from_slice(format!("{mode} {}\0", name.trim_end_matches('/')).as_bytes());
            bytes.extend_from_slice(id.as_bytes());
        }
        let mut hasher = Hasher::new(Kind::Tree, bytes.len() as u64);
        hasher.update(&bytes);
        let id = hasher.finish().unwrap();
        self.trees.insert(id, bytes);
        id
    }

    /// A blob's bytes.
    pub fn bytes(&self, id: &ObjectId) -> &[u8] {
        &self.blobs[id]
    }

    fn blob(&mut self, bytes: &[u8]) -> ObjectId {
        let id = blob_id(bytes);
        self.blobs.insert(id, bytes.to_vec());
        id
    }
}

impl Trees for Repo {
    fn tree(&mut self, id: &ObjectId, bytes: &mut Vec<u8>) -> Result<(), String> {
        bytes.clear();
        bytes.extend_from_slice(self.trees.get(id).ok_or("no such tree")?);
        Ok(())
    }
}

/// A small cousin of the layout's rules.
pub struct TestRules;

impl Rules for TestRules {
    fn key(&self) -> String {
        "test".to_owned()
    }
    fn never_touch(&self, path: &str) -> Option<&'static str> {
        let first = path.split('/').next().unwrap_or_default().to_lowercase();
        match first.as_str() {
            "db" => Some("it is the gateway's internal database"),
            ".stoker" => Some("it is the agent's own state"),
            _ => None,
        }
    }
    fn never_delete(&self, path: &str) -> Option<&'static str> {
        path.contains("user-source").then_some("it would lock people out")
    }
    fn skip(&self, path: &str) -> bool {
        path.starts_with("skipped/")
    }
    fn declares_resource(&self, name: &str) -> bool {
        name == "resource.json" || name == "project.json"
    }
    fn refuses_prune_all(&self, destination: &str) -> Option<String> {
        (destination == "projects").then(|| "map a project instead".to_owned())
    }
    fn essence(&self, name: &str, content: &[u8]) -> Option<ObjectId> {
        let text = std::str::from_utf8(content).ok()?;
        (name == "resource.json").then(|| blob_id(text.split("actor").next().unwrap_or_default().as_bytes()))
    }
    fn signs(&self, name: &str) -> bool {
        name == "resource.json"
    }
    fn resign(
        &self,
        _: &str,
        committed: &[u8],
        written: &[u8],
        payload: &mut OpenPayload<'_>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (committed, written) = (text(committed), text(written));
        let mut read = |name: &str, version| {
            let mut bytes = Vec::new();
            payload(name, version).unwrap()?.read_to_end(&mut bytes).unwrap();
            Some(text(&bytes))
        };
        let before = sign(&committed, &mut |name| read(name, Version::Committed));
        if !committed.contains("actor") || before.as_ref() != Some(&committed) {
            return Ok(None);
        }
        Ok(sign(&written, &mut |name| read(name, Version::Written)).map(String::into_bytes))
    }
}

/// A manifest `files=a,b actor …` with the signature that it should have at its end; nothing if a file is not there.
pub fn sign(manifest: &str, read: &mut dyn FnMut(&str) -> Option<String>) -> Option<String> {
    let body = manifest.split(" actor").next().unwrap_or_default();
    let files =
        body.split_once("files=").map_or("", |(_, files)| files.split(' ').next().unwrap_or_default());
    let mut all = body.to_owned();
    for name in files.split(',').filter(|name| !name.is_empty()) {
        all += &format!("\n{name}={}", read(name)?);
    }
    Some(format!("{body} actor {}", blob_id(all.as_bytes())))
}

/// A gateway's data directory.
pub struct Gateway {
    _temp: tempfile::TempDir,
    pub data: PathBuf,
}

impl Gateway {
    pub fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let data = temp.path().join("data");
        fs::create_dir(&data).unwrap();
        Self { _temp: temp, data }
    }

    pub fn volume(&self) -> Volume {
        Volume::open(&self.data, "test").unwrap()
    }

    pub fn put(&self, path: &str, content: &str) {
        let path = self.data.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // By rename, as an editor does: the inode tells it from the file before.
        let fresh = path.with_extension("editing");
        fs::write(&fresh, content).unwrap();
        fs::rename(fresh, path).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.data.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn has(&self, path: &str) -> bool {
        self.data.join(path).symlink_metadata().is_ok()
    }

    pub fn remove(&self, path: &str) {
        fs::remove_file(self.data.join(path)).unwrap();
    }

    pub fn is_executable(&self, path: &str) -> bool {
        fs::metadata(self.data.join(path)).unwrap().permissions().mode() & 0o100 != 0
    }

    /// Every file but our state, with its content.
    pub fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        collect(&self.data, "", &mut files);
        files
    }

    /// The versions in `local/`, by path.
    pub fn local(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(self.data.join(".stoker/local")).into_iter().flatten() {
            collect(&entry.unwrap().path(), "", &mut files);
        }
        files
    }
}

fn collect(dir: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if name == ".stoker" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{name}/"), files);
        } else {
            files.insert(
                name,
                String::from_utf8_lossy(&fs::read(entry.path()).unwrap_or_default()).into_owned(),
            );
        }
    }
}

pub fn expected(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(path, content)| ((*path).to_owned(), (*content).to_owned())).collect()
}

pub fn map(source: &str, destination: &str) -> Mapping {
    Mapping { source: source.to_owned(), destination: destination.to_owned(), ..Mapping::default() }
}

pub fn mirror(source: &str, destination: &str) -> Mapping {
    Mapping { prune: Prune::All, ..map(source, destination) }
}

pub fn desired(commit: &Commit, mappings: Vec<Mapping>) -> Desired {
    Desired {
        identity: Identity { gateway: "g".to_owned(), ..Identity::default() },
        commit: commit.id,
        tree: commit.tree,
        mappings,
        excludes: vec!["**/.git/".to_owned(), "**/.gitkeep".to_owned(), "**/.resources/**".to_owned()],
        data: TemplateData {
            gateway_name: "press-3".to_owned(),
            commit: commit.id.to_string(),
            reference: "main".to_owned(),
            vars: [("site".to_owned(), "south".to_owned())].into(),
            ..TemplateData::default()
        },
        limits: Limits::default(),
        undo: UndoPolicy::default(),
        restore: false,
    }
}

pub fn run(stop: bool) -> AtomicBool {
    AtomicBool::new(stop)
}

/// A whole sync: what came of it, and the plan's figures.
pub fn sync(gateway: &Gateway, repo: &mut Repo, desired: &Desired) -> Result<(Applied, Summary), Error> {
    sync_trusting(gateway, repo, desired, Trust::Nothing)
}

pub fn sync_trusting(
    gateway: &Gateway,
    repo: &mut Repo,
    desired: &Desired,
    trust: Trust<'_>,
) -> Result<(Applied, Summary), Error> {
    let volume = gateway.volume();
    volume.finish(&TestRules, &run(false))?;
    let plan = volume.plan(desired, repo, &TestRules, trust)?;
    let summary = plan.summary.clone();
    let mut staging = volume.staging()?;
    staging.set_limits(desired.limits);
    stage(repo, &plan, &mut staging)?;
    let prepared = volume.prepare(&mut staging, plan, desired, &TestRules)?;
    let applied = volume.apply(&mut staging, prepared, &TestRules, &run(false))?;
    volume.tidy(desired.undo, &TestRules)?;
    Ok((applied, summary))
}

/// What the fetch does.
pub fn stage(repo: &Repo, plan: &Plan, staging: &mut stoker_sync::Staging) -> Result<usize, Error> {
    let wants: Vec<ObjectId> = plan.wants(staging)?.collect::<Result<_, _>>()?;
    for id in &wants {
        let bytes = repo.blobs.get(id).unwrap_or_else(|| panic!("{id} is not in the repository"));
        if let Err(error) = staging.small(id, bytes) {
            return Err(staging.take_refusal().unwrap_or_else(|| panic!("{error}")));
        }
    }
    Ok(wants.len())
}
