//! From an annotated tag to the commit it leads to.

use std::io::{self, BufRead};

use flate2::Decompress;
use stoker_object::{Hasher, Kind, ObjectId, TagHeader};

use crate::Error;
use crate::pack::entry::{Entry, Form};
use crate::pack::fault::Fault;
use crate::pack::inflate::Inflate;
use crate::request::Fetch;
use crate::session::Session;
use crate::trees::TreeStore;

/// Tags that point at tags at most; git has no limit, and nobody has three.
const MOST_TAGS: usize = 16;

/// The largest tag or commit that is looked at.
const LARGEST: u64 = 1024 * 1024;

/// The commit that an object leads to, as far as the objects are in the store; the object itself if it is not.
pub(crate) fn stored(id: &ObjectId, trees: &mut TreeStore) -> Result<ObjectId, Error> {
    let (mut at, mut object) = (*id, Vec::new());
    for _ in 0..MOST_TAGS {
        match trees.read(&at, &mut object)? {
            None | Some(Kind::Commit) => return Ok(at),
            Some(Kind::Tag) => at = target(id, &object)?.target,
            Some(Kind::Tree) => return Err(no_commit(&id.to_string(), "it is a tree")),
            Some(Kind::Blob) => return Err(no_commit(&id.to_string(), "it is a blob")),
        }
    }
    Err(no_commit(&id.to_string(), "it is a tag of a tag of a tag, and so on"))
}

/// The commit that a tag leads to, by fetching it and reading the tags on the way: for servers that do not say it.
pub(crate) fn over(session: &mut Session, tag: ObjectId, reference: &str) -> Result<ObjectId, Error> {
    let server = session.server(&mut ())?;
    let fetch =
        Fetch { wants: &[tag], haves: &[], shallow: true, no_blobs: server.no_blobs(), history: false };
    let objects = session.pack(&server, &fetch, &mut |pack| read(pack))?;
    let mut at = tag;
    for _ in 0..MOST_TAGS {
        let found = objects.iter().find(|object| object.id == at);
        match found.ok_or(Error::NotSent { what: "the tag", id: at })?.leads_to {
            None => return Ok(at),
            Some((next, Kind::Commit)) => return Ok(next),
            Some((next, Kind::Tag)) => at = next,
            Some((_, _)) => return Err(no_commit(reference, "it is a tag of a tree or of a blob")),
        }
    }
    Err(no_commit(reference, "it is a tag of a tag of a tag, and so on"))
}

/// A commit, or a tag and what it leads to.
struct Object {
    id: ObjectId,
    leads_to: Option<(ObjectId, Kind)>,
}

/// The commits and tags of a pack; anything else is passed over.
fn read(pack: &mut dyn BufRead) -> Result<Vec<Object>, Error> {
    let mut header = [0; 12];
    pack.read_exact(&mut header).map_err(|error| Error::io("read the pack", error))?;
    let count = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
    if !header.starts_with(b"PACK") {
        return Err(Error::Pack { offset: 0, what: "it is no pack".to_owned() });
    }
    let (mut objects, mut state) = (Vec::new(), Decompress::new(true));
    for _ in 0..count {
        // Places in the pack do not matter here: deltas are passed over.
        let object = object(pack, &mut state).map_err(|fault| fault.in_pack(0))?;
        objects.extend(object.filter(|_| objects.len() < MOST_TAGS * 2));
    }
    io::copy(pack, &mut io::sink()).map_err(|error| Error::io("read the pack", error))?;
    Ok(objects)
}

fn object(pack: &mut dyn BufRead, state: &mut Decompress) -> Result<Option<Object>, Fault> {
    let entry = Entry::read(pack, u64::MAX)?;
    let mut inflate = Inflate::new(state, pack, entry.size);
    let kind = match entry.form {
        Form::Whole(kind @ (Kind::Commit | Kind::Tag)) if entry.size <= LARGEST => kind,
        _ => {
            inflate.discard(&mut [0; 4096])?;
            return Ok(None);
        }
    };
    let mut bytes = vec![0; entry.size as usize];
    let mut filled = 0;
    while filled < bytes.len() {
        filled += inflate.read(&mut bytes[filled..])?;
    }
    inflate.finish()?;
    let mut hasher = Hasher::new(kind, entry.size);
    hasher.update(&bytes);
    let id = hasher.finish().map_err(|collision| Fault::damaged(collision.to_string()))?;
    let leads_to = match kind {
        Kind::Tag => Some(target(&id, &bytes).map(|tag| (tag.target, tag.kind))?),
        _ => None,
    };
    Ok(Some(Object { id, leads_to }))
}

fn target(id: &ObjectId, tag: &[u8]) -> Result<TagHeader, Error> {
    TagHeader::parse(tag).ok_or_else(|| no_commit(&id.to_string(), "it is a damaged tag"))
}

fn no_commit(reference: &str, why: &'static str) -> Error {
    Error::NotACommit { reference: reference.to_owned(), why }
}
