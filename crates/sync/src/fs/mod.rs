//! Files beneath one directory, reached without ever following a symbolic link.
//!
//! Every path is walked component by component from an open descriptor of the root, each opened with
//! `O_NOFOLLOW`: what `openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)` gives, on every kernel and
//! under every seccomp profile, and the descriptors of the directories above are needed anyway.

mod cursor;
mod durable;
mod hash;

pub(crate) use cursor::DirCursor;
pub(crate) use durable::Unsynced;
pub(crate) use hash::{hash_file, read_small};

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;

/// Room for some hundred names at a time.
const NAMES_BUFFER: usize = 32 << 10;

/// What vouches for a file's content as long as it stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stat {
    /// Bytes.
    pub size: u64,
    /// Nanoseconds since 1970.
    pub mtime: i64,
    /// Nanoseconds since 1970.
    pub ctime: i64,
    /// Inode number.
    pub inode: u64,
}

impl Stat {
    /// Size, modification time and inode are the same. The change time alone proves nothing: kubelet's
    /// walk for `fsGroup` alters it for every file at each start of a pod.
    pub(crate) fn vouches(&self, live: &Self) -> bool {
        self.inode != 0 && (self.size, self.mtime, self.inode) == (live.size, live.mtime, live.inode)
    }
}

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Live {
    Absent,
    File {
        stat: Stat,
        executable: bool,
    },
    Dir,
    /// A symbolic link, a socket, a device: never opened, never followed.
    Other,
}

/// Looks at a name in an open directory.
pub(crate) fn look(dir: BorrowedFd<'_>, name: &str) -> io::Result<Live> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(live(&stat)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(Live::Absent),
        Err(error) => Err(error.into()),
    }
}

#[allow(clippy::unnecessary_cast, clippy::cast_possible_wrap)] // the types differ between targets
fn live(stat: &rustix::fs::Stat) -> Live {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Live::File {
            stat: Stat {
                size: u64::try_from(stat.st_size).unwrap_or(0),
                mtime: (stat.st_mtime as i64) * 1_000_000_000 + stat.st_mtime_nsec as i64,
                ctime: (stat.st_ctime as i64) * 1_000_000_000 + stat.st_ctime_nsec as i64,
                inode: stat.st_ino as u64,
            },
            executable: stat.st_mode & 0o100 != 0,
        },
        FileType::Directory => Live::Dir,
        _ => Live::Other,
    }
}

/// Opens a regular file for reading, without following a link and without waiting for a pipe's writer.
pub(crate) fn open_file(dir: BorrowedFd<'_>, name: &str) -> io::Result<File> {
    open_sized(dir, name).map(|(file, _)| file)
}

/// The same, with the file's size in bytes.
pub(crate) fn open_sized(dir: BorrowedFd<'_>, name: &str) -> io::Result<(File, u64)> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(dir, name, flags, Mode::empty())?);
    match live(&rustix::fs::fstat(&file)?) {
        Live::File { stat, .. } => Ok((file, stat.size)),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
    }
}

/// Opens a directory in an open directory, without following a link.
pub(crate) fn open_dir(dir: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(dir, name, flags, Mode::empty())
}

/// Calls `each` for every name in an open directory that is UTF-8 (others are not ours), with whether
/// it is a directory; `buffer` is reused from directory to directory.
pub(crate) fn names(
    dir: BorrowedFd<'_>,
    buffer: &mut Vec<u8>,
    each: &mut dyn FnMut(&str, bool),
) -> io::Result<()> {
    rustix::fs::seek(dir, rustix::fs::SeekFrom::Start(0))?;
    buffer.clear();
    buffer.reserve(NAMES_BUFFER);
    let mut entries = RawDir::new(dir, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name == "." || name == ".." {
            continue;
        }
        let is_dir = match entry.file_type() {
            FileType::Directory => true,
            FileType::Unknown => look(dir, name)? == Live::Dir,
            _ => false,
        };
        each(name, is_dir);
    }
    Ok(())
}

/// Gives `name` a second name elsewhere on the volume; copies where the file system has no links.
/// A second name that is there already is left as it is.
pub(crate) fn link_or_copy(
    from: impl AsFd,
    name: &str,
    to: BorrowedFd<'_>,
    new_name: &str,
) -> io::Result<()> {
    match rustix::fs::linkat(from.as_fd(), name, to, new_name, AtFlags::empty()) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK | Errno::XDEV) => {
            copy(&open_file(from.as_fd(), name)?, to, new_name)?.sync_all()
        }
        Err(error) => Err(error.into()),
    }
}

/// Copies a file's bytes to a new file, which is the caller's to make durable.
pub(crate) fn copy(mut source: &File, to: BorrowedFd<'_>, name: &str) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut target = File::from(rustix::fs::openat(to, name, flags, Mode::from_raw_mode(0o644))?);
    io::copy(&mut source, &mut target)?;
    Ok(target)
}
