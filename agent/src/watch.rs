//! Notices changes in managed directories, so that a period costs no walk when nothing happened.
//!
//! inotify's limits are per user on the node and shared with the gateway: one instance, and a modest
//! number of watches. Where that is not enough, the sync thread is told, and looks by itself.

use std::collections::{BTreeSet, HashMap};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

use crate::failure::Failure;
use crate::mailbox::Mailbox;
use crate::signals::spawn;

/// The most watches of one agent (design, section 3).
const MOST: usize = 4096;
/// And at most this share of the user's limit.
const SHARE: usize = 20;
const LIMIT_FILE: &str = "/proc/sys/fs/inotify/max_user_watches";

/// What tells that a file is no longer what it was.
const EVENTS: WatchFlags = WatchFlags::CLOSE_WRITE
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::DONT_FOLLOW);

/// The watches on managed directories.
pub struct Watcher {
    queue: Arc<OwnedFd>,
    data_dir: PathBuf,
    directories: Arc<Mutex<HashMap<i32, String>>>,
    watched: BTreeSet<String>,
    /// The watches on directories of mounted credentials.
    inputs: Arc<Mutex<BTreeSet<i32>>>,
    most: usize,
}

impl Watcher {
    /// Starts the thread that reads the events. `None` where the system has no more inotify instances.
    pub fn start(data_dir: &Path, mailbox: Arc<Mailbox>) -> Result<Option<Self>, Failure> {
        let queue = match inotify::init(CreateFlags::CLOEXEC) {
            Ok(queue) => Arc::new(queue),
            Err(error) => {
                tracing::warn!(%error, "changes on the volume are looked for every syncPeriod, not signalled");
                return Ok(None);
            }
        };
        let directories = Arc::new(Mutex::new(HashMap::new()));
        let inputs = Arc::default();
        let (reader, names, credentials) =
            (Arc::clone(&queue), Arc::clone(&directories), Arc::clone(&inputs));
        spawn("inotify", move || read(&reader, &names, &credentials, &mailbox))?;
        Ok(Some(Self {
            queue,
            data_dir: data_dir.to_owned(),
            directories,
            watched: BTreeSet::new(),
            inputs,
            most: most(std::fs::read_to_string(LIMIT_FILE).ok().as_deref()),
        }))
    }

    /// Watches the directories of mounted credentials, and no others; where one is not there yet, what is above it.
    /// An update of a mounted Secret is a rename in its directory.
    pub fn cover_inputs(&self, directories: &BTreeSet<PathBuf>) {
        let there =
            |directory: &PathBuf| directory.ancestors().find(|path| path.is_dir()).map(Path::to_owned);
        let wanted: BTreeSet<PathBuf> = directories.iter().filter_map(there).collect();
        let added = |path: &PathBuf| inotify::add_watch(&self.queue, path, EVENTS).ok();
        // The same directory gives the same watch.
        let now: BTreeSet<i32> = wanted.iter().filter_map(added).collect();
        let mut inputs = self.inputs.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in inputs.difference(&now) {
            // A removed directory took its watch along.
            let _ = inotify::remove_watch(&self.queue, *gone);
        }
        *inputs = now;
    }

    /// Watches these directories and no others. Returns those that were not watched before, or `None`
    /// if not all could be: then nothing is vouched for.
    pub fn cover(&mut self, wanted: &BTreeSet<String>) -> Option<BTreeSet<String>> {
        if wanted.len() > self.most {
            self.clear();
            return None;
        }
        let mut fresh = BTreeSet::new();
        for directory in wanted {
            if self.watched.contains(directory) {
                continue;
            }
            match inotify::add_watch(&self.queue, self.data_dir.join(directory), EVENTS) {
                Ok(watch) => {
                    self.names().insert(watch, directory.clone());
                    self.watched.insert(directory.clone());
                    fresh.insert(directory.clone());
                }
                Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => {}
                Err(error) => {
                    tracing::warn!(%error, directory, "changes on the volume are looked for every syncPeriod, not signalled");
                    self.clear();
                    return None;
                }
            }
        }
        self.forget(|directory| !wanted.contains(directory));
        Some(fresh)
    }

    fn clear(&mut self) {
        self.forget(|_| true);
    }

    fn forget(&mut self, gone: impl Fn(&str) -> bool) {
        let removed: Vec<i32> =
            self.names().iter().filter(|(_, directory)| gone(directory)).map(|(watch, _)| *watch).collect();
        for watch in removed {
            // A removed directory took its watch along.
            let _ = inotify::remove_watch(&self.queue, watch);
            self.names().remove(&watch);
        }
        self.watched.retain(|directory| !gone(directory));
    }

