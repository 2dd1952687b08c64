use stoker_object::ObjectId;

/// The most memory it takes, whatever the number of entries.
const MOST_BITS: u64 = 1 << 21;
/// Bits set for an entry: with ten bits of room each, one in a hundred is taken for a double.
const BITS_EACH: usize = 4;

/// Tells whether an id came before, in bounded memory (a Bloom filter; ids are random bits already).
///
/// It may take a new id for one that came before, never the other way round: its user then makes a
/// copy that was not needed.
pub(crate) struct Seen {
    bits: Vec<u64>,
}

impl Seen {
    pub(crate) fn for_entries(entries: u64) -> Self {
        let bits = entries.saturating_mul(10).clamp(1024, MOST_BITS).next_power_of_two();
        Self { bits: vec![0; (bits / 64) as usize] }
    }

    /// True if the id is certainly new.
    pub(crate) fn insert(&mut self, id: &ObjectId) -> bool {
        let mut fresh = false;
        for (at, bit) in places(id, self.bits.len()) {
            fresh |= self.bits[at] & bit == 0;
            self.bits[at] |= bit;
        }
        fresh
    }

    /// Whether no id came yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.bits.iter().all(|word| *word == 0)
    }

    /// False if the id certainly did not come before.
    pub(crate) fn may_contain(&self, id: &ObjectId) -> bool {
        places(id, self.bits.len()).all(|(at, bit)| self.bits[at] & bit != 0)
    }
}

/// The words and bits that stand for an id.
fn places(id: &ObjectId, words: usize) -> impl Iterator<Item = (usize, u64)> {
    id.as_bytes().chunks_exact(5).take(BITS_EACH).map(move |part| {
        let number = part.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        (number / 64 % words, 1_u64 << (number % 64))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use stoker_object::blob_id;

    #[test]
    fn an_id_that_came_before_is_never_taken_for_new() {
        let ids: Vec<ObjectId> = (0..5000_u32).map(|n| blob_id(&n.to_le_bytes())).collect();
        let mut seen = Seen::for_entries(5000);
        let fresh = ids.iter().filter(|id| seen.insert(id)).count();
        assert!(fresh > 4900, "{fresh}");
        assert!(ids.iter().all(|id| seen.may_contain(id) && !seen.insert(id)));
    }
}
