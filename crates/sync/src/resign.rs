//! What a declaring file signs: the payload beside it, as the repository has it and as it will be written.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use stoker_object::ObjectId;

use crate::fs::{DirCursor, Live, look, open_file, read_small};
use crate::path::{check_name, split};
use crate::plan::MAX_DECLARATION;
use crate::state::manifest::Entry;
use crate::state::staging::Staging;
use crate::{Error, Rules, Version};

/// What a sync does to the files of one directory, the one whose steps are being prepared.
#[derive(Debug, Default)]
pub(crate) struct Siblings {
    directory: String,
    steps: BTreeMap<String, Step>,
    /// Something that is rendered here depends on the commit or the ref.
    volatile: bool,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Both versions are staged.
    Written {
        source: ObjectId,
        content: ObjectId,
    },
    Removed,
}

impl Siblings {
    /// A file is put in place, or was rendered and came out as it was.
    pub(crate) fn written(&mut self, entry: &Entry) {
        self.volatile(&entry.path);
        self.volatile |= entry.rendered.is_some_and(|rendered| rendered.volatile);
        self.insert(entry, Step::Written { source: entry.source, content: entry.content });
    }

    /// A file is removed.
    pub(crate) fn removed(&mut self, entry: &Entry) {
        self.volatile(&entry.path);
        self.insert(entry, Step::Removed);
    }

    /// Whether something rendered beside this path depends on the commit or the ref.
    pub(crate) fn volatile(&mut self, path: &str) -> bool {
        let directory = split(path).0;
        if self.directory != directory {
            *self = Self { directory: directory.to_owned(), ..Self::default() };
        }
        self.volatile
    }

    fn insert(&mut self, entry: &Entry, step: Step) {
        self.steps.insert(split(&entry.path).1.to_owned(), step);
    }

    /// Makes the signature of the rendered declaring file at `target` right, where the commit's was.
    pub(crate) fn resign(
        &mut self,
        entry: &Entry,
        target: &Path,
        staging: &Staging,
        dirs: &mut DirCursor,
        rules: &dyn Rules,
    ) -> Result<(), Error> {
        let small = |path: &Path| read_small(&File::open(path)?, MAX_DECLARATION);
        let source = staging.path(&entry.source, 0);
        let Some(committed) = small(&source).map_err(Error::io("read", source))? else { return Ok(()) };
        let Some(written) = small(target).map_err(Error::io("read", target))? else { return Ok(()) };
        self.volatile(&entry.path);
        let mut payload = |name: &str, version| self.open(name, version, staging, dirs);
        match rules.resign(split(&entry.path).1, &committed, &written, &mut payload)? {
            Some(signed) => fs::write(target, signed).map_err(Error::io("write", target)),
            None => Ok(()),
        }
    }

    /// Opens a file of the directory; `None` if there is none of that name. What the sync does not touch is the same in
    /// both versions, and on the volume.
    fn open(
        &self,
        name: &str,
        version: Version,
        staging: &Staging,
        dirs: &mut DirCursor,
    ) -> Result<Option<File>, Error> {
        if check_name(name).is_err() {
            return Ok(None);
        }
        let id = match (self.steps.get(name), version) {
            (None, _) => return self.live(name, dirs),
            (Some(Step::Removed), _) => return Ok(None),
            // The signature is over what belongs there, not over what Git has in its stead.
            (Some(Step::Written { source, .. }), Version::Committed) => {
                staging.stood_in(source).unwrap_or(*source)
            }
            (Some(Step::Written { content, .. }), Version::Written) => *content,
        };
        staging.get(&id).map_err(Error::io("open", staging.path(&id, 0)))
    }

    fn live(&self, name: &str, dirs: &mut DirCursor) -> Result<Option<File>, Error> {
        let path = dirs.root_path().join(&self.directory).join(name);
        let Some(dir) = dirs.at(&self.directory)? else { return Ok(None) };
        match look(dir, name).map_err(Error::io("examine", &path))? {
            Live::File { .. } => open_file(dir, name).map(Some).map_err(Error::io("open", path)),
            _ => Ok(None),
        }
    }
}
