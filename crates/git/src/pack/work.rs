use flate2::Decompress;

use super::delta::INSTRUCTIONS;
use super::output::CHUNK;

/// Beyond this a buffer is given back after the object that needed it: one huge tree must not be
/// paid for until the end.
const KEPT: usize = 4 * CHUNK;

/// Buffers that reading objects uses again and again: about 400 KiB at most, most of it zlib's window, a chunk and
/// what is held of a base.
pub(crate) struct Workspace {
    /// Zlib's state.
    pub inflate: Decompress,
    /// The object that comes into being, or the piece of it that is not written yet.
    pub object: Vec<u8>,
    /// The base of a delta, where it lies in memory.
    pub base: Vec<u8>,
    /// Pieces of a base in a file.
    pub blocks: Vec<u8>,
    /// Instructions of a delta, a few at a time.
    pub instructions: Vec<u8>,
    /// Compressed bytes that are read from a file.
    pub section: Vec<u8>,
}

impl Workspace {
    pub fn new() -> Self {
        Self {
            inflate: Decompress::new(true),
            object: Vec::new(),
            base: Vec::new(),
            blocks: Vec::new(),
            instructions: vec![0; INSTRUCTIONS],
            section: Vec::new(),
        }
    }

    /// Gives back what an object beyond the usual has made of the buffers.
    pub fn trim(&mut self) {
        for buffer in [&mut self.object, &mut self.base] {
            if buffer.capacity() > KEPT {
                *buffer = Vec::new();
            }
        }
    }
}
