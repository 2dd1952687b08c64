//! What the kernel counts of a process, read from `/proc`.

use std::fs;
use std::ops::Sub;
use std::time::Duration;

/// Memory of a process, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// Resident now.
    pub(super) resident: u64,
    /// Of that, the part that no file backs.
    pub(super) anonymous: u64,
    /// The most that was resident since the process began, or since [`forget_peak`].
    pub(super) peak: u64,
}

/// What a process wrote, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// Pages of files that it dirtied, which the disk gets sooner or later.
    pub(super) files: u64,
    /// Through any descriptor, sockets and logs too.
    pub(super) descriptors: u64,
}

impl Sub for Written {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            files: self.files.saturating_sub(earlier.files),
            descriptors: self.descriptors.saturating_sub(earlier.descriptors),
        }
    }
}

/// The memory of a process; none when it has ended.
pub(super) fn memory(process: u32) -> Option<Memory> {
    parse_memory(&fs::read_to_string(format!("/proc/{process}/status")).ok()?)
}

/// The memory of a process and everything that it started: what is resident, summed (libraries that several of them
/// share count as often). Its `peak` is of this moment: the kernel keeps none for a family.
pub(super) fn family_memory(process: u32) -> Memory {
    let own = memory(process).unwrap_or_default();
    let mut sum = Memory { peak: own.resident, ..own };
    for child in children(process) {
        let Memory { resident, anonymous, peak } = family_memory(child);
        sum.resident += resident;
        sum.anonymous += anonymous;
        sum.peak += peak;
    }
    sum
}

/// Sets the peak of a process to what is resident now. Without the right to do so it stays.
pub(super) fn forget_peak(process: u32) {
    let _ = fs::write(format!("/proc/{process}/clear_refs"), "5");
}

/// The processor time of all living threads of a process, in the nanoseconds of the scheduler.
pub(super) fn processor_time(process: u32) -> Duration {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return Duration::ZERO };
    threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse().ok())
        .map(Duration::from_nanos)
        .sum()
}

/// The processor time of a process and of those of its children that it waited for, in the kernel's ticks (10 ms).
/// Answers for one that has ended and was not waited for, too.
pub(super) fn family_processor_time(process: u32) -> Duration {
    let ticks = fs::read_to_string(format!("/proc/{process}/stat")).ok().and_then(|stat| parse_ticks(&stat));
    let per_second = rustix::param::clock_ticks_per_second();
    Duration::from_secs_f64(ticks.unwrap_or(0) as f64 / per_second as f64)
}

/// What a process, with the children that it waited for, has written so far.
pub(super) fn written(process: u32) -> Written {
    let text = fs::read_to_string(format!("/proc/{process}/io")).unwrap_or_default();
    parse_written(&text)
}

fn children(process: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

fn parse_memory(status: &str) -> Option<Memory> {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
    };
    // A process that has ended has a status still, without these lines.
    Some(Memory { resident: field("VmRSS")?, anonymous: field("RssAnon")?, peak: field("VmHWM")? })
}

/// `utime`, `stime`, `cutime` and `cstime`: fields 14 to 17. The second is the program's name, which may hold anything.
fn parse_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let fields: Vec<u64> =
        after_name.split_whitespace().skip(11).take(4).filter_map(|field| field.parse().ok()).collect();
    (fields.len() == 4).then(|| fields.iter().sum())
}

fn parse_written(io: &str) -> Written {
    let field = |name: &str| {
        let line = io.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
    };
    Written { files: field("write_bytes:"), descriptors: field("wchar:") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_a_status() {
        let status = "Name:\ta b\nVmHWM:\t    5236 kB\nVmRSS:\t    4096 kB\nRssAnon:\t     424 kB\n";
        let expected = Memory { resident: 4096 << 10, anonymous: 424 << 10, peak: 5236 << 10 };
        assert_eq!(parse_memory(status), Some(expected));
        assert_eq!(parse_memory("Name:\ta\nState:\tZ (zombie)\n"), None);
    }

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 100 20 3 4 20 0 5";
        assert_eq!(parse_ticks(stat), Some(127));
        assert_eq!(parse_ticks("42 (cut"), None);
    }

    #[test]
    fn what_was_written_is_told_apart() {
        let io = "rchar: 1\nwchar: 20\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 4096\ncancelled_write_bytes: 7\n";
        assert_eq!(parse_written(io), Written { files: 4096, descriptors: 20 });
    }

    #[test]
    fn this_process_can_be_looked_at() {
        let own = std::process::id();
        let seen = memory(own).unwrap();
        assert!(seen.resident > 0 && seen.peak >= seen.anonymous, "{seen:?}");
        assert!(processor_time(own) > Duration::ZERO);
        assert_eq!(memory(u32::MAX), None);
    }
}
