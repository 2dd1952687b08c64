use std::fs::File;
use std::io;

use stoker_object::ObjectId;

/// Where blobs go as they arrive. At most one file made by `create` is open at a time.
pub trait BlobSink {
    /// Whether this blob is there already, complete and verified.
    fn contains(&mut self, id: &ObjectId) -> bool;

    /// Keeps a whole blob (the receiver has checked its id).
    fn small(&mut self, id: &ObjectId, content: &[u8]) -> io::Result<()>;

    /// A new empty file, open for reading and writing, for a blob of `size` bytes that does not fit
    /// a buffer. An error stops the fetch (limits, full disk).
    fn create(&mut self, size: u64) -> io::Result<File>;

    /// The file made last holds the blob `id`: keep it under that name.
    fn keep(&mut self, id: &ObjectId, file: File) -> io::Result<()>;

    /// Reads back a kept blob, as the base of a delta.
    fn open(&mut self, id: &ObjectId) -> io::Result<Option<File>>;

    /// The kept blob `content` is what belongs in place of `pointer`, a blob that came and is a pointer of Git LFS.
    fn stand_in(&mut self, pointer: &ObjectId, content: &ObjectId) -> io::Result<()> {
        let _ = (pointer, content);
        Ok(())
    }
}
