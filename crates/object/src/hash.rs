use crate::{Kind, ObjectId};
use sha1::Digest as _;

/// The bytes were made to collide with another object's: somebody attacks SHA-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the object's bytes are part of a SHA-1 collision attack")]
pub struct Collision;

/// Hashes an object that came from outside, with git's own collision detection.
pub struct Hasher(sha1_checked::Sha1);

impl Hasher {
    /// Begins an object of `kind` with `size` bytes.
    pub fn new(kind: Kind, size: u64) -> Self {
        let mut hasher = Self(sha1_checked::Sha1::new());
        hasher.update(header(kind, size).as_bytes());
        hasher
    }

    /// Adds the next bytes of the object.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The object's id.
    pub fn finish(self) -> Result<ObjectId, Collision> {
        let outcome = self.0.try_finalize();
        if outcome.has_collision() {
            return Err(Collision);
        }
        Ok(ObjectId::from_bytes((*outcome.hash()).into()))
    }
}

/// Hashes a file that is compared with an id that was checked before: by the processor's own
/// instructions, without collision detection.
pub struct FastHasher(sha1::Sha1);

impl FastHasher {
    /// Begins plain bytes without an object header: a checksum.
    pub fn checksum() -> Self {
        Self(sha1::Sha1::new())
    }

    /// Begins a blob of `size` bytes.
    pub fn blob(size: u64) -> Self {
        let mut hasher = Self(sha1::Sha1::new());
        hasher.update(header(Kind::Blob, size).as_bytes());
        hasher
    }

    /// Adds the next bytes of the blob.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The blob's id, or the checksum.
    pub fn finish(self) -> ObjectId {
        ObjectId::from_bytes(self.0.finalize().into())
    }
}

/// The id of a blob that is in memory.
pub fn blob_id(bytes: &[u8]) -> ObjectId {
    let mut hasher = FastHasher::blob(bytes.len() as u64);
    hasher.update(bytes);
    hasher.finish()
}

fn header(kind: Kind, size: u64) -> String {
    format!("{kind} {size}\0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_hashers_agree_with_git() {
        // `printf 'hello\n' | git hash-object --stdin`
        let expected = "ce013625030ba8dba906f756967f9e9ca394464a";
        assert_eq!(blob_id(b"hello\n").to_string(), expected);
        let mut hasher = Hasher::new(Kind::Blob, 6);
        hasher.update(b"hel");
        hasher.update(b"lo\n");
        assert_eq!(hasher.finish().unwrap().to_string(), expected);
    }
}
