//! A gateway's data directory with our state in it: the one way to plan, apply, look and go back.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use crate::path::{beneath, split};
use crate::state::journal::JournalReader;
use crate::state::manifest::{self, Header, ManifestReader};
use crate::state::staging::Staging;
use crate::{Error, Identity, Rules, clock};

/// The state directory's name in the data directory.
pub const STATE_DIR: &str = ".stoker";

/// The journal's name in the state directory.
const JOURNAL: &str = "journal";

/// An open volume. While it is open no other agent on this node works on it.
pub struct Volume {
    data_dir: PathBuf,
    state_dir: PathBuf,
    /// Holds the kernel's lock; it fences one node only.
    _lock: Option<File>,
    /// The manifest's header as it was read last, and which file that was.
    header: RefCell<Option<([Option<FileId>; 2], Header)>>,
}

/// Tells a file from the one that takes its place: inode, size, modification time.
type FileId = (u64, u64, i64, i64);

/// What was synced to a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// For whom.
    pub identity: Identity,
    /// The commit that is on disk, in hex; empty after a rollback to what was there before the first sync.
    pub commit: String,
    /// Managed files.
    pub files: u64,
    /// Milliseconds since 1970.
    pub at: u64,
    /// The generation that leads back from here.
    pub generation: u64,
}

/// Why nothing is applied, kept on the volume so that it outlives everything.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Hold {
    /// For people.
    pub reason: String,
    /// Milliseconds since 1970.
    pub since: u64,
    /// The commit that a rollback left.
    pub left_commit: String,
}

/// What the agent has to remember of a volume besides what is on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Files were put in place, and the gateway was not yet asked to load them.
    ScanPending,
    /// The gateway has run, commissioned, with what was synced.
    Ran,
}

impl Mark {
    const fn file(self) -> &'static str {
        match self {
            Self::ScanPending => "scan-pending",
            Self::Ran => "ran",
        }
    }
}

impl Volume {
    /// Opens a data directory and takes its lock. `holder` tells others who we are.
    pub fn open(data_dir: &Path, holder: &str) -> Result<Self, Error> {
        let data_dir = data_dir.canonicalize().map_err(Error::io("open", data_dir))?;
        let state_dir = data_dir.join(STATE_DIR);
        for dir in [&data_dir, &state_dir, &state_dir.join("undo")] {
            real_dir(dir)?;
        }
        let lock = lock(&data_dir, &state_dir.join("lock"), holder)?;
        manifest::convert(&state_dir)?;
        Ok(Self { data_dir, state_dir, _lock: Some(lock), header: RefCell::default() })
    }

    /// Opens a data directory to look at only: no lock, nothing is made.
    pub fn open_read_only(data_dir: &Path) -> Result<Self, Error> {
        let data_dir = data_dir.canonicalize().map_err(Error::io("open", data_dir))?;
        let state_dir = data_dir.join(STATE_DIR);
        Ok(Self { data_dir, state_dir, _lock: None, header: RefCell::default() })
    }

    /// Whether an apply was interrupted here, so that [`Self::finish`] has something to do. Makes nothing.
    pub fn is_interrupted(data_dir: &Path) -> bool {
        data_dir.join(STATE_DIR).join(JOURNAL).exists()
    }

    /// What was synced here; `None` for a volume without a (readable) manifest.
    pub fn synced(&self) -> Result<Option<Synced>, Error> {
        Ok(self.header()?.map(synced))
    }

    /// The destinations of the mappings that an interrupted apply, or the last sync, is about: rules for
    /// work without the resource are made from them.
    pub fn destinations(&self) -> Result<Vec<String>, Error> {
        let journal = unless_damaged(JournalReader::open(&self.journal_path()))?;
        let mut all = journal.map(|(_, header)| header.keep_dirs).unwrap_or_default();
        let synced = self.header()?.map(|header| header.mappings).unwrap_or_default();
        all.extend(synced.into_iter().map(|key| key.destination));
        Ok(all)
    }

    /// The staging area: what is in it counts once its bytes were checked, which this does.
    pub fn staging(&self) -> Result<Staging, Error> {
        Staging::open(self.state_dir.join("staging"))
    }

    /// Where the trees of the synced commit are kept.
    pub fn trees_dir(&self) -> PathBuf {
        self.state_dir.join("trees")
    }

