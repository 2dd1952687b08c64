use std::fs::File;

use stoker_object::ObjectId;

use super::files::failed;
use super::segment::Segment;
use super::store::TreeStore;
use super::walk::Walk;
use super::writer::Writer;
use crate::error::Error;

/// More segments than this are made one: each one costs two open files and a look at every search.
const MAX_SEGMENTS: usize = 16;
/// Below this many bytes no room is worth saving.
const SLACK: u64 = 256 * 1024;

impl TreeStore {
    /// Keeps what `commits` (or tags) reach, and forgets that any other commit is complete. The rest
    /// goes, by rewriting the store, once it is more than half of it or has many segments.
    pub fn retain(&mut self, commits: &[ObjectId]) -> Result<(), Error> {
        self.finish()?;
        self.markers.retain(|commit| commits.contains(commit));
        let total: u64 = self.segments.iter().map(Segment::len).sum();
        // The walk itself is not free. The oldest segment is what the first fetch or the last
        // rewriting left: until as much has come again, little can be gained.
        let oldest = self.segments.first().map_or(0, Segment::len);
        let many = self.segments.len() > MAX_SEGMENTS;
        if !many && total <= 2 * oldest + SLACK {
            return Ok(());
        }
        let live = Walk::new(self).reachable(commits)?;
        if many || 2 * self.live_bytes(&live) < total {
            self.rewrite(&live)?;
        }
        Ok(())
    }

    /// About how many bytes the marked objects take: their share of each segment.
    fn live_bytes(&self, live: &[Vec<u8>]) -> u64 {
        let share = |(segment, bits): (&Segment, &Vec<u8>)| {
            let marked: u64 = bits.iter().map(|byte| u64::from(byte.count_ones())).sum();
            segment.len() / segment.index.len().max(1) * marked
        };
        self.segments.iter().zip(live).map(share).sum()
    }

    /// Copies the marked objects to a new segment and removes the others. Whenever it is killed,
    /// either the old segments are all there or the new one is, durable.
    fn rewrite(&mut self, live: &[Vec<u8>]) -> Result<(), Error> {
        let mut writer = Writer::create(&self.directory, self.next_number())?;
        let mut segment = match self.copy(live, &mut writer) {
            Ok(()) => Some(writer.finish()?),
            Err(error) => {
                writer.abandon();
                return Err(error);
            }
        };
        if let Some(segment) = &segment {
            segment.sync()?;
            File::open(&self.directory)
                .and_then(|directory| directory.sync_all())
                .map_err(failed("sync", &self.directory))?;
        }
        for old in self.segments.drain(..) {
            old.names.remove();
        }
        self.segments.extend(segment.take());
        Ok(())
    }

    fn copy(&mut self, live: &[Vec<u8>], writer: &mut Writer) -> Result<(), Error> {
        let mut object = Vec::new();
        for (number, bits) in live.iter().enumerate() {
            for rank in marked(bits) {
                let Some((id, _)) = self.segments[number].index.record(rank) else { continue };
                if let Some(kind) = self.read(&id, &mut object)? {
                    writer.append(kind, &id, &object)?;
                }
            }
        }
        Ok(())
    }
}

/// The numbers of the bits that are set.
fn marked(bits: &[u8]) -> impl Iterator<Item = u64> {
    (0_u64..)
        .zip(bits)
        .flat_map(|(at, byte)| (0..8).filter(move |bit| byte & 1 << bit != 0).map(move |bit| 8 * at + bit))
}
