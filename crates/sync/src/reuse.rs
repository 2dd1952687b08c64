//! Blobs that need not come from Git because the volume has them: a file that moved, a commit that was reverted.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;

use stoker_object::{FastHasher, ObjectId};

use crate::Error;
use crate::fs::{DirCursor, open_file};
use crate::path::split;
use crate::plan::Plan;
use crate::state::staging::Staging;
use crate::state::undo;
use crate::volume::Volume;

/// Of so many removed files the content is remembered; a commit that moves more fetches the rest.
const REMEMBERED: usize = 10_000;

/// The contents of files that a plan removes, and where they are.
#[derive(Debug, Default)]
pub(crate) struct Removed(HashMap<ObjectId, String>);

impl Removed {
    pub(crate) fn note(&mut self, content: ObjectId, path: &str) {
        if self.0.len() < REMEMBERED {
            self.0.insert(content, path.to_owned());
        }
    }
}

/// Stages what the plan wants and the volume has, in a file about to be removed or in an undo
/// generation; returns how many blobs that were.
pub(crate) fn stage(volume: &Volume, plan: &Plan, staging: &mut Staging) -> Result<u64, Error> {
    let generations: Vec<PathBuf> = undo::generations(&volume.undo_dir())?
        .into_iter()
        .map(|n| undo::dir(&volume.undo_dir(), n))
        .collect();
    if generations.is_empty() && plan.removed.0.is_empty() {
        return Ok(0);
    }
    let mut dirs = DirCursor::new(volume.data_dir())?;
    let mut staged = 0;
    for want in plan.wants(staging)? {
        let id = want?;
        let kept = generations.iter().rev().find_map(|dir| File::open(dir.join(id.to_string())).ok());
        let source = match (kept, plan.removed.0.get(&id)) {
            (Some(file), _) => Some(file),
            (None, Some(path)) => dirs.at(split(path).0)?.and_then(|dir| open_file(dir, split(path).1).ok()),
            (None, None) => None,
        };
        if let Some(source) = source {
            staged += u64::from(copy(&source, &id, staging)?);
        }
    }
    Ok(staged)
}

/// False if the file is not what it was: it comes from Git then.
fn copy(source: &File, id: &ObjectId, staging: &mut Staging) -> Result<bool, Error> {
    let outcome = try_copy(source, id, staging);
    match (outcome, staging.take_refusal()) {
        (Err(_), Some(refusal)) => Err(refusal),
        (outcome, _) => outcome.map_err(Error::io("copy to", staging.path(id, 0))),
    }
}

fn try_copy(mut source: &File, id: &ObjectId, staging: &mut Staging) -> io::Result<bool> {
    let size = source.metadata()?.len();
    let mut target = staging.create(size)?;
    let (mut hasher, mut buffer) = (FastHasher::blob(size), vec![0; 64 << 10]);
    loop {
        match source.read(&mut buffer)? {
            0 => break,
            got => {
                hasher.update(&buffer[..got]);
                target.write_all(&buffer[..got])?;
            }
        }
    }
    let genuine = hasher.finish() == *id;
    if genuine {
        staging.keep(id)?;
    }
    Ok(genuine)
}
