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
/// The same before it is known what is live: fetches over a bad link leave a segment each, and none
/// of them may be lost, or they would never come to an end.
const MAX_UNSORTED: usize = 32;
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

    /// Makes one segment of too many. That it fails costs nothing but open files.
    pub(super) fn merge_if_many(&mut self) {
        if self.segments.len() <= MAX_UNSORTED {
            return;
        }
        let everything: Vec<Vec<u8>> = self
            .segments
            .iter()
            .map(|segment| vec![0xff; segment.index.len().div_ceil(8) as usize])
            .collect();
        if let Err(error) = self.rewrite(&everything) {
            tracing::warn!(%error, "the segments of the tree store were not merged");
        }
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
        self.window.forget();
        if let Err(error) = self.copy(live, &mut writer) {
            writer.abandon();
            return Err(error);
        }
        let segment = writer.finish()?;
        segment.sync()?;
        let directory = File::open(&self.directory).and_then(|directory| directory.sync_all());
        directory.map_err(failed("sync", &self.directory))?;
        for old in self.segments.drain(..) {
            old.names.remove();
        }
        self.segments.push(segment);
        Ok(())
    }

    fn copy(&mut self, live: &[Vec<u8>], writer: &mut Writer) -> Result<(), Error> {
        let mut object = Vec::new();
        for (number, bits) in live.iter().enumerate() {
            for rank in marked(bits) {
                let Some((id, at)) = self.segments[number].index.record(rank) else { continue };
                if writer.contains(&id) {
                    continue;
                }
                if let Some(kind) = self.read_at(number, at, &id, &mut object) {
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
