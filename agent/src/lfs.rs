//! Git LFS: which of a plan's blobs are pointers, and the bytes that belong in their place. A pointer is never written
//! into a gateway: a sync whose large files cannot be had fails.

use std::collections::BTreeMap;
use std::io::Read as _;

use stoker_api::Reason;
use stoker_git::lfs::{LONGEST, Parsed, Pointer, Wanted};
use stoker_object::ObjectId;
use stoker_sync::{Plan, Staging};

use crate::failure::{Code, Failure};

/// The pointers among the blobs that came.
#[derive(Debug, Default)]
pub struct Pointers {
    found: BTreeMap<ObjectId, Parsed>,
}

impl Pointers {
    /// Looks at a blob as it comes by.
    pub fn note(&mut self, id: &ObjectId, content: &[u8]) {
        match Pointer::parse(content) {
            Parsed::File => {}
            parsed => drop(self.found.insert(*id, parsed)),
        }
    }

    /// Those that the plan needs and that nothing stands in for yet. `look`: the staging area holds blobs that did not
    /// come by.
    pub fn wanted(&self, plan: &Plan, staging: &Staging, look: bool) -> Result<Vec<Wanted>, Failure> {
        if self.found.is_empty() && !look {
            return Ok(Vec::new());
        }
        let (mut wanted, mut failure) = (BTreeMap::new(), None);
        plan.sources(&mut |path, blob| {
            if failure.is_some() || wanted.contains_key(&blob) || staging.stood_in(&blob).is_some() {
                return;
            }
            let parsed = match self.found.get(&blob) {
                Some(parsed) => Ok(parsed.clone()),
                None if look => staged(staging, &blob),
                None => Ok(Parsed::File),
            };
            match parsed {
                Ok(Parsed::File) => {}
                Ok(Parsed::Pointer(pointer)) => drop(wanted.insert(blob, pointer)),
                Ok(Parsed::Strange(why)) => failure = Some(strange(path, why)),
                Err(error) => {
                    failure = Some(Failure::system(format!("failed to read the staged {blob}: {error}")));
                }
            }
        })?;
        let wanted = wanted.into_iter().map(|(blob, pointer)| Wanted { blob, pointer });
        failure.map_or_else(|| Ok(wanted.collect()), Err)
    }
}

/// What a staged blob is.
fn staged(staging: &Staging, blob: &ObjectId) -> std::io::Result<Parsed> {
    let Some(file) = staging.get(blob)? else { return Ok(Parsed::File) };
    if file.metadata()?.len() >= LONGEST as u64 {
        return Ok(Parsed::File);
    }
    let mut bytes = Vec::with_capacity(LONGEST);
    file.take(LONGEST as u64).read_to_end(&mut bytes)?;
    Ok(Pointer::parse(&bytes))
}

fn strange(path: &str, why: &str) -> Failure {
    let message = format!(
        "{path:?} looks like a pointer of Git LFS, and {why}. Commit the file anew with git lfs, or take it out of the mapping"
    );
    Failure::new(Reason::SourceMissing, Code::Data, message)
}

/// Names the file that an object belongs to: its SHA-256 says nothing to a person.
pub fn name_file(failure: Failure, plan: &Plan, wanted: &[Wanted]) -> Failure {
    let named = wanted.iter().find(|one| failure.message.contains(&one.pointer.hex()));
    let Some(Wanted { blob, .. }) = named else { return failure };
    let mut found = None;
    let looked = plan.sources(&mut |path, id| {
        if id == *blob && found.is_none() {
            found = Some(path.to_owned());
        }
    });
    match (looked, found) {
        (Ok(()), Some(path)) => {
            let message = format!("{path:?} is a file of Git LFS: {}", failure.message);
            Failure { message, ..failure }
        }
        _ => failure,
    }
}