    /// The data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The state directory.
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// The hold, if there is one. One that cannot be read still holds.
    pub fn hold(&self) -> Result<Option<Hold>, Error> {
        let path = self.hold_path();
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).unwrap_or_else(|_| Hold {
                reason: "the hold file cannot be read".to_owned(),
                ..Hold::default()
            }))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", path)(error)),
        }
    }

    /// Holds the volume: nothing is applied until it is released.
    pub fn set_hold(&self, reason: &str, left_commit: &str) -> Result<(), Error> {
        let hold = Hold {
            reason: reason.to_owned(),
            since: clock::now_millis(),
            left_commit: left_commit.to_owned(),
        };
        let path = self.hold_path();
        let text = serde_json::to_vec(&hold).unwrap_or_default();
        self.replace(&path, &text)
    }

    /// Ends a hold; false if there was none.
    pub fn release_hold(&self) -> Result<bool, Error> {
        let path = self.hold_path();
        match fs::remove_file(&path) {
            Ok(()) => sync_dir(&self.state_dir).map(|()| true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io("remove", path)(error)),
        }
    }

    /// Sets or clears a mark, which outlives the agent.
    pub fn set_mark(&self, mark: Mark, set: bool) -> Result<(), Error> {
        let path = self.state_dir.join(mark.file());
        if set {
            File::create(&path).map_err(Error::io("create", &path))?;
            return sync_dir(&self.state_dir);
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Sets the mark for an apply that comes right after: it becomes durable with the journal, without which nothing is
    /// put in place, and costs no wait of its own.
    pub fn set_scan_pending(&self) -> Result<(), Error> {
        let path = self.state_dir.join(Mark::ScanPending.file());
        File::create(&path).map(drop).map_err(Error::io("create", path))
    }

    /// Whether a mark is set.
    pub fn has_mark(&self, mark: Mark) -> bool {
        self.state_dir.join(mark.file()).exists()
    }

    /// Names every directory that holds managed files, or leads to one: each once, the parents of a
    /// directory after it.
    pub fn managed_dirs(&self, rules: &dyn Rules, each: &mut dyn FnMut(&str)) -> Result<(), Error> {
        let Some((mut manifest, _)) = ManifestReader::open(&self.state_dir, rules)? else { return Ok(()) };
        let mut open = String::new();
        while let Some(entry) = manifest.advance()? {
            let directory = split(&entry.path).0;
            while !beneath(directory, &open) {
                each(&open);
                open.truncate(split(&open).0.len());
            }
            directory.clone_into(&mut open);
        }
        while !open.is_empty() {
            each(&open);
            open.truncate(split(&open).0.len());
        }
        Ok(())
    }

    /// Puts a small file in place, durably.
    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let fresh = path.with_extension("new");
        let mut file = File::create(&fresh).map_err(Error::io("create", &fresh))?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::io("write", &fresh))?;
        fs::rename(&fresh, path).map_err(Error::io("rename", &fresh))?;
        sync_dir(&self.state_dir)
    }

    /// The header of a readable manifest; its files are read again only when they are others.
    pub(crate) fn header(&self) -> Result<Option<Header>, Error> {
        let ids =
            [manifest::base_path(&self.state_dir), manifest::changes_path(&self.state_dir)].map(file_id);
        if ids[0].is_none() {
            return Ok(None);
        }
        if let Some((known, header)) = self.header.borrow().as_ref()
            && *known == ids
        {
            return Ok(Some(header.clone()));
        }
        let header = unless_damaged(manifest::header(&self.state_dir))?.map(|(_, header)| header);
        *self.header.borrow_mut() = header.clone().map(|header| (ids, header));
        Ok(header)
    }

    pub(crate) fn plan_path(&self) -> PathBuf {
        self.state_dir.join("plan")
    }

    pub(crate) fn journal_path(&self) -> PathBuf {
        self.state_dir.join(JOURNAL)
    }

    pub(crate) fn undo_dir(&self) -> PathBuf {
        self.state_dir.join("undo")
    }

    pub(crate) fn local_dir(&self) -> PathBuf {
        self.state_dir.join("local")
    }

    fn hold_path(&self) -> PathBuf {
        self.state_dir.join("hold")
    }
}

fn file_id(path: PathBuf) -> Option<FileId> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec()))
}

/// What cannot be read says nothing.
pub(crate) fn unless_damaged<T>(opened: Result<Option<T>, Error>) -> Result<Option<T>, Error> {
    match opened {
        Err(Error::Damaged { .. }) => Ok(None),
        opened => opened,
    }
}

fn synced(header: Header) -> Synced {
    Synced {
        identity: header.identity,
        commit: header.commit,
        files: header.files,
        at: header.written_at,
        generation: header.generation,
    }
}

/// Makes a directory where there is none. A link in its place was put there by somebody else.
fn real_dir(dir: &Path) -> Result<(), Error> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(Error::io("create", dir)(error))
        }
        _ if fs::symlink_metadata(dir).is_ok_and(|metadata| metadata.is_dir()) => Ok(()),
        _ => Err(Error::InTheWay {
            path: dir.display().to_string(),
            why: "it is no directory, and the agent's state has to lie there",
        }),
    }
}

fn lock(data_dir: &Path, path: &Path, holder: &str) -> Result<File, Error> {
    let mut file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(Error::io("open", path))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            // Who holds it is a courtesy: without it the message says less.
            let _ = file.take(200).read_to_string(&mut holder);
            return Err(Error::Busy { path: data_dir.to_owned(), holder: crate::path::shown(holder.trim()) });
        }
        Err(error) => return Err(Error::io("lock", path)(error.into())),
    }
    let written =
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(holder.as_bytes()));
    written.map_err(Error::io("write", path))?;
    Ok(file)
}

/// Makes a directory's entries durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io("sync", dir))
}