    fn names(&self) -> std::sync::MutexGuard<'_, HashMap<i32, String>> {
        self.directories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many watches this agent may take.
fn most(limit: Option<&str>) -> usize {
    let limit = limit.and_then(|text| text.trim().parse::<usize>().ok());
    limit.map_or(MOST, |limit| MOST.min(limit / SHARE))
}

fn read(
    queue: &OwnedFd,
    directories: &Mutex<HashMap<i32, String>>,
    credentials: &Mutex<BTreeSet<i32>>,
    mailbox: &Mailbox,
) {
    let mut buffer = [MaybeUninit::uninit(); 8 << 10];
    let mut reader = inotify::Reader::new(queue, &mut buffer);
    loop {
        let (mut dirty, mut overflow, mut inputs) = (BTreeSet::new(), false, false);
        // One blocking read, then whatever it brought.
        loop {
            match reader.next() {
                Ok(event) => {
                    let directory =
                        directories.lock().unwrap_or_else(PoisonError::into_inner).get(&event.wd()).cloned();
                    inputs |=
                        credentials.lock().unwrap_or_else(PoisonError::into_inner).contains(&event.wd());
                    overflow |= event.events().contains(ReadFlags::QUEUE_OVERFLOW);
                    dirty.extend(directory);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    tracing::error!(%error, "changes on the volume are no longer signalled");
                    mailbox.post(|mail| mail.overflow = true);
                    return;
                }
            }
            if reader.is_buffer_empty() {
                break;
            }
        }
        if overflow || inputs || !dirty.is_empty() {
            mailbox.post(|mail| {
                mail.dirty.append(&mut dirty);
                mail.overflow |= overflow;
                mail.inputs |= inputs;
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn only_a_share_of_the_users_watches_is_taken() {
        assert_eq!(most(Some("8192\n")), 409);
        assert_eq!(most(Some("1048576\n")), MOST);
        assert_eq!(most(None), MOST);
    }

    #[test]
    fn a_change_is_signalled_by_its_directory() {
        let data = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(data.path().join("a/b")).unwrap();
        let mailbox = Arc::new(Mailbox::default());
        let mut watcher = Watcher::start(data.path(), Arc::clone(&mailbox)).unwrap().unwrap();
        let wanted: BTreeSet<String> = ["a".to_owned(), "a/b".to_owned()].into();
        assert_eq!(watcher.cover(&wanted), Some(wanted.clone()));
        assert_eq!(watcher.cover(&wanted), Some(BTreeSet::new()));
        std::fs::write(data.path().join("a/b/f"), "x").unwrap();
        let mail = mailbox.wait(Instant::now() + Duration::from_secs(20));
        assert_eq!(mail.dirty.iter().collect::<Vec<_>>(), ["a/b"]);
    }

    #[test]
    fn an_updated_secret_is_signalled_also_one_that_was_not_there() {
        let secrets = tempfile::tempdir().unwrap();
        let mailbox = Arc::new(Mailbox::default());
        let watcher = Watcher::start(secrets.path(), Arc::clone(&mailbox)).unwrap().unwrap();
        let git = secrets.path().join("git");
        let cover = || watcher.cover_inputs(&[git.clone()].into());
        let signalled = || mailbox.wait(Instant::now() + Duration::from_secs(20)).inputs;
        cover();
        std::fs::create_dir(&git).unwrap();
        assert!(signalled(), "it appeared");
        cover();
        std::fs::create_dir(git.join("..1")).unwrap();
        assert!(signalled());
        std::os::unix::fs::symlink("..1", git.join("..data_tmp")).unwrap();
        assert!(signalled());
        std::fs::rename(git.join("..data_tmp"), git.join("..data")).unwrap();
        assert!(signalled(), "as kubelet updates it");
        // Reading it signals nothing.
        let _ = std::fs::read_dir(&git).unwrap().count();
        assert!(!mailbox.wait(Instant::now() + Duration::from_millis(100)).inputs);
    }

    #[test]
    fn too_many_directories_are_not_vouched_for() {
        let data = tempfile::tempdir().unwrap();
        let mut watcher = Watcher::start(data.path(), Arc::default()).unwrap().unwrap();
        watcher.most = 1;
        assert_eq!(watcher.cover(&["a".to_owned(), "b".to_owned()].into()), None);
    }
}
