//! Reading one resource: its manifest and every file that the manifest lists.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::de::IgnoredAny;
use sha2::{Digest as _, Sha256};

use super::manifest::Manifest;
use crate::record::What;

pub(crate) type Digest = [u8; 32];

/// A resource that keeps being replaced is looked at so many times before a scan gives up on it.
const MAX_LOOKS: usize = 50;
/// A file changed so shortly before it was read could change again without its times showing it.
const RACY: Duration = Duration::from_millis(100);
/// Of `config.json` so much is kept, for the resources that the gateway itself obeys.
const KEPT_CONFIG: usize = 16 * 1024;

/// Which file it was, and which state of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub inode: u64,
    pub size: u64,
    pub modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        Self {
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }

    /// Nobody has written to it or replaced it. Its ctime also moves when somebody links it or changes its
    /// mode.
    pub fn not_written_since(&self, earlier: &Self) -> bool {
        (self.inode, self.size, self.modified) == (earlier.inode, earlier.size, earlier.modified)
    }

    fn is_racy(&self, read: SystemTime) -> bool {
        let since = read.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().saturating_sub(RACY);
        let limit = (i64::try_from(since.as_secs()).unwrap_or(i64::MAX), i64::from(since.subsec_nanos()));
        self.modified.max(self.changed) >= limit
    }
}

/// A file as it was read.
#[derive(Clone, Debug)]
pub(crate) struct SeenFile {
    pub stamp: Stamp,
    pub digest: Digest,
    /// Whether the stamp vouches for the digest from now on.
    settled: bool,
    /// Of a small `config.json`.
    pub content: Option<Arc<[u8]>>,
}

const IN_PLACE: &str = "it was written in place";

/// What is wrong, and with which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// A payload's name; empty for the manifest itself.
    pub name: String,
    pub what: What,
    pub detail: String,
}

impl Flaw {
    fn new(name: &str, what: What, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), what, detail: detail.into() }
    }
}

/// A resource as it was at one moment: its manifest did not change while the files were read.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub stamp: Stamp,
    pub digest: Digest,
    pub manifest: Manifest,
    /// In the order of the manifest's list.
    pub files: Vec<(String, SeenFile)>,
}

/// What there was to see of a resource.
pub(crate) enum Sight {
    /// It has no manifest (any more).
    Gone,
    Whole(Box<Seen>),
    Flawed(Vec<Flaw>),
    /// It was replaced as often as it was looked at: the next scan may have more luck.
    Restless,
}

/// Reads a resource. `earlier` saves the reading of files that have not changed since.
pub(crate) fn observe(path: &Path, earlier: Option<&Seen>) -> Sight {
    for _ in 0..MAX_LOOKS {
        // Held open to the end: an inode in use is not given to another file, so equal numbers are the same
        // file.
        let mut manifest = match open(path, "") {
            Ok(manifest) => manifest,
            Err(flaw) if flaw.what == What::MissingFile => return Sight::Gone,
            Err(flaw) => return Sight::Flawed(vec![flaw]),
        };
        let outcome = look(&mut manifest, path.parent().unwrap_or(path), earlier);
        match (manifest.fate(path), outcome) {
            (Fate::Written, _) => {
                return Sight::Flawed(vec![Flaw::new("", What::ChangedWhileRead, IN_PLACE)]);
            }
            (Fate::Stayed, Ok(seen)) => return Sight::Whole(Box::new(seen)),
            (Fate::Stayed, Err(flaws)) => return Sight::Flawed(flaws),
            // The next version was renamed in, or this one removed, and its files with it: look again. What
            // was broken is broken all the same.
            (Fate::Replaced, Ok(_)) => {}
            (Fate::Replaced, Err(mut flaws)) => {
                flaws.retain(|flaw| flaw.what != What::MissingFile);
                if !flaws.is_empty() {
                    return Sight::Flawed(flaws);
                }
            }
        }
    }
    Sight::Restless
}

