//! Text that a function builds, up to a bound.

/// Bytes that are being built. Past the bound it keeps no more, and only remembers that there were.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    limit: usize,
    overflowed: bool,
}

impl Buffer {
    pub(crate) fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, overflowed: false }
    }

    pub(crate) fn push(&mut self, byte: u8) {
        self.extend(&[byte]);
    }

    pub(crate) fn push_str(&mut self, text: &str) {
        self.extend(text.as_bytes());
    }

    pub(crate) fn push_char(&mut self, character: char) {
        self.push_str(character.encode_utf8(&mut [0; 4]));
    }

    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        if self.has_room(bytes.len()) {
            self.bytes.extend_from_slice(bytes);
        }
    }

    pub(crate) fn fill(&mut self, byte: u8, count: usize) {
        if self.has_room(count) {
            self.bytes.resize(self.bytes.len() + count, byte);
        }
    }

    fn has_room(&mut self, more: usize) -> bool {
        self.overflowed |= more > self.limit - self.bytes.len();
        !self.overflowed
    }

    /// Whether more was pushed than fits: whoever pushes in a loop may stop.
    pub(crate) fn is_full(&self) -> bool {
        self.overflowed
    }

    /// What was built; `None` when it was too much.
    pub(crate) fn take(self) -> Option<Vec<u8>> {
        (!self.overflowed).then_some(self.bytes)
    }
}
