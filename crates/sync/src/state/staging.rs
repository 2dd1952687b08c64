//! Blobs that have arrived and rendered files, on the gateway's own volume, each under its content's id.
//!
//! Nothing here is fsynced one by one and nothing has to be: a file counts only once its bytes hash
//! to its name, which is looked at when the staging area is opened and again right before the rename.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, Mode, OFlags};
use stoker_object::ObjectId;

use super::stand_ins::StandIns;
use crate::fs::hash_file;
use crate::seen::Seen;
use crate::{Error, Limits};

/// Left free for the gateway's own database and logs.
const RESERVE: u64 = 16 << 20;
/// The free space is asked for again after so many bytes.
const ASK_EVERY: u64 = 1 << 20;
/// Entries that [`Seen`] has room for: with more it only asks the file system more often.
const ENTRIES: u64 = 50_000;
/// The file that is being received.
const INCOMING: &str = "incoming";

/// The staging area of a volume.
pub struct Staging {
    dir: PathBuf,
    fd: OwnedFd,
    /// What may be there: of most blobs that are not, it says so without asking the file system.
    present: Seen,
    limits: Limits,
    written: u64,
    /// What was written when the free space was last asked for; `None` before the first time.
    asked_at: Option<u64>,
    refusal: Option<Error>,
    stand_ins: StandIns,
}

impl Staging {
    /// Opens it, and drops what does not hash to its name (a power cut leaves such files).
    pub(crate) fn open(dir: PathBuf) -> Result<Self, Error> {
        fs::create_dir_all(&dir).map_err(Error::io("create", &dir))?;
        let (mut buffer, mut present) = (Vec::new(), Seen::for_entries(ENTRIES));
        for entry in fs::read_dir(&dir).map_err(Error::io("read", &dir))? {
            let path = entry.map_err(Error::io("read", &dir))?.path();
            match genuine(&path, &mut buffer) {
                Ok(Some(id)) => {
                    present.insert(&id);
                }
                Ok(None) | Err(_) => remove(&path)?,
            }
        }
        let fd = File::open(&dir).map_err(Error::io("open", &dir))?.into();
        let stand_ins = StandIns::open(&dir)?;
        Ok(Self {
            dir,
            fd,
            present,
            limits: Limits::default(),
            written: 0,
            asked_at: None,
            refusal: None,
            stand_ins,
        })
    }

