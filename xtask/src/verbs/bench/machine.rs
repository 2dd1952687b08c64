//! The machine in neutral words: what matters for the figures, and nothing that names it.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::figures::Machine;
use super::lab::Lab;
use crate::process;

/// Describes this machine.
pub(super) fn describe(lab: &Lab) -> Machine {
    let uname = rustix::system::uname();
    let version = process::output(Command::new("git").arg("--version")).unwrap_or_default();
    Machine {
        cores: thread::available_parallelism().map_or(1, std::num::NonZero::get),
        architecture: std::env::consts::ARCH,
        kernel: format!(
            "{} {}",
            uname.sysname().to_string_lossy(),
            major(&uname.release().to_string_lossy())
        ),
        busy_cores: busy_cores(),
        memory_gib: total_memory_gib(&fs::read_to_string("/proc/meminfo").unwrap_or_default()),
        data_on: lab.words(),
        git: numbers(version.trim().trim_start_matches("git version ")),
    }
}

/// How many cores others keep busy while we wait for a moment.
pub(super) fn busy_cores() -> f64 {
    let read = || busy_ticks(&fs::read_to_string("/proc/stat").unwrap_or_default());
    let (before, started) = (read(), Instant::now());
    thread::sleep(Duration::from_secs(2));
    let ticks = read().saturating_sub(before) as f64 / rustix::param::clock_ticks_per_second() as f64;
    ticks / started.elapsed().as_secs_f64()
}

/// The time that all cores were not idle: the first line holds user, nice, system, idle, iowait, irq, softirq, ….
fn busy_ticks(stat: &str) -> u64 {
    let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks = fields.take(7).enumerate().filter(|(field, _)| ![3, 4].contains(field));
    ticks.filter_map(|(_, ticks)| ticks.parse::<u64>().ok()).sum()
}

/// `6.18.44-vendor` → `6`.
fn major(release: &str) -> &str {
    release.split('.').next().unwrap_or_default()
}

/// `2.39.5 (Apple Git-154)` → `2.39.5`.
fn numbers(version: &str) -> String {
    version.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect()
}

/// Rounded: the kernel keeps a part for itself.
fn total_memory_gib(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes: u64 =
        line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0);
    (kilobytes + (1 << 19)) >> 20
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_lose_what_names_a_vendor() {
        assert_eq!(major("6.18.44-vendor-v1"), "6");
        assert_eq!(numbers("2.39.5 (Apple Git-154)"), "2.39.5");
    }

    #[test]
    fn memory_is_rounded_to_gibibytes() {
        assert_eq!(total_memory_gib("MemTotal:       24683520 kB\nMemFree: 1 kB\n"), 24);
        assert_eq!(total_memory_gib(""), 0);
    }

    #[test]
    fn waiting_is_not_work() {
        assert_eq!(busy_ticks("cpu  100 20 30 4000 500 6 7 800 9 0\ncpu0 1 1 1\n"), 163);
        assert_eq!(busy_ticks(""), 0);
    }
}
