//! The first sync under limits: a fifth of a core, and the least memory in which it completes.

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::fs::Advice;

use super::cgroup::{Group, Limit};
use super::figures::Least;
use super::run::{Whom, ended, measured};

/// The sizes that are tried, in MiB.
const SIZES: [u64; 14] = [4, 6, 8, 10, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256];
const MIB: u64 = 1 << 20;
/// A program that only reads its own pages again and again has not completed.
const SLOWEST: Duration = Duration::from_mins(2);

/// Seconds of a command under a fifth of a core.
pub(super) fn at_200m(command: &Command) -> Result<f64> {
    let group = Group::new(Limit::Processor(200))?;
    let cost = measured(&mut group.enter(command), Whom::Family, Duration::from_mins(10))?;
    Ok(cost.seconds)
}

/// The least memory in which the command completes. It is made anew for every try, in an empty place.
pub(super) fn least_memory(mut command: impl FnMut() -> Result<Command>) -> Result<Least> {
    // Each size that counts completed twice: near the limit it depends on luck.
    let mut completes = |mebibytes: u64| -> Result<bool> {
        for _ in 0..2 {
            if !completes(&command()?, mebibytes * MIB)? {
                return Ok(false);
            }
        }
        Ok(true)
    };
    Ok(Least { mebibytes: first(&SIZES, &mut completes)? })
}

/// The first of the sizes, in rising order, at which something holds, if what holds at one holds at larger ones.
fn first(sizes: &[u64], holds: &mut impl FnMut(u64) -> Result<bool>) -> Result<Option<u64>> {
    let (mut low, mut high) = (0, sizes.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        let held = holds(sizes[middle])?;
        eprintln!("      {} MiB: {}", sizes[middle], if held { "completes" } else { "does not complete" });
        if held {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(sizes.get(low).copied())
}

fn completes(command: &Command, bytes: u64) -> Result<bool> {
    let group = Group::new(Limit::Memory(bytes))?;
    evict(Path::new(command.get_program()))?;
    let ended = ended(&mut group.enter(command), Whom::Family, SLOWEST)?;
    // A command that fails by itself says nothing about memory, but git's parts die without their parent's dying.
    Ok(ended.is_some_and(|ended| ended.status.success() && ended.status.signal().is_none()))
}

/// Drops a program's pages from the cache, so that they are charged to whom they are read for.
fn evict(program: &Path) -> Result<()> {
    if program.is_absolute() {
        let file = File::open(program).with_context(|| format!("failed to open {}", program.display()))?;
        file.sync_all()?;
        rustix::fs::fadvise(&file, 0, None, Advice::DontNeed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_size_that_suffices_is_found_with_few_tries() {
        for (least, expected) in [(0, Some(4)), (5, Some(6)), (13, Some(16)), (256, Some(256)), (257, None)] {
            let mut tries = 0;
            let found = first(&SIZES, &mut |size| {
                tries += 1;
                Ok(size >= least)
            });
            assert_eq!(found.unwrap(), expected, "{least}");
            assert!(tries <= 4, "{tries}");
        }
    }
}