fn look(manifest: &mut Opened, directory: &Path, earlier: Option<&Seen>) -> Result<Seen, Vec<Flaw>> {
    let read =
        manifest.read(true).map_err(|error| vec![Flaw::new("", What::Unreadable, error.to_string())])?;
    let parsed =
        Manifest::parse(&read.content).map_err(|(what, detail)| vec![Flaw::new("", what, detail)])?;
    let (mut files, mut flaws, mut opened) = (Vec::with_capacity(parsed.files.len()), Vec::new(), Vec::new());
    for name in &parsed.files {
        let before = earlier.and_then(|seen| seen.files.iter().find(|(other, _)| other == name));
        let seen = open(&directory.join(name), name).and_then(|mut file| {
            let seen = payload(&mut file, name, before.map(|(_, file)| file));
            opened.push((name, file));
            seen
        });
        match seen {
            Ok(file) => files.push((name.clone(), file)),
            Err(flaw) => flaws.push(flaw),
        }
    }
    for (name, file) in &opened {
        if file.fate(&directory.join(name)) == Fate::Written {
            flaws.retain(|flaw| flaw.name != **name);
            flaws.push(Flaw::new(name, What::ChangedWhileRead, IN_PLACE));
        }
    }
    if flaws.is_empty() {
        Ok(Seen { stamp: manifest.stamp, digest: read.digest, manifest: parsed, files })
    } else {
        Err(flaws)
    }
}

fn payload(file: &mut Opened, name: &str, before: Option<&SeenFile>) -> Result<SeenFile, Flaw> {
    if let Some(before) = before.filter(|before| before.settled && before.stamp == file.stamp) {
        return Ok(before.clone());
    }
    let is_json = Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let settled = !file.stamp.is_racy(SystemTime::now());
    let Bytes { digest, content } =
        file.read(is_json).map_err(|error| Flaw::new(name, What::Unreadable, error.to_string()))?;
    if is_json {
        serde_json::from_slice::<IgnoredAny>(&content)
            .map_err(|error| Flaw::new(name, What::BrokenJson, error.to_string()))?;
    }
    let keep = name == "config.json" && content.len() <= KEPT_CONFIG;
    Ok(SeenFile { stamp: file.stamp, digest, settled, content: keep.then(|| content.into()) })
}

/// A file through one descriptor, whatever is renamed over its path meanwhile.
struct Opened {
    file: File,
    /// As it was when it was opened.
    stamp: Stamp,
}

/// What became of a file since it was opened.
#[derive(PartialEq)]
enum Fate {
    Stayed,
    /// Somebody wrote into it.
    Written,
    /// Its path has another file by now, or none.
    Replaced,
}

struct Bytes {
    digest: Digest,
    /// All of them, when they were to be kept.
    content: Vec<u8>,
}

fn open(path: &Path, name: &str) -> Result<Opened, Flaw> {
    // A pipe in a file's place must not keep the scan waiting for somebody who writes into it.
    let without_waiting = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let opened = File::options()
        .read(true)
        .custom_flags(without_waiting)
        .open(path)
        .and_then(|file| file.metadata().map(|meta| (file, meta)));
    match opened {
        Ok((file, meta)) if meta.is_file() => Ok(Opened { file, stamp: Stamp::of(&meta) }),
        Ok(_) => Err(Flaw::new(name, What::Unreadable, "it is not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Flaw::new(name, What::MissingFile, "the manifest lists it"))
        }
        Err(error) => Err(Flaw::new(name, What::Unreadable, error.to_string())),
    }
}

impl Opened {
    fn read(&mut self, keep: bool) -> io::Result<Bytes> {
        let (mut hash, mut content, mut buffer) = (Sha256::new(), Vec::new(), vec![0; 64 * 1024]);
        loop {
            match self.file.read(&mut buffer) {
                Ok(0) => return Ok(Bytes { digest: hash.finalize().into(), content }),
                Ok(count) => {
                    hash.update(&buffer[..count]);
                    if keep {
                        content.extend_from_slice(&buffer[..count]);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn fate(&self, path: &Path) -> Fate {
        let now = self.file.metadata().map(|meta| Stamp::of(&meta));
        if !now.is_ok_and(|now| now.not_written_since(&self.stamp)) {
            return Fate::Written;
        }
        let there = fs::metadata(path).is_ok_and(|meta| meta.ino() == self.stamp.inode);
        if there { Fate::Stayed } else { Fate::Replaced }
    }
}
