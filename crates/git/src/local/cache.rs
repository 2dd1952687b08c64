use std::collections::VecDeque;

use stoker_object::Kind;

/// Bytes that are kept in all, and of one object. Git writes an object right after its base, so that
/// a few neighbours save most of the work that chains of deltas make.
const MOST_BYTES: usize = 256 * 1024;
const LONGEST: usize = 32 * 1024;

/// The objects of packs that were made last: bases of those that come next.
#[derive(Default)]
pub(super) struct Cache {
    /// The one that was of use last comes first.
    objects: VecDeque<Cached>,
    bytes: usize,
}

struct Cached {
    place: (u32, u64),
    kind: Kind,
    object: Vec<u8>,
}

impl Cache {
    /// The object that begins at this place (number of the pack, offset).
    pub fn get(&mut self, place: (u32, u64)) -> Option<(Kind, &[u8])> {
        let at = self.objects.iter().position(|cached| cached.place == place)?;
        let cached = self.objects.remove(at)?;
        self.objects.push_front(cached);
        self.objects.front().map(|cached| (cached.kind, cached.object.as_slice()))
    }

    /// Whether [`Cache::get`] has it.
    pub fn contains(&self, place: (u32, u64)) -> bool {
        self.objects.iter().any(|cached| cached.place == place)
    }

    pub fn put(&mut self, place: (u32, u64), kind: Kind, object: &[u8]) {
        if object.len() > LONGEST || self.contains(place) {
            return;
        }
        self.bytes += object.len();
        self.objects.push_front(Cached { place, kind, object: object.to_vec() });
        // Small objects count too: a search goes through all of them.
        while self.bytes > MOST_BYTES || self.objects.len() > 256 {
            self.bytes -= self.objects.pop_back().map_or(0, |cached| cached.object.len());
        }
    }
}
