//! What tests of packs, of the tree store and of local repositories share.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::process::Stdio;

use sha1::{Digest as _, Sha1};
use stoker_object::{Hasher, Kind, ObjectId};
use stoker_test_gitserver::Repository;
use tempfile::TempDir;

use super::{Limits, PackStats, receive};
use crate::error::Error;
use crate::store::BlobSink;
use crate::trees::TreeStore;

/// A sink that keeps small blobs in memory and large ones as files, and counts them.
pub(crate) struct Folder {
    blobs: HashMap<ObjectId, Vec<u8>>,
    dir: TempDir,
    incoming: u64,
    pub small: usize,
    pub large: usize,
}

impl Folder {
    fn new() -> Self {
        Self { blobs: HashMap::new(), dir: tempfile::tempdir().unwrap(), incoming: 0, small: 0, large: 0 }
    }

    pub fn content(&self, id: &ObjectId) -> Option<Vec<u8>> {
        self.blobs.get(id).cloned().or_else(|| fs::read(self.dir.path().join(id.to_string())).ok())
    }
}

impl BlobSink for Folder {
    fn contains(&mut self, id: &ObjectId) -> bool {
        self.blobs.contains_key(id) || self.dir.path().join(id.to_string()).exists()
    }

    fn small(&mut self, id: &ObjectId, content: &[u8]) -> io::Result<()> {
        assert_eq!(object_id(Kind::Blob, content), *id);
        self.small += 1;
        self.blobs.insert(*id, content.to_vec());
        Ok(())
    }

    fn create(&mut self, _size: u64) -> io::Result<File> {
        self.incoming += 1;
        let path = self.dir.path().join(format!("incoming-{}", self.incoming));
        OpenOptions::new().read(true).write(true).create_new(true).open(path)
    }

    fn keep(&mut self, id: &ObjectId, file: File) -> io::Result<()> {
        self.large += 1;
        drop(file);
        let from = self.dir.path().join(format!("incoming-{}", self.incoming));
        fs::rename(from, self.dir.path().join(id.to_string()))
    }

    fn open(&mut self, id: &ObjectId) -> io::Result<Option<File>> {
        if let Some(content) = self.blobs.get(id) {
            let mut file = tempfile::tempfile()?;
            file.write_all(content)?;
            return Ok(Some(file));
        }
        match File::open(self.dir.path().join(id.to_string())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            outcome => outcome.map(Some),
        }
    }
}

/// Where a pack is received to.
pub(crate) struct Stores {
    pub trees: TreeStore,
    pub blobs: Folder,
    pub scratch: TempDir,
    /// Removed with the rest.
    _directory: TempDir,
}

impl Stores {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let trees = TreeStore::open(directory.path()).unwrap();
        Self { trees, blobs: Folder::new(), scratch: tempfile::tempdir().unwrap(), _directory: directory }
    }

    pub fn receive(&mut self, pack: &[u8]) -> Result<PackStats, Error> {
        self.receive_within(pack, &Limits::default())
    }

    /// Receives from a reader with a tiny buffer, so that every boundary is met.
    pub fn receive_within(&mut self, pack: &[u8], limits: &Limits) -> Result<PackStats, Error> {
        let mut reader = io::BufReader::with_capacity(61, pack);
        let outcome = receive(&mut reader, &mut self.trees, &mut self.blobs, self.scratch.path(), limits);
        assert_eq!(fs::read_dir(self.scratch.path()).unwrap().count(), 0, "scratch files are left");
        outcome
    }

    /// The object's bytes, from wherever it belongs.
    pub fn content(&mut self, id: &ObjectId) -> Option<(Kind, Vec<u8>)> {
        let mut object = Vec::new();
        match self.trees.read(id, &mut object).unwrap() {
            Some(kind) => Some((kind, object)),
            None => self.blobs.content(id).map(|content| (Kind::Blob, content)),
        }
    }

    /// Compares everything that the repository has with what arrived.
    pub fn assert_has_all(&mut self, repository: &Repository) {
        let objects = all_objects(repository);
        assert!(!objects.is_empty());
        for (id, kind, content) in objects {
            let (our_kind, ours) = self.content(&id).unwrap_or_else(|| panic!("{kind} {id} is missing"));
            assert_eq!(our_kind, kind, "{id}");
            assert!(ours == content, "{kind} {id} differs");
        }
    }
}

