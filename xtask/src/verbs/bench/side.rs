//! Git and its copies on one estate: a round beside each of the agent's first syncs, so that whatever else the machine does
//! meanwhile, it does to both.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::cost::{Cost, median_of, middle};
use super::figures::{OfGit, Way};
use super::lab::Lab;
use super::rivals::{self, Copying};
use super::run::{Whom, measured};
use super::source::Source;

/// The rounds so far.
pub(super) struct Side {
    ways: Vec<Rounds>,
    walks: Vec<f64>,
    /// How many files a copy has at least.
    files: u64,
    limit: Duration,
}

/// What one way of copying took.
struct Rounds {
    copying: Copying,
    first_sync: Vec<Cost>,
    ten_files: Vec<Cost>,
}

impl Side {
    /// Every way of copying that is at hand. No single piece of work takes longer than `limit`.
    pub(super) fn new(files: usize, limit: Duration) -> Self {
        let rounds = |copying| Rounds { copying, first_sync: Vec::new(), ten_files: Vec::new() };
        let ways = Copying::present().into_iter().map(rounds).collect();
        Self { ways, walks: Vec::new(), files: files as u64, limit }
    }

    /// A clone of the first commit and a fetch of the second, each with its copy. Leaves the source at the first.
    pub(super) fn round(&mut self, source: &Source, lab: &mut Lab) -> Result<()> {
        let url = source.url();
        for way in &mut self.ways {
            let dir = lab.empty()?;
            source.push(0)?;
            source.count();
            let cost = measured(&mut rivals::clone(way.copying, &url, &dir), Whom::Family, self.limit)?;
            way.first_sync.push(source.charge(cost));
            source.push(1)?;
            rustix::fs::sync();
            source.count();
            let cost = measured(&mut rivals::fetch(way.copying, &url, &dir), Whom::Family, self.limit)?;
            way.ten_files.push(source.charge(cost));
            let started = Instant::now();
            let seen = rivals::walk(&dir.join("copy"))?;
            self.walks.push(started.elapsed().as_secs_f64());
            ensure!(seen >= self.files, "the copy has {seen} entries only");
        }
        source.push(0)
    }

    /// The middle of the rounds.
    pub(super) fn figures(self) -> Result<OfGit> {
        let some = |cost: Option<Cost>| cost.context("there is at least one round");
        let ways = self.ways.into_iter().map(|way| {
            Ok(Way {
                copying: way.copying.name(),
                first_sync: some(middle(&way.first_sync))?,
                ten_files: some(middle(&way.ten_files))?,
            })
        });
        let walk_seconds = median_of(self.walks.into_iter()).unwrap_or_default();
        Ok(OfGit { ways: ways.collect::<Result<_>>()?, walk_seconds })
    }
}
