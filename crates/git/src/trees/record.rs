use std::fs::File;
use std::io::{self, BufRead as _};
use std::os::unix::fs::FileExt as _;

use sha1::{Digest as _, Sha1};
use stoker_object::{Kind, ObjectId};

use super::MAX_OBJECT;
use super::window::Window;
use crate::pack::entry::{code_of, kind_of};
use crate::pack::section::Section;

/// Kind (1 byte), id (20) and length (4) stand before an object's bytes.
pub(super) const HEADER: usize = 25;

/// The head of an object in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub kind: Kind,
    pub id: ObjectId,
    pub len: u64,
}

impl Header {
    pub fn encode(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[0] = code_of(self.kind);
        bytes[1..21].copy_from_slice(self.id.as_bytes());
        bytes[21..].copy_from_slice(&(self.len as u32).to_be_bytes());
        bytes
    }

    /// Reads a head; `None` if these bytes cannot be one.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; HEADER] = bytes.get(..HEADER)?.try_into().ok()?;
        let kind = kind_of(bytes[0]).filter(|kind| *kind != Kind::Blob)?;
        let len = u64::from(u32::from_be_bytes([bytes[21], bytes[22], bytes[23], bytes[24]]));
        (len <= MAX_OBJECT).then_some(Self { kind, id: ObjectId::from_slice(&bytes[1..])?, len })
    }
}

/// The object `id` out of its record's bytes; `None` if they are not whole, or not true to the id.
pub(super) fn take(record: &[u8], id: &ObjectId, object: &mut Vec<u8>) -> Option<Kind> {
    let header = Header::decode(record).filter(|header| header.id == *id)?;
    object.clear();
    object.extend_from_slice(record[HEADER..].get(..header.len as usize)?);
    check(header, object)
}

/// Reads the object `id` from the record at byte `at` of a segment into `object`; `None` if it is not there, whole
/// and true to its id. A disk that cannot be read is no different: the object can be fetched again.
pub(super) fn read(
    window: &mut Window,
    segment: (u32, &File),
    at: u64,
    id: &ObjectId,
    object: &mut Vec<u8>,
) -> Option<Kind> {
    let begun = window.record(segment, at)?;
    let header = Header::decode(begun).filter(|header| header.id == *id)?;
    let len = header.len as usize;
    if begun.len() >= HEADER + len {
        return take(begun, id, object);
    }
    // Not more memory than the file has bytes, whatever the head says.
    let from = at + HEADER as u64;
    if segment.1.metadata().ok()?.len() < from + header.len {
        return None;
    }
    object.clear();
    object.resize(len, 0);
    segment.1.read_exact_at(object, from).ok()?;
    check(header, object)
}

fn check(header: Header, object: &[u8]) -> Option<Kind> {
    let mut hash = hasher(header);
    hash.update(object);
    (*hash.finalize() == *header.id.as_bytes()).then_some(header.kind)
}

/// Checks the record at byte `at` of a file of `size` bytes without holding it.
pub(super) fn verify(file: &File, at: u64, size: u64, buffer: &mut Vec<u8>) -> io::Result<Option<Header>> {
    let mut head = [0; HEADER];
    if at + HEADER as u64 > size {
        return Ok(None);
    }
    file.read_exact_at(&mut head, at)?;
    let from = at + HEADER as u64;
    let Some(header) = Header::decode(&head).filter(|header| from + header.len <= size) else {
        return Ok(None);
    };
    let mut section = Section::new(file, from, from + header.len, buffer);
    let mut hash = hasher(header);
    loop {
        let ready = section.fill_buf()?;
        let count = ready.len();
        if count == 0 {
            break;
        }
        hash.update(ready);
        section.consume(count);
    }
    Ok((*hash.finalize() == *header.id.as_bytes()).then_some(header))
}

/// Without collision detection: the id was computed with it when the object came in, so this only
/// tells whether these are still the same bytes.
fn hasher(header: Header) -> Sha1 {
    let mut hash = Sha1::new();
    hash.update(format!("{} {}\0", header.kind, header.len).as_bytes());
    hash
}