/// Every object of a repository, reachable or not, as git itself reads it.
pub(crate) fn all_objects(repository: &Repository) -> Vec<(ObjectId, Kind, Vec<u8>)> {
    let output = repository
        .command()
        .args(["cat-file", "--batch-all-objects", "--batch", "--unordered"])
        .output()
        .unwrap();
    assert!(output.status.success());
    let (mut objects, mut rest) = (Vec::new(), output.stdout.as_slice());
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let head = std::str::from_utf8(&rest[..end]).unwrap();
        let [id, kind, size] = head.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let size: usize = size.parse().unwrap();
        let content = rest[end + 1..end + 1 + size].to_vec();
        rest = &rest[end + 2 + size..];
        let kind = [Kind::Commit, Kind::Tree, Kind::Blob, Kind::Tag]
            .into_iter()
            .find(|candidate| candidate.as_str() == kind)
            .unwrap();
        objects.push((id.parse().unwrap(), kind, content));
    }
    objects
}

/// What `git pack-objects --stdout` makes of everything that `revisions` (lines for `rev-list`) reach, or
/// of the whole repository where there are none.
pub(crate) fn pack_objects(repository: &Repository, arguments: &[&str], revisions: &str) -> Vec<u8> {
    let mut command = repository.command();
    command.args(["pack-objects", "--quiet", "--stdout", "--revs"]).args(arguments);
    if revisions.is_empty() {
        command.arg("--all");
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(revisions.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// The id of an object in memory.
pub(crate) fn object_id(kind: Kind, content: &[u8]) -> ObjectId {
    let mut hasher = Hasher::new(kind, content.len() as u64);
    hasher.update(content);
    hasher.finish().unwrap()
}

/// Bytes that do not compress, the same at every run: a linear congruential generator.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Deflates as git does.
pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A pack that is written by hand.
pub(crate) struct PackBuilder {
    bytes: Vec<u8>,
    count: u32,
}

impl PackBuilder {
    pub fn new() -> Self {
        Self { bytes: b"PACK\0\0\0\x02\0\0\0\0".to_vec(), count: 0 }
    }

    /// Adds an object's head (type number, declared size, what names the base) and its bytes, deflated here.
    /// Gives the place where it begins.
    pub fn add(&mut self, code: u8, size: u64, base: &[u8], inflated: &[u8]) -> u64 {
        self.add_raw(code, size, base, &deflate(inflated))
    }

    pub fn add_raw(&mut self, code: u8, size: u64, base: &[u8], deflated: &[u8]) -> u64 {
        let at = self.bytes.len() as u64;
        let mut rest = size >> 4;
        self.bytes.push(code << 4 | (size & 15) as u8 | if rest > 0 { 0x80 } else { 0 });
        while rest > 0 {
            self.bytes.push((rest & 0x7f) as u8 | if rest > 0x7f { 0x80 } else { 0 });
            rest >>= 7;
        }
        self.bytes.extend_from_slice(base);
        self.bytes.extend_from_slice(deflated);
        self.count += 1;
        at
    }

    pub fn blob(&mut self, content: &[u8]) -> u64 {
        self.add(3, content.len() as u64, &[], content)
    }

    /// A delta on the object `base`.
    pub fn ref_delta(&mut self, base: &ObjectId, delta: &[u8]) -> u64 {
        self.add(7, delta.len() as u64, base.as_bytes(), delta)
    }

    /// A delta on the object that begins at `base`.
    pub fn ofs_delta(&mut self, base: u64, delta: &[u8]) -> u64 {
        let mut distance = self.bytes.len() as u64 - base;
        let mut groups = vec![(distance & 0x7f) as u8];
        while distance > 0x7f {
            distance = (distance >> 7) - 1;
            groups.push((distance & 0x7f) as u8 | 0x80);
        }
        groups.reverse();
        self.add(6, delta.len() as u64, &groups, delta)
    }

    /// The pack with its count and checksum.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes[8..12].copy_from_slice(&self.count.to_be_bytes());
        sealed(self.bytes)
    }
}

/// Appends the checksum.
pub(crate) fn sealed(mut pack: Vec<u8>) -> Vec<u8> {
    let checksum = Sha1::digest(&pack);
    pack.extend_from_slice(&checksum);
    pack
}

/// A delta that copies the first `keep` bytes of a base of `base` bytes and adds `tail`.
pub(crate) fn delta(base: u64, keep: u16, tail: &[u8]) -> Vec<u8> {
    let mut delta = size(base);
    delta.extend(size(u64::from(keep) + tail.len() as u64));
    if keep > 0 {
        let [low, high] = keep.to_le_bytes();
        delta.extend([0x80 | 0x30, low, high]);
    }
    for piece in tail.chunks(127) {
        delta.push(piece.len() as u8);
        delta.extend_from_slice(piece);
    }
    delta
}

/// A size as deltas spell it.
pub(crate) fn size(mut size: u64) -> Vec<u8> {
    let mut groups = Vec::new();
    while size > 0x7f {
        groups.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    groups.push(size as u8);
    groups
}
