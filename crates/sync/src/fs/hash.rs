use std::fs::File;
use std::io::{self, Read};

use stoker_object::{FastHasher, ObjectId};

/// One buffer for all files of a walk.
const BUFFER: usize = 64 << 10;

/// The blob id of a file's bytes. A file that grows or shrinks meanwhile gets an id that fits nothing.
pub(crate) fn hash_file(mut file: &File, size: u64, buffer: &mut Vec<u8>) -> io::Result<ObjectId> {
    buffer.resize(BUFFER, 0);
    let mut hasher = FastHasher::blob(size);
    loop {
        match file.read(buffer)? {
            0 => return Ok(hasher.finish()),
            got => hasher.update(&buffer[..got]),
        }
    }
}

/// A file's bytes, if they are at most `most`.
pub(crate) fn read_small(file: &File, most: u64) -> io::Result<Option<Vec<u8>>> {
    let size = file.metadata()?.len();
    if size > most {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(size as usize);
    file.take(most + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}
