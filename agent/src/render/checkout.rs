//! A plain directory as a commit: its trees are hashed as Git hashes them, its files are found by their blobs' ids.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use stoker_object::{FastHasher, Hasher, Kind, ObjectId, blob_id};
use stoker_sync::{Plan, Staging, Trees};

use crate::failure::{Code, Failure};

/// What Git keeps of a directory, without Git.
pub struct Checkout {
    trees: HashMap<ObjectId, Vec<u8>>,
    files: HashMap<ObjectId, PathBuf>,
    /// Not part of the commit: what was rendered into the checkout.
    except: PathBuf,
    buffer: Vec<u8>,
    /// The whole.
    pub root: ObjectId,
}

impl Checkout {
    /// Hashes all of it but `.git` and `except`. As in Git, a directory without files is not there.
    pub fn read(directory: &Path, except: &Path) -> Result<Self, Failure> {
        let mut checkout = Self {
            trees: HashMap::new(),
            files: HashMap::new(),
            except: except.to_owned(),
            buffer: vec![0; 64 << 10],
            root: ObjectId::default(),
        };
        checkout.root = match checkout.tree(directory)? {
            Some(root) => root,
            None => checkout.keep(Vec::new())?,
        };
        Ok(checkout)
    }

    fn tree(&mut self, directory: &Path) -> Result<Option<ObjectId>, Failure> {
        let failed = |error| unreadable(directory, &error);
        // In Git's order: a directory's name counts as if a slash stood behind it.
        let mut entries: Vec<(Vec<u8>, &'static str, ObjectId)> = Vec::new();
        for entry in fs::read_dir(directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let (name, path) = (entry.file_name(), entry.path());
            if name == ".git" || path == self.except {
                continue;
            }
            let kind = entry.file_type().map_err(failed)?;
            let mut key = name.as_bytes().to_vec();
            if kind.is_dir() {
                let Some(id) = self.tree(&path)? else { continue };
                key.push(b'/');
                entries.push((key, "40000", id));
            } else if kind.is_symlink() {
                let target = fs::read_link(&path).map_err(|error| unreadable(&path, &error))?;
                entries.push((key, "120000", blob_id(target.as_os_str().as_bytes())));
            } else if kind.is_file() {
                let mode = entry.metadata().map_err(failed)?.permissions().mode();
                let id = self.file(&path).map_err(|error| unreadable(&path, &error))?;
                entries.push((key, if mode & 0o100 == 0 { "100644" } else { "100755" }, id));
            }
        }
        if entries.is_empty() {
            return Ok(None);
        }
        entries.sort();
        let mut bytes = Vec::new();
        for (name, mode, id) in entries {
            bytes.extend_from_slice(mode.as_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(name.strip_suffix(b"/").unwrap_or(&name));
            bytes.push(0);
            bytes.extend_from_slice(id.as_bytes());
        }
        self.keep(bytes).map(Some)
    }

    fn keep(&mut self, bytes: Vec<u8>) -> Result<ObjectId, Failure> {
        let mut hasher = Hasher::new(Kind::Tree, bytes.len() as u64);
        hasher.update(&bytes);
        let id = hasher.finish().map_err(|error| Failure::system(error.to_string()))?;
        self.trees.insert(id, bytes);
        Ok(id)
    }

    fn file(&mut self, path: &Path) -> io::Result<ObjectId> {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        let mut hasher = FastHasher::blob(size);
        loop {
            match file.read(&mut self.buffer)? {
                0 => break,
                read => hasher.update(&self.buffer[..read]),
            }
        }
        let id = hasher.finish();
        self.files.insert(id, path.to_owned());
        Ok(id)
    }

    /// Stages what the plan wants, as a fetch does.
    pub fn stage(&mut self, plan: &Plan, staging: &mut Staging) -> Result<(), Failure> {
        for id in plan.wants(staging)? {
            let id = id?;
            if staging.contains(&id) {
                continue;
            }
            let path = self.files.get(&id).cloned().unwrap_or_default();
            let staged = self.copy(&path, &id, staging);
            match (staged, staging.take_refusal()) {
                (Ok(()), _) => {}
                (Err(_), Some(refusal)) => return Err(refusal.into()),
                (Err(error), None) => return Err(unreadable(&path, &error)),
            }
        }
        Ok(())
    }

    fn copy(&mut self, path: &Path, id: &ObjectId, staging: &mut Staging) -> io::Result<()> {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        let (mut hasher, mut target) = (FastHasher::blob(size), staging.create(size)?);
        loop {
            match file.read(&mut self.buffer)? {
                0 => break,
                read => {
                    hasher.update(&self.buffer[..read]);
                    target.write_all(&self.buffer[..read])?;
                }
            }
        }
        if hasher.finish() != *id {
            return Err(io::Error::other("it is being changed; render again"));
        }
        staging.keep(id)
    }
}

impl Trees for Checkout {
    fn tree(&mut self, id: &ObjectId, bytes: &mut Vec<u8>) -> Result<(), String> {
        bytes.clear();
        bytes.extend_from_slice(self.trees.get(id).ok_or_else(|| format!("there is no tree {id}"))?);
        Ok(())
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let shown = if path.as_os_str() == OsStr::new("") { Path::new("a file") } else { path };
    Failure::new(
        stoker_api::Reason::SourceMissing,
        Code::System,
        format!("failed to read {}: {error}", shown.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_the_tree_that_git_gives_it() {
        let temp = tempfile::tempdir().unwrap();
        let temp = temp.path();
        let put = |path: &str, text: &str| {
            let path = temp.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("a/x", "1");
        put("a.txt", "2");
        put("a0", "3");
        put(".git/HEAD", "no");
        put("out/y", "no");
        fs::create_dir_all(temp.join("empty/empty")).unwrap();
        fs::set_permissions(temp.join("a0"), fs::Permissions::from_mode(0o755)).unwrap();
        let checkout = Checkout::read(temp, &temp.join("out")).unwrap();
        // `git add a a.txt a0 && git write-tree`
        assert_eq!(checkout.root.to_string(), EXPECTED);
    }

    const EXPECTED: &str = "2f6997b127c19f247dee2064d95f073528d85013";
}