    /// The limits for what comes next.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.refusal = None;
    }

    /// Whether the content is there, whole.
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.present.may_contain(id)
            && rustix::fs::accessat(&self.fd, id.hex().as_str(), Access::EXISTS, AtFlags::empty()).is_ok()
    }

    /// Keeps a whole small blob whose id was checked. A kill in between leaves a file that does not hash
    /// to its name, which the next start drops.
    pub fn small(&mut self, id: &ObjectId, content: &[u8]) -> io::Result<()> {
        self.admit(content.len() as u64)?;
        let name = id.hex();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o644);
        let mut file = File::from(rustix::fs::openat(&self.fd, name.as_str(), flags, mode)?);
        if let Err(error) = file.write_all(content) {
            // What is half there must not be taken for the whole.
            rustix::fs::unlinkat(&self.fd, name.as_str(), AtFlags::empty())?;
            return Err(error);
        }
        self.present.insert(id);
        Ok(())
    }

    /// A new file for a blob of `size` bytes; one at a time.
    pub fn create(&mut self, size: u64) -> io::Result<File> {
        self.admit(size)?;
        fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(self.dir.join(INCOMING))
    }

    /// The file made last holds this blob.
    pub fn keep(&mut self, id: &ObjectId) -> io::Result<()> {
        rustix::fs::renameat(&self.fd, INCOMING, &self.fd, id.hex().as_str())?;
        self.present.insert(id);
        Ok(())
    }

    /// Reads a kept blob.
    pub fn get(&self, id: &ObjectId) -> io::Result<Option<File>> {
        if !self.present.may_contain(id) {
            return Ok(None);
        }
        match File::open(self.path(id, 0)) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// From now on the staged content `content` is what belongs where the commit has `blob`: a blob that only says
    /// which bytes are meant. It is remembered as long as the content is.
    pub fn stand_in(&mut self, blob: &ObjectId, content: &ObjectId) -> Result<(), Error> {
        self.stand_ins.put(blob, content)
    }

    /// What belongs where the commit has `blob`, if that is another content, and staged.
    pub fn stood_in(&self, blob: &ObjectId) -> Option<ObjectId> {
        self.stand_ins.get(blob).filter(|content| self.contains(content))
    }

    /// A rendered file lies at `from`: keep it under its content's id.
    pub(crate) fn adopt(&mut self, from: &Path, id: &ObjectId) -> Result<(), Error> {
        fs::rename(from, self.path(id, 0)).map_err(Error::io("rename", from))?;
        self.present.insert(id);
        Ok(())
    }

    /// Whether nothing was there when it was opened, nor came since.
    pub fn is_empty(&self) -> bool {
        self.present.is_empty()
    }

    /// Why the last `small` or `create` was refused, if a limit or the free space was the reason.
    pub fn take_refusal(&mut self) -> Option<Error> {
        self.refusal.take()
    }

    /// The name of the nth copy of a content.
    pub(crate) fn name(id: &ObjectId, copy: u32) -> String {
        if copy == 0 { id.to_string() } else { format!("{id}.{copy}") }
    }

    pub(crate) fn path(&self, id: &ObjectId, copy: u32) -> PathBuf {
        self.dir.join(Self::name(id, copy))
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Removes everything: the sync is done, or the volume is full and the gateway needs the room.
    pub fn clear(&mut self) -> Result<(), Error> {
        self.written = 0;
        self.asked_at = None;
        self.present = Seen::for_entries(ENTRIES);
        self.stand_ins.clear()?;
        for entry in fs::read_dir(&self.dir).map_err(Error::io("read", &self.dir))? {
            remove(&entry.map_err(Error::io("read", &self.dir))?.path())?;
        }
        Ok(())
    }

    fn admit(&mut self, size: u64) -> io::Result<()> {
        let verdict = self.check(size);
        verdict.map_err(|refusal| {
            let message = refusal.to_string();
            self.refusal = Some(refusal);
            io::Error::other(message)
        })
    }

    fn check(&mut self, size: u64) -> Result<(), Error> {
        check_file_size(size, self.limits)?;
        self.written += size;
        if self.written > self.limits.max_bytes {
            return Err(Error::Limit {
                what: "the commit's changed files are too large together",
                figure: format!("more than {} bytes", self.written),
                limit: self.limits.max_bytes.to_string(),
                field: "sync.limits.maxBytes",
                next: "Narrow the mappings, or raise the limit",
            });
        }
        if size >= ASK_EVERY || self.asked_at.is_none_or(|at| self.written - at >= ASK_EVERY) {
            self.asked_at = Some(self.written);
            ensure_room(&self.dir, size, 1)?;
        }
        Ok(())
    }
}

/// One file's share of `sync.limits`.
pub(crate) fn check_file_size(size: u64, limits: Limits) -> Result<(), Error> {
    if size <= limits.max_file_bytes {
        return Ok(());
    }
    Err(Error::Limit {
        what: "a file is too large",
        figure: format!("{size} bytes"),
        limit: limits.max_file_bytes.to_string(),
        field: "sync.limits.maxFileBytes",
        next: "Take the file out of the mapping, or raise the limit",
    })
}

/// Checks that the volume has room for so many bytes and inodes, and the reserve.
pub(crate) fn ensure_room(dir: &Path, bytes: u64, inodes: u64) -> Result<(), Error> {
    let space = rustix::fs::statvfs(dir).map_err(|error| Error::io("examine", dir)(error.into()))?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    let full =
        |needed: String, available: String| Error::DiskFull { path: dir.to_owned(), needed, available };
    // The reserve is at most a twentieth: a small test or edge volume keeps most of its room.
    let reserve = RESERVE.min(space.f_blocks.saturating_mul(space.f_frsize) / 20);
    if free < bytes.saturating_add(reserve) {
        return Err(full(format!("{} bytes", bytes.saturating_add(reserve)), format!("{free} bytes")));
    }
    // File systems without a fixed number of inodes (btrfs, overlay) say 0 of 0.
    if space.f_files > 0 && space.f_favail < inodes.saturating_add(64) {
        return Err(full(format!("{inodes} inodes"), format!("{} inodes", space.f_favail)));
    }
    Ok(())
}

/// The id that a file is named after, if its bytes hash to it.
fn genuine(path: &Path, buffer: &mut Vec<u8>) -> io::Result<Option<ObjectId>> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Ok(id) = name.parse::<ObjectId>() else { return Ok(None) };
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(None);
    }
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    Ok((hash_file(&file, size, buffer)? == id).then_some(id))
}

fn remove(path: &Path) -> Result<(), Error> {
    let is_dir = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let removed = if is_dir { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stoker_object::blob_id;

    #[test]
    fn what_was_staged_survives_and_what_is_damaged_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let area = dir.path().join("staging");
        let (good, bad) = (blob_id(b"good"), blob_id(b"bad"));
        let mut staging = Staging::open(area.clone()).unwrap();
        staging.small(&good, b"good").unwrap();
        staging.create(3).unwrap().write_all(b"bad").unwrap();
        staging.keep(&bad).unwrap();
        fs::write(area.join(bad.to_string()), "").unwrap();
        fs::write(area.join("incoming"), "half").unwrap();

        let staging = Staging::open(area.clone()).unwrap();
        assert!(staging.contains(&good) && !staging.contains(&bad));
        assert_eq!(fs::read_dir(area).unwrap().count(), 1);
    }

    #[test]
    fn a_file_without_bytes_can_be_staged_first_and_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut staging = Staging::open(dir.path().join("s")).unwrap();
        for _ in 0..2 {
            staging.small(&blob_id(b""), b"").unwrap();
        }
        staging.small(&blob_id(b"x"), b"x").unwrap();
        assert!(staging.contains(&blob_id(b"")) && staging.contains(&blob_id(b"x")));
    }

    #[test]
    fn limits_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let mut staging = Staging::open(dir.path().join("s")).unwrap();
        staging.set_limits(Limits { max_file_bytes: 10, max_bytes: 15, ..Limits::default() });
        assert!(staging.create(11).is_err());
        let refusal = staging.take_refusal().unwrap();
        assert_eq!(refusal.reason(), "LimitExceeded");
        assert!(refusal.to_string().contains("maxFileBytes"), "{refusal}");
        staging.small(&blob_id(b"0123456789"), b"0123456789").unwrap();
        assert!(staging.create(10).is_err());
        assert!(staging.take_refusal().unwrap().to_string().contains("maxBytes"));
    }
}
