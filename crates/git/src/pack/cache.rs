use std::collections::VecDeque;

use stoker_object::Kind;

/// Bytes that are kept in all, and of one object. Git writes an object soon after its base, so that
/// a few neighbours save most of the work that chains of deltas make.
const MOST_BYTES: usize = 256 * 1024;
const LONGEST: usize = 32 * 1024;

/// The objects that were made last, each known by a `Key`: bases of those that come next.
pub(crate) struct Cache<Key> {
    /// The one that was of use last comes first.
    objects: VecDeque<Cached<Key>>,
    bytes: usize,
}

struct Cached<Key> {
    key: Key,
    kind: Kind,
    object: Vec<u8>,
}

impl<Key: PartialEq> Cache<Key> {
    pub fn new() -> Self {
        Self { objects: VecDeque::new(), bytes: 0 }
    }

    /// The object with this key.
    pub fn get(&mut self, key: &Key) -> Option<(Kind, &[u8])> {
        let at = self.objects.iter().position(|cached| cached.key == *key)?;
        let cached = self.objects.remove(at)?;
        self.objects.push_front(cached);
        self.objects.front().map(|cached| (cached.kind, cached.object.as_slice()))
    }

    /// Whether [`Cache::get`] has it.
    pub fn contains(&self, key: &Key) -> bool {
        self.objects.iter().any(|cached| cached.key == *key)
    }

    pub fn put(&mut self, key: Key, kind: Kind, object: &[u8]) {
        if object.len() > LONGEST || self.contains(&key) {
            return;
        }
        self.bytes += object.len();
        self.objects.push_front(Cached { key, kind, object: object.to_vec() });
        // Small objects count too: a search goes through all of them.
        while self.bytes > MOST_BYTES || self.objects.len() > 256 {
            self.bytes -= self.objects.pop_back().map_or(0, |cached| cached.object.len());
        }
    }
}
